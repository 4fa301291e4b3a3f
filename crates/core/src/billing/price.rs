//! Prices of days: which list applied to a product at an account, and what that comes to in lines.

use super::Amount;
use super::price_list::{PriceList, Target};
use crate::clock::Timestamp;
use crate::error::{Error, Refusal};
use crate::id::{AccountId, LicenseId, PriceCategoryId, ProductId};
use crate::license::TermKind;
use crate::metering::day::{Day, Month};
use crate::metering::seat_days::{Days, Loaded};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// A time in which a product was in a price category.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub product: ProductId,
    pub category: PriceCategoryId,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// All that prices are read from.
pub(super) struct Prices {
    /// By account.
    lists: HashMap<AccountId, Vec<PriceList>>,
    spans: Vec<Span>,
}

impl Prices {
    /// Prices as they were known at a moment: what was made or ended later is left out.
    pub fn known_at(lists: &[PriceList], spans: &[Span], moment: Timestamp) -> Self {
        let mut known: HashMap<AccountId, Vec<PriceList>> = HashMap::new();
        for list in lists.iter().filter(|list| list.created_at <= moment) {
            let until = list.until.filter(|_| list.ended_at.is_some_and(|ended| ended <= moment));
            known.entry(list.account).or_default().push(PriceList { until, ..list.clone() });
        }
        Self { lists: known, spans: spans.to_vec() }
    }

    /// The list that applied to a product on a day: of the nearest account of the line, one for the product before one for
    /// a category it was in at that moment, the oldest first.
    fn of_day(&self, line: &[AccountId], product: ProductId, day: Day, moment: Timestamp) -> Option<&PriceList> {
        let was_in = |category| {
            let covers = |span: &Span| span.from <= moment && span.to.is_none_or(|to| moment < to);
            self.spans.iter().any(|span| span.product == product && span.category == category && covers(span))
        };
        line.iter().find_map(|account| {
            let valid = || self.lists.get(account).into_iter().flatten().filter(|list| list.applies(day));
            let own = valid().find(|list| list.target == Target::Product(product));
            own.or_else(|| valid().find(|list| matches!(list.target, Target::Category(category) if was_in(category))))
        })
    }
}

/// Days in a row on which a line counted the same seats out of the same segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct LineDays {
    from: String,
    to: String,
    seats: i64,
    segment: String,
}

/// What a license costs under one price list. The order of members is that of the document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Line {
    license: String,
    product: String,
    term: &'static str,
    price_list: String,
    price_list_name: String,
    tier: String,
    days: i64,
    quantity: i64,
    unit_price: String,
    discount: i64,
    pub currency: String,
    #[serde(serialize_with = "shown")]
    pub amount: Amount,
    details: Vec<LineDays>,
}

impl Line {
    /// The same, owed the other way round.
    pub fn retracted(&self) -> Self {
        Self { amount: self.amount.negated(), ..self.clone() }
    }
}

fn shown<S: serde::Serializer>(amount: &Amount, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(amount)
}

/// What a line is of.
pub(super) type Key = (LicenseId, ProductId, TermKind, Uuid);

/// The days of a line before they have a price.
struct Open {
    list: PriceList,
    /// Day, seats, segment.
    days: Vec<(Day, i64, Uuid)>,
}

/// The lines of each account for the days of a month: one for each license, product, kind of right and price list. Days
/// without a price are left out.
///
/// # Errors
/// `OutOfRange` where an amount is more than can be written.
pub(super) fn lines(
    loaded: &Loaded,
    days: &Days,
    month: Month,
    prices: &Prices,
) -> Result<HashMap<AccountId, BTreeMap<Key, Line>>, Error> {
    let mut open: HashMap<AccountId, BTreeMap<Key, Open>> = HashMap::new();
    let mut seats_of: HashMap<(AccountId, Target), i64> = HashMap::new();
    let mut found: HashMap<(AccountId, ProductId, usize), Option<&PriceList>> = HashMap::new();
    for counted in loaded.count(days) {
        for run in &counted.runs {
            let segment = &counted.segments[run.segment];
            if segment.quantity == 0 || !loaded.asks_for(segment.account) {
                continue;
            }
            for n in run.first..=run.last {
                let day = days.day(n);
                let list = *found.entry((segment.account, segment.product, n)).or_insert_with(|| {
                    let moment = days.close_of(n);
                    prices.of_day(&loaded.tree.line_at(segment.account, moment), segment.product, day, moment)
                });
                let Some(list) = list else { continue };
                let key = (counted.license, segment.product, segment.term, list.id.0);
                let lines = open.entry(segment.account).or_default();
                let line = lines.entry(key).or_insert_with(|| Open { list: list.clone(), days: Vec::new() });
                line.days.push((day, segment.quantity, segment.id));
                *seats_of.entry((segment.account, list.target)).or_default() += segment.quantity;
            }
        }
    }
    // The tier is that of the seats the account had on average, of everything under the same product or category.
    let average = |seat_days: i64| seat_days.saturating_add(month.days() - 1) / month.days();
    let priced = |account, (key, open): (Key, Open)| {
        let seats = average(seats_of.get(&(account, open.list.target)).copied().unwrap_or_default());
        Ok((key, line(key, &open, seats)?))
    };
    let of_account = |(account, lines): (AccountId, BTreeMap<Key, Open>)| {
        let lines: Result<BTreeMap<Key, Line>, Error> = lines.into_iter().map(|one| priced(account, one)).collect();
        Ok((account, lines?))
    };
    open.into_iter().map(of_account).collect()
}

fn line((license, product, term, _): Key, open: &Open, seats: i64) -> Result<Line, Error> {
    let (price, tier) = open.list.tier(seats);
    let quantity = open.days.iter().map(|(_, seats, _)| seats).sum();
    let too_much = Refusal::OutOfRange { field: "amount", min: 0, max: i64::MAX / 100_000 };
    let mut details: Vec<LineDays> = Vec::new();
    let mut last: Option<(Day, i64, Uuid)> = None;
    for (day, seats, segment) in &open.days {
        match details.last_mut() {
            Some(row) if last == Some((day.plus(-1), *seats, *segment)) => row.to = day.to_string(),
            _ => details.push(LineDays {
                from: day.to_string(),
                to: day.to_string(),
                seats: *seats,
                segment: segment.simple().to_string(),
            }),
        }
        last = Some((*day, *seats, *segment));
    }
    Ok(Line {
        license: license.to_string(),
        product: product.to_string(),
        term: term.word(),
        price_list: open.list.id.to_string(),
        price_list_name: open.list.name.clone(),
        tier,
        days: i64::try_from(open.days.len()).unwrap_or(i64::MAX),
        quantity,
        unit_price: price.to_string(),
        discount: open.list.discount,
        currency: open.list.currency.clone(),
        amount: price.times(quantity, open.list.discount).ok_or(too_much)?,
        details,
    })
}
