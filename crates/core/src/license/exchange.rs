//! Exchanges the product of a license for another.

use super::{Concurrency, License, MOST_UNITS, Role, Term, TermKind, Terms, in_range, rows, sale};
use crate::account::{self, Account};
use crate::agreement;
use crate::catalog;
use crate::context::Context;
use crate::device;
use crate::error::{Error, Noun, Refusal};
use crate::group;
use crate::id::{LicenseId, ProductId};
use crate::order;
use lessor_db::Tx;
use serde_json::json;

/// Exchanges the product of a license.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Which license.
    pub license: LicenseId,
    /// For which product.
    pub product: ProductId,
    /// How many places it has from then on, 1 to 1 000 000.
    pub quantity: i64,
}

/// Exchanges the product of a full license, where the catalog says so: the license keeps its code and its account, and has the
/// terms and grants of the new product. What was activated is returned, and the license is in no profile and no group.
///
/// # Errors
/// `NotFound` for license or product, `Forbidden`; `Held`, `TermOver`; `NotExchangeable` for another product than the catalog
/// names, for a trial, and for licenses of daemons and passive ones; `ProductInactive`, `NotOffered`, `NotAccepted`; `OutOfRange`; `Taken` for
/// a license of the new product that the account has already, and where another license of that product has the code.
pub fn exchange(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Exchange) -> Result<License, Error> {
    let before = super::lock_with_account(tx, cx, cmd.license)?;
    let product = catalog::rows::product(tx, cmd.product)?.filter(|product| product.tenant == before.tenant);
    let product = product.ok_or(Error::not_found(Noun::Product))?;
    before.in_order(account::is_held(tx, before.account)?, cx.now)?;
    let known = catalog::exchange_of(tx, before.product, product.id)?;
    let Some(known) = known.filter(|_| before.is_exchangeable()) else {
        return Err(Refusal::NotExchangeable.into());
    };
    if !product.active {
        return Err(Refusal::ProductInactive.into());
    }
    let owner = account::rows::by_id(tx, before.account)?.ok_or(Error::not_found(Noun::License))?;
    if !is_offered(tx, &owner, product.id)? {
        return Err(Refusal::NotOffered.into());
    }
    agreement::check_accepted(tx, &owner, product.id)?;
    order::refuse_second(tx, cx, before.account, product.id, None)?;
    let activation_limit = in_range("quantity", cmd.quantity, 1, MOST_UNITS)?;
    let term: Term = before.terms.term;
    device::end_all(tx, cx, before.id, device::ReturnCause::Exchanged)?;
    let ended = rows::by_id(tx, before.id)?.ok_or(Error::not_found(Noun::License))?;
    leave(tx, &before)?;
    rows::set_product(tx, before.id, product.id)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::License, &before.code))?;
    catalog::rows::grant_defaults(tx, product.id, before.id.0)?;
    let after = License {
        product: product.id,
        profile: None,
        terms: Terms { term, activation_limit, ..product.terms },
        ..ended
    };
    let told = json!({
        "product": { "before": before.product.to_string(), "after": product.id.to_string() },
        "direction": known.direction.word(),
    });
    sale::changed(tx, cx, &before, after, "license.exchanged", told)
}

impl License {
    /// Is it one of those whose product may be exchanged at all?
    fn is_exchangeable(&self) -> bool {
        self.role == Role::Standard
            && self.terms.concurrency != Concurrency::Network
            && self.terms.term.kind != TermKind::Trial
    }
}

/// Was a product offered to whoever sells to an account? A vendor's own licenses have no seller.
fn is_offered(tx: &mut dyn Tx, owner: &Account, product: ProductId) -> Result<bool, Error> {
    if owner.id == owner.tenant {
        return Ok(true);
    }
    let seller = order::seller_of(tx, owner)?;
    order::is_offered(tx, &seller, product)
}

/// What the product of a license may be exchanged for now: what the catalog has, of that what is active and was offered to
/// the seller, if the license is full and in order. For callers that have read the license.
///
/// # Errors
/// Those of storage.
pub fn open_exchanges(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    license: &License,
) -> Result<Vec<(catalog::Exchange, catalog::Product)>, Error> {
    let owner = account::rows::by_id(tx, license.account)?.ok_or(Error::not_found(Noun::License))?;
    let known = catalog::exchanges_of(tx, license.product)?;
    if known.is_empty() || !license.is_exchangeable() {
        return Ok(Vec::new());
    }
    if license.in_order(account::is_held(tx, owner.id)?, cx.now).is_err() {
        return Ok(Vec::new());
    }
    let mut open = Vec::with_capacity(known.len());
    for exchange in known {
        let product = catalog::rows::product(tx, exchange.to)?.ok_or(Error::not_found(Noun::Product))?;
        if product.active && is_offered(tx, &owner, product.id)? {
            open.push((exchange, product));
        }
    }
    Ok(open)
}

/// Takes away what belongs to the product that a license is of.
fn leave(tx: &mut dyn Tx, license: &License) -> Result<(), Error> {
    rows::erase_checkouts(tx, license.id)?;
    catalog::rows::delete_settings(tx, license.id.0)?;
    device::rows::texts::delete_of_license(tx, license.id)?;
    Ok(group::rows::delete_license(tx, license.id)?)
}
