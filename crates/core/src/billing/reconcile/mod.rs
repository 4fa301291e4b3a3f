//! Reconciliation: what another system says a month was, beside what our statements say.
//!
//! A table of the other system is read row by row, its names are looked up, and what it says of an account and an item (a
//! product, a license or a meter) is put beside the lines of the statements. What came of it is kept: who looks at it later sees
//! what was compared then. Names that the other system uses are remembered once somebody said whose they are.

mod claims;
mod compare;
mod exact;
mod kept;
mod names;
mod ours;
pub(crate) mod rows;
mod table;

pub use compare::{Comparison, compare};
pub use exact::Exact;
pub use kept::{delete_reconciliation, keep, reconciliation, reconciliation_rows, reconciliations};
pub use names::{Bound, RememberName, RememberedName, forget_name, remember_name, remembered_names};

use crate::clock::Timestamp;
use crate::error::Error;
use crate::id::{AccountId, ReconciliationId};
use crate::metering::day::Month;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// By what the figures of an account are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// By product: lines of licenses, all of a product together.
    Product,
    /// By license.
    License,
    /// By meter, and by its key where a line has one.
    Meter,
}

/// Which columns of a table say what, by the names in its head.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// Who is billed, and where one bill alone is looked at, whose use it is; without one, figures are those of all accounts
    /// together.
    pub account: Option<String>,
    /// Of what; without one, figures are those of all items together.
    pub item: Option<(Item, String)>,
    /// How much.
    pub quantity: Option<String>,
    /// What it costs.
    pub amount: Option<String>,
    /// In which currency.
    pub currency: Option<String>,
}

/// Compare a table of another system with the statements of a month.
#[derive(Clone, Debug)]
pub struct Reconcile<'a> {
    /// Whose statement.
    pub account: AccountId,
    /// With those of all accounts below it?
    pub branch: bool,
    /// Of which month: a closed one.
    pub month: Month,
    /// What people call it, 0 to 200 characters.
    pub name: String,
    /// The other system, whose names are remembered: 1 to 32 lower-case letters, digits, `_` or `-`.
    pub system: String,
    /// Which columns say what.
    pub columns: Columns,
    /// The currency of all rows, where no column says it: three capital letters.
    pub currency: Option<String>,
    /// Are adjustments of months before counted in, as in the totals of statements?
    pub adjustments: bool,
    /// By how much quantities may differ.
    pub quantity_tolerance: Exact,
    /// By how much amounts may differ.
    pub amount_tolerance: Exact,
    /// `,`, `;` or a tabulator; left out, it is found out.
    pub separator: Option<char>,
    /// `.` or `,`; left out, it is found out.
    pub decimal: Option<char>,
    /// The table itself.
    pub table: Cow<'a, str>,
}

/// What came of a row. What needs somebody to look at it comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The other system has it under a name that is not known here.
    Unknown,
    /// The statements have it, the other system has not.
    Missing,
    /// The other system says more.
    Over,
    /// The other system says less.
    Under,
    /// Both say the same, but for the tolerance.
    Matched,
}

impl Outcome {
    /// All, in the order in which their rows stand.
    pub const ALL: [Outcome; 5] = [Outcome::Unknown, Outcome::Missing, Outcome::Over, Outcome::Under, Outcome::Matched];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Outcome::Unknown => "unknown",
            Outcome::Missing => "missing",
            Outcome::Over => "over",
            Outcome::Under => "under",
            Outcome::Matched => "matched",
        }
    }
}

/// A figure as both sides have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pair {
    /// The other system's; none where it has no such row.
    pub theirs: Option<Exact>,
    /// The statements'; none where they have no such line.
    pub ours: Option<Exact>,
}

impl Pair {
    /// By how much the other system says more.
    pub fn difference(self) -> Exact {
        self.theirs.unwrap_or_default().minus(self.ours.unwrap_or_default())
    }
}

/// A row of a reconciliation, as it is kept. Ids are in their written form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciledRow {
    /// What came of it.
    pub outcome: Outcome,
    /// Who is billed or whose use it is, where accounts are told apart and this one is known.
    pub account: Option<String>,
    /// Our name of that account.
    pub account_name: Option<String>,
    /// The other system's.
    pub their_account: Option<String>,
    /// Of what: id of a product, license or meter.
    pub item: Option<String>,
    /// The key of the meter.
    pub key: Option<String>,
    /// Our name of the item: of a license its code.
    pub item_name: Option<String>,
    /// The other system's.
    pub their_item: Option<String>,
    /// The currency, where amounts are compared.
    pub currency: Option<String>,
    /// Quantities, where they are compared.
    pub quantity: Option<Pair>,
    /// Amounts, where they are compared.
    pub amount: Option<Pair>,
    /// How many rows of the table it is made of.
    pub rows: i64,
    /// The line on which the first of them begins.
    pub line: Option<i64>,
}

/// How many rows came out how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows of [`Outcome::Unknown`].
    pub unknown: i64,
    /// Rows of [`Outcome::Missing`].
    pub missing: i64,
    /// Rows of [`Outcome::Over`].
    pub over: i64,
    /// Rows of [`Outcome::Under`].
    pub under: i64,
    /// Rows of [`Outcome::Matched`].
    pub matched: i64,
}

impl Counts {
    /// How many came out so.
    pub fn of(&self, outcome: Outcome) -> i64 {
        match outcome {
            Outcome::Unknown => self.unknown,
            Outcome::Missing => self.missing,
            Outcome::Over => self.over,
            Outcome::Under => self.under,
            Outcome::Matched => self.matched,
        }
    }

    fn count(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Unknown => &mut self.unknown,
            Outcome::Missing => &mut self.missing,
            Outcome::Over => &mut self.over,
            Outcome::Under => &mut self.under,
            Outcome::Matched => &mut self.matched,
        } += 1;
    }
}

/// The amounts of all rows in a currency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReconciledTotal {
    /// The currency; none where neither side names one.
    pub currency: Option<String>,
    /// What both sides come to.
    pub amount: Pair,
}

/// What was compared, and how it came out: all of a reconciliation but its rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// What people call it.
    pub name: String,
    /// The other system.
    pub system: String,
    /// With the statements of all accounts below?
    pub branch: bool,
    /// Were accounts told apart?
    pub accounts: bool,
    /// By what else figures were told apart.
    pub item: Option<Item>,
    /// Were adjustments counted in?
    pub adjustments: bool,
    /// By how much quantities were allowed to differ; none where they were not compared.
    pub quantity_tolerance: Option<Exact>,
    /// By how much amounts were allowed to differ; none where they were not compared.
    pub amount_tolerance: Option<Exact>,
    /// SHA-256 of the table, in hexadecimal.
    pub digest: String,
    /// Rows of the table.
    pub table_rows: i64,
    /// How many rows came out how.
    pub counts: Counts,
    /// Sums of amounts, where they are compared.
    pub totals: Vec<ReconciledTotal>,
}

/// A table of another system and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reconciliation {
    /// Its id.
    pub id: ReconciliationId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// Whose statement.
    pub account: AccountId,
    /// Of which month.
    pub month: Month,
    /// What was compared, and how it came out.
    pub summary: Summary,
    /// When.
    pub created_at: Timestamp,
}

/// A system's name is a word.
fn check_system(system: &str) -> Result<(), Error> {
    let fits = (1..=32).contains(&system.len())
        && system.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    if fits { Ok(()) } else { Err(Error::malformed("system", "it is 1 to 32 lower-case letters, digits, `_` or `-`")) }
}
