//! What to measure, and how long.

use crate::baseline::Baseline;
use crate::load::Span;
use crate::work::Path;
use clap::{Args, Parser, ValueEnum};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "lessor-bench",
    about = "Measures Lessor beside its baselines",
    args_conflicts_with_subcommands = true
)]
pub struct Options {
    /// What the bench starts beside itself.
    #[command(subcommand)]
    pub baseline: Option<Baseline>,
    /// The bench itself.
    #[command(flatten)]
    pub run: Run,
}

/// Which engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Engines {
    Sqlite,
    Postgres,
    Both,
}

/// Options of a run.
#[derive(Debug, Args)]
pub struct Run {
    /// Two rounds of a second each at 10k and 100k licenses: to see that it works
    #[arg(long)]
    quick: bool,
    /// On which engine
    #[arg(long, value_enum, default_value = "both")]
    engine: Engines,
    /// Paths, separated by commas; `usage` for all about usage [default: all]
    #[arg(long, value_delimiter = ',')]
    paths: Vec<String>,
    /// Numbers of licenses, separated by commas [default: 10k,100k,1m]
    #[arg(long, value_delimiter = ',')]
    sizes: Vec<String>,
    /// Numbers of records of use, separated by commas [default: 100k,10m]
    #[arg(long, value_delimiter = ',')]
    records: Vec<String>,
    /// How often everything is measured [default: 5]
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one measurement [default: 3]
    #[arg(long)]
    seconds: Option<f64>,
    /// Where chance starts [default: chance]
    #[arg(long)]
    seed: Option<u64>,
    /// Keep the stores here, and use those that are here already [default: a temporary folder]
    #[arg(long)]
    data: Option<PathBuf>,
    /// Put the results into this file, between its two marks
    #[arg(long)]
    markdown: Option<PathBuf>,
}

/// What is going to be measured.
#[derive(Debug)]
pub struct Plan {
    /// On SQLite?
    pub sqlite: bool,
    /// On PostgreSQL?
    pub postgres: bool,
    /// Which paths.
    pub paths: Vec<Path>,
    /// Usage too?
    pub usage: bool,
    /// At how many records of use, the smallest number first.
    pub records: Vec<u64>,
    /// At how many licenses, the smallest number first.
    pub sizes: Vec<u64>,
    /// How often.
    pub rounds: usize,
    /// How long each time.
    pub span: Span,
    /// Connections of the load.
    pub connections: usize,
    /// Where chance starts.
    pub seed: u64,
    /// Where stores are kept.
    pub folder: Option<PathBuf>,
    /// Where results are written.
    pub markdown: Option<PathBuf>,
}

impl Run {
    /// What these options ask for.
    pub fn plan(&self) -> Result<Plan, Box<dyn Error>> {
        let named = |name: &String| {
            let path = Path::ALL.into_iter().find(|path| path.name() == name);
            let all = Path::ALL.map(Path::name).join(", ");
            path.ok_or_else(|| format!("there is no path {name:?}; there are {all} and {USAGE}"))
        };
        let paths: Vec<Path> = self.paths.iter().filter(|name| *name != USAGE).map(named).collect::<Result<_, _>>()?;
        let usual: &[u64] = if self.quick { &[10_000, 100_000] } else { &[10_000, 100_000, 1_000_000] };
        let sizes = sizes_of(&self.sizes, usual)?;
        let records = sizes_of(&self.records, if self.quick { &[100_000, 1_000_000] } else { &[100_000, 10_000_000] })?;
        let seconds = self.seconds.unwrap_or(if self.quick { 1.0 } else { 3.0 });
        if !(0.1..=3600.0).contains(&seconds) {
            return Err("--seconds is from 0.1 to 3600".into());
        }
        let time = Duration::from_secs_f64(seconds);
        let seed = match self.seed {
            Some(seed) => seed,
            None => getrandom::u64()?,
        };
        Ok(Plan {
            sqlite: self.engine != Engines::Postgres,
            postgres: self.engine != Engines::Sqlite,
            paths: if self.paths.is_empty() { Path::ALL.to_vec() } else { paths },
            usage: self.paths.is_empty() || self.paths.iter().any(|name| name == USAGE),
            records,
            sizes,
            rounds: self.rounds.unwrap_or(if self.quick { 2 } else { 5 }).max(1),
            span: Span { warm: time / 6, time },
            connections: 64,
            seed,
            folder: self.data.clone(),
            markdown: self.markdown.clone(),
        })
    }
}

/// What stands for all about usage among the paths.
const USAGE: &str = "usage";

/// Numbers in order, or the usual ones.
fn sizes_of(texts: &[String], usual: &[u64]) -> Result<Vec<u64>, String> {
    let mut sizes: Vec<u64> = texts.iter().map(|text| size(text)).collect::<Result<_, _>>()?;
    if sizes.is_empty() {
        sizes.extend(usual);
    }
    sizes.sort_unstable();
    sizes.dedup();
    Ok(sizes)
}

/// A number of licenses or records: `10k`, `1m`, `5000`.
fn size(text: &str) -> Result<u64, String> {
    let lower = text.to_ascii_lowercase();
    let (digits, unit) = match lower.strip_suffix('k') {
        Some(digits) => (digits, 1_000),
        None => lower.strip_suffix('m').map_or((lower.as_str(), 1), |digits| (digits, 1_000_000)),
    };
    let number = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    let fits = number.filter(|number| (1_000..=10_000_000).contains(number));
    fits.ok_or_else(|| format!("{text:?} is no number from 1k to 10m"))
}

/// A number of licenses as people write it.
pub fn short(size: u64) -> String {
    match size {
        size if size.is_multiple_of(1_000_000) => format!("{}m", size / 1_000_000),
        size if size.is_multiple_of(1_000) => format!("{}k", size / 1_000),
        size => size.to_string(),
    }
}

impl Plan {
    /// The size at which paths are judged: that of the goals, or the largest if it is left out.
    pub fn usual_size(&self) -> u64 {
        let usual = self.sizes.iter().copied().find(|size| *size == 100_000);
        usual.unwrap_or_else(|| self.largest())
    }

    /// The smallest size.
    pub fn smallest(&self) -> u64 {
        self.sizes.first().copied().unwrap_or_default()
    }

    /// The largest size.
    pub fn largest(&self) -> u64 {
        self.sizes.last().copied().unwrap_or_default()
    }

    /// The smallest number of records.
    pub fn least_records(&self) -> u64 {
        self.records.first().copied().unwrap_or_default()
    }

    /// The largest number of records.
    pub fn most_records(&self) -> u64 {
        self.records.last().copied().unwrap_or_default()
    }

    /// How long a path is measured. What answers from memory needs time to get there.
    pub fn span_of(&self, path: Path) -> Span {
        match path {
            Path::Validate => Span { warm: self.span.time, ..self.span },
            _ => self.span,
        }
    }

    /// Is this path measured?
    pub fn has(&self, path: Path) -> bool {
        self.paths.contains(&path)
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |sizes: &[u64]| sizes.iter().map(|size| short(*size)).collect::<Vec<_>>().join(", ");
        let licenses = if self.paths.is_empty() { String::new() } else { format!(", licenses {}", list(&self.sizes)) };
        let records = if self.usage { format!(", records of use {}", list(&self.records)) } else { String::new() };
        write!(
            f,
            "seed {}, {} rounds of {:.1} s, {} connections{licenses}{records}",
            self.seed,
            self.rounds,
            self.span.time.as_secs_f64(),
            self.connections,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_and_written_as_people_do() {
        assert_eq!((size("10k"), size("1M"), size("5000")), (Ok(10_000), Ok(1_000_000), Ok(5_000)));
        assert!(size("k").is_err() && size("99").is_err() && size("99m").is_err());
        assert_eq!((short(10_000), short(2_000_000), short(1_500)), ("10k".into(), "2m".into(), "1500".into()));
    }
}
