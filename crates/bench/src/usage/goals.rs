//! The rows of usage.

use super::{BATCH, What, name};
use crate::book::Book;
use crate::goals::{Row, judged, measured};
use crate::options::{Plan, short};

/// What the monthly report of one account should take, in microseconds, half of the times and nearly always.
const REPORT: (f64, f64) = (5_000.0, 20_000.0);

/// All rows of an engine.
pub fn rows(plan: &Plan, book: &Book, engine: &'static str, closing: Option<Result<f64, String>>) -> Vec<Row> {
    let sheet = Sheet { book, engine, what: if engine == "postgres" { ", PostgreSQL" } else { "" } };
    let (least, most) = (plan.least_records(), plan.most_records());
    let mut rows = Vec::new();
    for records in &plan.records {
        let largest = *records == most;
        rows.push(sheet.bare(What::Batch, *records, "the same inserts bare"));
        rows.push(sheet.beside(What::Batch, *records, "/bare", "the same inserts bare", largest.then_some(0.5)));
    }
    rows.push(Row { what: "bare axum, GET (beside usage-event)".into(), ..measured(book, "usage-event/bare") });
    for records in &plan.records {
        let goal = (*records == most).then_some(0.20);
        let ours = name(engine, What::Event, *records, "");
        let row = sheet.row(What::Event, *records, "bare axum, GET");
        rows.push(judged(row, book.ratio(&ours, "usage-event/bare"), goal));
    }
    if least != most {
        for what in [What::Batch, What::Event] {
            let ratio = book.ratio(&name(engine, what, most, ""), &name(engine, what, least, ""));
            let row = sheet.row(what, most, &format!("itself at {}", short(least)));
            rows.push(judged(row, ratio, Some(0.83)));
        }
    }
    rows.push(sheet.report(most));
    rows.push(sheet.bare(What::Tree, most, "the rows read bare and written as a table"));
    rows.push(sheet.beside(What::Tree, most, "/bare", "the rows read bare and written as a table", Some(0.5)));
    if let Some(closing) = closing {
        let note = match closing {
            Ok(seconds) => format!("{seconds:.1} s"),
            Err(error) => format!("FAILED: {error}"),
        };
        rows.push(Row { what: format!("closing a month of 10k accounts{}", sheet.what), note, ..Row::default() });
    }
    rows
}

struct Sheet<'a> {
    book: &'a Book,
    engine: &'static str,
    what: &'static str,
}

impl Sheet<'_> {
    fn row(&self, what: What, records: u64, beside: &str) -> Row {
        let row = measured(self.book, &name(self.engine, what, records, ""));
        let note = match (what, row.rate) {
            (What::Batch, Some(rate)) => format!("{:.0} records a second. {}", rate * BATCH as f64, row.note),
            _ => row.note.clone(),
        };
        let what = format!("{}{}, {}", what.name(), self.what, short(records));
        Row { what, beside: beside.to_owned(), note, ..row }
    }

    fn beside(&self, what: What, records: u64, variant: &str, beside: &str, goal: Option<f64>) -> Row {
        let (ours, theirs) = (name(self.engine, what, records, ""), name(self.engine, what, records, variant));
        judged(self.row(what, records, beside), self.book.ratio(&ours, &theirs), goal)
    }

    fn bare(&self, what: What, records: u64, words: &str) -> Row {
        let row = measured(self.book, &name(self.engine, what, records, "/bare"));
        Row { what: format!("{words} (beside {}{}, {})", what.name(), self.what, short(records)), ..row }
    }

    /// The monthly report of one account.
    fn report(&self, records: u64) -> Row {
        let row = self.row(What::Report, records, "");
        let met = row.p50.zip(row.p99).is_some_and(|(p50, p99)| p50 <= REPORT.0 && p99 <= REPORT.1);
        Row { goal: "≤ 5 ms, p99 ≤ 20 ms".into(), met: Some(met), ..row }
    }
}
