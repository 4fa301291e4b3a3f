//! The lines of statements, each with the names that people know its account, product and license by.

use super::{NamedStatement, SaidLine, rows};
use crate::context::Context;
use crate::error::Error;
use crate::id::{AccountId, LicenseId, ProductId};
use lessor_db::Tx;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Why a line is on a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// It is what the month itself costs.
    Own,
    /// It was billed for a month closed before, and is not any more.
    Retracted(String),
    /// It is billed for a month closed before instead.
    Added(String),
}

/// A line of a statement, with names.
#[derive(Clone, Debug)]
pub struct StatementLine {
    /// Why it is there, and of which month it is.
    pub kind: LineKind,
    /// What it says.
    pub said: SaidLine,
    /// Whose use it is: its own account, or the statement's.
    pub account: String,
    /// That account's name, if the caller may see the account.
    pub account_name: Option<String>,
    /// The product's name.
    pub product_name: Option<String>,
    /// The license's code; a license that was removed has none.
    pub license_code: Option<String>,
}

/// The lines of statements, one after another, each with the place of its statement among them.
///
/// # Errors
/// Those of storage.
pub fn statement_lines(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    statements: &[NamedStatement],
) -> Result<Vec<(usize, StatementLine)>, Error> {
    let mut lines = Vec::new();
    for (at, named) in statements.iter().enumerate() {
        let said = named.statement.said()?;
        let own = said.lines.into_iter().map(|line| (LineKind::Own, line));
        let adjusted = said.adjustments.into_iter().map(|adjustment| match adjustment.kind.as_str() {
            "retracted" => (LineKind::Retracted(adjustment.month), adjustment.line),
            _ => (LineKind::Added(adjustment.month), adjustment.line),
        });
        lines.extend(own.chain(adjusted).map(|(kind, said)| (at, kind, said)));
    }
    let ids = |of: fn(&SaidLine) -> Option<Uuid>| -> Vec<Uuid> {
        let all: HashSet<Uuid> = lines.iter().filter_map(|(_, _, line)| of(line)).collect();
        all.into_iter().collect()
    };
    let mut accounts: HashMap<Uuid, String> = HashMap::new();
    for (id, name, path) in rows::account_names(tx, &ids(|line| Some(AccountId::parse(line.account.as_ref()?)?.0)))? {
        if cx.actor().level_at(&path).is_some() {
            accounts.insert(id, name);
        }
    }
    let products = rows::product_names(tx, &ids(|line| Some(ProductId::parse(line.product.as_ref()?)?.0)))?;
    let products: HashMap<Uuid, String> = products.into_iter().collect();
    let codes = rows::license_codes(tx, &ids(|line| Some(LicenseId::parse(line.license.as_ref()?)?.0)))?;
    let codes: HashMap<Uuid, String> = codes.into_iter().collect();
    let line = |(at, kind, said): (usize, LineKind, SaidLine)| {
        let owner = &statements[at];
        let (account, account_name) = match &said.account {
            Some(id) => (id.clone(), AccountId::parse(id).and_then(|id| accounts.get(&id.0).cloned())),
            None => (owner.statement.account.to_string(), Some(owner.account_name.clone())),
        };
        let product = said.product.as_deref().and_then(ProductId::parse);
        let license = said.license.as_deref().and_then(LicenseId::parse);
        let line = StatementLine {
            kind,
            account,
            account_name,
            product_name: product.and_then(|id| products.get(&id.0).cloned()),
            license_code: license.and_then(|id| codes.get(&id.0).cloned()),
            said,
        };
        (at, line)
    };
    Ok(lines.into_iter().map(line).collect())
}
