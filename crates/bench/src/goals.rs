//! What was measured against what it should be, a row for each.

use crate::book::{Book, Spread};
use crate::load::Sample;
use crate::options::{Plan, short};
use crate::postgres::PGBENCH;
use crate::process::Memory;
use crate::rounds::{BARE, name};
use crate::start::Starts;
use crate::work::Path;
use std::time::Duration;

/// A row of the table.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// What was measured.
    pub what: String,
    /// Beside what.
    pub beside: String,
    /// Answers a second.
    pub rate: Option<f64>,
    /// The one by the other.
    pub ratio: Option<Spread>,
    /// Half of the answers, in microseconds.
    pub p50: Option<f64>,
    /// All but one in a hundred, in microseconds.
    pub p99: Option<f64>,
    /// Processor time of the server for one answer, in microseconds.
    pub cpu: Option<f64>,
    /// What it should be, in words; empty where there is no goal.
    pub goal: String,
    /// Whether it is; `None` where there is no goal.
    pub met: Option<bool>,
    /// What else there is to say.
    pub note: String,
}

/// What a server takes besides processors.
pub struct Resources {
    /// Memory over an empty store.
    pub empty: Memory,
    /// Memory over the largest store, after all that load.
    pub full: Memory,
    /// Starting over the largest store.
    pub starts: Starts,
}

/// Where the disk is as fast as this, the tail of activation has a bound in milliseconds.
const FAST_SYNC: Duration = Duration::from_micros(300);
const MIB: f64 = 1_048_576.0;

/// The rows of SQLite.
pub fn sqlite(plan: &Plan, book: &Book, sync: Duration, resources: &Resources) -> Vec<Row> {
    let sheet = Sheet { plan, book, engine: "sqlite" };
    let usual = plan.usual_size();
    let mut rows = Vec::new();
    for path in &plan.paths {
        let bare = format!("{}/{BARE}", path.name());
        rows.push(bare_row(book, *path, &bare));
        for size in &plan.sizes {
            let goal = goal(plan, *path, *size);
            rows.push(sheet.beside(*path, *size, "", &bare, beside(*path), goal));
        }
    }
    if plan.has(Path::Activate) {
        let activate = name("sqlite", Path::Activate, usual, "");
        let single = name("sqlite", Path::Activate, usual, "/one-commit");
        rows.push(sheet.beside(Path::Activate, usual, "", &single, "one commit a request", Some(4.0)));
        rows.push(tail(book, &activate, usual, sync));
        for path in [Path::Seats, Path::Tokens].into_iter().filter(|path| plan.has(*path)) {
            rows.push(sheet.beside(path, usual, "", &activate, "activate", Some(1.3)));
        }
    }
    rows.extend(sheet.growth());
    if plan.has(Path::ZentitlePage) {
        rows.push(above_idle(book, plan.largest()));
    }
    rows.extend(used(plan, resources));
    rows
}

/// The rows of PostgreSQL.
pub fn postgres(plan: &Plan, book: &Book) -> Vec<Row> {
    let sheet = Sheet { plan, book, engine: "postgres" };
    let usual = plan.usual_size();
    let mut rows = Vec::new();
    if plan.has(Path::Activate) {
        let one = name("postgres", Path::Activate, usual, "");
        rows.push(Row { what: "pgbench -N, prepared".into(), ..measured(book, PGBENCH) });
        rows.push(sheet.beside(Path::Activate, usual, "", PGBENCH, "pgbench -N", Some(1.0)));
        rows.push(sheet.beside(Path::Activate, usual, "/two", &one, "one server", Some(0.9)));
    }
    for path in plan.paths.iter().filter(|path| path.page().is_none()) {
        for size in &plan.sizes {
            let row = measured(book, &name("postgres", *path, *size, ""));
            rows.push(Row { what: format!("{}, PostgreSQL, {}", path.name(), short(*size)), ..row });
        }
    }
    rows.extend(sheet.growth());
    rows
}

/// The goals of the paths beside their baselines.
fn goal(plan: &Plan, path: Path, size: u64) -> Option<f64> {
    let usual = size == plan.usual_size();
    let largest = size == plan.largest();
    match path {
        Path::Validate if usual => Some(0.75),
        Path::Validate if largest => Some(0.60),
        Path::Renew if usual => Some(0.60),
        Path::Activate if usual => Some(0.22),
        Path::Heartbeat if usual => Some(0.40),
        Path::Tokens if usual => Some(0.30),
        Path::ZentitleGet if usual => Some(0.30),
        Path::ZentitleList if largest => Some(0.50),
        _ => None,
    }
}

/// What a path is compared with, in words.
fn beside(path: Path) -> &'static str {
    match path {
        Path::Validate => "bare axum, POST with JSON",
        Path::Renew => "bare group commit of an update",
        Path::ZentitleList | Path::ZentitlePage => "the rows read bare and written as JSON",
        _ => "bare axum, GET",
    }
}

/// What the longest page takes while it is sent: the most of all rounds, of which the first finds no memory that an earlier one
/// left.
fn above_idle(book: &Book, size: u64) -> Row {
    let took = book.spread(&name("sqlite", Path::ZentitlePage, size, ""), |sample| sample.above_idle as f64 / MIB);
    Row {
        what: format!("anonymous memory above idle during {}, {}", Path::ZentitlePage.name(), short(size)),
        goal: "≤ 64 MB".into(),
        met: Some(took.as_ref().is_ok_and(|took| took.most <= 64.0)),
        note: took.map_or_else(|error| format!("FAILED: {error}"), |took| format!("{:.1} MiB", took.most)),
        ..Row::default()
    }
}

fn bare_row(book: &Book, path: Path, bare: &str) -> Row {
    Row { what: format!("{} (beside {})", beside(path), path.name()), ..measured(book, bare) }
}

/// Rate, times and processor time of something.
pub fn measured(book: &Book, name: &str) -> Row {
    let median = |figure: fn(&Sample) -> f64| book.spread(name, figure).map(|spread| spread.median);
    let above = |figure: Result<f64, String>| figure.ok().filter(|figure| *figure > 0.0);
    Row {
        rate: above(median(|sample| sample.rate)),
        p50: above(median(|sample| f64::from(sample.p50))),
        p99: above(median(|sample| f64::from(sample.p99))),
        cpu: above(median(|sample| sample.cpu)),
        note: book.samples(name).err().map(|error| format!("FAILED: {error}")).unwrap_or_default(),
        ..Row::default()
    }
}

struct Sheet<'a> {
    plan: &'a Plan,
    book: &'a Book,
    engine: &'static str,
}

impl Sheet<'_> {
    /// A path beside something, with the least that their ratio should be.
    fn beside(&self, path: Path, size: u64, variant: &str, to: &str, words: &str, goal: Option<f64>) -> Row {
        let ours = name(self.engine, path, size, variant);
        let engine = if self.engine == "postgres" { ", PostgreSQL" } else { "" };
        let two = if variant == "/two" { ", two servers" } else { "" };
        let what = format!("{}{engine}, {}{two}", path.name(), short(size));
        let row = measured(self.book, &ours);
        let note = match (path.page(), row.p50) {
            (Some(records), Some(p50)) => format!("{:.2} us a record. {}", p50 / records as f64, row.note),
            _ => row.note.clone(),
        };
        judged(Row { what, beside: words.to_owned(), note, ..row }, self.book.ratio(&ours, to), goal)
    }

    /// Each path at the largest size beside itself at the smallest.
    fn growth(&self) -> Vec<Row> {
        let (small, large) = (self.plan.smallest(), self.plan.largest());
        if small == large {
            return Vec::new();
        }
        let paths = self.plan.paths.iter().filter(|path| self.engine == "sqlite" || path.page().is_none());
        let row = |path: &Path| {
            let to = name(self.engine, *path, small, "");
            self.beside(*path, large, "", &to, &format!("itself at {}", short(small)), Some(0.80))
        };
        paths.map(row).collect()
    }
}

/// A row with a ratio, and whether that is what it should be.
pub fn judged(row: Row, ratio: Result<Spread, String>, goal: Option<f64>) -> Row {
    let note = ratio.as_ref().err().map_or(row.note.clone(), |error| format!("FAILED: {error}"));
    let ratio = ratio.ok();
    Row {
        goal: goal.map(|goal| format!("≥ {goal:.2}")).unwrap_or_default(),
        met: goal.map(|goal| ratio.is_some_and(|ratio| ratio.median >= goal)),
        ratio,
        note,
        ..row
    }
}

/// The slowest of a hundred activations.
fn tail(book: &Book, activate: &str, size: u64, sync: Duration) -> Row {
    let times = book.spread(activate, |sample| f64::from(sample.p99) / f64::from(sample.p50.max(1)));
    let row = measured(book, activate);
    let fast = sync <= FAST_SYNC;
    let short_tail = row.p99.is_some_and(|p99| !fast || p99 <= 15_000.0);
    Row {
        what: format!("activate, {}, p99", short(size)),
        beside: "p50".into(),
        goal: if fast { "≤ 10 and ≤ 15 ms" } else { "≤ 10" }.into(),
        met: Some(short_tail && times.as_ref().is_ok_and(|times| times.median <= 10.0)),
        ratio: times.ok(),
        note: format!("the disk syncs in {:.2} ms. {}", sync.as_secs_f64() * 1000.0, row.note),
        ..row
    }
}

/// Start and memory.
fn used(plan: &Plan, resources: &Resources) -> Vec<Row> {
    let Resources { empty, full, starts } = resources;
    let largest = short(plan.largest());
    let milliseconds = |spread: &Spread| spread.median * 1000.0;
    let started = milliseconds(&starts.lessor);
    let start = Row {
        what: format!("start to first answer, {largest}"),
        beside: "bare axum".into(),
        ratio: Some(starts.ratio),
        goal: "≤ 10 and ≤ 50 ms".into(),
        met: Some(started <= 50.0 && starts.ratio.median <= 10.0),
        note: format!("{started:.1} ms, bare axum {:.1} ms", milliseconds(&starts.bare)),
        ..Row::default()
    };
    let memory = |what: String, bytes: u64, most: f64| {
        let mebibytes = bytes as f64 / MIB;
        Row {
            what,
            goal: format!("≤ {most:.0} MB"),
            met: Some(mebibytes <= most),
            note: format!("{mebibytes:.1} MiB"),
            ..Row::default()
        }
    };
    vec![
        start,
        memory("anonymous memory, empty store".into(), empty.anonymous, 25.0),
        memory("resident memory, empty store".into(), empty.all, 40.0),
        memory(format!("anonymous memory, {largest} after load"), full.anonymous, 120.0),
        memory(format!("resident memory, {largest} after load"), full.all, 400.0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spread(median: f64) -> Spread {
        Spread { median, least: median, most: median }
    }

    #[test]
    fn a_goal_is_met_from_its_figure_on() {
        assert_eq!(judged(Row::default(), Ok(spread(0.75)), Some(0.75)).met, Some(true));
        assert_eq!(judged(Row::default(), Ok(spread(0.74)), Some(0.75)).met, Some(false));
        assert_eq!(judged(Row::default(), Ok(spread(0.1)), None).met, None);
    }

    #[test]
    fn what_failed_is_short_and_says_so() {
        let row = judged(Row::default(), Err("404".into()), Some(0.5));
        assert_eq!(row.met, Some(false));
        assert!(row.note.contains("FAILED: 404"));
    }
}
