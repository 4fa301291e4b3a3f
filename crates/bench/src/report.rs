//! The table, for people and for `docs/performance.md`.

use crate::book::Spread;
use crate::goals::Row;
use crate::options::Plan;
use std::fs;
use std::io;
use std::path::Path;

const BEGIN: &str = "<!-- results -->";
const END: &str = "<!-- /results -->";

fn verdict(row: &Row) -> &'static str {
    match row.met {
        Some(true) => "met",
        Some(false) => "short",
        None => "",
    }
}

fn rate(row: &Row) -> String {
    row.rate.map(|rate| if rate < 1000.0 { format!("{rate:.1}") } else { format!("{rate:.0}") }).unwrap_or_default()
}

fn ratio(row: &Row) -> String {
    let text = |Spread { median, least, most }: Spread| format!("{median:.2} ({least:.2}..{most:.2})");
    row.ratio.map(text).unwrap_or_default()
}

fn milliseconds(figure: Option<f64>) -> String {
    figure.map(|micros| format!("{:.2}", micros / 1000.0)).unwrap_or_default()
}

fn micros(figure: Option<f64>) -> String {
    figure.map(|micros| format!("{micros:.1}")).unwrap_or_default()
}

/// The table as lines of a terminal, and the count of what is met and what is not.
pub fn table(rows: &[Row]) -> String {
    let mut text = format!(
        "\n{:44} {:>9}  {:40} {:20} {:>8} {:>8} {:>8}  {:18} {}\n",
        "what", "a second", "beside", "ratio (least..most)", "p50 ms", "p99 ms", "CPU us", "goal", ""
    );
    for row in rows {
        let line = format!(
            "{:44} {:>9}  {:40} {:20} {:>8} {:>8} {:>8}  {:18} {:5} {}",
            row.what,
            rate(row),
            row.beside,
            ratio(row),
            milliseconds(row.p50),
            milliseconds(row.p99),
            micros(row.cpu),
            row.goal,
            verdict(row),
            row.note,
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let count = |wanted: bool| rows.iter().filter(|row| row.met == Some(wanted)).count();
    text.push_str(&format!("{} passed, {} failed\n", count(true), count(false)));
    text
}

/// The table as Markdown.
pub fn markdown(plan: &Plan, rows: &[Row]) -> String {
    let mut text = format!("{plan}.\n\n");
    text.push_str("| what | a second | beside | ratio (least..most) | p50 ms | p99 ms | CPU µs | goal | |\n");
    text.push_str("| --- | ---: | --- | --- | ---: | ---: | ---: | --- | --- |\n");
    for row in rows {
        let last = [verdict(row), row.note.trim()].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
        let cells = [
            row.what.clone(),
            rate(row),
            row.beside.clone(),
            ratio(row),
            milliseconds(row.p50),
            milliseconds(row.p99),
            micros(row.cpu),
            row.goal.clone(),
            last.join(": "),
        ];
        let cells = cells.map(|cell| cell.replace('|', "\\|").replace('\n', " "));
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    let count = |wanted: bool| rows.iter().filter(|row| row.met == Some(wanted)).count();
    text.push_str(&format!("\n{} goals met, {} short.\n", count(true), count(false)));
    text
}

/// Puts results between the two marks of a file.
pub fn fill(file: &Path, results: &str) -> io::Result<()> {
    fs::write(file, filled(file, results)?)
}

/// Could results be put into this file?
pub fn check(file: &Path) -> io::Result<()> {
    filled(file, "").map(|_| ())
}

fn filled(file: &Path, results: &str) -> io::Result<String> {
    let named = |why: &dyn std::fmt::Display| io::Error::other(format!("{}: {why}", file.display()));
    let text = fs::read_to_string(file).map_err(|error| named(&error))?;
    replaced(&text, results).ok_or_else(|| named(&format_args!("it lacks {BEGIN} … {END}")))
}

fn replaced(text: &str, results: &str) -> Option<String> {
    let (before, rest) = text.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{results}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_replace_those_before_and_nothing_else() {
        let once = replaced("a\n<!-- results -->\nold\n<!-- /results -->\nz\n", "new").expect("marks");
        assert_eq!(once, "a\n<!-- results -->\n\nnew\n<!-- /results -->\nz\n");
        assert_eq!(replaced(&once, "new").as_deref(), Some(&*once));
        assert_eq!(replaced("no marks", "new"), None);
    }

    #[test]
    fn the_last_line_counts_what_is_met_and_what_is_not() {
        let row = |met| Row { met, ..Row::default() };
        let text = table(&[row(Some(true)), row(None), row(Some(false)), row(Some(true))]);
        assert!(text.ends_with("\n2 passed, 1 failed\n"), "{text}");
    }
}
