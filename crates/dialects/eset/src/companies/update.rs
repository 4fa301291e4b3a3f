//! Changing companies. An input that is left out leaves what it is about alone; one that is empty erases it.

use super::{check_email, country, names, open_to_change, product_ids, refused};
use crate::facts::{Address, Firm};
use crate::fields::{Change, Fields};
use crate::ids;
use crate::licenses::key;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account::{self, Account, ChangeAccount, Kind, MoveAccount};
use lessor_core::order::{self, ChangeOffers, ChangeRules};
use lessor_core::{AccountId, Context, Error, ProductId, Refusal, Tx, alias};
use serde_json::json;

/// Most tags of a company.
const MOST_TAGS: usize = 200;

/// What an update says of the texts of a company.
struct Told {
    name: Option<String>,
    email: Change<String>,
    custom_identifier: Change<String>,
    comment: Change<String>,
    vat_id: Change<String>,
    description: Change<String>,
    address: Change<Place>,
    tags_to_add: Vec<String>,
    tags_to_remove: Vec<String>,
    reseller: Option<bool>,
}

/// What it says of an address.
struct Place {
    country: Change<String>,
    state: Change<String>,
    city: Change<String>,
    street: Change<String>,
    zip: Change<String>,
}

/// What it says of what the company above has granted.
#[derive(Default)]
struct Granted {
    products_to_add: Vec<String>,
    products_to_remove: Vec<String>,
    trials_allowed: Option<bool>,
    trusted: Option<bool>,
    accept_pending: bool,
    manager: Option<bool>,
    division: Option<Change<AccountId>>,
}

fn owned(change: Change<&str>) -> Change<String> {
    match change {
        Change::Keep => Change::Keep,
        Change::Erase => Change::Erase,
        Change::Set(text) => match text.trim() {
            "" => Change::Erase,
            text => Change::Set(text.to_owned()),
        },
    }
}

fn applied(change: &Change<String>, before: String) -> String {
    match change {
        Change::Keep => before,
        Change::Erase => String::new(),
        Change::Set(text) => text.clone(),
    }
}

impl Told {
    /// `sells` says whether the company has to have an address for mails.
    fn of(fields: &Fields, sells: bool) -> Result<Self, Problem> {
        let name = match owned(fields.change("name")) {
            Change::Keep => None,
            Change::Erase => return Err(Problem::invalid("name")),
            Change::Set(name) => Some(name),
        };
        let email = owned(fields.change("email"));
        match &email {
            Change::Set(email) => check_email(email)?,
            Change::Erase if sells => return Err(Problem::invalid("email")),
            Change::Keep | Change::Erase => {}
        }
        let address = match fields.object("address") {
            Some(address) => Change::Set(Place::of(address)),
            None if fields.is_empty("address") => Change::Erase,
            None => Change::Keep,
        };
        Ok(Self {
            name,
            email,
            custom_identifier: owned(fields.change("customIdentifier")),
            comment: owned(fields.change("comment")),
            vat_id: owned(fields.change("vatId")),
            description: owned(fields.change("description")),
            address,
            tags_to_add: names(fields, "tagsToAdd", "tag"),
            tags_to_remove: names(fields, "tagsToRemove", "tag"),
            reseller: None,
        })
    }

    fn apply(&self, before: Firm) -> Firm {
        let mut tags = before.tags;
        tags.retain(|tag| !self.tags_to_remove.contains(tag));
        for tag in &self.tags_to_add {
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        Firm {
            email: applied(&self.email, before.email),
            custom_identifier: applied(&self.custom_identifier, before.custom_identifier),
            comment: applied(&self.comment, before.comment),
            vat_id: applied(&self.vat_id, before.vat_id),
            description: applied(&self.description, before.description),
            address: match &self.address {
                Change::Keep => before.address,
                // Where a company is in the world stays known: its users are there too.
                Change::Erase => Address { country: before.address.country, ..Address::default() },
                Change::Set(place) => place.apply(before.address),
            },
            tags,
            reseller: self.reseller.unwrap_or(before.reseller),
        }
    }
}

impl Place {
    fn of(fields: &Fields) -> Self {
        Self {
            country: Change::Keep,
            state: owned(fields.change("state")),
            city: owned(fields.change("city")),
            street: owned(fields.change("streetAddress")),
            zip: owned(fields.change("zipCode")),
        }
    }

    fn apply(&self, before: Address) -> Address {
        Address {
            country: applied(&self.country, before.country),
            state: applied(&self.state, before.state),
            city: applied(&self.city, before.city),
            street: applied(&self.street, before.street),
            zip: applied(&self.zip, before.zip),
        }
    }
}

impl Granted {
    fn of(fields: &Fields) -> Self {
        Self {
            products_to_add: names(fields, "productsToAdd", "code"),
            products_to_remove: names(fields, "productsToRemove", "code"),
            trials_allowed: fields.flag("trialLicenseAllowed"),
            ..Self::default()
        }
    }
}

pub(super) async fn msp(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let mut told = Told::of(fields, true)?;
    told.reseller = fields.flag("reseller");
    if let (Change::Set(place), Some(code)) =
        (&mut told.address, fields.object("address").and_then(|address| address.text("countryCode")))
    {
        place.country = Change::Set(country(code)?);
    }
    let mut granted = Granted { manager: fields.flag("manager"), ..Granted::of(fields) };
    granted.division = match fields.guid("divisionId") {
        Some(division) => Some(Change::Set(AccountId(division))),
        None => fields.is_empty("divisionId").then_some(Change::Erase),
    };
    change(asked, &[Kind::PartnerManager, Kind::Partner], told, granted).await
}

pub(super) async fn managed_msp(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let told = Told::of(fields, true)?;
    let trusted = fields.flag("trusted");
    let accept_pending = trusted == Some(true) && fields.flag("acceptPendingRequests") == Some(true);
    let granted = Granted { trusted, accept_pending, ..Granted::of(fields) };
    change(asked, &[Kind::ManagedPartner], told, granted).await
}

pub(super) async fn customer(asked: Asked) -> Result<Reply, Problem> {
    let told = Told::of(&asked.fields, false)?;
    change(asked, &[Kind::Customer], told, Granted::default()).await
}

async fn change(asked: Asked, kinds: &'static [Kind], told: Told, granted: Granted) -> Result<Reply, Problem> {
    let id = AccountId(asked.fields.need_guid("companyId")?);
    let changed = asked.app.write(&asked.caller, move |tx, cx| {
        let before = open_to_change(tx, cx, id)?;
        if !kinds.contains(&before.kind) {
            return Err(super::not_of_that_type());
        }
        let account = tell(tx, cx, &before, &told)?;
        grant(tx, cx, &account, &granted)?;
        Ok(account.id)
    });
    Ok(Reply::json(&json!({ "companyId": changed.await.map_err(refused)?.0 })))
}

fn tell(tx: &mut dyn Tx, cx: &Context<'_>, before: &Account, told: &Told) -> Result<Account, Error> {
    let firm = told.apply(Firm::of(&before.contact));
    if firm.tags.len() > MOST_TAGS {
        return Err(Refusal::OutOfRange { field: "tags", min: 0, max: MOST_TAGS as i64 }.into());
    }
    let command = ChangeAccount {
        account: before.id,
        name: told.name.clone(),
        contact: Some(firm.into_contact(&before.contact)),
        expected_version: None,
    };
    let account = account::change(tx, cx, &command)?;
    if account.name != before.name {
        account::refuse_namesake(tx, &account)?;
    }
    Ok(account)
}

fn grant(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account, granted: &Granted) -> Result<(), Error> {
    let is_manager = account.kind == Kind::PartnerManager;
    if granted.manager.is_some_and(|manager| manager != is_manager) {
        // Who manages others is another kind of company, with other companies below it.
        return Err(super::not_of_that_type());
    }
    if !(granted.products_to_add.is_empty() && granted.products_to_remove.is_empty()) {
        let add = product_ids(tx, cx, &granted.products_to_add)?;
        let remove = known_product_ids(tx, cx, &granted.products_to_remove)?;
        order::change_offers(tx, cx, &ChangeOffers { account: account.id, add, remove })?;
    }
    if granted.trials_allowed.is_some() || granted.trusted.is_some() {
        let rules = ChangeRules {
            account: account.id,
            trials_allowed: granted.trials_allowed,
            by_request: granted.trusted.map(|trusted| !trusted),
            accept_pending: granted.accept_pending,
        };
        let (_, licenses) = order::change_rules(tx, cx, &rules, &|cx| Some(key::new_key(cx)))?;
        for license in &licenses {
            key::give(tx, license)?;
        }
    }
    match granted.division {
        Some(change) => to_division(tx, cx, account, change),
        None => Ok(()),
    }
}

/// Puts a company into a division, or takes it out of the one it is in.
fn to_division(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account, change: Change<AccountId>) -> Result<(), Error> {
    let Some(parent) = account.parent else { return Ok(()) };
    let wanted = match change {
        Change::Keep => return Ok(()),
        Change::Set(division) => match account::get(tx, cx, division) {
            Ok(found) if found.kind == Kind::Division && found.closed_at.is_none() => found.id,
            Ok(_) | Err(Error::Refused(_)) => return Err(Error::malformed(super::DIVISION, "there is none such")),
            Err(error) => return Err(error),
        },
        Change::Erase => {
            let above = account::get(tx, cx, parent)?;
            match above.parent {
                Some(distributor) if above.kind == Kind::Division => distributor,
                _ => return Ok(()),
            }
        }
    };
    if wanted == parent {
        return Ok(());
    }
    let moved = account::move_to(tx, cx, &MoveAccount { account: account.id, parent: wanted })?;
    account::refuse_namesake(tx, &moved)
}

/// The products of those codes that name any.
fn known_product_ids(tx: &mut dyn Tx, cx: &Context<'_>, codes: &[String]) -> Result<Vec<ProductId>, Error> {
    let mut found = Vec::new();
    for code in codes {
        found.extend(alias::resolve(tx, cx.actor().tenant, ids::PRODUCT, code)?.map(ProductId));
    }
    Ok(found)
}
