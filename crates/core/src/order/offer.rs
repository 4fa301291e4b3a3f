//! Offers: what an account may order for those right below it.

use super::rows;
use crate::account::{self, Account, Kind};
use crate::catalog::{self, Product};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, ProductId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use lessor_db::Tx;
use serde_json::json;

/// Most products that are offered to one account.
const MOST: usize = 1_000;

/// Offers an account products, and takes offers back. Licenses that were ordered stay as they are.
#[derive(Clone, Debug)]
pub struct ChangeOffers {
    /// To which account.
    pub account: AccountId,
    /// What it may order from now on. What it may order already is no error.
    pub add: Vec<ProductId>,
    /// What it may not order any more. What it may not order anyway is no error.
    pub remove: Vec<ProductId>,
}

/// What an account may order, in the order in which the products were made: for a vendor all that it sells.
///
/// # Errors
/// `NotFound(Account)`, `Forbidden`.
pub fn offers(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<Vec<Product>, Error> {
    let account = account::get(tx, cx, account)?;
    if account.kind == Kind::Vendor {
        return Ok(catalog::rows::products(tx, account.id, None, u32::MAX)?);
    }
    Ok(rows::offers(tx, account.id)?)
}

/// Changes what an account may order. That is for those above the account, and each offers what it was offered itself.
///
/// # Errors
/// `NotFound` for the account or a product, `Forbidden`, `NotOffered` for what the caller's own account may not order, `Malformed`
/// for a vendor, `OutOfRange` for more than 1000 products, `Closed`.
pub fn change_offers(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeOffers) -> Result<Vec<Product>, Error> {
    let account = lock_granted(tx, cx, cmd.account)?;
    for product in cmd.add.iter().chain(&cmd.remove) {
        let found = catalog::rows::product(tx, *product)?.filter(|product| product.tenant == account.tenant);
        found.ok_or(Error::not_found(Noun::Product))?;
    }
    let before = rows::offers(tx, account.id)?;
    for product in cmd.add.iter().filter(|id| !before.iter().any(|product| product.id == **id)) {
        if !has(tx, cx, *product)? {
            return Err(Refusal::NotOffered.into());
        }
        rows::add_offer(tx, account.id, *product)?;
    }
    for product in &cmd.remove {
        rows::remove_offer(tx, account.id, *product)?;
    }
    let after = rows::offers(tx, account.id)?;
    if after.len() > MOST {
        return Err(Refusal::OutOfRange { field: "add", min: 0, max: MOST as i64 }.into());
    }
    let names = |products: &[Product]| products.iter().map(|product| product.name.clone()).collect::<Vec<_>>();
    if before != after {
        let data = json!({ "before": names(&before), "after": names(&after) });
        journal::append(tx, cx, "account.offers_changed", Subject::from(&account), &data)?;
    }
    Ok(after)
}

/// Locks an account whose offers and rules the caller sets: it may change the account above.
pub(super) fn lock_granted(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId) -> Result<Account, Error> {
    let account = account::rows::lock(tx, id)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::read(Right::ACCOUNTS_WRITE), &account, Noun::Account)?;
    let parent = match account.parent {
        Some(parent) if account.kind != Kind::Vendor => account::rows::by_id(tx, parent)?,
        _ => return Err(Error::malformed("account", "a vendor may order everything")),
    };
    let parent = parent.ok_or(Error::not_found(Noun::Account))?;
    match cx.authorize(&Action::write(Right::ACCOUNTS_WRITE), &parent, Noun::Account) {
        // The account is seen, and only the one above is not.
        Err(Error::Refused(Refusal::NotFound(_))) => return Err(Error::Forbidden),
        outcome => outcome?,
    }
    if account.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    Ok(account)
}

/// May the caller's own account order a product?
fn has(tx: &mut dyn Tx, cx: &Context<'_>, product: ProductId) -> Result<bool, Error> {
    let actor = cx.actor();
    match account::rows::by_id(tx, actor.account)? {
        Some(account) => is_offered(tx, &account, product),
        // The server itself stands above all accounts.
        None => Ok(true),
    }
}

/// May an account order a product for those right below it?
pub(crate) fn is_offered(tx: &mut dyn Tx, seller: &Account, product: ProductId) -> Result<bool, Error> {
    Ok(seller.kind == Kind::Vendor || rows::is_offered(tx, seller.id, product)?)
}

/// Who sells to a customer: the account right above it.
pub(crate) fn seller_of(tx: &mut dyn Tx, customer: &Account) -> Result<Account, Error> {
    let seller = match customer.parent {
        Some(parent) => account::rows::by_id(tx, parent)?,
        None => None,
    };
    seller.ok_or(Error::not_found(Noun::Account))
}
