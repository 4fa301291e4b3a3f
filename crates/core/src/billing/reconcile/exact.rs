//! Exact decimals of other systems' figures: read, added and compared without loss.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A decimal of at most ten places and eighteen digits before the point, below 0 too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exact(i128);

const PLACES: usize = 10;
const UNIT: i128 = 10_000_000_000;
const MOST_WHOLE: usize = 18;
/// A hundred thousand rows add up to no more.
const MOST_WHOLE_OF_SUMS: usize = 27;

impl Exact {
    /// Nothing.
    pub const ZERO: Exact = Exact(0);

    /// Reads digits with at most one point among them, behind a sign or none. `None` for everything else, and for what has
    /// more places or digits than can be kept.
    pub fn parse(text: &str) -> Option<Self> {
        Self::read(text, MOST_WHOLE)
    }

    fn read(text: &str, most_whole: usize) -> Option<Self> {
        let (sign, plain) = match text.as_bytes().first()? {
            b'-' => (-1, &text[1..]),
            b'+' => (1, &text[1..]),
            _ => (1, text),
        };
        let (whole, places) = plain.split_once('.').unwrap_or((plain, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(places) {
            return None;
        }
        let (whole, places) = (whole.trim_start_matches('0'), places.trim_end_matches('0'));
        if whole.len() > most_whole || places.len() > PLACES {
            return None;
        }
        let parts: i128 = format!("0{whole}{places:0<PLACES$}").parse().ok()?;
        Some(Self(sign * parts))
    }

    /// The sum.
    pub fn plus(self, other: Exact) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// The difference.
    pub fn minus(self, other: Exact) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// The same, below 0 instead of above or the other way round.
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// How far from 0.
    pub fn size(self) -> Self {
        Self(self.0.abs())
    }

    /// As money is written: two places at least.
    pub fn money(self) -> String {
        self.written(2)
    }

    fn written(self, least: usize) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, parts) = (self.0.unsigned_abs() / UNIT.unsigned_abs(), self.0.unsigned_abs() % UNIT.unsigned_abs());
        let places = format!("{parts:010}");
        let shown = places.trim_end_matches('0').len().max(least);
        if shown == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{}", &places[..shown]) }
    }
}

impl std::fmt::Display for Exact {
    /// With all that it has behind the point.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.written(0))
    }
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Exact {
    /// From a text, or from a whole number.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Whole(i64),
            Text(String),
        }
        let read = match Written::deserialize(deserializer)? {
            Written::Whole(number) => Some(Self(i128::from(number) * UNIT)),
            // A sum may have more digits than what comes in.
            Written::Text(text) => Self::read(&text, MOST_WHOLE_OF_SUMS),
        };
        read.ok_or_else(|| de::Error::custom("it is no decimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str) -> Exact {
        Exact::parse(text).expect("a decimal")
    }

    #[test]
    fn a_decimal_is_read_exactly_or_not_at_all() {
        for (text, shown, money) in [
            ("10.6", "10.6", "10.60"),
            ("-0.0000000001", "-0.0000000001", "-0.0000000001"),
            ("+265", "265", "265.00"),
            ("000.500000000000", "0.5", "0.50"),
            ("-0", "0", "0.00"),
            ("999999999999999999", "999999999999999999", "999999999999999999.00"),
        ] {
            assert_eq!((exact(text).to_string(), exact(text).money()), (shown.to_owned(), money.to_owned()));
        }
        for text in ["", "-", ".5", "5.", "1,5", "1e3", "--1", "0.00000000001", "1000000000000000000", "1.2.3", "١"] {
            assert_eq!(Exact::parse(text), None, "{text}");
        }
    }

    #[test]
    fn no_float_comes_between_a_sum_and_its_parts() {
        let sum = (0..10).fold(Exact::ZERO, |sum, _| sum.plus(exact("0.1")));
        assert_eq!(sum.minus(exact("1")), Exact::ZERO);
    }

    proptest! {
        #[test]
        fn every_decimal_reads_back(parts in -10_i128.pow(28) + 1..10_i128.pow(28)) {
            let exact = Exact(parts);
            prop_assert_eq!(Exact::parse(&exact.to_string()), Some(exact));
            prop_assert_eq!(Exact::parse(&exact.money()), Some(exact));
            let kept = serde_json::to_string(&exact).expect("JSON");
            prop_assert_eq!(serde_json::from_str::<Exact>(&kept).ok(), Some(exact));
        }
    }
}
