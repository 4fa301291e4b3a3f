//! What reports of use have in common: by what they tell figures apart, and how they are written.

use crate::call::{Cursor, Head};
use crate::export::{Field, Line, ReportFormat, streamed, write_line};
use crate::problem::Problem;
use crate::wire::{Page, TermKind, UsageEach};
use axum::response::Response;
use lessor_core::metering::{By, Figure, Figures, LevelRule, Meter, Report};
use lessor_core::{Caller, Context, Error, Tx, license, metering};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Accounts or rows of a report that are read at once for a stream.
const AT_ONCE: u32 = 250;
/// Licenses of a report that are read at once for a stream: each time, the figures of the whole branch are looked through.
const LICENSES_AT_ONCE: u32 = 1_000;

/// By what figures are told apart: words with commas between them. To name one twice is to name it.
#[derive(Clone, Debug, Default)]
pub(super) struct Each(pub Vec<By>);

impl<'de> Deserialize<'de> for Each {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let word = |word: &str| UsageEach::deserialize(serde::de::value::StrDeserializer::<D::Error>::new(word));
        let mut each = Vec::new();
        for word in text.split(',').map(word) {
            let by = By::from(word?);
            if !each.contains(&by) {
                each.push(by);
            }
        }
        Ok(Self(each))
    }
}

/// What a report counts.
pub(super) struct Counting<'a> {
    /// The meter, or what stands for it.
    pub meter: &'a str,
    /// Of what its figures are numbers.
    pub unit: &'a str,
    /// Are the figures levels?
    pub levels: Option<LevelRule>,
}

impl Counting<'static> {
    pub const SEAT_DAYS: Self = Self { meter: "seat_days", unit: "seat days", levels: None };
}

impl<'a> Counting<'a> {
    pub fn by(meter: &'a Meter) -> Self {
        let levels = meter.aggregation == metering::Aggregation::Level;
        Self { meter: &meter.name, unit: &meter.unit, levels: levels.then_some(meter.level_rule) }
    }
}

/// A figure.
#[derive(Serialize, ToSchema)]
struct UsageFigure {
    /// The first day of the period.
    #[schema(example = "2026-03-01")]
    from: String,
    /// Its last day.
    #[schema(example = "2026-03-31")]
    until: String,
    /// How many of its days have begun.
    #[schema(example = 31)]
    days: i64,
    /// Sums, counts and seat days of these days. Of levels that are averaged the sum of the daily levels, of others the last.
    #[schema(example = 1240)]
    value: i64,
    /// Of levels that are averaged, the average of these days, rounded half up at the fifth decimal; `null` for others.
    #[schema(example = "40")]
    average: Option<String>,
}

impl UsageFigure {
    fn of(counting: &Counting<'_>, figure: &Figure) -> Self {
        let averaged = counting.levels == Some(LevelRule::Average);
        Self {
            from: figure.from.to_string(),
            until: figure.until.to_string(),
            days: figure.days,
            value: if counting.levels == Some(LevelRule::Last) { figure.last } else { figure.sum },
            average: (averaged && figure.days > 0).then(|| quotient(figure.sum, figure.days)),
        }
    }
}

/// A quotient with five decimals at most, half of the last rounded up.
fn quotient(sum: i64, days: i64) -> String {
    let (sum, days) = (i128::from(sum), i128::from(days));
    let scaled = (sum * 200_000 + days).div_euclid(2 * days);
    let text = format!("{}.{:05}", scaled / 100_000, scaled % 100_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// What figures are of: a member is `null` where the report does not tell them apart by it, and for what has none.
#[derive(Serialize, ToSchema)]
struct UsageOf {
    /// Whose figures.
    account: Option<String>,
    /// Its name.
    #[schema(example = "Fabrikam")]
    account_name: Option<String>,
    /// Under which license.
    #[schema(example = json!(null))]
    license: Option<String>,
    /// Of which product.
    #[schema(example = json!(null))]
    product: Option<String>,
    /// Its name.
    #[schema(example = json!(null))]
    product_name: Option<String>,
    /// A price category of the product.
    #[schema(example = json!(null))]
    category: Option<String>,
    /// Its name.
    #[schema(example = json!(null))]
    category_name: Option<String>,
    /// A feature of the license.
    #[schema(example = json!(null))]
    feature: Option<String>,
    /// Its code.
    #[schema(example = json!(null))]
    feature_code: Option<String>,
    /// What kind of right.
    #[schema(example = json!(null))]
    term: Option<TermKind>,
    /// With which key of the meter.
    #[schema(example = json!(null))]
    key: Option<String>,
}

/// A row of a report.
#[derive(Serialize, ToSchema)]
pub(super) struct UsageRow {
    #[serde(flatten)]
    of: UsageOf,
    /// Of seat days, the seats in force at the end of the last day, as far as it has come; `null` for others.
    #[schema(example = json!(null))]
    seats: Option<i64>,
    /// Of the whole range.
    total: UsageFigure,
    /// Of each period, in order; those without use too.
    figures: Vec<UsageFigure>,
}

impl UsageRow {
    fn of(counting: &Counting<'_>, row: Figures) -> Self {
        let Figures { of, names, figures, total, seats } = row;
        Self {
            of: UsageOf {
                account: of.account.map(|id| id.to_string()),
                account_name: names.account,
                license: of.license.map(|id| id.to_string()),
                product: of.product.map(|id| id.to_string()),
                product_name: names.product,
                category: of.category.map(|id| id.to_string()),
                category_name: names.category,
                feature: of.feature.map(|id| id.to_string()),
                feature_code: names.feature,
                term: of.term.map(TermKind::from),
                key: of.key,
            },
            seats,
            total: UsageFigure::of(counting, &total),
            figures: figures.iter().map(|figure| UsageFigure::of(counting, figure)).collect(),
        }
    }
}

/// Behind what the page that a cursor names begins.
pub(super) fn place(cursor: Option<Cursor>) -> Option<Uuid> {
    cursor.map(|cursor| Uuid::from_u128(cursor.0))
}

/// A page of a report.
pub(super) fn page(counting: &Counting<'_>, report: Report) -> Page<UsageRow> {
    Page {
        items: report.rows.into_iter().map(|row| UsageRow::of(counting, row)).collect(),
        next: report.next.map(|place| Cursor(place.as_u128()).text()),
    }
}

/// A figure as a line of its own.
#[derive(Serialize)]
struct FigureLine<'a> {
    meter: &'a str,
    unit: &'a str,
    #[serde(flatten)]
    of: &'a UsageOf,
    #[serde(flatten)]
    figure: &'a UsageFigure,
    seats: Option<i64>,
}

impl Line for FigureLine<'_> {
    const HEAD: &'static str = "meter,unit,account,account_name,license,product,product_name,category,category_name,\
                                feature,feature_code,term,key,from,until,days,value,average,seats\r\n";

    fn fields(&self) -> Vec<Field<'_>> {
        let (of, figure) = (self.of, self.figure);
        let some = |text: &'_ Option<String>| Field::Plain(text.clone().unwrap_or_default());
        let number = |number: Option<i64>| Field::Plain(number.map(|number| number.to_string()).unwrap_or_default());
        vec![
            Field::Text(self.meter),
            Field::Text(self.unit),
            some(&of.account),
            Field::some(of.account_name.as_deref()),
            some(&of.license),
            some(&of.product),
            Field::some(of.product_name.as_deref()),
            some(&of.category),
            Field::some(of.category_name.as_deref()),
            some(&of.feature),
            Field::some(of.feature_code.as_deref()),
            Field::some(of.term.map(|term| license::TermKind::from(term).word())),
            Field::some(of.key.as_deref()),
            Field::Plain(figure.from.clone()),
            Field::Plain(figure.until.clone()),
            number(Some(figure.days)),
            number(Some(figure.value)),
            some(&figure.average),
            number(self.seats),
        ]
    }
}

/// Writes rows as lines, a figure each.
fn write_rows(lines: &mut String, format: ReportFormat, counting: &Counting<'_>, report: Report) {
    for row in report.rows {
        let row = UsageRow::of(counting, row);
        for figure in &row.figures {
            let (meter, unit) = (counting.meter, counting.unit);
            write_line(lines, format, &FigureLine { meter, unit, of: &row.of, figure, seats: row.seats });
        }
    }
}

/// A report that can be asked for from anywhere on.
pub(super) trait Reporting: Send + Sync + 'static {
    /// By what it tells figures apart.
    fn each(&self) -> &Each;

    /// Reads rows behind a place and hands them to `show` with what they count.
    fn read<T>(
        &self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        after: Option<Uuid>,
        limit: u32,
        show: impl FnOnce(&Counting<'_>, Report) -> T,
    ) -> Result<T, Error>;
}

/// Answers with all figures of a report, a line each.
pub(super) async fn lines<R: Reporting>(
    head: &Head,
    caller: Caller,
    report: R,
    format: ReportFormat,
    start: Option<Cursor>,
) -> Result<Response, Problem> {
    let limit = if report.each().0.contains(&By::License) { LICENSES_AT_ONCE } else { AT_ONCE };
    let read = move |tx: &mut dyn Tx, cx: &Context<'_>, after: &Option<Uuid>| {
        report.read(tx, cx, *after, limit, |counting, rows| {
            let (mut lines, next) = (String::new(), rows.next);
            write_rows(&mut lines, format, counting, rows);
            (lines, next.map(Some))
        })
    };
    streamed::<FigureLine<'_>, _, _>(head, caller, format, place(start), read).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_are_rounded_half_up_at_the_fifth_decimal() {
        assert_eq!(quotient(1_240, 31), "40");
        assert_eq!(quotient(10, 31), "0.32258");
        assert_eq!(quotient(1, 200_000), "0.00001");
        assert_eq!(quotient(1, 200_001), "0");
        assert_eq!(quotient(0, 28), "0");
        assert_eq!(quotient(5, 2), "2.5");
    }
}
