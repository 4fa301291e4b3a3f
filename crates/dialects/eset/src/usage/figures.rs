//! Seat days and seats of a company with all below it, in the dialect's words: by product or price category, trials apart.

use crate::codes::Codes;
use lessor_core::account::{Account, Kind};
use lessor_core::license::TermKind;
use lessor_core::metering::day::DayRule;
use lessor_core::metering::seat_days::{self, CUTOFF_MINUTES, Scope, SeatDays, ZONE};
use lessor_core::metering::{By, Figures, Per, Range};
use lessor_core::{Context, Error, Tx};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Rows read at once.
const AT_ONCE: u32 = 1_000;
/// The types of licenses.
const FULL: i64 = 1;
const TRIAL: i64 = 4;

/// By what usage is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Each {
    /// By products.
    Product,
    /// By price categories.
    Category,
}

/// Usage of one product or category by licenses of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    /// The code of the product or category.
    pub(crate) code: String,
    /// Its name.
    pub(crate) name: String,
    /// 1 full, 4 trial.
    pub(crate) license_type: i64,
    /// The sum of the days.
    pub(crate) seat_days: i64,
    /// Seats in force at the end of the last day.
    pub(crate) seats: i64,
    /// Each day, where they were asked for.
    pub(crate) days: Vec<(String, i64)>,
}

/// When days begin and end.
///
/// # Errors
/// None that can happen: the zone is known.
pub(crate) fn rule() -> Result<DayRule, Error> {
    DayRule::new(ZONE, CUTOFF_MINUTES)
}

/// The usage of a company and of all below it, by name, code and type. What the dialect has no code for is left out.
///
/// # Errors
/// `NotFound` for one that the caller does not see, `Malformed` for too many days.
pub(crate) fn of_branch(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    company: &Account,
    each: Each,
    range: Range,
    daily: bool,
) -> Result<Vec<Item>, Error> {
    // A customer has nobody below it.
    let scope = if company.kind == Kind::Customer { Scope::Account(company.id) } else { Scope::Branch(company.id) };
    let by = match each {
        Each::Product => By::Product,
        Each::Category => By::Category,
    };
    let query = SeatDays {
        scope,
        product: None,
        category: None,
        term: None,
        rule: rule()?,
        range,
        per: if daily { Per::Day } else { Per::Range },
        each: vec![by, By::Term],
    };
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let report = seat_days::report(tx, cx, &query, after, AT_ONCE)?;
        rows.extend(report.rows);
        after = report.next;
        if after.is_none() {
            break;
        }
    }
    items(tx, cx, each, rows, daily)
}

fn items(tx: &mut dyn Tx, cx: &Context<'_>, each: Each, rows: Vec<Figures>, daily: bool) -> Result<Vec<Item>, Error> {
    let id = |row: &Figures| match each {
        Each::Product => row.of.product.map(|id| id.0),
        Each::Category => row.of.category.map(|id| id.0),
    };
    let ids: Vec<Uuid> = rows.iter().filter_map(id).collect();
    let codes = match each {
        Each::Product => Codes::of_products(tx, cx, &ids)?,
        Each::Category => Codes::of_categories(tx, cx, &ids)?,
    };
    let mut items: BTreeMap<(String, String, i64), Item> = BTreeMap::new();
    for row in rows {
        let Some(code) = id(&row).and_then(|id| codes.get(id)) else { continue };
        let name = match each {
            Each::Product => row.names.product.clone(),
            Each::Category => row.names.category.clone(),
        };
        let (name, code) = (name.unwrap_or_default(), code.to_owned());
        let license_type = if row.of.term == Some(TermKind::Trial) { TRIAL } else { FULL };
        let item = items.entry((name.clone(), code.clone(), license_type)).or_insert_with(|| Item {
            code,
            name,
            license_type,
            seat_days: 0,
            seats: 0,
            days: Vec::new(),
        });
        item.seat_days += row.total.sum;
        item.seats += row.seats.unwrap_or_default();
        if daily {
            if item.days.is_empty() {
                item.days = row.figures.iter().map(|figure| (figure.from.to_string(), 0)).collect();
            }
            item.days.iter_mut().zip(&row.figures).for_each(|((_, sum), figure)| *sum += figure.sum);
        }
    }
    Ok(items.into_values().collect())
}

impl Item {
    /// As answers show it.
    pub(crate) fn shown(&self, each: Each, daily: bool) -> Value {
        let mut shown = Map::new();
        shown.insert("code".into(), json!(self.code));
        if each == Each::Product {
            shown.insert("productCode".into(), json!(self.code));
        }
        shown.insert("name".into(), json!(self.name));
        shown.insert("licenseType".into(), json!(self.license_type));
        shown.insert("seatDays".into(), json!(self.seat_days));
        shown.insert("seats".into(), json!(self.seats));
        if daily {
            let days = self.days.iter().map(|(date, usage)| json!({ "date": date, "usage": usage }));
            shown.insert("usagePerDays".into(), days.collect());
        }
        Value::Object(shown)
    }
}
