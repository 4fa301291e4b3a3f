//! What a statement says: its lines, what came out otherwise of months closed before, and what all that comes to. The same
//! facts always make the same bytes.

use super::bill::{Bills, Known, Lines, Part, Period};
use super::branch::Branches;
use super::close::Closing;
use super::line::Line;
use super::price::Prices;
use super::price_list::{PriceList, Target};
use super::{Amount, rows};
use crate::clock::Timestamp;
use crate::error::{Error, Refusal};
use crate::id::AccountId;
use crate::metering::closed::{Late, first_late};
use crate::metering::day::{Day, DayRule, Month};
use crate::metering::seat_days::{self, Days};
use crate::metering::{self, Meter};
use lessor_db::Tx;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use uuid::Uuid;

/// Of which facts a statement is made.
#[derive(Clone, Debug)]
pub(super) struct Basis {
    pub tenant: AccountId,
    pub month: Month,
    /// What was not known then, is left out.
    pub as_of: Timestamp,
    /// The months closed before.
    pub closed: Vec<Month>,
    /// What was known when the last of them was.
    pub before: Option<Known>,
}

impl Basis {
    /// What a month's statements are made of, or would be: `closings` are all of the tenant.
    pub fn of(tenant: AccountId, month: Month, as_of: Timestamp, closings: &[Closing]) -> Self {
        let before: Vec<&Closing> = closings.iter().filter(|closing| closing.month < month).collect();
        Self {
            tenant,
            month,
            as_of,
            closed: before.iter().map(|closing| closing.month).collect(),
            before: before.last().map(|closing| Known { at: closing.as_of, closing: closing.month }),
        }
    }

    /// What is known now.
    fn known(&self) -> Known {
        Known { at: self.as_of, closing: self.month }
    }
}

#[derive(Serialize)]
struct Document<'a> {
    account: String,
    month: String,
    time_zone: &'a str,
    cutoff_minutes: i64,
    lines: Vec<Line>,
    adjustments: Vec<Adjustment>,
    totals: Vec<Total>,
}

/// A line of a closed month that came out otherwise since.
#[derive(Serialize)]
struct Adjustment {
    month: String,
    /// `retracted`: what was billed, and is not any more; `added`: what is billed instead.
    kind: &'static str,
    line: Line,
}

#[derive(Serialize)]
struct Total {
    currency: String,
    amount: String,
    minor_units: i128,
}

/// The documents of those of these accounts that have any line or adjustment.
pub(super) fn documents(
    tx: &mut dyn Tx,
    basis: &Basis,
    accounts: &[AccountId],
) -> Result<BTreeMap<AccountId, String>, Error> {
    let rule = DayRule::new(seat_days::ZONE, seat_days::CUTOFF_MINUTES)?;
    let sheet = Sheet { basis, rule: &rule };
    let mut lines = sheet.lines(tx, accounts, basis.month, basis.known())?;
    let mut adjustments = sheet.adjustments(tx, accounts)?;
    let mut documents = BTreeMap::new();
    for account in accounts {
        let lines: Vec<Line> = lines.remove(account).unwrap_or_default().into_values().collect();
        let adjustments = adjustments.remove(account).unwrap_or_default();
        if lines.is_empty() && adjustments.is_empty() {
            continue;
        }
        let document = Document {
            account: account.to_string(),
            month: basis.month.to_string(),
            time_zone: rule.zone(),
            cutoff_minutes: rule.cutoff_minutes(),
            totals: totals(lines.iter().chain(adjustments.iter().map(|adjustment| &adjustment.line)))?,
            lines,
            adjustments,
        };
        let text =
            serde_json::to_string(&document).map_err(|error| Error::malformed("statement", error.to_string()))?;
        documents.insert(*account, text);
    }
    Ok(documents)
}

/// What all documents that are made at once have in common.
struct Sheet<'a> {
    basis: &'a Basis,
    rule: &'a DayRule,
}

impl Sheet<'_> {
    /// The lines of a month of these accounts, as far as known.
    fn lines(
        &self,
        tx: &mut dyn Tx,
        accounts: &[AccountId],
        month: Month,
        known: Known,
    ) -> Result<HashMap<AccountId, Lines>, Error> {
        let basis = self.basis;
        let days = Days::new(self.rule, month.first(), month.last(), basis.as_of);
        let ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
        let loaded = seat_days::load_accounts(tx, &ids, days.span())?;
        let lists = rows::of_accounts(tx, &loaded.known)?;
        let prices = Prices::known_at(&lists, &rows::spans(tx, basis.tenant)?, known.at);
        let meters = meters(tx, &lists)?;
        let period = Period { month, days: &days, as_of: basis.as_of, known, meters: &meters };
        let mut bills = Bills::new(&period, &prices);
        bills.own(tx, &Part { loaded: &loaded, accounts: accounts.iter().copied().collect() })?;
        let payers = accounts.iter().copied().filter(|account| prices.has_branch(*account, month)).collect();
        Branches::of(tx, basis.tenant, payers, &days)?
            .each_part(tx, |tx, payer, part| bills.branch(tx, payer, part))?;
        bills.lines()
    }

    /// What came out otherwise of months closed before.
    fn adjustments(
        &self,
        tx: &mut dyn Tx,
        accounts: &[AccountId],
    ) -> Result<HashMap<AccountId, Vec<Adjustment>>, Error> {
        let basis = self.basis;
        let mut adjustments: HashMap<AccountId, Vec<Adjustment>> = HashMap::new();
        let Some(before) = basis.before else { return Ok(adjustments) };
        let since = (before.closing, basis.month);
        let first_price = rows::changed_from(tx, basis.tenant, before.at, basis.as_of)?;
        let ids: Vec<Uuid> = accounts.iter().map(|id| id.0).collect();
        let late = Late::load(tx, basis.tenant, &ids, before.closing)?;
        let payers = rows::of_branches(tx, &ids)?;
        let first_late = if payers.is_empty() { None } else { first_late(tx, basis.tenant, since)? };
        for month in basis.closed.iter().copied() {
            let reaches = |first: Option<Day>| first.is_some_and(|first| first <= month.last());
            let may_differ = |account: &AccountId| {
                reaches(first_price)
                    || late.changes(*account, month, since)
                    || (reaches(first_late) && payers.contains(account))
            };
            let accounts: Vec<AccountId> = accounts.iter().copied().filter(may_differ).collect();
            if accounts.is_empty() {
                continue;
            }
            let was = self.lines(tx, &accounts, month, before)?;
            let now = self.lines(tx, &accounts, month, basis.known())?;
            for account in accounts {
                let differing = differences(month, was.get(&account), now.get(&account));
                adjustments.entry(account).or_default().extend(differing);
            }
        }
        Ok(adjustments)
    }
}

/// The meters that lists are for.
fn meters(tx: &mut dyn Tx, lists: &[PriceList]) -> Result<HashMap<Target, Meter>, Error> {
    let mut meters = HashMap::new();
    for list in lists {
        if let Target::Meter(id, _) = &list.target
            && !meters.contains_key(&list.target)
            && let Some(meter) = metering::rows::meter(tx, *id)?
        {
            meters.insert(list.target.clone(), meter);
        }
    }
    Ok(meters)
}

fn differences(month: Month, was: Option<&Lines>, now: Option<&Lines>) -> Vec<Adjustment> {
    let empty = BTreeMap::new();
    let (was, now) = (was.unwrap_or(&empty), now.unwrap_or(&empty));
    let adjustment = |kind, line| Adjustment { month: month.to_string(), kind, line };
    let stays = |other: Option<&Line>, line: &Line| other.is_some_and(|other| other.says_the_same(line));
    let gone = was.iter().filter(|(key, line)| !stays(now.get(key), line));
    let gone = gone.map(|(_, line)| adjustment("retracted", line.retracted()));
    let new = now.iter().filter(|(key, line)| !stays(was.get(key), line));
    gone.chain(new.map(|(_, line)| adjustment("added", line.clone()))).collect()
}

fn totals<'a>(lines: impl Iterator<Item = &'a Line>) -> Result<Vec<Total>, Error> {
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for line in lines {
        let sum = sums.entry(&line.currency).or_default();
        let too_much = Refusal::OutOfRange { field: "amount", min: 0, max: i64::MAX };
        *sum = sum.plus(line.amount).ok_or(too_much)?;
    }
    let total = |(currency, sum): (&str, Amount)| Total {
        currency: currency.to_owned(),
        amount: sum.to_string(),
        minor_units: sum.minor_units(currency),
    };
    Ok(sums.into_iter().map(total).collect())
}
