//! Agreements: terms that a vendor wants accepted before a product, or any, is ordered. What was accepted never changes: other
//! terms are another agreement, and the old one is retired.
//!
//! An account accepts for itself and for all that stands below it.

mod accept;
mod create;
pub(crate) mod rows;

pub use accept::{Accept, Acceptance, accept, acceptances};
pub use create::{CreateAgreement, create, retire};

use crate::account::{self, Account};
use crate::catalog;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, AgreementId, ProductId};
use crate::identity::Right;
use crate::journal::Subject;
use lessor_db::{StoreError, Tx};

/// Most agreements of one vendor, retired ones included.
const MOST_OF_VENDOR: usize = 1_000;

/// Terms that have to be accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// The vendor whose terms they are.
    pub tenant: AccountId,
    /// The product that they are about; of all products otherwise.
    pub product: Option<ProductId>,
    /// What it is called.
    pub name: String,
    /// The terms themselves.
    pub text: String,
    /// Where they can be read; empty where nowhere else.
    pub url: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is asked for no longer.
    pub retired_at: Option<Timestamp>,
}

impl Agreement {
    fn subject(&self, account: AccountId) -> Subject {
        Subject { kind: "agreement", id: self.id.0, account, tenant: self.tenant }
    }
}

/// An agreement as one account sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgreementView {
    /// The agreement.
    pub agreement: Agreement,
    /// That the account has accepted it, or the nearest one above it that has.
    pub acceptance: Option<Acceptance>,
}

/// Which agreements a list shows.
#[derive(Clone, Debug)]
pub struct AgreementFilter {
    /// The vendor whose they are.
    pub tenant: AccountId,
    /// Only those that are asked for before this product is ordered, retired or not.
    pub product: Option<ProductId>,
    /// The account whose acceptances are shown.
    pub account: AccountId,
}

/// One agreement, as an account sees it. Everyone in the vendor's tenant may read it.
///
/// # Errors
/// `NotFound` for the agreement or the account, `Forbidden`.
pub fn get(tx: &mut dyn Tx, cx: &Context<'_>, id: AgreementId, account: AccountId) -> Result<AgreementView, Error> {
    let agreement = seen(tx, cx, id)?;
    check_account(tx, cx, account)?;
    Ok(views(tx, vec![agreement], account)?.remove(0))
}

/// A page of a vendor's agreements in the order they were made, after `after`.
///
/// # Errors
/// `NotFound` for the vendor or the account, `Forbidden`.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &AgreementFilter,
    after: Option<AgreementId>,
    limit: u32,
) -> Result<Vec<AgreementView>, Error> {
    check_seen(tx, cx, filter.tenant, Noun::Account)?;
    check_account(tx, cx, filter.account)?;
    let agreements = rows::page(tx, filter, after, limit)?;
    Ok(views(tx, agreements, filter.account)?)
}

/// What has to be accepted still before an account may have a product: neither the account has accepted it nor any above. For
/// code that has found out already that its caller may see the account.
///
/// # Errors
/// Those of storage.
pub fn outstanding(tx: &mut dyn Tx, account: &Account, product: ProductId) -> Result<Vec<Agreement>, Error> {
    let asked = rows::asked_for(tx, account.tenant, product)?;
    let open = views(tx, asked, account.id)?.into_iter().filter(|view| view.acceptance.is_none());
    Ok(open.map(|view| view.agreement).collect())
}

/// Refuses what an account has not accepted the terms for.
///
/// # Errors
/// `NotAccepted` with the first agreement that is outstanding.
pub fn check_accepted(tx: &mut dyn Tx, account: &Account, product: ProductId) -> Result<(), Error> {
    match outstanding(tx, account, product)?.first() {
        Some(agreement) => Err(Refusal::NotAccepted { agreement: agreement.id }.into()),
        None => Ok(()),
    }
}

/// An agreement that the caller may read.
fn seen(tx: &mut dyn Tx, cx: &Context<'_>, id: AgreementId) -> Result<Agreement, Error> {
    let agreement = rows::by_id(tx, id)?.ok_or(Error::not_found(Noun::Agreement))?;
    check_seen(tx, cx, agreement.tenant, Noun::Agreement)?;
    Ok(agreement)
}

/// Agreements are read by whoever reads the catalog.
fn check_seen(tx: &mut dyn Tx, cx: &Context<'_>, tenant: AccountId, noun: Noun) -> Result<(), Error> {
    catalog::may_see(tx, cx, tenant).map_err(|error| match error {
        Error::Refused(Refusal::NotFound(_)) => Error::not_found(noun),
        other => other,
    })
}

/// Everyone sees what their own account has accepted; of others, whoever may see them.
fn check_account(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<(), Error> {
    if account != cx.actor().account {
        account::authorized(tx, cx, account, &Action::read(Right::ACCOUNTS_READ), Noun::Account)?;
    }
    Ok(())
}

fn views(tx: &mut dyn Tx, agreements: Vec<Agreement>, account: AccountId) -> Result<Vec<AgreementView>, StoreError> {
    if agreements.is_empty() {
        return Ok(Vec::new());
    }
    // The nearest first.
    let accepted = rows::accepted_above(tx, account)?;
    let view = |agreement: Agreement| {
        let acceptance = accepted.iter().find(|one| one.agreement == agreement.id).cloned();
        AgreementView { agreement, acceptance }
    };
    Ok(agreements.into_iter().map(view).collect())
}
