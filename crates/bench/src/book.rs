//! What was measured, by name, a place for each round.

use crate::load::Sample;
use std::collections::BTreeMap;
use std::io;

/// Everything that was measured.
#[derive(Default)]
pub struct Book(BTreeMap<String, Vec<Result<Sample, String>>>);

/// Median, least and most.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    /// The one in the middle.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of some figures.
    pub fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let (least, most) = (*figures.first()?, *figures.last()?);
        let middle = figures.len() / 2;
        let median = match figures.len() % 2 {
            1 => figures[middle],
            _ => f64::midpoint(figures[middle - 1], figures[middle]),
        };
        Some(Self { median, least, most })
    }
}

impl Book {
    /// Writes down the next round of something. One refusal spoils it: what is refused is not what was to be measured.
    pub fn note(&mut self, name: String, sample: io::Result<Sample>) {
        let sample = match sample {
            Ok(Sample { refused: 0, rate, .. }) if rate <= 0.0 => Err("nothing was answered".to_owned()),
            Ok(sample) if sample.refused == 0 => Ok(sample),
            Ok(sample) => Err(format!("{} refused, first {}", sample.refused, sample.example.unwrap_or_default())),
            Err(error) => Err(error.to_string()),
        };
        match &sample {
            Ok(sample) => eprintln!("  {name}: {:.0}/s, p50 {} us, p99 {} us", sample.rate, sample.p50, sample.p99),
            Err(error) => eprintln!("  {name}: FAILED: {error}"),
        }
        self.0.entry(name).or_default().push(sample);
    }

    /// The rounds of something.
    pub fn samples(&self, name: &str) -> Result<Vec<&Sample>, String> {
        let all = self.0.get(name).ok_or_else(|| format!("{name} was not measured"))?;
        all.iter().map(|sample| sample.as_ref().map_err(Clone::clone)).collect()
    }

    /// A figure of something over its rounds.
    pub fn spread(&self, name: &str, figure: impl Fn(&Sample) -> f64) -> Result<Spread, String> {
        let figures = self.samples(name)?.into_iter().map(figure).collect();
        Spread::of(figures).ok_or_else(|| format!("{name} was not measured"))
    }

    /// The rate of one thing by that of another, round by round.
    pub fn ratio(&self, name: &str, to: &str) -> Result<Spread, String> {
        let (ours, theirs) = (self.samples(name)?, self.samples(to)?);
        let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.rate / theirs.rate).collect();
        Spread::of(ratios).ok_or_else(|| format!("{name} was not measured"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(rate: f64) -> io::Result<Sample> {
        Ok(Sample { rate, ..Sample::default() })
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut book = Book::default();
        for (ours, theirs) in [(1.0, 2.0), (4.0, 4.0), (3.0, 4.0)] {
            book.note("ours".into(), sample(ours));
            book.note("theirs".into(), sample(theirs));
        }
        let ratio = book.ratio("ours", "theirs").expect("measured");
        assert_eq!((ratio.least, ratio.median, ratio.most), (0.5, 0.75, 1.0));
    }

    #[test]
    fn one_refusal_spoils_a_measurement() {
        let mut book = Book::default();
        book.note("a".into(), sample(5.0));
        let refused = Sample { refused: 1, example: Some("404: gone".into()), rate: 9.0, ..Sample::default() };
        book.note("a".into(), Ok(refused));
        assert!(book.ratio("a", "a").expect_err("spoiled").contains("404"));
        assert!(book.samples("b").is_err());
    }
}
