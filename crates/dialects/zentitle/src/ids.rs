//! The dialect's names for the core's records, kept as aliases: each record has its number, and some have a name that must be
//! unique too.

use lessor_core::alias::{self, Space};
use lessor_core::{AccountId, Context, EndUserId, Error, GroupId, Noun, ProductId, ProfileId, Tx};
use uuid::Uuid;

const fn space(kind: &'static str) -> Space {
    Space { dialect: "zentitle", kind }
}

/// A tenant by its customer number.
pub const TENANT: Space = space("tenant");
/// A product by its ten digits.
pub const PRODUCT: Space = space("product");
/// A company by its number.
pub const COMPANY: Space = space("company");
/// A company by its name.
pub const COMPANY_NAME: Space = space("company_name");
/// A reseller by its name.
pub const RESELLER: Space = space("reseller");
/// A reseller by its number.
pub const RESELLER_NUMBER: Space = space("reseller_number");
/// A profile by its number.
pub const PROFILE: Space = space("profile");
/// A group by its number.
pub const GROUP: Space = space("group");
/// A user of a group by its number.
pub const GROUP_USER: Space = space("group_user");
/// The attributes that the dialect keeps with records.
pub const ATTRIBUTES: &str = "zentitle";

/// The caller's tenant.
pub fn tenant(cx: &Context<'_>) -> AccountId {
    cx.actor().tenant
}

/// A product of the caller's tenant.
pub fn product(tx: &mut dyn Tx, cx: &Context<'_>, number: &str) -> Result<ProductId, Error> {
    let found = alias::recall(tx, cx, tenant(cx), PRODUCT, number)?;
    found.map(ProductId).ok_or(Error::not_found(Noun::Product))
}

/// A product that an input may name.
pub fn maybe_product(tx: &mut dyn Tx, cx: &Context<'_>, number: Option<&str>) -> Result<Option<ProductId>, Error> {
    number.map(|number| product(tx, cx, number)).transpose()
}

/// The ten digits of a product; empty for one that was made elsewhere and has none.
pub fn product_number(tx: &mut dyn Tx, id: ProductId) -> Result<String, Error> {
    Ok(alias::name_of(tx, PRODUCT, id.0)?.unwrap_or_default())
}

/// The account of a company, or the tenant itself for the number 0, which stands for no company.
pub fn company(tx: &mut dyn Tx, cx: &Context<'_>, number: i64) -> Result<AccountId, Error> {
    if number == 0 {
        return Ok(tenant(cx));
    }
    let found = alias::recall(tx, cx, tenant(cx), COMPANY, &number.to_string())?;
    found.map(AccountId).ok_or(Error::not_found(Noun::Account))
}

/// The number of a company, 0 for accounts that are none.
pub fn company_number(tx: &mut dyn Tx, id: AccountId) -> Result<i64, Error> {
    number(tx, COMPANY, id.0)
}

/// The account of a reseller; an empty name stands for none.
pub fn reseller(tx: &mut dyn Tx, cx: &Context<'_>, name: &str) -> Result<Option<AccountId>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    let found = alias::resolve(tx, tenant(cx), RESELLER, name)?;
    found.map(|id| Some(AccountId(id))).ok_or(Error::not_found(Noun::Reseller))
}

/// The number of a reseller, 0 for accounts that are none.
pub fn reseller_number(tx: &mut dyn Tx, id: AccountId) -> Result<i64, Error> {
    number(tx, RESELLER_NUMBER, id.0)
}

/// The numbers of records of one kind; those that have none are left out.
pub fn numbers(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    space: Space,
    records: &[Uuid],
) -> Result<impl Iterator<Item = (Uuid, i64)>, Error> {
    let names = alias::names_of(tx, cx, space, records)?;
    Ok(names.into_iter().map(|(record, name)| (record, name.parse().unwrap_or(0))))
}

/// A profile by its number.
pub fn profile(tx: &mut dyn Tx, cx: &Context<'_>, number: i64) -> Result<ProfileId, Error> {
    let found = alias::resolve(tx, tenant(cx), PROFILE, &number.to_string())?;
    found.map(ProfileId).ok_or(Error::not_found(Noun::Profile))
}

/// A group by its number.
pub fn group(tx: &mut dyn Tx, cx: &Context<'_>, number: i64) -> Result<GroupId, Error> {
    let found = alias::recall(tx, cx, tenant(cx), GROUP, &number.to_string())?;
    found.map(GroupId).ok_or(Error::not_found(Noun::Group))
}

/// The number of a group, 0 for one that was made elsewhere and has none.
pub fn group_number(tx: &mut dyn Tx, id: GroupId) -> Result<i64, Error> {
    number(tx, GROUP, id.0)
}

/// A user of a group by its number.
pub fn group_user(tx: &mut dyn Tx, cx: &Context<'_>, number: i64) -> Result<EndUserId, Error> {
    let found = alias::recall(tx, cx, tenant(cx), GROUP_USER, &number.to_string())?;
    found.map(EndUserId).ok_or(Error::not_found(Noun::EndUser))
}

/// The number of a user of a group, 0 for one that was made elsewhere and has none.
pub fn group_user_number(tx: &mut dyn Tx, id: EndUserId) -> Result<i64, Error> {
    number(tx, GROUP_USER, id.0)
}

/// The account of a company by its name.
pub fn company_by_name(tx: &mut dyn Tx, cx: &Context<'_>, name: &str) -> Result<AccountId, Error> {
    let found = alias::recall(tx, cx, tenant(cx), COMPANY_NAME, name)?;
    found.map(AccountId).ok_or(Error::not_found(Noun::Account))
}

/// Gives a record the next number of its kind. Numbers that came with imported data are stepped over.
pub fn give_number(tx: &mut dyn Tx, tenant: AccountId, space: Space, record: Uuid, noun: Noun) -> Result<i64, Error> {
    loop {
        let number = alias::next_number(tx, tenant, &format!("{}:{}", space.dialect, space.kind), 1)?;
        let name = number.to_string();
        if alias::resolve(tx, tenant, space, &name)?.is_none() {
            alias::give(tx, tenant, space, &name, record, noun)?;
            return Ok(number);
        }
    }
}

fn number(tx: &mut dyn Tx, space: Space, record: Uuid) -> Result<i64, Error> {
    let name = alias::name_of(tx, space, record)?;
    Ok(name.and_then(|name| name.parse().ok()).unwrap_or(0))
}

/// Gives a new product its ten digits: five of the tenant, then a number from 100 up.
pub fn give_product_number(tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<String, Error> {
    const FIRST: i64 = 100;
    let tenant = tenant(cx);
    let prefix = product_prefix(tx, tenant)?;
    loop {
        let next = alias::next_number(tx, tenant, "zentitle:product", FIRST)?;
        let number = format!("{prefix}{next:05}");
        // A number that came with imported data is stepped over.
        if alias::resolve(tx, tenant, PRODUCT, &number)?.is_none() {
            alias::give(tx, tenant, PRODUCT, &number, id.0, Noun::Product)?;
            return Ok(number);
        }
    }
}

/// The five digits that all products of a tenant begin with.
fn product_prefix(tx: &mut dyn Tx, tenant: AccountId) -> Result<String, Error> {
    let kept = alias::attributes(tx, tenant.0, ATTRIBUTES)?;
    let prefix = kept.as_ref().and_then(|kept| kept.get("productPrefix")).and_then(serde_json::Value::as_str);
    Ok(prefix.unwrap_or("10000").to_owned())
}
