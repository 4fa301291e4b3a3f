//! Hexadecimal text, as keys, digests and documents are written.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The text is not an even number of hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an even number of hexadecimal digits")]
pub struct HexError;

/// Lower-case hexadecimal text of some bytes.
pub fn to_hex(bytes: &[u8]) -> String {
    let pairs = bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    let mut text = Vec::with_capacity(bytes.len() * 2);
    text.extend(pairs);
    // Digits and letters of ASCII always are text.
    String::from_utf8(text).unwrap_or_default()
}

/// The bytes of hexadecimal text in either case. Nothing else is allowed in it, not even white space.
pub fn from_hex(text: &str) -> Result<Vec<u8>, HexError> {
    decode(text.bytes())
}

/// As [`from_hex`], with ASCII white space and line breaks skipped wherever they stand: people paste documents
/// from mails.
pub(crate) fn from_hex_with_spaces(text: &str) -> Result<Vec<u8>, HexError> {
    decode(text.bytes().filter(|byte| !byte.is_ascii_whitespace()))
}

fn decode(digits: impl Iterator<Item = u8>) -> Result<Vec<u8>, HexError> {
    let mut bytes = Vec::with_capacity(digits.size_hint().1.unwrap_or(0) / 2);
    let mut high = None;
    for digit in digits {
        let value = value(digit)?;
        match high.take() {
            None => high = Some(value << 4),
            Some(high) => bytes.push(high | value),
        }
    }
    if high.is_some() { Err(HexError) } else { Ok(bytes) }
}

fn value(digit: u8) -> Result<u8, HexError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(HexError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_read_in_either_case_and_written_in_lower_case() {
        assert_eq!(from_hex("00fFAb").unwrap(), [0, 255, 171]);
        assert_eq!(to_hex(&[0, 255, 171]), "00ffab");
    }

    #[test]
    fn odd_lengths_foreign_letters_and_spaces_are_refused() {
        for text in ["0", "0g", "0x", "00 11", "é0", "\u{ff10}0"] {
            assert_eq!(from_hex(text), Err(HexError), "{text}");
        }
    }

    #[test]
    fn white_space_is_skipped_where_it_is_allowed() {
        assert_eq!(from_hex_with_spaces(" 0\n0 \r\n1\t1 ").unwrap(), [0, 17]);
    }
}
