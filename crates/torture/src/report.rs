//! What a harness found, and how it is told.

use serde_json::{Map, Value, json};

/// Most flaws of a kind that are told in words.
const TOLD: usize = 5;

/// A way in which a promise can be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// Something that was acknowledged is not there.
    Lost,
    /// One request had its effect twice, or an effect that nobody asked for.
    Duplicated,
    /// More was handed out than there is.
    OverAllocated,
    /// The storage is not whole, or the server does not start on it.
    Corrupt,
    /// Storage failed and nobody was told.
    Unnoticed,
    /// No order in which things happened one by one explains the answers.
    NotLinear,
    /// What was done again came out otherwise than before.
    Differing,
    /// An answer that no server gives that keeps its word.
    Wrong,
}

impl Flaw {
    const ALL: [Self; 8] = [
        Self::Lost,
        Self::Duplicated,
        Self::OverAllocated,
        Self::Corrupt,
        Self::Unnoticed,
        Self::NotLinear,
        Self::Differing,
        Self::Wrong,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::OverAllocated => "over_allocated",
            Self::Corrupt => "corrupt",
            Self::Unnoticed => "unnoticed",
            Self::NotLinear => "not_linear",
            Self::Differing => "differing",
            Self::Wrong => "wrong",
        }
    }
}

/// Flaws, counted by kind, the first few of each in words.
#[derive(Clone, Debug, Default)]
pub struct Flaws {
    counts: [u64; Flaw::ALL.len()],
    words: Vec<(Flaw, String)>,
}

impl Flaws {
    /// Notes one.
    pub fn note(&mut self, kind: Flaw, words: String) {
        self.counts[kind as usize] += 1;
        if self.words.iter().filter(|(other, _)| *other == kind).count() < TOLD {
            self.words.push((kind, words));
        }
    }

    /// Adds those that somebody else noted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count += more;
        }
        for (kind, words) in &other.words {
            if self.words.iter().filter(|(told, _)| told == kind).count() < TOLD {
                self.words.push((*kind, words.clone()));
            }
        }
    }

    /// The same, each said to be about something.
    pub fn about(mut self, what: &str) -> Self {
        self.words.iter_mut().for_each(|(_, words)| *words = format!("{what}: {words}"));
        self
    }

    /// How many of a kind.
    pub fn count(&self, kind: Flaw) -> u64 {
        self.counts[kind as usize]
    }

    /// How many in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

/// What one run of a harness found.
#[derive(Clone, Debug, Default)]
pub struct Finding {
    /// What was done, counted.
    pub figures: Vec<(&'static str, u64)>,
    /// What was not as promised.
    pub flaws: Flaws,
    /// The flaws that this harness looks for: the figures it always prints, and what its control must show.
    pub sought: &'static [Flaw],
}

/// Why a run did not come to its end.
#[derive(Debug)]
pub enum Stop {
    /// It cannot run here.
    Skip(String),
    /// It broke.
    Broken(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

/// Which run it is.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// The harness.
    pub harness: &'static str,
    /// What it runs on.
    pub engine: &'static str,
    /// Is a bug planted, that must be found?
    pub control: bool,
    /// What repeats it.
    pub seed: u64,
}

/// All runs of this process.
#[derive(Debug, Default)]
pub struct Report {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Report {
    /// Tells how one run ended and counts it. A control passes when the planted bug was found.
    pub fn take(&mut self, run: Run, seconds: f64, ended: Result<Finding, Stop>) {
        let name = format!("{} on {}{}", run.harness, run.engine, if run.control { ", control" } else { "" });
        let mut line = Map::new();
        line.insert("harness".into(), json!(run.harness));
        line.insert("engine".into(), json!(run.engine));
        line.insert("control".into(), json!(run.control));
        line.insert("seed".into(), json!(run.seed));
        let verdict = match ended {
            Ok(finding) => {
                let held = self.judge(&name, run.control, &finding);
                line.extend(figures(&finding));
                held
            }
            Err(Stop::Skip(reason)) => {
                println!("SKIP {name}: {reason}");
                self.skipped += 1;
                return;
            }
            Err(Stop::Broken(error)) => {
                println!("FAILED {name}: it did not come to its end: {error:#}");
                line.insert("broken".into(), json!(format!("{error:#}")));
                false
            }
        };
        line.insert("seconds".into(), json!((seconds * 10.0).round() / 10.0));
        line.insert("verdict".into(), json!(if verdict { "passed" } else { "failed" }));
        println!("{}", Value::Object(line));
        if verdict {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }

    fn judge(&self, name: &str, control: bool, finding: &Finding) -> bool {
        let found: u64 = finding.sought.iter().map(|kind| finding.flaws.count(*kind)).sum();
        if control {
            if found == 0 {
                println!("FAILED {name}: the planted bug was not found");
            }
            return found > 0;
        }
        for (kind, words) in &finding.flaws.words {
            println!("FAILED {name}: {}: {words}", kind.name());
        }
        finding.flaws.total() == 0
    }

    /// The last line, and the exit code: 0 when everything ran and held, 1 when not, 3 when something could not run.
    pub fn end(&self) -> u8 {
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        println!("{} passed, {} failed{skipped}", self.passed, self.failed);
        match (self.failed, self.skipped, self.passed) {
            (1.., _, _) | (0, 0, 0) => 1,
            (0, 1.., _) => 3,
            (0, 0, _) => 0,
        }
    }
}

fn figures(finding: &Finding) -> Map<String, Value> {
    let mut line: Map<String, Value> =
        finding.figures.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
    for kind in Flaw::ALL {
        let count = finding.flaws.count(kind);
        if count > 0 || finding.sought.contains(&kind) {
            line.insert(kind.name().to_owned(), json!(count));
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(control: bool, kind: Option<Flaw>) -> u8 {
        let mut finding = Finding { sought: &[Flaw::Lost], ..Finding::default() };
        if let Some(kind) = kind {
            finding.flaws.note(kind, "it is gone".into());
        }
        let mut report = Report::default();
        report.take(Run { harness: "h", engine: "e", control, seed: 1 }, 0.0, Ok(finding));
        report.end()
    }

    #[test]
    fn a_run_passes_without_flaws_and_a_control_with_those_it_is_for() {
        assert_eq!(take(false, None), 0);
        assert_eq!(take(false, Some(Flaw::Lost)), 1);
        assert_eq!(take(false, Some(Flaw::Wrong)), 1);
        assert_eq!(take(true, None), 1);
        assert_eq!(take(true, Some(Flaw::Wrong)), 1, "another flaw than the planted one");
        assert_eq!(take(true, Some(Flaw::Lost)), 0);
    }

    #[test]
    fn a_run_that_could_not_be_made_is_no_success() {
        let run = Run { harness: "h", engine: "e", control: false, seed: 1 };
        let mut report = Report::default();
        report.take(run, 0.0, Err(Stop::Skip("no root".into())));
        assert_eq!(report.end(), 3);
        report.take(run, 0.0, Err(Stop::Broken(anyhow::anyhow!("broken"))));
        assert_eq!(report.end(), 1);
        assert_eq!(Report::default().end(), 1);
    }
}
