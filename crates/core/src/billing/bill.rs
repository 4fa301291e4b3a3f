//! Bills while they are being put together: what everybody is to pay for is gathered first, since the tier of a line is that of
//! all that is under the same price.

use super::line::{Counted, Key, Line};
use super::price::{Prices, When};
use super::price_list::{Billed, PriceList, Target};
use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{AccountId, ProductId};
use crate::metering::Meter;
use crate::metering::closed::{self, Asked};
use crate::metering::day::{Day, Month};
use crate::metering::seat_days::{Days, Loaded};
use lessor_db::Tx;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The lines of a bill.
pub(super) type Lines = BTreeMap<Key, Line>;

/// What was known of usage and of lists when a month was closed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// Lists that were made or ended later are left out.
    pub at: Timestamp,
    /// Records that missed the closing of this month are left out.
    pub closing: Month,
}

/// Who pays, by which list.
type Paid<'a> = (AccountId, &'a PriceList);

/// A month that is billed.
pub(super) struct Period<'a> {
    pub month: Month,
    pub days: &'a Days,
    /// Nothing counts that came to pass later.
    pub as_of: Timestamp,
    pub known: Known,
    pub meters: &'a HashMap<Target, Meter>,
}

/// Some accounts and all there is to count of them.
pub(super) struct Part<'a> {
    pub loaded: &'a Loaded,
    /// Those of them that are counted.
    pub accounts: HashSet<AccountId>,
}

/// Bills of a month.
pub(super) struct Bills<'a> {
    period: &'a Period<'a>,
    prices: &'a Prices,
    open: HashMap<AccountId, BTreeMap<Key, (PriceList, Counted)>>,
}

impl<'a> Bills<'a> {
    pub fn new(period: &'a Period<'a>, prices: &'a Prices) -> Self {
        Self { period, prices, open: HashMap::new() }
    }

    /// Bills each account for its own.
    pub fn own(&mut self, tx: &mut dyn Tx, part: &Part<'_>) -> Result<(), Error> {
        let prices = self.prices;
        let list = |account: AccountId, target: &Target, when: When| {
            prices.own(&part.loaded.tree.line_at(account, when.moment), target, when)
        };
        self.seats(part, Billed::Account, |account, target, when| Some((account, list(account, target, when)?)));
        for target in prices.meters(Billed::Account) {
            self.usage(tx, part, target, Billed::Account, |account, when| {
                Some((account, list(account, target, when)?))
            })?;
        }
        Ok(())
    }

    /// Bills one account for what of a part stood in its branch.
    pub fn branch(&mut self, tx: &mut dyn Tx, payer: AccountId, part: &Part<'_>) -> Result<(), Error> {
        let prices = self.prices;
        let list = |account: AccountId, target: &Target, when: When| {
            let list = prices.branch(payer, target, when)?;
            part.loaded.tree.line_at(account, when.moment).contains(&payer).then_some((payer, list))
        };
        self.seats(part, Billed::Branch, list);
        for target in prices.meters(Billed::Branch) {
            self.usage(tx, part, target, Billed::Branch, |account, when| list(account, target, when))?;
        }
        Ok(())
    }

    /// Adds the seats of each day to the bill of whom `payer` names.
    fn seats(&mut self, part: &Part<'_>, billed: Billed, payer: impl Fn(AccountId, &Target, When) -> Option<Paid<'a>>) {
        let days = self.period.days;
        let mut found: HashMap<(AccountId, ProductId, usize), Option<Paid<'_>>> = HashMap::new();
        for counted in part.loaded.count(days) {
            for run in &counted.runs {
                let segment = &counted.segments[run.segment];
                let account = segment.account;
                if segment.quantity == 0 || !segment.term.is_billed() || !part.accounts.contains(&account) {
                    continue;
                }
                for n in run.first..=run.last {
                    let when = When { day: days.day(n), moment: days.close_of(n) };
                    let paid = *found
                        .entry((account, segment.product, n))
                        .or_insert_with(|| payer(account, &Target::Product(segment.product), when));
                    let Some((payer, list)) = paid else { continue };
                    let (license, product, term) = (counted.license, segment.product, segment.term);
                    let new = Counted::Seats { license, product, term, days: Vec::new() };
                    if let Counted::Seats { days, .. } = self.line(payer, account, billed, list, new) {
                        days.push((when.day, segment.quantity, segment.id));
                    }
                }
            }
        }
    }

    /// Adds figures of the month to the bills of whom `payer` names. One price is for the whole month: that of its last day,
    /// or of the running one.
    fn usage(
        &mut self,
        tx: &mut dyn Tx,
        part: &Part<'_>,
        target: &Target,
        billed: Billed,
        payer: impl Fn(AccountId, When) -> Option<Paid<'a>>,
    ) -> Result<(), Error> {
        let period = self.period;
        let (Some(meter), Target::Meter(_, key)) = (period.meters.get(target), target) else { return Ok(()) };
        let Some(when) = last_of(meter, period.month, period.as_of) else { return Ok(()) };
        let mut paid: BTreeMap<AccountId, Paid<'_>> = BTreeMap::new();
        for account in &part.accounts {
            if let Some(payer) = payer(*account, when) {
                paid.insert(*account, payer);
            }
        }
        let accounts: Vec<AccountId> = paid.keys().copied().collect();
        let name = key.as_deref().unwrap_or_default();
        let (month, closing) = (period.month, period.known.closing);
        let asked = Asked { meter, key: name, month, until: when.day, closing };
        for (account, days) in closed::days(tx, &asked, &accounts)? {
            let quantity = asked.quantity(&days);
            if let Some((payer, list)) = paid.get(&account).filter(|_| quantity.sum != 0) {
                let usage = Counted::Usage { meter: Box::new(meter.clone()), key: key.clone(), days, quantity };
                self.line(*payer, account, billed, list, usage);
            }
        }
        Ok(())
    }

    /// The line of the payer's bill that something belongs to: what it was read off so far, or else `new`.
    fn line(
        &mut self,
        payer: AccountId,
        account: AccountId,
        billed: Billed,
        list: &PriceList,
        new: Counted,
    ) -> &mut Counted {
        let account = Some(account).filter(|_| billed == Billed::Branch);
        let key = Key { account, what: new.what(), list: list.id };
        &mut self.open.entry(payer).or_default().entry(key).or_insert_with(|| (list.clone(), new)).1
    }

    /// Finds the tiers. That of a line is by all that its payer pays for under the same target, billed alike.
    ///
    /// # Errors
    /// `OutOfRange` where an amount is more than can be written.
    pub fn lines(self) -> Result<HashMap<AccountId, Lines>, Error> {
        let month = self.period.month;
        let priced = |(payer, open): (AccountId, BTreeMap<Key, (PriceList, Counted)>)| {
            let mut sums: HashMap<(Target, Billed), i128> = HashMap::new();
            for (list, counted) in open.values() {
                *sums.entry((list.target.clone(), list.billed)).or_default() += counted.weight(month).sum;
            }
            let line = |(key, (list, counted)): (Key, (PriceList, Counted))| {
                let divisor = i128::from(counted.weight(month).divisor);
                let sum = sums.get(&(list.target.clone(), list.billed)).copied().unwrap_or_default();
                let line = counted.line(key.account, &list, (sum + divisor - 1).div_euclid(divisor))?;
                Ok((key, line))
            };
            let lines: Result<Lines, Error> = open.into_iter().map(line).collect();
            Ok((payer, lines?))
        };
        self.open.into_iter().map(priced).collect()
    }
}

/// The last day of a month that has begun by the days of a meter, and its last moment that has come.
fn last_of(meter: &Meter, month: Month, as_of: Timestamp) -> Option<When> {
    let day: Day = month.last().min(meter.days.day_of(as_of));
    let moment = meter.days.end(day).plus_micros(-1).min(as_of);
    (day >= month.first()).then_some(When { day, moment })
}
