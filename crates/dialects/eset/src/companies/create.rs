//! Making companies, and the contact users of those that sell.

use super::{check_email, country, names, product_ids, refused};
use crate::facts::{Address, Firm, Person};
use crate::fields::Fields;
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::account::{self, Account, CreateAccount, HoldTarget, Kind, NOT_ACTIVATED, PlaceHold, Reach};
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::identity::{Level, SendLink, send_link};
use lessor_core::order::{self, ChangeOffers, ChangeRules};
use lessor_core::{AccountId, Context, Error, Refusal, Tx};
use serde_json::json;

/// What is asked for.
struct Wanted {
    kind: Kind,
    /// Below which company; otherwise the caller's own.
    parent: Option<AccountId>,
    /// The kinds of companies it may stand below.
    below: &'static [Kind],
    name: String,
    firm: Firm,
    /// Codes of what it may order.
    products: Vec<String>,
    trials_allowed: bool,
    by_request: bool,
    /// Where the link of the welcome leads.
    page: String,
}

impl Wanted {
    fn of(asked: &Asked, kind: Kind, below: &'static [Kind]) -> Result<Self, Problem> {
        let fields = &asked.fields;
        let text = |name: &str| fields.text(name).unwrap_or_default().trim().to_owned();
        let name = text("name");
        if name.is_empty() {
            return Err(Problem::missing("name"));
        }
        let email = text("email");
        if kind != Kind::Customer || !email.is_empty() {
            check_email(&email)?;
        }
        let firm = Firm {
            email,
            custom_identifier: text("customIdentifier"),
            comment: text("comment"),
            vat_id: text("vatId"),
            description: text("description"),
            address: fields.object("address").map(address).unwrap_or_default(),
            tags: names(fields, "tags", "tag"),
            reseller: false,
        };
        let page = asked.settings.link_page.clone();
        let (products, trials_allowed, by_request) = (Vec::new(), false, false);
        Ok(Self { kind, parent: None, below, name, firm, products, trials_allowed, by_request, page })
    }

    /// What those that sell have besides.
    fn selling(self, fields: &Fields) -> Self {
        let products = names(fields, "products", "code");
        Self { products, trials_allowed: fields.flag("trialLicenseAllowed").unwrap_or_default(), ..self }
    }
}

fn address(fields: &Fields) -> Address {
    let text = |name: &str| fields.text(name).unwrap_or_default().trim().to_owned();
    Address {
        country: String::new(),
        state: text("state"),
        city: text("city"),
        street: text("streetAddress"),
        zip: text("zipCode"),
    }
}

pub(super) async fn msp(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let kind = if fields.flag("manager") == Some(true) { Kind::PartnerManager } else { Kind::Partner };
    let mut wanted = Wanted::of(&asked, kind, &[Kind::Distributor, Kind::Division])?.selling(fields);
    wanted.firm.reseller = fields.flag("reseller").unwrap_or_default();
    if let Some(code) = fields.object("address").and_then(|address| address.text("countryCode")) {
        wanted.firm.address.country = country(code)?;
    }
    if let Some(division) = fields.guid("divisionId") {
        let division = AccountId(division);
        let known = asked.app.read(&asked.caller, move |tx, cx| account::get(tx, cx, division)).await;
        match known {
            Ok(account) if account.kind == Kind::Division && account.closed_at.is_none() => {}
            Ok(_) | Err(Error::Refused(_)) => return Err(Problem::rule(Area::Company, 1007, "UnknownDivision")),
            Err(error) => return Err(error.into()),
        }
        wanted.parent = Some(division);
    }
    make(asked, wanted).await
}

pub(super) async fn managed_msp(asked: Asked) -> Result<Reply, Problem> {
    let fields = &asked.fields;
    let mut wanted = Wanted::of(&asked, Kind::ManagedPartner, &[Kind::PartnerManager])?.selling(fields);
    wanted.by_request = fields.flag("trusted") == Some(false);
    make(asked, wanted).await
}

pub(super) async fn customer(asked: Asked) -> Result<Reply, Problem> {
    let sellers = &[Kind::PartnerManager, Kind::Partner, Kind::ManagedPartner];
    let mut wanted = Wanted::of(&asked, Kind::Customer, sellers)?;
    wanted.parent = asked.fields.guid("parentCompanyId").map(AccountId);
    make(asked, wanted).await
}

async fn make(asked: Asked, wanted: Wanted) -> Result<Reply, Problem> {
    let own = asked.own_company();
    let made = asked.app.write(&asked.caller, move |tx, cx| {
        let account = account_of(tx, cx, own, &wanted)?;
        if account.kind != Kind::Customer {
            equip(tx, cx, &account, &wanted)?;
            invite(tx, cx, &account, &wanted)?;
        }
        Ok(account.id)
    });
    Ok(Reply::json(&json!({ "companyId": made.await.map_err(refused)?.0 })))
}

fn account_of(tx: &mut dyn Tx, cx: &Context<'_>, own: AccountId, wanted: &Wanted) -> Result<Account, Error> {
    let parent = super::open_to_change(tx, cx, wanted.parent.unwrap_or(own))?;
    if !wanted.below.contains(&parent.kind) {
        let (child, parent) = (wanted.kind.word(), parent.kind.word());
        return Err(Refusal::MisplacedAccount { child, parent }.into());
    }
    let mut firm = wanted.firm.clone();
    if firm.address.country.is_empty() {
        // Companies are where those are that sell to them, unless something else is said.
        firm.address.country = Firm::of(&parent.contact).address.country;
    }
    let command = CreateAccount {
        id: None,
        parent: Some(parent.id),
        kind: wanted.kind,
        name: wanted.name.clone(),
        contact: firm.into_contact(&json!({})),
    };
    let account = account::create(tx, cx, &command)?;
    account::refuse_namesake(tx, &account)?;
    Ok(account)
}

/// What it may order, and how.
fn equip(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account, wanted: &Wanted) -> Result<(), Error> {
    if !wanted.products.is_empty() {
        let add = product_ids(tx, cx, &wanted.products)?;
        order::change_offers(tx, cx, &ChangeOffers { account: account.id, add, remove: Vec::new() })?;
    }
    let rules = ChangeRules {
        account: account.id,
        trials_allowed: Some(wanted.trials_allowed),
        by_request: Some(wanted.by_request),
        accept_pending: false,
    };
    order::change_rules(tx, cx, &rules, &|_| None)?;
    Ok(())
}

/// Its contact user, who brings it to life by setting a password.
fn invite(tx: &mut dyn Tx, cx: &Context<'_>, account: &Account, wanted: &Wanted) -> Result<(), Error> {
    let target = HoldTarget::Account(account.id);
    let hold = PlaceHold { target, reach: Reach::Own, cause: NOT_ACTIVATED.into(), note: String::new() };
    account::place(tx, cx, &hold)?;
    let email = wanted.firm.email.clone();
    let country = Firm::of(&account.contact).address.country;
    let person = Person {
        first_name: wanted.name.clone(),
        email: email.clone(),
        country,
        contact_user: true,
        ..Person::default()
    };
    let command = CreateUser {
        account: account.id,
        name: wanted.name.clone(),
        login: email,
        contact: person.into_contact(&json!({})),
        password_hash: None,
        level: Level::Write,
    };
    let user = user::create(tx, cx, &command)?;
    send_link(tx, cx, &SendLink { user: user.id, page: wanted.page.clone() })?;
    Ok(())
}
