//! Brings licenses in from elsewhere, many at a time: what fits is written, and each row is told its fate.

use super::batch::{Batch, random_code};
use super::{License, Role, TermsChange, change};
use crate::account::{self, Account};
use crate::alias;
use crate::catalog::{self, Product, Profile};
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, ProductId, ProfileId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::{Term, Terms};
use crate::order;
use lessor_db::Tx;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Most rows of one command.
const MOST_ROWS: i64 = 10_000;
/// Most codes that one event tells: a block of the journal, a thousand events, is read as a whole.
const CODES_OF_EVENT: usize = 250;

/// A license to bring in.
#[derive(Clone, Debug, Default)]
pub struct ImportRow {
    /// Its code: 1 to 64 letters, digits or `-`; `None` has one of 18 digits made up.
    pub code: Option<String>,
    /// Whose it is, by id or by `dialect:kind:name`; `None` leaves it with the vendor.
    pub account: Option<String>,
    /// The profile that gives it its terms, by id or by `dialect:kind:name`; `None` is the product itself.
    pub profile: Option<String>,
    /// A text of the caller's own, at most 200 characters.
    pub reference: String,
    /// The order it came with, at most 200 characters.
    pub order: String,
    /// What differs from the terms of profile or product. A term given here is that of a new license: nothing is extended.
    pub terms: TermsChange,
}

/// Brings licenses of one product in.
#[derive(Clone, Debug)]
pub struct ImportLicenses {
    /// To what.
    pub product: ProductId,
    /// From 1 to 10 000 of them.
    pub rows: Vec<ImportRow>,
}

/// What became of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Fate {
    /// The license was written.
    Created {
        /// Its id.
        license: LicenseId,
        /// Its code.
        code: String,
    },
    /// The product has that code already, or an earlier row brought it. Nothing was changed.
    Duplicate {
        /// The code.
        code: String,
    },
    /// Nothing was written for this row.
    Rejected {
        /// Why.
        refusal: Refusal,
    },
}

/// Brings licenses in, in one transaction: rows that cannot be are left out. Gives the fate of each row, in their order. What
/// was written is told in an event for each account and 250 codes.
///
/// # Errors
/// `OutOfRange` for no rows or too many, `NotFound` for the product, `Forbidden` without the right to make licenses, also
/// with one of the accounts that are named. Then nothing is written.
pub fn import(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ImportLicenses) -> Result<Vec<Fate>, Error> {
    super::in_range("rows", i64::try_from(cmd.rows.len()).unwrap_or(i64::MAX), 1, MOST_ROWS)?;
    let product = catalog::rows::product(tx, cmd.product)?.ok_or(Error::not_found(Noun::Product))?;
    let vendor = account::rows::by_id(tx, product.tenant)?.ok_or(Error::not_found(Noun::Product))?;
    if cx.actor().tenant != product.tenant && cx.actor().level_at(&vendor.path).is_none() {
        return Err(Error::not_found(Noun::Product));
    }
    if !cx.actor().has_right(&Right::LICENSES_WRITE) {
        return Err(Error::Forbidden);
    }
    order::may_decide(tx, cx)?;
    let mut batch = Batch::of(&product);
    let mut names = Names { product: &product, accounts: HashMap::new(), profiles: HashMap::new() };
    let mut fates: Vec<Option<Fate>> = vec![None; cmd.rows.len()];
    let mut drafts: Vec<(usize, License)> = Vec::with_capacity(cmd.rows.len());
    let mut codes: HashSet<&str> = HashSet::with_capacity(cmd.rows.len());
    for (at, row) in cmd.rows.iter().enumerate() {
        match draft(tx, cx, &batch, &mut names, row) {
            Ok(_) if row.code.as_deref().is_some_and(|code| !codes.insert(code)) => {
                fates[at] = row.code.clone().map(|code| Fate::Duplicate { code });
            }
            Ok(license) => drafts.push((at, license)),
            Err(Error::Refused(refusal)) => fates[at] = Some(Fate::Rejected { refusal }),
            Err(error) => return Err(error),
        }
    }
    let (places, licenses): (Vec<usize>, Vec<License>) = drafts.into_iter().unzip();
    let written = batch.write(tx, cx, &licenses)?;
    tell(tx, cx, &product, licenses.iter().filter(|license| written.contains(&license.id)))?;
    for (at, mut license) in places.into_iter().zip(licenses) {
        fates[at] = Some(if !written.contains(&license.id) {
            missed(&cmd.rows[at], license.code)
        } else {
            if names.is_off(license.profile) {
                change::disable(tx, cx, &mut license)?;
            }
            Fate::Created { license: license.id, code: license.code }
        });
    }
    Ok(fates.into_iter().flatten().collect())
}

/// Whose code was taken. One of chance meets another about never, and then the row may simply come again.
fn missed(row: &ImportRow, code: String) -> Fate {
    match row.code {
        Some(_) => Fate::Duplicate { code },
        None => Fate::Rejected { refusal: Refusal::NoneFree },
    }
}

fn draft(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    batch: &Batch<'_>,
    names: &mut Names<'_>,
    row: &ImportRow,
) -> Result<License, Error> {
    let code = match &row.code {
        Some(code) if !super::is_code(code) => {
            return Err(Error::malformed("code", "it is 1 to 64 letters, digits or `-`"));
        }
        Some(code) => code.clone(),
        None => random_code(cx),
    };
    super::issue::check_text("reference", &row.reference)?;
    super::issue::check_text("order", &row.order)?;
    let account = names.account(tx, cx, row.account.as_deref())?;
    let profile = names.profile(tx, cx, row.profile.as_deref())?;
    let license = batch.license(cx, account, profile.as_ref(), code, Role::Standard);
    Ok(License {
        reference: row.reference.clone(),
        order: row.order.clone(),
        terms: terms(&license.terms, &row.terms, cx)?,
        ..license
    })
}

/// The terms of a new license that differ so from those it inherits.
fn terms(inherited: &Terms, change: &TermsChange, cx: &Context<'_>) -> Result<Terms, Error> {
    if *change == TermsChange::default() {
        return Ok(inherited.clone());
    }
    let term = match &change.term {
        Some(term) => Term::new(term.kind, term.days.unwrap_or(0), term.end.flatten())?.issued(cx.now),
        None => inherited.term,
    };
    let start = Terms { term, ..inherited.clone() };
    TermsChange { term: None, ..change.clone() }.apply(&start, false, cx.now)
}

/// What rows name, each looked up once.
struct Names<'a> {
    product: &'a Product,
    accounts: HashMap<Option<String>, Result<AccountId, Refusal>>,
    profiles: HashMap<String, Result<Profile, Refusal>>,
}

impl Names<'_> {
    fn account(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, name: Option<&str>) -> Result<AccountId, Error> {
        let key = name.map(str::to_owned);
        if let Some(known) = self.accounts.get(&key) {
            return Ok(known.clone()?);
        }
        let found = kept(self.find_account(tx, cx, name))?;
        self.accounts.insert(key, found.clone());
        Ok(found?)
    }

    fn find_account(&self, tx: &mut dyn Tx, cx: &Context<'_>, name: Option<&str>) -> Result<AccountId, Error> {
        let missing = || Error::not_found(Noun::Account);
        let id = match name {
            // No text in storage holds it, and none may be asked for it.
            Some(name) if name.contains('\0') => return Err(missing()),
            None => self.product.tenant,
            Some(name) => match AccountId::parse(name) {
                Some(id) => id,
                None => alias::find(tx, cx, name)?.map(AccountId).ok_or_else(missing)?,
            },
        };
        let found: Option<Account> = account::rows::by_id(tx, id)?;
        let account = found.filter(|account| account.tenant == self.product.tenant).ok_or_else(missing)?;
        cx.authorize(&Action::write(Right::LICENSES_WRITE), &account, Noun::Account)?;
        if account.closed_at.is_some() { Err(missing()) } else { Ok(account.id) }
    }

    fn profile(&mut self, tx: &mut dyn Tx, cx: &Context<'_>, name: Option<&str>) -> Result<Option<Profile>, Error> {
        let Some(name) = name else { return Ok(None) };
        if !self.profiles.contains_key(name) {
            let found = kept(self.find_profile(tx, cx, name))?;
            self.profiles.insert(name.to_owned(), found);
        }
        Ok(self.profiles.get(name).cloned().transpose()?)
    }

    fn find_profile(&self, tx: &mut dyn Tx, cx: &Context<'_>, name: &str) -> Result<Profile, Error> {
        let missing = || Error::not_found(Noun::Profile);
        let id = match ProfileId::parse(name) {
            Some(id) => id,
            None if name.contains('\0') => return Err(missing()),
            None => alias::find(tx, cx, name)?.map(ProfileId).ok_or_else(missing)?,
        };
        super::issue::profile_of(tx, self.product, Some(id))?.ok_or_else(missing)
    }

    /// Do licenses of this profile start as not usable?
    fn is_off(&self, profile: Option<ProfileId>) -> bool {
        let mut known = self.profiles.values().flatten();
        profile.is_some_and(|id| known.any(|profile| profile.id == id && !profile.enabled))
    }
}

/// A refusal is remembered with what it refused; any other error ends the command.
fn kept<T>(outcome: Result<T, Error>) -> Result<Result<T, Refusal>, Error> {
    match outcome {
        Ok(found) => Ok(Ok(found)),
        Err(Error::Refused(refusal)) => Ok(Err(refusal)),
        Err(error) => Err(error),
    }
}

/// An event for each account and 250 codes: one for each license would weigh more than the licenses.
fn tell<'a>(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    product: &Product,
    licenses: impl Iterator<Item = &'a License>,
) -> Result<(), Error> {
    let mut by_account: BTreeMap<AccountId, Vec<&str>> = BTreeMap::new();
    for license in licenses {
        by_account.entry(license.account).or_default().push(&license.code);
    }
    let subject = |account| Subject { kind: "product", id: product.id.0, account, tenant: product.tenant };
    let events: Vec<_> = by_account
        .iter()
        .flat_map(|(account, codes)| codes.chunks(CODES_OF_EVENT).map(|some| (*account, some)))
        .map(|(account, codes)| (subject(account), json!({ "count": codes.len(), "codes": codes })))
        .collect();
    journal::append_many(tx, cx, "licenses.imported", &events)
}
