//! Random bytes and what is made of them.

use std::time::Duration;

use crate::error::Error;

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Random bytes from the system.
pub fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::NoRandom)?;
    Ok(bytes)
}

/// A device id: 15 random bytes as 20 letters of the URL-safe base64 alphabet.
pub fn device_id() -> Result<String, Error> {
    Ok(letters(&bytes::<15>()?))
}

fn letters(bytes: &[u8; 15]) -> String {
    let mut id = String::with_capacity(20);
    for three in bytes.chunks(3) {
        let bits = three.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        for shift in [18, 12, 6, 0] {
            id.push(char::from(LETTERS[bits >> shift & 63]));
        }
    }
    id
}

/// The length varied by up to a quarter in both directions, so that many devices do not come back at the same moment.
pub fn varied(length: Duration) -> Duration {
    // Without random bytes the plain length is still a sensible pause.
    let share = bytes::<2>().map_or(0.5, |bytes| f64::from(u16::from_be_bytes(bytes)) / f64::from(u16::MAX));
    length.mul_f64(0.75 + share / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_are_twenty_letters_and_differ() {
        assert_eq!(letters(&[0; 15]), "A".repeat(20));
        assert_eq!(letters(&[255; 15]), "_".repeat(20));
        assert_eq!(letters(b"Man Man Man Man"), "TWFuIE1hbiBNYW4gTWFu");
        assert_ne!(device_id().unwrap(), device_id().unwrap());
    }

    #[test]
    fn a_varied_length_stays_within_a_quarter() {
        for _ in 0..100 {
            let length = varied(Duration::from_secs(100));
            assert!(length >= Duration::from_secs(75) && length <= Duration::from_secs(125), "{length:?}");
        }
    }
}
