//! What the bench and the server under measurement have in common.

#![forbid(unsafe_code)]

/// The code of the n-th license: 18 digits, in no order.
pub fn code(n: u64) -> String {
    // Prime to the modulus, so that no two are the same.
    const STEP: u128 = 618_033_988_749_894_847;
    const RANGE: u128 = 900_000_000_000_000_000;
    (100_000_000_000_000_000 + u128::from(n) * STEP % RANGE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn codes_are_eighteen_digits_and_none_is_twice() {
        let codes: HashSet<String> = (0..20_000).map(code).collect();
        assert_eq!(codes.len(), 20_000);
        assert!(codes.iter().all(|code| code.len() == 18 && code.bytes().all(|byte| byte.is_ascii_digit())));
    }
}
