//! Companies: customer accounts below the tenant or one of its resellers. What only this dialect knows of them (the product they
//! are bound to, their free-form data and three search fields) hangs on the account as attributes.

use crate::fields::Fields;
use crate::ids;
use crate::problem::{Names, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use crate::wire;
use lessor_core::account::{self, ChangeAccount, CreateAccount, Kind, MoveAccount};
use lessor_core::{AccountId, Context, Error, Noun, Tx, alias, catalog, group, license};
use serde_json::{Map, Value, json};

/// What the dialect keeps with a company.
#[derive(Clone, Debug, Default, PartialEq)]
struct Details {
    /// The ten digits of its product; `None` for a company of all products.
    product: Option<String>,
    /// Free-form data, if any was ever given.
    data: Option<Value>,
    first_name: String,
    email: String,
    search: [String; 3],
}

const SEARCH: [&str; 3] = ["search1", "search2", "search3"];
/// How the core's words for a company's fields are documented.
const NAMES: Names = &[("name", "company")];

impl Details {
    fn read(tx: &mut dyn Tx, id: AccountId) -> Result<Self, Error> {
        let kept = alias::attributes(tx, id.0, ids::ATTRIBUTES)?.unwrap_or_default();
        let text = |name: &str| kept.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self {
            product: kept.get("productId").and_then(Value::as_str).map(ToOwned::to_owned),
            data: kept.get("companyData").filter(|data| data.is_object()).cloned(),
            first_name: text("firstName"),
            email: text("email"),
            search: SEARCH.map(text),
        })
    }

    fn write(&self, tx: &mut dyn Tx, id: AccountId) -> Result<(), Error> {
        let document = json!({
            "productId": self.product,
            "companyData": self.data,
            "firstName": self.first_name,
            "email": self.email,
            "search1": self.search[0],
            "search2": self.search[1],
            "search3": self.search[2],
        });
        alias::set_attributes(tx, id.0, ids::ATTRIBUTES, &document)
    }

    /// Takes over what a call says. New free-form data replaces the old; the two columns that are fed from it stay where it does
    /// not name them.
    fn update(&mut self, fields: &Fields) {
        if let Some(data) = fields.json("companyData") {
            self.first_name = member(data, "firstname").unwrap_or_else(|| std::mem::take(&mut self.first_name));
            self.email = member(data, "email").unwrap_or_else(|| std::mem::take(&mut self.email));
            self.data = Some(data.clone());
        }
        for (kept, name) in self.search.iter_mut().zip(SEARCH) {
            if let Some(text) = fields.text(name) {
                text.clone_into(kept);
            }
        }
    }

    /// May a caller who names this product see the company? One of all products belongs to each of them.
    fn is_of(&self, product: Option<&str>) -> bool {
        match (product, &self.product) {
            (Some(asked), Some(own)) => asked == own,
            (None, _) | (_, None) => true,
        }
    }
}

/// A text member of free-form data, its name in any case.
fn member(data: &Value, name: &str) -> Option<String> {
    let (_, value) = data.as_object()?.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Names of members are letters, digits and `_`.
fn check_data(fields: &Fields) -> Result<(), Problem> {
    let fits =
        |name: &String| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let data = fields.json("companyData").and_then(Value::as_object);
    if data.is_some_and(|data: &Map<String, Value>| !data.keys().all(fits)) {
        return Err(Problem::invalid("companyData"));
    }
    Ok(())
}

/// `GET Company`.
pub async fn get(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let company = app.read(&caller, move |tx, cx| {
        ids::maybe_product(tx, cx, fields.text("productId"))?;
        let (id, details) = find(tx, cx, &fields)?;
        let account = account::get(tx, cx, id)?;
        Ok(wire::Company {
            company: account.name,
            company_data: details.data.as_ref().map(Value::to_string).unwrap_or_default(),
            first_name: details.first_name.clone(),
            email: details.email.clone(),
            search1: details.search[0].clone(),
            search2: details.search[1].clone(),
            search3: details.search[2].clone(),
            created: account.created_at,
            product_id: details.product.unwrap_or_else(|| "0".to_owned()),
        })
    });
    Ok(Reply::json(&company.await?))
}

/// The company that `companyId` names, if `productId` fits it.
fn find(tx: &mut dyn Tx, cx: &Context<'_>, fields: &Fields) -> Result<(AccountId, Details), Error> {
    let missing = || Error::not_found(Noun::Account);
    let number = fields.int("companyId").filter(|number| *number != 0).ok_or_else(missing)?;
    let id = ids::company(tx, cx, number)?;
    let details = Details::read(tx, id)?;
    if details.is_of(fields.text("productId")) { Ok((id, details)) } else { Err(missing()) }
}

/// `POST Company`.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    check_data(&fields)?;
    let created = app.write(&caller, move |tx, cx| {
        let tenant = ids::tenant(cx);
        ids::product(tx, cx, fields.need("productId"))?;
        let reseller = ids::reseller(tx, cx, fields.text("reseller").unwrap_or_default())?;
        let name = fields.need("company").to_owned();
        let cmd = CreateAccount {
            id: None,
            parent: Some(reseller.unwrap_or(tenant)),
            kind: Kind::Customer,
            name: name.clone(),
            contact: json!({}),
        };
        let account = account::create(tx, cx, &cmd)?;
        alias::give(tx, tenant, ids::COMPANY_NAME, &name, account.id.0, Noun::Account)?;
        let is_global = fields.flag("global").unwrap_or(false);
        let product = (!is_global).then(|| fields.need("productId").to_owned());
        let mut details = Details { product, ..Details::default() };
        details.update(&fields);
        details.write(tx, account.id)?;
        ids::give_number(tx, tenant, ids::COMPANY, account.id.0, Noun::Account)
    });
    let number = created.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::made(says, number))
}

/// `PUT Company`. Once of all products, a company stays so.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    check_data(&fields)?;
    let changed = app.write(&caller, move |tx, cx| {
        ids::product(tx, cx, fields.need("productId"))?;
        let (id, mut details) = find(tx, cx, &fields)?;
        if let Some(name) = fields.text("reseller") {
            let parent = ids::reseller(tx, cx, name)?.unwrap_or(ids::tenant(cx));
            account::move_to(tx, cx, &MoveAccount { account: id, parent })?;
        }
        if let Some(name) = fields.text("company") {
            rename(tx, cx, id, name)?;
        }
        if fields.flag("global").unwrap_or(false) {
            details.product = None;
        }
        details.update(&fields);
        details.write(tx, id)
    });
    changed.await.map_err(|error| Problem::of(error, NAMES))?;
    Ok(Reply::message(says))
}

fn rename(tx: &mut dyn Tx, cx: &Context<'_>, id: AccountId, name: &str) -> Result<(), Error> {
    alias::take(tx, ids::COMPANY_NAME, id.0)?;
    alias::give(tx, ids::tenant(cx), ids::COMPANY_NAME, name, id.0, Noun::Account)?;
    let cmd = ChangeAccount { account: id, name: Some(name.to_owned()), contact: None, expected_version: None };
    account::change(tx, cx, &cmd).map(|_| ())
}

/// `DELETE Company`: its codes and groups fall back to no company. The account is closed, not erased: its past stays true.
pub async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let removed = app.write(&caller, move |tx, cx| {
        let number = fields.int("companyId").filter(|number| *number != 0);
        let id = ids::company(tx, cx, number.ok_or(Error::not_found(Noun::Account))?)?;
        group::give_back_all(tx, cx, id)?;
        license::give_back_all(tx, cx, id)?;
        account::close(tx, cx, id)?;
        alias::take(tx, ids::COMPANY_NAME, id.0)?;
        alias::take(tx, ids::COMPANY, id.0)
    });
    removed.await?;
    Ok(Reply::message(says))
}

/// `GET CompanyID`: the number behind a name.
pub async fn number(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let company = app.read(&caller, move |tx, cx| {
        ids::maybe_product(tx, cx, fields.text("productId"))?;
        let id = ids::company_by_name(tx, cx, fields.need("company"))?;
        if !Details::read(tx, id)?.is_of(fields.text("productId")) {
            return Err(Error::not_found(Noun::Account));
        }
        let number = ids::company_number(tx, id)?;
        with_product(tx, cx, number, id)
    });
    Ok(Reply::json(&company.await?))
}

/// `GET CompaniesProducts`: all companies, in the order of their numbers.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let companies = asked.app.read(&asked.caller, |tx, cx| {
        let names = alias::names(tx, ids::tenant(cx), ids::COMPANY)?;
        let numbered = names.into_iter().filter_map(|(number, id)| Some((number.parse().ok()?, AccountId(id))));
        let mut numbered: Vec<(i64, AccountId)> = numbered.collect();
        numbered.sort_unstable();
        let shown = numbered.into_iter().map(|(number, id)| with_product(tx, cx, number, id));
        shown.collect::<Result<Vec<_>, Error>>()
    });
    Ok(Reply::json(&companies.await?))
}

fn with_product(tx: &mut dyn Tx, cx: &Context<'_>, number: i64, id: AccountId) -> Result<wire::CompanyProduct, Error> {
    let product = Details::read(tx, id)?.product;
    let product_name = match &product {
        Some(number) => {
            let product = ids::product(tx, cx, number)?;
            catalog::product(tx, cx, product)?.name
        }
        None => String::new(),
    };
    Ok(wire::CompanyProduct {
        company_id: number.to_string(),
        company: account::get(tx, cx, id)?.name,
        product_id: product.unwrap_or_else(|| "0".to_owned()),
        product_name,
    })
}
