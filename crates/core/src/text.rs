//! Texts that people read: how long they may be and what may stand in them.

use crate::error::Error;

/// A text of one line, not blank, of at most `max` characters and without control characters.
pub(crate) fn check_line(field: &'static str, text: &str, max: usize) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::malformed(field, "it must not be empty"));
    }
    check_remark(field, text, max)
}

/// As [`check_line`], but it may be empty.
pub(crate) fn check_remark(field: &'static str, text: &str, max: usize) -> Result<(), Error> {
    if text.chars().count() > max {
        return Err(Error::malformed(field, format!("it must have at most {max} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(Error::malformed(field, "it must not hold control characters"));
    }
    Ok(())
}

/// A text of any number of lines, of at most `max` characters. No storage keeps the character U+0000.
pub(crate) fn check_document(field: &'static str, text: &str, max: usize) -> Result<(), Error> {
    if text.chars().count() > max {
        return Err(Error::malformed(field, format!("it must have at most {max} characters")));
    }
    if text.contains('\0') {
        return Err(Error::malformed(field, "it must not hold the character U+0000"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_with_something_in_it() {
        assert!(check_line("name", "Contoso Ĺtd", 11).is_ok());
        assert!(check_line("name", "Contoso Ĺtd", 10).is_err());
        assert!(check_line("name", " ", 10).is_err());
        assert!(check_line("name", "two\nlines", 10).is_err());
        assert!(check_remark("note", "", 10).is_ok());
    }

    #[test]
    fn a_document_has_lines_and_a_length() {
        assert!(check_document("note", "two\nlines", 9).is_ok());
        assert!(check_document("note", "two\nlines", 8).is_err());
        assert!(check_document("note", "a\0b", 8).is_err());
    }
}
