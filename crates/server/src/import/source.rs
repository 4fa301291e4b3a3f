//! Where rows come from: a JSON object a line, or comma-separated values under a header.

use super::csv;
use crate::failure::Failure;
use lessor_core::license::ImportRow;
use serde_json::{Map, Number, Value};
use std::io::{BufRead, Read};

/// Most bytes of a row.
const MOST_BYTES: u64 = 64 << 10;

/// Columns that hold texts; those of terms go below `terms`.
const TEXTS: [&str; 5] = ["code", "account", "profile", "reference", "order"];
const TERM_TEXTS: [&str; 4] = ["term", "term_end", "maintenance_end", "concurrency"];
const TERM_NUMBERS: [&str; 8] = [
    "term_days",
    "online_lease_hours",
    "virtual_lease_hours",
    "offline_lease_hours",
    "activation_limit",
    "process_limit",
    "network_seats",
    "heartbeat_minutes",
];

/// Rows on their way in.
pub(super) struct Source {
    lines: Lines,
    /// The header of comma-separated values; `None` where each line is a JSON object.
    columns: Option<Vec<String>>,
    /// What was read to find out which of the two it is.
    first: Option<Vec<u8>>,
}

/// A row, or why there is none, with the number of its (first) line.
pub(super) struct Line {
    pub number: u64,
    pub row: Result<ImportRow, String>,
}

impl Source {
    /// Looks at the first line: one that begins with `{` is a row, any other is a header.
    pub(super) fn open(reader: Box<dyn BufRead + Send>) -> Result<Self, Failure> {
        let mut lines = Lines { reader, number: 0 };
        let first = lines.next_full()?;
        let first = first.map(|line| line.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(line));
        match first {
            Some(line) if !line.trim_ascii_start().starts_with(b"{") => {
                Ok(Self { lines, columns: Some(header(&line)?), first: None })
            }
            first => Ok(Self { lines, columns: None, first }),
        }
    }

    /// The next row, blank lines apart.
    pub(super) fn next_row(&mut self) -> Result<Option<Line>, Failure> {
        let line = match self.first.take() {
            Some(line) => Some(line),
            None => self.lines.next_full()?,
        };
        let Some(mut line) = line else { return Ok(None) };
        let number = self.lines.number;
        let Some(columns) = &self.columns else {
            return Ok(Some(Line { number, row: lessor_api::license_row(&line) }));
        };
        while csv::is_open(&line) {
            // A text in quotes may go on behind the end of its line.
            let Some(more) = self.lines.next()? else { break };
            line.push(b'\n');
            line.extend_from_slice(&more);
            if line.len() as u64 > MOST_BYTES {
                return Err(self.lines.too_long());
            }
        }
        Ok(Some(Line { number, row: csv_row(columns, &line) }))
    }
}

fn header(line: &[u8]) -> Result<Vec<String>, Failure> {
    let columns = csv::fields(line).map_err(|reason| Failure::setup(format!("line 1: {reason}")))?;
    let columns: Vec<String> = columns.iter().map(|name| name.trim().to_owned()).collect();
    for (at, name) in columns.iter().enumerate() {
        let known = TEXTS.iter().chain(&TERM_TEXTS).chain(&TERM_NUMBERS).any(|known| known == name);
        if !known || columns[..at].contains(name) {
            let fault = if known { "there twice" } else { "not known" };
            return Err(Failure::setup(format!("line 1: the column {name:?} is {fault}")));
        }
    }
    Ok(columns)
}

/// An empty field is one that was left out.
fn csv_row(columns: &[String], line: &[u8]) -> Result<ImportRow, String> {
    let fields = csv::fields(line)?;
    if fields.len() != columns.len() {
        return Err(format!("{} fields where the header has {}", fields.len(), columns.len()));
    }
    let (mut row, mut terms) = (Map::new(), Map::new());
    for (name, field) in columns.iter().zip(fields).filter(|(_, field)| !field.is_empty()) {
        if TEXTS.contains(&name.as_str()) {
            row.insert(name.clone(), Value::String(field));
        } else if TERM_TEXTS.contains(&name.as_str()) {
            terms.insert(name.clone(), Value::String(field));
        } else {
            let number: i64 = field.parse().map_err(|_| format!("{name}: {field:?} is no whole number"))?;
            terms.insert(name.clone(), Value::Number(Number::from(number)));
        }
    }
    row.insert("terms".to_owned(), Value::Object(terms));
    lessor_api::license_row_of(Value::Object(row))
}

/// Lines of bounded length, without their ends.
struct Lines {
    reader: Box<dyn BufRead + Send>,
    number: u64,
}

impl Lines {
    fn next(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(MOST_BYTES + 1);
        let read =
            bounded.read_until(b'\n', &mut line).map_err(|error| Failure::running(format!("reading: {error}")))?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read as u64 > MOST_BYTES {
            return Err(self.too_long());
        }
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        Ok(Some(line))
    }

    fn next_full(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        loop {
            match self.next()? {
                Some(line) if line.trim_ascii().is_empty() => {}
                line => return Ok(line),
            }
        }
    }

    fn too_long(&self) -> Failure {
        Failure::running(format!("line {}: a row has at most {MOST_BYTES} bytes", self.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &'static str) -> Vec<(u64, Result<ImportRow, String>)> {
        let mut source = Source::open(Box::new(text.as_bytes())).expect("a source");
        std::iter::from_fn(|| source.next_row().expect("readable")).map(|line| (line.number, line.row)).collect()
    }

    #[test]
    fn a_json_object_a_line_and_values_under_a_header_say_the_same() {
        let lines =
            "{\"code\":\"A-1\",\"order\":\"x, y\",\"terms\":{\"term\":\"subscription\",\"term_days\":30}}\n\n{}\n";
        let table = "\u{feff}code,order,term,term_days\r\nA-1,\"x, y\",subscription,30\r\n,,,\r\n";
        let texts = |rows: Vec<(u64, Result<ImportRow, String>)>| {
            rows.into_iter().map(|(_, row)| format!("{:?}", row.expect("a row"))).collect::<Vec<_>>()
        };
        assert_eq!(rows(lines).iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(texts(rows(lines)), texts(rows(table)));
    }

    #[test]
    fn what_is_no_row_is_told_with_its_line_and_the_next_one_is_read() {
        let found = rows("code,activation_limit\nA-1,many\nA-2\nA-3,5\n");
        assert_eq!(
            found[0].1.as_ref().err().map(String::as_str),
            Some("activation_limit: \"many\" is no whole number")
        );
        assert_eq!(found[1].1.as_ref().err().map(String::as_str), Some("1 fields where the header has 2"));
        assert_eq!(found[2].1.as_ref().expect("a row").terms.activation_limit, Some(5));
        let found = rows("{\"code\":1}\n{\"code\":\"A\",\"code\":\"B\"}\n{\"cod\":\"A\"}\n{\"code\":\"A\"}\n");
        assert_eq!(found.iter().map(|(_, row)| row.is_ok()).collect::<Vec<_>>(), [false, false, false, true]);
    }

    #[test]
    fn a_header_that_is_not_understood_is_refused_before_anything_is_read() {
        for (header, named) in [("code,colour\n", "colour"), ("code,code\n", "twice"), ("code,\"a\n", "line 1")] {
            let refused = Source::open(Box::new(header.as_bytes())).err().expect("refused").to_string();
            assert!(refused.contains(named), "{refused}");
        }
    }

    #[test]
    fn a_row_is_not_longer_than_a_row_can_be() {
        let long = format!("{{\"code\":\"{}\"}}", "x".repeat(70_000));
        assert!(Source::open(Box::new(std::io::Cursor::new(long))).is_err());
    }
}
