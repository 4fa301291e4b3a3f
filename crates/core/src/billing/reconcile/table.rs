//! Tables of other systems: texts with separators, of which every row has as many columns as the head.

use crate::error::Error;
use std::borrow::Cow;

/// Most rows of a table, its head left out.
const MOST_ROWS: usize = 100_000;
/// Most columns of a table.
const MOST_COLUMNS: usize = 200;

/// Something that is wrong with a table, and where: lines and columns count from 1.
pub(super) fn fault(line: usize, column: usize, what: impl std::fmt::Display) -> Error {
    Error::malformed("table", format!("line {line}, column {column}: {what}"))
}

/// The fields of a row.
type Fields<'a> = Vec<Cow<'a, str>>;

/// A table, with its head read.
pub(super) struct Table<'a> {
    text: &'a str,
    separator: char,
    pub(super) head: Fields<'a>,
    /// What is behind the head.
    body: Scan<'a>,
}

impl<'a> Table<'a> {
    /// Reads the head of a table. Without a separator it is found out: that one of `,`, `;` and tabulator that the head has most of.
    ///
    /// # Errors
    /// `Malformed` for a table without a head, with line and column.
    pub(super) fn new(text: &'a str, separator: Option<char>) -> Result<Self, Error> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let separator = separator.unwrap_or_else(|| likely_separator(text));
        let mut body = Scan { text, at: 0, line: 1, separator };
        let Some((_, head)) = body.row()? else {
            return Err(fault(1, 1, "there is no head that names the columns"));
        };
        if head.len() > MOST_COLUMNS {
            return Err(fault(1, MOST_COLUMNS + 1, format!("a table has at most {MOST_COLUMNS} columns")));
        }
        Ok(Self { text, separator, head, body })
    }

    /// Where a column stands, by its name in the head.
    ///
    /// # Errors
    /// `Malformed` for a name that the head has not, or twice.
    pub(super) fn column(&self, member: &'static str, name: &str) -> Result<usize, Error> {
        let mut places = self.head.iter().enumerate().filter(|(_, title)| title.trim() == name.trim());
        match (places.next(), places.next()) {
            (Some((at, _)), None) => Ok(at),
            (None, _) => Err(Error::malformed(member, format!("the table has no column {name:?}"))),
            (Some(_), Some((again, _))) => Err(fault(1, again + 1, format!("the column {name:?} is there twice"))),
        }
    }

    /// Hands out each row with the line it begins on.
    ///
    /// # Errors
    /// `Malformed` with line and column; whatever `take` refuses.
    pub(super) fn rows(&self, mut take: impl FnMut(usize, &[Cow<'a, str>]) -> Result<(), Error>) -> Result<(), Error> {
        let mut scan = Scan { text: self.text, separator: self.separator, ..self.body };
        let mut count = 0;
        while let Some((line, row)) = scan.row()? {
            count += 1;
            if count > MOST_ROWS {
                return Err(fault(line, 1, format!("a table has at most {MOST_ROWS} rows")));
            }
            if row.len() != self.head.len() {
                let (is, wanted) = (row.len(), self.head.len());
                return Err(fault(line, is.min(wanted + 1), format!("the row has {is} columns, the head {wanted}")));
            }
            take(line, &row)?;
        }
        Ok(())
    }
}

fn likely_separator(text: &str) -> char {
    let head = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
    // What stands in quotes separates nothing.
    let bare: String = head.split('"').step_by(2).collect();
    let count = |mark: char| bare.matches(mark).count();
    // Of equally many the first counts.
    [';', '\t'].into_iter().fold(',', |best, mark| if count(mark) > count(best) { mark } else { best })
}

/// Where a text was read to.
#[derive(Clone, Copy)]
struct Scan<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    separator: char,
}

impl<'a> Scan<'a> {
    /// The next row that is not blank, and the line it begins on.
    fn row(&mut self) -> Result<Option<(usize, Fields<'a>)>, Error> {
        loop {
            if self.at == self.text.len() {
                return Ok(None);
            }
            let line = self.line;
            let mut fields = Vec::new();
            while self.field(&mut fields)? {}
            if fields.len() > 1 || fields.iter().any(|field| !field.trim().is_empty()) {
                return Ok(Some((line, fields)));
            }
        }
    }

    /// Reads a field and what ends it; `true` if the row goes on.
    fn field(&mut self, fields: &mut Fields<'a>) -> Result<bool, Error> {
        let column = fields.len() + 1;
        let rest = &self.text[self.at..];
        match rest.strip_prefix('"') {
            Some(quoted) => {
                let field = self.quoted(quoted, column)?;
                fields.push(field);
            }
            None => {
                let length = rest.find([self.separator, '\n', '\r']).unwrap_or(rest.len());
                let field = &rest[..length];
                if field.contains('"') {
                    return Err(fault(self.line, column, "a quote stands in a text that does not begin with one"));
                }
                self.at += length;
                fields.push(Cow::Borrowed(field));
            }
        }
        let rest = &self.text[self.at..];
        if rest.starts_with(self.separator) {
            self.at += self.separator.len_utf8();
            return Ok(true);
        }
        let ended = ["\r\n", "\n", "\r"].into_iter().find(|end| rest.starts_with(end));
        match ended {
            Some(end) => {
                self.at += end.len();
                self.line += 1;
                Ok(false)
            }
            None if rest.is_empty() => Ok(false),
            None => Err(fault(self.line, column, "something stands behind the closing quote")),
        }
    }

    /// A text in quotes, whose opening one was read; a quote in it is written twice.
    fn quoted(&mut self, quoted: &'a str, column: usize) -> Result<Cow<'a, str>, Error> {
        let opened = self.line;
        let mut field = Cow::Borrowed("");
        let mut rest = quoted;
        loop {
            let Some(length) = rest.find('"') else {
                return Err(fault(opened, column, "the quote is never closed"));
            };
            let (part, behind) = (&rest[..length], &rest[length + 1..]);
            self.line += part.matches('\n').count();
            field = if field.is_empty() { Cow::Borrowed(part) } else { field + part };
            match behind.strip_prefix('"') {
                Some(more) => {
                    field.to_mut().push('"');
                    rest = more;
                }
                None => {
                    self.at = self.text.len() - behind.len();
                    return Ok(field);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Rows = Vec<(usize, Vec<String>)>;

    fn read(text: &str) -> Result<(Vec<String>, Rows), String> {
        let plain = |row: &[Cow<'_, str>]| row.iter().map(|field| field.clone().into_owned()).collect::<Vec<_>>();
        let table = Table::new(text, None).map_err(|error| error.to_string())?;
        let mut rows = Vec::new();
        let taken = table.rows(|line, row| {
            rows.push((line, plain(row)));
            Ok(())
        });
        taken.map_err(|error| error.to_string())?;
        Ok((plain(&table.head), rows))
    }

    fn fields(of: &[&str]) -> Vec<String> {
        of.iter().map(|field| (*field).to_owned()).collect()
    }

    #[test]
    fn a_table_is_read_whatever_separates_and_ends_its_rows() {
        for text in
            ["a,b\n1,2\n", "\u{feff}a,b\r\n1,2", "a;b\r1;2\r", "a\tb\n\n1\t2\n\n", "\"a\",\"b\"\n\"1\",2\n", "a;b\n1;2"]
        {
            assert_eq!(
                read(text),
                Ok((fields(&["a", "b"]), vec![(if text.contains("\n\n") { 3 } else { 2 }, fields(&["1", "2"]))]))
            );
        }
    }

    #[test]
    fn quotes_hold_separators_line_breaks_and_quotes() {
        let (head, rows) = read("\"a;b\";c\n\"one \"\"two\"\"\n three\";\"\"\n\"x\";y\n").expect("a table");
        assert_eq!(head, fields(&["a;b", "c"]));
        assert_eq!(rows, vec![(2, fields(&["one \"two\"\n three", ""])), (4, fields(&["x", "y"]))]);
        assert_eq!(
            read("\"\"\"a\"\"\",b\n,\n").expect("a table"),
            (fields(&["\"a\"", "b"]), vec![(2, fields(&["", ""]))])
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_line_and_column() {
        for (text, told) in [
            ("", "line 1, column 1: there is no head"),
            ("\n \n", "line 1, column 1: there is no head"),
            ("a,b\n1,2,3\n", "line 2, column 3: the row has 3 columns, the head 2"),
            ("a,b\n1,2\n1\n", "line 3, column 1: the row has 1 columns, the head 2"),
            ("a,b\n1,\"2\n3\n", "line 2, column 2: the quote is never closed"),
            ("a,b\n\"1\"x,2\n", "line 2, column 1: something stands behind the closing quote"),
            ("a,b\n1,2\"\n", "line 2, column 2: a quote stands in a text"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(told), "{text:?}: {error}");
        }
        let long = format!("a\n{}", "1\n".repeat(MOST_ROWS));
        assert_eq!(read(&long).expect("a table").1.len(), MOST_ROWS);
        assert!(read(&format!("{long}1\n")).expect_err("too long").contains("line 100002"));
        assert!(read(&",".repeat(MOST_COLUMNS)).is_err());
    }

    #[test]
    fn columns_are_known_by_their_names() {
        let table = Table::new("a, b ,c,c\n", None).expect("a table");
        assert_eq!(table.column("amount_column", "b").expect("a column"), 1);
        assert!(table.column("amount_column", "d").is_err());
        assert!(table.column("amount_column", "c").expect_err("two").to_string().contains("line 1, column 4"));
    }
}
