//! What is asked of the server.

use super::Facts;
use crate::load::Work;
use crate::request;
use lessor_core::Timestamp;
use lessor_testkit::random::Random;
use std::fmt::Write as _;

/// Records of the last day, so many at once, of any customers, under ids of chance.
pub struct Tell<'a> {
    facts: &'a Facts,
    count: usize,
    chance: Random,
    body: String,
}

impl<'a> Tell<'a> {
    /// So many at once.
    pub fn new(facts: &'a Facts, count: usize, chance: Random) -> Self {
        Self { facts, count, chance, body: String::new() }
    }
}

impl Work for Tell<'_> {
    fn ask(&mut self, _connection: usize, request: &mut Vec<u8>) -> bool {
        let Self { facts, count, chance, body } = self;
        body.clear();
        body.push('[');
        for number in 0..*count {
            let comma = if number == 0 { "" } else { "," };
            let at = Timestamp::from_micros(facts.until - chance.below(86_400_000) as i64 * 1_000);
            let account = &facts.accounts[chance.below(facts.accounts.len() as u64) as usize];
            let (id, value) = (chance.number(), chance.below(100));
            // Writing into memory does not fail.
            let _ = write!(
                body,
                r#"{comma}{{"id":"{id:016x}","source":"meter-of-the-bench","time":"{at}","account":"{account}","meter":"api.calls","value":{value}}}"#
            );
        }
        body.push(']');
        request::post(request, format_args!("/v1/usage"), Some(&facts.key), format_args!("{body}"));
        true
    }

    fn take(&mut self, _connection: usize, _body: &[u8]) {}
}

/// What was used in the month before the last record.
pub struct Report<'a> {
    facts: &'a Facts,
    chance: Random,
    all: bool,
}

impl<'a> Report<'a> {
    /// By any one customer.
    pub fn of_one(facts: &'a Facts, chance: Random) -> Self {
        Self { facts, chance, all: false }
    }

    /// By all of them, as a table.
    pub fn of_all(facts: &'a Facts, chance: Random) -> Self {
        Self { facts, chance, all: true }
    }
}

/// The first and the last day of the month before the last record.
pub fn month(facts: &Facts) -> (i64, String, String) {
    use lessor_core::metering::day::DayRule;
    let month = DayRule::utc().day_of(Timestamp::from_micros(facts.until)).month().before();
    (month.number(), month.first().to_string(), month.last().to_string())
}

impl Work for Report<'_> {
    fn ask(&mut self, _connection: usize, request: &mut Vec<u8>) -> bool {
        let (_, from, until) = month(self.facts);
        let which = if self.all {
            "each=account&format=csv".to_owned()
        } else {
            let account = &self.facts.accounts[self.chance.below(self.facts.accounts.len() as u64) as usize];
            format!("account={account}")
        };
        let target =
            format_args!("/v1/reports/usage?meter=api.calls&from={from}&until={until}&per=month&{which}").to_string();
        let bearer = format!("Bearer {}", self.facts.key);
        request::get(request, format_args!("{target}"), Some(&bearer));
        true
    }

    fn take(&mut self, _connection: usize, _body: &[u8]) {}
}

/// What bare axum is asked.
pub struct Plain;

impl Work for Plain {
    fn ask(&mut self, _connection: usize, request: &mut Vec<u8>) -> bool {
        request::get(request, format_args!("/"), None);
        true
    }

    fn take(&mut self, _connection: usize, _body: &[u8]) {}
}
