//! The comparison itself: a query, so that nothing waits while a large table is read.

use super::claims::{self, Figures, Named, is_currency};
use super::names::{self, Book};
use super::ours::{self, ItemId, Key, Ours, Sums};
use super::{
    Counts, Exact, Item, Outcome, Pair, Reconcile, ReconciledRow, ReconciledTotal, Summary, check_system, rows,
};
use crate::account;
use crate::billing::reading;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, MeterId, ProductId};
use crate::identity::Right;
use crate::metering::day::Month;
use crate::text::check_remark;
use lessor_db::Tx;
use lessor_lease::to_hex;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// Most bytes of a table.
const MOST_BYTES: usize = 8 << 20;

/// A comparison that was made, to be kept.
#[derive(Clone, Debug)]
pub struct Comparison {
    pub(super) account: AccountId,
    pub(super) month: Month,
    pub(super) summary: Summary,
    /// The rows as they are kept, in the order of their outcomes.
    pub(super) sheets: Vec<String>,
}

/// Puts a table beside the statements of a closed month.
///
/// # Errors
/// `NotFound` for the account; `Forbidden` for who may not write bills, or does not see all of the branch; `Malformed` for a
/// table that cannot be read (with line and column), for columns that do not fit, and for a month that is not closed.
pub fn compare(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Reconcile<'_>) -> Result<Comparison, Error> {
    let account = account::authorized(tx, cx, cmd.account, &Action::write(Right::BILLING_WRITE), Noun::Account)?;
    if reading::hides(cx, &account) {
        return Err(Error::Forbidden);
    }
    check(cmd)?;
    if !rows::is_closed(tx, account.tenant, cmd.month)? {
        return Err(Error::malformed("month", "it is not closed"));
    }
    let claims = claims::read(cmd)?;
    let ours = ours::read(tx, &account, cmd)?;
    let currency = sole_currency(cmd, &ours)?;
    let book = names::book(tx, &account, cmd, &claims, &ours)?;
    let table_rows = claims.rows;
    let mut sheet = Sheet { cmd, book, claimed: HashMap::new(), rows: Vec::new() };
    let mut figures: Vec<(Named, Figures)> = claims.figures.into_iter().collect();
    figures.sort_by_key(|(_, figures)| figures.line);
    for (named, figures) in figures {
        sheet.take(tx, cx, named, figures, currency.as_ref())?;
    }
    let mut compared = sheet.compared(ours);
    compared.sort_by(|one, other| place(one).cmp(&place(other)));
    let mut counts = Counts::default();
    compared.iter().for_each(|row| counts.count(row.outcome));
    let summary = Summary {
        name: cmd.name.clone(),
        system: cmd.system.clone(),
        branch: cmd.branch,
        accounts: cmd.columns.account.is_some(),
        item: cmd.columns.item.as_ref().map(|(item, _)| *item),
        adjustments: cmd.adjustments,
        quantity_tolerance: cmd.columns.quantity.as_ref().map(|_| cmd.quantity_tolerance),
        amount_tolerance: cmd.columns.amount.as_ref().map(|_| cmd.amount_tolerance),
        digest: to_hex(&Sha256::digest(cmd.table.as_bytes())),
        table_rows,
        counts,
        totals: totals(&compared),
    };
    Ok(Comparison { account: account.id, month: cmd.month, summary, sheets: rows::sheets(&compared)? })
}

fn check(cmd: &Reconcile<'_>) -> Result<(), Error> {
    if cmd.table.len() > MOST_BYTES {
        return Err(Error::malformed("table", "it has at most 8 MiB"));
    }
    check_system(&cmd.system)?;
    check_remark("name", &cmd.name, 200)?;
    let columns = &cmd.columns;
    if columns.quantity.is_none() && columns.amount.is_none() {
        return Err(Refusal::Missing { field: "amount_column" }.into());
    }
    if columns.quantity.is_some() && columns.item.is_none() {
        return Err(Error::malformed(
            "quantity_column",
            "quantities are of products, licenses or meters: name their column",
        ));
    }
    if columns.amount.is_none() && (columns.currency.is_some() || cmd.currency.is_some()) {
        return Err(Error::malformed("currency", "only amounts have one"));
    }
    if columns.currency.is_some() && cmd.currency.is_some() {
        return Err(Error::malformed("currency", "give this or `currency_column`"));
    }
    if cmd.currency.as_deref().is_some_and(|currency| !is_currency(currency)) {
        return Err(Error::malformed("currency", "it is three capital letters"));
    }
    if cmd.separator.is_some_and(|mark| ![',', ';', '\t'].contains(&mark)) {
        return Err(Error::malformed("separator", "it is `,`, `;` or a tabulator"));
    }
    if cmd.decimal.is_some_and(|mark| !['.', ','].contains(&mark)) {
        return Err(Error::malformed("decimal", "it is `.` or `,`"));
    }
    for (field, tolerance) in
        [("quantity_tolerance", cmd.quantity_tolerance), ("amount_tolerance", cmd.amount_tolerance)]
    {
        if tolerance < Exact::ZERO {
            return Err(Error::malformed(field, "it must not be below 0"));
        }
    }
    Ok(())
}

/// The currency of amounts that say none: the only one of the statements.
fn sole_currency(cmd: &Reconcile<'_>, ours: &Ours) -> Result<Option<String>, Error> {
    if cmd.columns.amount.is_none() || cmd.columns.currency.is_some() || cmd.currency.is_some() {
        return Ok(None);
    }
    let all = ours.currencies();
    if all.len() > 1 {
        let all: Vec<&str> = all.into_iter().map(String::as_str).collect();
        let reason = format!("the statements are in {}: say which the table is in", all.join(", "));
        return Err(Error::malformed("currency", reason));
    }
    Ok(all.into_iter().next().cloned())
}

/// What a row of the table is known as here.
struct Claimed {
    figures: Figures,
    /// In the words of the row that came first.
    named: Named,
}

struct Sheet<'a> {
    cmd: &'a Reconcile<'a>,
    book: Book,
    claimed: HashMap<Key, Claimed>,
    rows: Vec<ReconciledRow>,
}

impl Sheet<'_> {
    /// Finds out whose a claim is. Where a name is not known, that is what came of it.
    fn take(
        &mut self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        named: Named,
        figures: Figures,
        currency: Option<&String>,
    ) -> Result<(), Error> {
        let account = match &named.account {
            Some(text) => self.book.account(tx, cx, text)?,
            None => None,
        };
        let item = match &named.item {
            Some(text) => self.book.item(tx, cx, text)?,
            None => None,
        };
        let known = account.is_some() == named.account.is_some() && item.is_some() == named.item.is_some();
        let key = Key { account, item, currency: named.currency.clone().or_else(|| currency.cloned()) };
        if !known {
            let row = self.row(&key, Some(&Claimed { figures, named }), None);
            self.rows.push(ReconciledRow { outcome: Outcome::Unknown, ..row });
            return Ok(());
        }
        // Several names may be of one record.
        match self.claimed.get_mut(&key) {
            Some(claimed) => claimed.figures.add(&figures),
            None => drop(self.claimed.insert(key, Claimed { figures, named })),
        }
        Ok(())
    }

    fn compared(mut self, mut ours: Ours) -> Vec<ReconciledRow> {
        let mut rows = std::mem::take(&mut self.rows);
        for (key, claimed) in &self.claimed {
            let sums = ours.figures.remove(key);
            rows.push(self.row(key, Some(claimed), sums));
        }
        rows.extend(ours.figures.iter().map(|(key, sums)| self.row(key, None, Some(*sums))));
        rows
    }

    fn row(&self, key: &Key, claimed: Option<&Claimed>, ours: Option<Sums>) -> ReconciledRow {
        let (cmd, theirs) = (self.cmd, claimed.map(|claimed| claimed.figures));
        let pair = |is: bool, theirs: Option<Exact>, ours: Option<Exact>| is.then_some(Pair { theirs, ours });
        let quantity = pair(
            cmd.columns.quantity.is_some(),
            theirs.map(|figures| figures.quantity),
            ours.map(|(quantity, _)| quantity),
        );
        let amount =
            pair(cmd.columns.amount.is_some(), theirs.map(|figures| figures.amount), ours.map(|(_, amount)| amount));
        let item = cmd.columns.item.as_ref().map(|(item, _)| *item);
        ReconciledRow {
            outcome: match claimed {
                Some(_) => outcome(cmd, quantity, amount),
                None => Outcome::Missing,
            },
            account: key.account.map(|id| AccountId(id).to_string()),
            account_name: key.account.and_then(|id| self.book.account_name(id)),
            their_account: claimed.and_then(|claimed| claimed.named.account.clone()),
            item: key.item.as_ref().zip(item).map(|(id, item)| written(item, id)),
            key: key.item.as_ref().map(|(_, key)| key.clone()).filter(|key| !key.is_empty()),
            item_name: key.item.as_ref().and_then(|id| self.book.item_name(id)),
            their_item: claimed.and_then(|claimed| claimed.named.item.clone()),
            currency: key.currency.clone(),
            quantity,
            amount,
            rows: theirs.map_or(0, |figures| figures.rows),
            line: theirs.map(|figures| i64::try_from(figures.line).unwrap_or(i64::MAX)),
        }
    }
}

/// Money first: where amounts differ by more than they may, they decide, and otherwise quantities.
fn outcome(cmd: &Reconcile<'_>, quantity: Option<Pair>, amount: Option<Pair>) -> Outcome {
    let differs = |pair: Option<Pair>, tolerance: Exact| {
        pair.map(Pair::difference).filter(|difference| difference.size() > tolerance)
    };
    match differs(amount, cmd.amount_tolerance).or_else(|| differs(quantity, cmd.quantity_tolerance)) {
        None => Outcome::Matched,
        Some(difference) if difference > Exact::ZERO => Outcome::Over,
        Some(_) => Outcome::Under,
    }
}

fn written(item: Item, (id, _): &ItemId) -> String {
    match item {
        Item::Product => ProductId(*id).to_string(),
        Item::License => LicenseId(*id).to_string(),
        Item::Meter => MeterId(*id).to_string(),
    }
}

/// Where a row stands: by its outcome, then as in the table, and behind it as our accounts are called.
fn place(row: &ReconciledRow) -> impl Ord + '_ {
    (
        row.outcome,
        row.line.unwrap_or(i64::MAX),
        &row.account_name,
        &row.item_name,
        &row.currency,
        (&row.account, &row.item, &row.key),
    )
}

fn totals(rows: &[ReconciledRow]) -> Vec<ReconciledTotal> {
    let mut sums: BTreeMap<Option<String>, Pair> = BTreeMap::new();
    for row in rows {
        let Some(amount) = row.amount else { continue };
        let sum = sums.entry(row.currency.clone()).or_insert(Pair { theirs: None, ours: None });
        let add =
            |sum: Option<Exact>, figure: Option<Exact>| Some(sum.unwrap_or_default().plus(figure.unwrap_or_default()));
        *sum = Pair { theirs: add(sum.theirs, amount.theirs), ours: add(sum.ours, amount.ours) };
    }
    sums.into_iter().map(|(currency, amount)| ReconciledTotal { currency, amount }).collect()
}
