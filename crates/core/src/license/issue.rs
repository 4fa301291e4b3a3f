//! Issues licenses: codes generated or imported, with the terms of a profile or of the product.

use super::batch::{Batch, random_code};
use super::{License, Role, Term, Terms};
use crate::account::{self, Account};
use crate::catalog::{self, Product, Profile};
use crate::context::{Action, Context, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, ProductId, ProfileId};
use crate::identity::Right;
use crate::journal;
use crate::order;
use crate::text::check_remark;
use lessor_db::Tx;
use serde_json::json;
use std::collections::HashSet;

/// Most codes of one command.
const MOST_CODES: i64 = 10_000;
/// A code of 60 bits meets another one about never; a third try would mean broken chance.
const TRIES: usize = 3;

/// Where the codes come from.
#[derive(Clone, Debug)]
pub enum Codes {
    /// The caller's own: 1 to 64 letters, digits or `-` each, none twice.
    Import(Vec<String>),
    /// This many of 18 decimal digits, from 1 to 10 000.
    Generate(i64),
}

/// Issues licenses.
#[derive(Clone, Debug)]
pub struct IssueLicenses {
    /// To what.
    pub product: ProductId,
    /// Whose they are; `None` leaves them with the vendor.
    pub account: Option<AccountId>,
    /// Where their terms come from; `None` is the product itself.
    pub profile: Option<ProfileId>,
    /// Their codes.
    pub codes: Codes,
    /// A text of the caller's own, at most 200 characters.
    pub reference: String,
    /// The order they come with, at most 200 characters.
    pub order: String,
    /// What they are for.
    pub role: Role,
}

/// Issues licenses: all of them or none.
///
/// # Errors
/// `Taken` for an imported code that the product has; `Malformed` for one twice in the list.
pub fn issue(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &IssueLicenses) -> Result<Vec<(LicenseId, String)>, Error> {
    let product = catalog::rows::product(tx, cmd.product)?.ok_or(Error::not_found(Noun::Product))?;
    let account = recipient(tx, cx, &product, cmd.account)?;
    let profile = profile_of(tx, &product, cmd.profile)?;
    // Shares of licenses are made of delegations alone, by a daemon for its own store.
    if cmd.role == Role::Delegated && cx.actor().who != Who::System {
        return Err(Error::malformed("role", "licenses of this role are not issued"));
    }
    check_text("reference", &cmd.reference)?;
    check_text("order", &cmd.order)?;
    let issuer = Issuer { cmd, product: &product, account: &account, profile: profile.as_ref() };
    match &cmd.codes {
        Codes::Import(codes) => {
            check_codes(codes)?;
            issuer.import(tx, cx, codes)
        }
        Codes::Generate(amount) => {
            let amount = super::in_range("amount", *amount, 1, MOST_CODES)?;
            issuer.generate(tx, cx, amount)
        }
    }
}

/// Issues one license on the terms of its product, but for how long and for how many; its code is the one given, or one of
/// chance. The caller has found out that this may be.
pub(crate) fn issue_one(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    account: &Account,
    code: Option<&str>,
    term: Term,
    quantity: i64,
) -> Result<License, Error> {
    if let Some(code) = code {
        check_codes(&[code.to_owned()])?;
    }
    let mut batch = Batch::of(product);
    for _ in 0..TRIES {
        let text = code.map_or_else(|| random_code(cx), str::to_owned);
        let plain = batch.license(cx, account.id, None, text, Role::Standard);
        let terms = Terms { term: term.issued(cx.now), activation_limit: quantity, ..plain.terms };
        terms.check()?;
        let license = License { terms, ..plain };
        if !batch.write(tx, cx, std::slice::from_ref(&license))?.is_empty() {
            tell(tx, cx, std::slice::from_ref(&license), None)?;
            return Ok(license);
        }
        if code.is_some() {
            return Err(Refusal::Taken { noun: Noun::License, name: license.code }.into());
        }
    }
    Err(Refusal::NoneFree.into())
}

fn tell(tx: &mut dyn Tx, cx: &Context<'_>, licenses: &[License], profile: Option<&Profile>) -> Result<(), Error> {
    let told = |license: &License| {
        let data = json!({ "after": {
            "code": license.code,
            "order": license.order,
            "profile": profile.map(|profile| profile.name.as_str()),
            "terms": catalog::terms_view(&license.terms),
        }});
        (license.subject(), data)
    };
    journal::append_many(tx, cx, "license.issued", &licenses.iter().map(told).collect::<Vec<_>>())
}

fn recipient(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    account: Option<AccountId>,
) -> Result<Account, Error> {
    let id = account.unwrap_or(product.tenant);
    let found = account::rows::by_id(tx, id)?.filter(|account| account.tenant == product.tenant);
    let noun = if account.is_some() { Noun::Account } else { Noun::Product };
    let account = found.ok_or(Error::not_found(noun))?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &account, noun)?;
    order::may_decide(tx, cx)?;
    if account.closed_at.is_some() {
        return Err(Error::not_found(Noun::Account));
    }
    Ok(account)
}

/// The profile a license of the product is filed under.
pub(super) fn profile_of(
    tx: &mut dyn Tx,
    product: &Product,
    profile: Option<ProfileId>,
) -> Result<Option<Profile>, Error> {
    let Some(id) = profile else { return Ok(None) };
    let found = catalog::rows::profile(tx, id)?.filter(|profile| profile.product == product.id);
    found.map(Some).ok_or(Error::not_found(Noun::Profile))
}

pub(super) fn check_text(field: &'static str, text: &str) -> Result<(), Error> {
    check_remark(field, text, 200)
}

fn check_codes(codes: &[String]) -> Result<(), Error> {
    super::in_range("codes", i64::try_from(codes.len()).unwrap_or(i64::MAX), 1, MOST_CODES)?;
    let mut seen = HashSet::new();
    for code in codes {
        if !super::is_code(code) {
            return Err(Error::malformed("code", "it is 1 to 64 letters, digits or `-`"));
        }
        if !seen.insert(code) {
            return Err(Error::malformed("code", format!("{code:?} is named twice")));
        }
    }
    Ok(())
}

struct Issuer<'a> {
    cmd: &'a IssueLicenses,
    product: &'a Product,
    account: &'a Account,
    profile: Option<&'a Profile>,
}

impl Issuer<'_> {
    fn import(&self, tx: &mut dyn Tx, cx: &Context<'_>, codes: &[String]) -> Result<Vec<(LicenseId, String)>, Error> {
        let mut batch = Batch::of(self.product);
        let licenses: Vec<License> = codes.iter().map(|code| self.license(cx, &batch, code.clone())).collect();
        let written = batch.write(tx, cx, &licenses)?;
        let mut by_code: Vec<&License> = licenses.iter().filter(|license| !written.contains(&license.id)).collect();
        by_code.sort_unstable_by(|one, other| one.code.cmp(&other.code));
        if let Some(taken) = by_code.first() {
            return Err(Refusal::Taken { noun: Noun::License, name: taken.code.clone() }.into());
        }
        self.complete(tx, cx, licenses)
    }

    fn generate(&self, tx: &mut dyn Tx, cx: &Context<'_>, amount: i64) -> Result<Vec<(LicenseId, String)>, Error> {
        let mut batch = Batch::of(self.product);
        let mut open: Vec<License> = (0..amount).map(|_| self.license(cx, &batch, random_code(cx))).collect();
        let mut done = Vec::with_capacity(open.len());
        for _ in 0..TRIES {
            let written = batch.write(tx, cx, &open)?;
            let (new, taken): (Vec<_>, Vec<_>) = open.into_iter().partition(|license| written.contains(&license.id));
            done.extend(new);
            if taken.is_empty() {
                return self.complete(tx, cx, done);
            }
            open = taken.iter().map(|_| self.license(cx, &batch, random_code(cx))).collect();
        }
        Err(Refusal::NoneFree.into())
    }

    fn license(&self, cx: &Context<'_>, batch: &Batch<'_>, code: String) -> License {
        License {
            reference: self.cmd.reference.clone(),
            order: self.cmd.order.clone(),
            ..batch.license(cx, self.account.id, self.profile, code, self.cmd.role)
        }
    }

    /// Tells of each license, and stops those of a profile whose licenses do not start usable.
    fn complete(
        &self,
        tx: &mut dyn Tx,
        cx: &Context<'_>,
        mut licenses: Vec<License>,
    ) -> Result<Vec<(LicenseId, String)>, Error> {
        tell(tx, cx, &licenses, self.profile)?;
        if self.profile.is_some_and(|profile| !profile.enabled) {
            for license in &mut licenses {
                super::change::disable(tx, cx, license)?;
            }
        }
        Ok(licenses.into_iter().map(|license| (license.id, license.code)).collect())
    }
}
