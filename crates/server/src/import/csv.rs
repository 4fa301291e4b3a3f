//! Comma-separated values, as RFC 4180 has them: a field may stand in quotes, and a quote inside one is doubled.

/// Does a quoted field go on behind the end of this text?
pub(super) fn is_open(text: &[u8]) -> bool {
    text.iter().filter(|byte| **byte == b'"').count() % 2 == 1
}

/// The fields of a record.
pub(super) fn fields(record: &[u8]) -> Result<Vec<String>, String> {
    let record = std::str::from_utf8(record).map_err(|_| "the text is not UTF-8".to_owned())?;
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, behind) = if let Some(quoted) = rest.strip_prefix('"') { unquoted(quoted)? } else { plain(rest)? };
        fields.push(field);
        match behind.strip_prefix(',') {
            Some(next) => rest = next,
            None if behind.is_empty() => return Ok(fields),
            None => return Err("something stands behind a closing quote".to_owned()),
        }
    }
}

fn plain(text: &str) -> Result<(String, &str), String> {
    let (field, behind) = text.split_at(text.find(',').unwrap_or(text.len()));
    if field.contains('"') {
        return Err("a quote stands in a field that does not begin with one".to_owned());
    }
    Ok((field.to_owned(), behind))
}

fn unquoted(text: &str) -> Result<(String, &str), String> {
    let mut field = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"').ok_or("a quote is not closed")?;
        field.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.strip_prefix('"') {
            Some(next) => {
                field.push('"');
                rest = next;
            }
            None => return Ok((field, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        fields(text.as_bytes())
    }

    #[test]
    fn fields_are_told_apart_by_commas_outside_quotes() {
        assert_eq!(read("a,b,,"), Ok(vec!["a".into(), "b".into(), String::new(), String::new()]));
        assert_eq!(read("\"a,b\",\"c\"\"d\""), Ok(vec!["a,b".into(), "c\"d".into()]));
        assert_eq!(read(""), Ok(vec![String::new()]));
        assert_eq!(read("\"two\nlines\""), Ok(vec!["two\nlines".into()]));
    }

    #[test]
    fn quotes_that_make_no_sense_are_refused() {
        for text in ["\"a", "a\"b", "\"a\"b", "\"a\"\"", "x,\"y"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(fields(b"\xff").is_err());
    }

    #[test]
    fn a_quote_opened_in_one_line_may_close_in_another() {
        assert!(is_open(b"a,\"b"));
        assert!(!is_open(b"a,\"b\"\"\""));
    }
}
