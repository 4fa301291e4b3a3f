//! Lines: what one thing cost under one price list, as a statement tells it.

use super::Amount;
use super::amount::half_up;
use super::price_list::PriceList;
use crate::error::{Error, Refusal};
use crate::id::{AccountId, LicenseId, MeterId, PriceListId, ProductId};
use crate::license::TermKind;
use crate::metering::Meter;
use crate::metering::closed::Quantity;
use crate::metering::day::{Day, Month};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// What a line is of; lines stand in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    /// Whose it is, in the bill of a branch.
    pub account: Option<AccountId>,
    pub what: What,
    pub list: PriceListId,
}

/// What was used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Seats(LicenseId, ProductId, TermKind),
    /// What a meter shows, or one of its keys.
    Usage(MeterId, Option<String>),
}

/// A line. The order of members is that of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(flatten)]
    of: Of,
    price_list: String,
    price_list_name: String,
    tier: String,
    /// Of seats, on how many days there were any; of averaged levels, of how many days the average is.
    #[serde(skip_serializing_if = "Option::is_none")]
    days: Option<i64>,
    /// The sum of averaged levels.
    #[serde(skip_serializing_if = "Option::is_none")]
    sum: Option<i128>,
    #[serde(serialize_with = "quantity")]
    quantity: Quantity,
    unit_price: String,
    discount: i64,
    pub currency: String,
    #[serde(serialize_with = "amount")]
    pub amount: Amount,
    details: Vec<Stretch>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Of {
    Seats {
        license: String,
        product: String,
        term: &'static str,
    },
    Usage {
        meter: String,
        meter_name: String,
        unit: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
}

/// Days in a row on which a line was read off the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Stretch {
    Seats { from: String, to: String, seats: i64, segment: String },
    Usage { from: String, to: String, figure: i128 },
}

impl Line {
    /// The same, owed the other way round.
    pub fn retracted(&self) -> Self {
        Self { amount: self.amount.negated(), ..self.clone() }
    }

    /// Does it say the same, whatever days it was read off?
    pub fn says_the_same(&self, other: &Self) -> bool {
        *self == Self { details: self.details.clone(), ..other.clone() }
    }
}

fn amount<S: Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// A whole number, or an average as a decimal, rounded half up to five places.
fn quantity<S: Serializer>(quantity: &Quantity, serializer: S) -> Result<S::Ok, S::Error> {
    if quantity.divisor == 1 {
        return serializer.serialize_i128(quantity.sum);
    }
    let parts = half_up(quantity.sum.unsigned_abs() * 100_000, quantity.divisor.unsigned_abs().into());
    let places = format!("{:05}", parts % 100_000);
    let text = format!("{}.{}", parts / 100_000, places.trim_end_matches('0'));
    serializer.serialize_str(text.trim_end_matches('.'))
}

/// What a line was read off, before its tier is known.
pub(super) enum Counted {
    /// A license, and its seats and segment on each day.
    Seats { license: LicenseId, product: ProductId, term: TermKind, days: Vec<(Day, i64, Uuid)> },
    /// A meter or one of its keys, the figure of each day, and what the days come to.
    Usage { meter: Box<Meter>, key: Option<String>, days: Vec<(Day, i128)>, quantity: Quantity },
}

impl Counted {
    /// What it is of.
    pub fn what(&self) -> What {
        match self {
            Self::Seats { license, product, term, .. } => What::Seats(*license, *product, *term),
            Self::Usage { meter, key, .. } => What::Usage(meter.id, key.clone()),
        }
    }

    /// What it costs the price of.
    fn quantity(&self) -> Quantity {
        match self {
            Self::Seats { days, .. } => {
                Quantity { sum: days.iter().map(|(_, seats, _)| i128::from(*seats)).sum(), divisor: 1 }
            }
            Self::Usage { quantity, .. } => *quantity,
        }
    }

    /// What it adds to the quantity by which a tier is found. Of seats it is how many there were on average.
    pub fn weight(&self, month: Month) -> Quantity {
        let quantity = self.quantity();
        match self {
            Self::Seats { .. } => Quantity { divisor: month.days(), ..quantity },
            Self::Usage { .. } => quantity,
        }
    }

    /// The line under a list, in the tier of so many.
    ///
    /// # Errors
    /// `OutOfRange` where an amount is more than can be written.
    pub fn line(self, account: Option<AccountId>, list: &PriceList, for_tier: i128) -> Result<Line, Error> {
        let (price, tier) = list.tier(for_tier);
        let quantity = self.quantity();
        let (of, days, details) = match self {
            Self::Seats { license, product, term, days } => {
                let of = Of::Seats { license: license.to_string(), product: product.to_string(), term: term.word() };
                (of, i64::try_from(days.len()).ok(), seat_stretches(&days))
            }
            Self::Usage { meter, key, days, .. } => {
                let of = Of::Usage { meter: meter.id.to_string(), meter_name: meter.name, unit: meter.unit, key };
                (of, Some(quantity.divisor).filter(|days| *days != 1), usage_stretches(&days))
            }
        };
        let too_much = Refusal::OutOfRange { field: "amount", min: 0, max: i64::MAX };
        Ok(Line {
            account: account.map(|account| account.to_string()),
            of,
            price_list: list.id.to_string(),
            price_list_name: list.name.clone(),
            tier,
            days,
            sum: Some(quantity.sum).filter(|_| quantity.divisor != 1),
            quantity,
            unit_price: price.to_string(),
            discount: list.discount,
            currency: list.currency.clone(),
            amount: price.times(quantity.sum, quantity.divisor, list.discount).ok_or(too_much)?,
            details,
        })
    }
}

fn seat_stretches(days: &[(Day, i64, Uuid)]) -> Vec<Stretch> {
    let goes_on =
        |(day, seats, segment): &(Day, i64, Uuid), next: &(Day, i64, Uuid)| (day.plus(1), *seats, *segment) == *next;
    let stretch = |days: &[(Day, i64, Uuid)]| {
        let ((from, seats, segment), (to, ..)) = (days[0], days[days.len() - 1]);
        Stretch::Seats { from: from.to_string(), to: to.to_string(), seats, segment: segment.simple().to_string() }
    };
    days.chunk_by(goes_on).map(stretch).collect()
}

fn usage_stretches(days: &[(Day, i128)]) -> Vec<Stretch> {
    let goes_on = |(day, figure): &(Day, i128), next: &(Day, i128)| (day.plus(1), *figure) == *next;
    let stretch = |days: &[(Day, i128)]| {
        let ((from, figure), (to, _)) = (days[0], days[days.len() - 1]);
        Stretch::Usage { from: from.to_string(), to: to.to_string(), figure }
    };
    days.chunk_by(goes_on).map(stretch).collect()
}
