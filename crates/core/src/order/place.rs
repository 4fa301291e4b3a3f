//! Ordering a license for a customer.

use super::{is_offered, may_decide, rows, seller_of};
use crate::account::{self, Account, Kind};
use crate::agreement;
use crate::catalog::{self, Product};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, ProductId};
use crate::identity::Right;
use crate::license::{self, License, MOST_UNITS, Term, TermKind, in_range};
use lessor_db::Tx;

/// What is ordered, and for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// For which customer.
    pub customer: AccountId,
    /// What.
    pub product: ProductId,
    /// How many places, 1 to 1 000 000.
    pub quantity: i64,
    /// To try it out, for so many days (1 to 5000); `None` for a full license, without end.
    pub trial_days: Option<i64>,
}

/// Orders a license. It has the product's terms, but for how long and for how many; its code is the one given, or one of
/// chance.
///
/// # Errors
/// `NotFound` for customer or product; `Forbidden` also for whoever orders by request; `Malformed` where the account is no
/// customer; `Closed`, `Held`; `ProductInactive`; `NotOffered`, `TrialNotOffered`; `NotAccepted`; `OutOfRange`; `Taken` for the code of
/// the license that the customer has already, and for a code that the product has.
pub fn order(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Order, code: Option<&str>) -> Result<License, Error> {
    let customer = lock_customer(tx, cx, cmd.customer)?;
    may_decide(tx, cx)?;
    place(tx, cx, &customer, cmd, code)
}

/// The customer, locked: what is ordered for it is ordered one after the other.
pub(super) fn lock_customer(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let customer = account::rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &customer, Noun::Account)?;
    Ok(customer)
}

/// Issues the license, if nothing stands against it. The customer is locked.
pub(super) fn place(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    customer: &Account,
    cmd: &Order,
    code: Option<&str>,
) -> Result<License, Error> {
    let (product, term) = check(tx, cx, customer, cmd)?;
    agreement::check_accepted(tx, customer, product.id)?;
    license::issue_one(tx, cx, &product, customer, code, term, cmd.quantity)
}

/// May this be ordered, agreements apart? What it is of, and for how long.
pub(super) fn check(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    customer: &Account,
    cmd: &Order,
) -> Result<(Product, Term), Error> {
    let found = catalog::rows::product(tx, cmd.product)?.filter(|product| product.tenant == customer.tenant);
    let product = found.ok_or(Error::not_found(Noun::Product))?;
    if customer.kind != Kind::Customer {
        return Err(Error::malformed("customer", "licenses are ordered for customers"));
    }
    if customer.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    if account::is_held(tx, customer.id)? {
        return Err(Refusal::Held.into());
    }
    if !product.active {
        return Err(Refusal::ProductInactive.into());
    }
    let seller = seller_of(tx, customer)?;
    if !is_offered(tx, &seller, product.id)? {
        return Err(Refusal::NotOffered.into());
    }
    let term = match cmd.trial_days {
        Some(_) if !trials_allowed(tx, &seller)? => return Err(Refusal::TrialNotOffered.into()),
        Some(days) => Term::new(TermKind::Trial, in_range("trial_days", days, 1, 5_000)?, None)?,
        None => Term::PERPETUAL,
    };
    in_range("quantity", cmd.quantity, 1, MOST_UNITS)?;
    refuse_second(tx, cx, customer.id, product.id, None)?;
    Ok((product, term))
}

fn trials_allowed(tx: &mut dyn Tx, seller: &Account) -> Result<bool, Error> {
    Ok(seller.kind == Kind::Vendor || rows::rules(tx, seller.id)?.trials_allowed)
}

/// A customer has one license of a product, besides those whose term is over. Its account is locked.
pub(crate) fn refuse_second(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    customer: AccountId,
    product: ProductId,
    except: Option<LicenseId>,
) -> Result<(), Error> {
    match license::rows::running(tx, customer, product, except, cx.now)? {
        Some(code) => Err(Refusal::Taken { noun: Noun::License, name: code }.into()),
        None => Ok(()),
    }
}
