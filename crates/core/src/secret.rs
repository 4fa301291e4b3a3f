//! The server's secret and what is derived from it: keyed hashes, device secrets, fingerprints.

use crate::id::ActivationId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// 32 random bytes made at the first start. Whoever holds them can forge every credential of this server.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

impl Secret {
    /// A secret from its bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// HMAC-SHA-256 of `parts` for one purpose; purposes never share a value.
    pub fn mac(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        let mut mac = self.start(purpose);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn start(&self, purpose: &str) -> Hmac<Sha256> {
        // A key of 32 bytes is always accepted; the zero-length fallback is never reached.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.0).unwrap_or_else(|_| Hmac::<Sha256>::new(&Default::default()));
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac
    }

    /// What a device presents after its activation. It is derived, so that it is stored nowhere.
    pub fn device_secret(&self, activation: ActivationId, generation: i64) -> String {
        format!("lds_{}", base62(&self.device_mac(activation, generation)))
    }

    fn device_mac(&self, activation: ActivationId, generation: i64) -> [u8; 32] {
        self.mac("device", &[activation.0.as_bytes(), &generation.to_be_bytes()])
    }

    /// Compares a presented device secret in constant time.
    pub fn is_device_secret(&self, activation: ActivationId, generation: i64, presented: &str) -> bool {
        let Some(presented) = presented.strip_prefix("lds_").and_then(from_base62::<32>) else { return false };
        self.device_mac(activation, generation).ct_eq(&presented).into()
    }
}

/// 62 to the fifth: the most digits that a 32-bit word holds.
const FIVE: u64 = 916_132_832;
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes as digits and letters: a big-endian number in base 62, padded to the length its size needs.
pub fn base62(bytes: &[u8]) -> String {
    let head = bytes.len() % 4;
    let words = std::iter::once(&bytes[..head]).chain(bytes[head..].chunks(4));
    let mut number: Vec<u32> =
        words.map(|word| word.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte))).collect();
    let mut digits = vec![b'0'; length_of(bytes.len())];
    for five in digits.rchunks_mut(5) {
        let mut rest = 0u64;
        for word in &mut number {
            let value = (rest << 32) | u64::from(*word);
            *word = u32::try_from(value / FIVE).unwrap_or(0);
            rest = value % FIVE;
        }
        for digit in five.iter_mut().rev() {
            *digit = DIGITS[usize::try_from(rest % 62).unwrap_or(0)];
            rest /= 62;
        }
    }
    String::from_utf8_lossy(&digits).into_owned()
}

/// The `N` bytes, a multiple of four, that [`base62`] wrote; `None` for any other text.
fn from_base62<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != length_of(N) {
        return None;
    }
    let mut number = vec![0u32; N / 4];
    for five in text.as_bytes().rchunks(5).rev() {
        let mut carry = 0;
        for digit in five {
            carry = carry * 62 + u64::try_from(DIGITS.binary_search(digit).ok()?).ok()?;
        }
        for word in number.iter_mut().rev() {
            let value = u64::from(*word) * FIVE + carry;
            *word = u32::try_from(value & u64::from(u32::MAX)).ok()?;
            carry = value >> 32;
        }
        if carry != 0 {
            return None;
        }
    }
    let mut bytes = [0; N];
    for (four, word) in bytes.chunks_mut(4).zip(number) {
        four.copy_from_slice(&word.to_be_bytes());
    }
    Some(bytes)
}

/// Digits that so many bytes need: log(256) / log(62) for each.
fn length_of(bytes: usize) -> usize {
    (bytes * 8 * 10_000).div_ceil(59_541)
}

/// CRC-32 (IEEE), for checksums that catch typing errors in keys.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base62_is_of_fixed_length_and_distinct() {
        assert_eq!(base62(&[0; 16]).len(), 22);
        assert_eq!(base62(&[255; 32]).len(), 43);
        assert_eq!(base62(&[0, 61]), "00z");
        assert_ne!(base62(&[1, 0]), base62(&[0, 1]));
    }

    #[test]
    fn base62_is_the_number_itself() {
        for (bytes, text) in [
            (&[1u8][..], "01"),
            (&[1, 0], "048"),
            (&[0xff, 0xff, 0xff, 0xff], "4gfFC3"),
            (&[1, 0, 0, 0, 0], "04gfFC4"),
            (&[0xff; 8], "LygHa16AHYF"),
        ] {
            assert_eq!(base62(bytes), text);
        }
    }

    #[test]
    fn base62_reads_what_it_wrote_and_nothing_else() {
        for bytes in [[0; 32], [255; 32], [7; 32], *b"a secret of two times sixteen by"] {
            let text = base62(&bytes);
            assert_eq!(from_base62(&text), Some(bytes));
            assert_eq!(from_base62::<32>(&text[1..]), None);
            assert_eq!(from_base62::<32>(&text.replace(&text[..1], "-")), None);
        }
        assert_eq!(from_base62::<32>(&"z".repeat(43)), None, "more than 32 bytes hold");
    }

    #[test]
    fn crc_is_the_one_everybody_knows() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn purposes_and_part_borders_give_other_values() {
        let secret = Secret::new([7; 32]);
        assert_ne!(secret.mac("a", &[b"bc"]), secret.mac("ab", &[b"c"]));
        assert_ne!(secret.mac("a", &[b"b", b"c"]), secret.mac("a", &[b"bc"]));
    }
}
