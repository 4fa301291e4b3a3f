//! Exact decimals of five places.

/// An amount of money, or a price: an integer of hundred-thousandths of the currency's unit. It is so wide that no usage, at
/// whatever price, comes to more: one wrong record does not keep a month from being closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

const PLACES: usize = 5;
const UNIT: i128 = 100_000;

impl Amount {
    /// Nothing.
    pub const ZERO: Amount = Amount(0);

    /// An amount from hundred-thousandths of a unit.
    pub fn from_parts(parts: i128) -> Self {
        Self(parts)
    }

    /// Hundred-thousandths of a unit.
    pub fn parts(self) -> i128 {
        self.0
    }

    /// Reads a decimal without a sign: at most five places, at most 1 000 000 units.
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(places) || whole.len() > 7 || places.len() > PLACES {
            return None;
        }
        let parts: i128 = format!("{places:0<PLACES$}").parse().ok()?;
        let amount = whole.parse::<i128>().ok()? * UNIT + parts;
        (amount <= 1_000_000 * UNIT).then_some(Self(amount))
    }

    /// So many times the amount, by a divisor, less a discount in hundredths of a percent: rounded half up to five places,
    /// what is owed the other way round alike. `None` where that is more than can be written.
    pub fn times(self, quantity: i128, divisor: i64, discount: i64) -> Option<Self> {
        let exact = self.0.checked_mul(quantity)?.checked_mul(i128::from(10_000 - discount))?;
        let rounded = half_up(exact.unsigned_abs(), 10_000 * u128::from(divisor.unsigned_abs()));
        i128::try_from(rounded).ok().map(|parts| Self(parts * exact.signum()))
    }

    /// The sum. `None` where that is more than can be written.
    pub fn plus(self, other: Amount) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The same, owed the other way round.
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// In whole minor units of a currency, such as cents: rounded half up, what is owed the other way round alike.
    pub fn minor_units(self, currency: &str) -> i128 {
        let units = half_up(self.0.unsigned_abs(), 10_u128.pow(5 - minor_places(currency)));
        i128::try_from(units).unwrap_or(i128::MAX) * self.0.signum()
    }
}

impl std::fmt::Display for Amount {
    /// With all that it has behind the point, and two places at least.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let parts = self.0.unsigned_abs();
        let places = format!("{:05}", parts % UNIT.unsigned_abs());
        let shown = places.trim_end_matches('0').len().max(2);
        write!(f, "{sign}{}.{}", parts / UNIT.unsigned_abs(), &places[..shown])
    }
}

/// A quotient, rounded half up.
pub(super) fn half_up(exact: u128, divisor: u128) -> u128 {
    exact / divisor + u128::from(exact % divisor * 2 >= divisor)
}

/// How many places behind the point a currency's minor unit has.
fn minor_places(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND" | "VUV"
        | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        Amount::parse(text).expect("an amount")
    }

    #[test]
    fn a_price_is_written_with_what_it_has_and_two_places_at_least() {
        for (text, shown) in [("0.04", "0.04"), ("1", "1.00"), ("0.12345", "0.12345"), ("10.5", "10.50"), ("0", "0.00")]
        {
            assert_eq!(amount(text).to_string(), shown);
        }
        for text in ["", ".5", "5.", "0.123456", "-1", "+1", "1e3", "1,5", "1000001", "1000000.00001", "0x1", "١"] {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
        assert_eq!(amount("0.04").negated().to_string(), "-0.04");
    }

    #[test]
    fn the_worked_example_costs_ten_sixty() {
        assert_eq!(amount("0.04").times(265, 1, 0).expect("an amount").to_string(), "10.60");
        assert_eq!(amount("10.60").minor_units("EUR"), 1_060);
    }

    #[test]
    fn a_line_is_rounded_half_up_to_five_places() {
        let of = |price: &str, quantity, discount| {
            amount(price).times(quantity, 1, discount).expect("an amount").to_string()
        };
        assert_eq!(of("0.00001", 1, 5_000), "0.00001");
        assert_eq!(of("0.00001", 1, 5_001), "0.00");
        assert_eq!(of("0.00003", 1, 5_000), "0.00002");
        assert_eq!(of("0.04", 265, 1_000), "9.54");
        assert_eq!(of("0.04", 265, 10_000), "0.00");
        assert_eq!(amount("1000000").times(i128::MAX, 1, 0), None);
    }

    #[test]
    fn the_average_of_days_is_rounded_once_and_what_is_given_back_alike() {
        let of = |price: &str, sum, days| amount(price).times(sum, days, 0).expect("an amount").to_string();
        assert_eq!(of("1", 60, 30), "2.00");
        assert_eq!(of("10", 1, 31), "0.32258");
        assert_eq!(of("0.00001", 15, 30), "0.00001");
        assert_eq!(of("0.00001", 14, 30), "0.00");
        assert_eq!(of("10", -1, 31), "-0.32258");
        assert_eq!(of("1000000", 4_000_000_000_000_000_000, 1), "4000000000000000000000000.00");
    }

    #[test]
    fn money_is_rounded_half_up_in_the_currencys_own_unit() {
        let amount = Amount::from_parts(1_234_500);
        assert_eq!(["EUR", "JPY", "KWD"].map(|currency| amount.minor_units(currency)), [1_235, 12, 12_345]);
        assert_eq!(amount.negated().minor_units("EUR"), -1_235);
        assert_eq!(Amount::from_parts(1_234_499).minor_units("EUR"), 1_234);
    }

    proptest! {
        #[test]
        fn every_amount_reads_back(parts in 0_i128..100_000_000_000) {
            prop_assert_eq!(Amount::parse(&Amount(parts).to_string()), Some(Amount(parts)));
        }

        #[test]
        fn no_cent_is_lost_without_a_discount(parts in 0_i128..100_000_000, one in 0_i128..10_000, two in 0_i128..10_000) {
            let price = Amount(parts);
            let sum = price.times(one, 1, 0).and_then(|a| a.plus(price.times(two, 1, 0)?));
            prop_assert_eq!(sum, price.times(one + two, 1, 0));
        }
    }
}
