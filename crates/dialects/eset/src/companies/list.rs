//! Companies in brief, and the users of the caller's own.

use super::open;
use crate::facts::{Firm, Person};
use crate::page::{Page, Paging};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::state::{company_status, user_status};
use crate::table::Asked;
use crate::words;
use lessor_core::account::{self, Below};
use lessor_core::identity::Level;
use lessor_core::identity::user::{self, User};
use lessor_core::{AccountId, Context, Error, Tx};
use serde_json::{Value, json};

pub(super) async fn children(asked: Asked) -> Result<Reply, Problem> {
    let below = Below::children(AccountId(asked.fields.need_guid("companyId")?));
    list(asked, below).await
}

pub(super) async fn descendants(asked: Asked) -> Result<Reply, Problem> {
    let account = AccountId(asked.fields.need_guid("companyId")?);
    let kind = words::kind(asked.fields.need_int("entityType")?);
    list(asked, Below { kind, ..Below::branch(account) }).await
}

async fn list(asked: Asked, below: Below) -> Result<Reply, Problem> {
    let page = Page::of(&asked.fields);
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        open(tx, cx, below.account)?;
        let (accounts, total_count) = account::below(tx, cx, &below, page.skip, page.take)?;
        let mut companies = Vec::new();
        for account in accounts {
            companies.push(json!({
                "name": account.name,
                "publicId": account.id.0,
                "type": words::entity_type(account.kind),
                "status": company_status(tx, cx, &account)?,
                "email": Firm::of(&account.contact).email,
            }));
        }
        Ok((companies, Paging { total_count }))
    });
    let (companies, paging): (Vec<Value>, Paging) = read.await?;
    Ok(Reply::json(&json!({ "companies": companies, "paging": paging })))
}

pub(super) async fn users(asked: Asked) -> Result<Reply, Problem> {
    let (own, page) = (asked.own_company(), Page::of(&asked.fields));
    let read = asked.app.read(&asked.caller, move |tx, cx| {
        let mut all = users_of(tx, cx, own)?;
        all.sort_by_cached_key(|(person, user)| (person.full_name(), user.id));
        let total_count = all.len();
        let mut users = Vec::new();
        for (person, user) in page.cut(all) {
            let set = user::permissions(tx, cx, user.id)?;
            let level = set.iter().find(|(on, _)| *on == own).map_or(Level::None, |(_, level)| *level);
            users.push(json!({
                "id": user.id.0,
                "firstName": person.first_name,
                "lastName": person.last_name,
                "email": person.email,
                "permission": words::permission(level),
                "status": user_status(&user, &person, cx.now),
            }));
        }
        Ok((users, Paging { total_count }))
    });
    let (users, paging): (Vec<Value>, Paging) = read.await?;
    Ok(Reply::json(&json!({ "users": users, "paging": paging })))
}

/// How many users one look gives.
const AT_ONCE: usize = 500;

/// All users of a company.
fn users_of(tx: &mut dyn Tx, cx: &Context<'_>, account: AccountId) -> Result<Vec<(Person, User)>, Error> {
    let mut all: Vec<(Person, User)> = Vec::new();
    loop {
        let after = all.last().map(|(_, user)| user.id);
        let some = user::list(tx, cx, account, after, u32::try_from(AT_ONCE).unwrap_or(u32::MAX))?;
        let is_last = some.len() < AT_ONCE;
        all.extend(some.into_iter().map(|user| (Person::of(&user.contact, &user.name, &user.login), user)));
        if is_last {
            return Ok(all);
        }
    }
}
