//! Accounts: the tree of companies.

use crate::call::{Cursor, Limit, Nothing, Read, Write, given};
use crate::document::{IfMatch, IfNoneMatch};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{AccountKind, Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::account::{self, AccountFilter, ChangeAccount, CreateAccount, MoveAccount};
use lessor_core::{App, Context, Error, Noun, Tx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_accounts, create_account))
        .routes(routes!(get_account, change_account, close_account))
        .routes(routes!(move_account))
}

/// A node of the tree.
#[derive(Serialize, ToSchema)]
pub(crate) struct Account {
    /// Its id.
    #[schema(example = "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The vendor in whose tenant it is; a vendor's own id.
    vendor: String,
    /// The account above; `null` for a root.
    parent: Option<String>,
    /// What it is in the chain of sale.
    kind: AccountKind,
    /// Its name.
    #[schema(example = "Fabrikam MSP")]
    name: String,
    /// Contact and billing details; the members are the caller's own.
    #[schema(value_type = Object, example = json!({"email": "office@fabrikam.example"}))]
    contact: Value,
    /// Does a hold reach it, its own or one from above?
    held: bool,
    created_at: Time,
    modified_at: Time,
    /// When it was closed; `null` while it is open.
    closed_at: Option<Time>,
    /// Grows with each change.
    #[schema(example = 1)]
    version: i64,
}

impl Account {
    fn of(account: account::Account, held: bool) -> Self {
        Self {
            id: account.id.to_string(),
            vendor: account.tenant.to_string(),
            parent: account.parent.map(|parent| parent.to_string()),
            kind: account.kind.into(),
            name: account.name,
            contact: account.contact,
            held,
            created_at: account.created_at.into(),
            modified_at: account.modified_at.into(),
            closed_at: account.closed_at.map(Time),
            version: account.version,
        }
    }
}

fn shown(tx: &mut dyn Tx, account: account::Account) -> Result<Reply, Error> {
    let held = account::is_held(tx, account.id)?;
    let version = account.version;
    Ok(Reply::ok(&Account::of(account, held)).at(version))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListAccounts {
    /// Only this account and those below it.
    branch: Option<String>,
    /// Only accounts right below this one.
    parent: Option<String>,
    /// Only accounts of this kind.
    #[param(inline)]
    kind: Option<AccountKind>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List accounts
///
/// The accounts that the caller sees, in the order they were made, a page at a time.
#[utoipa::path(get, path = "/v1/accounts", tag = "Accounts", params(ListAccounts),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "A page of accounts", body = Page<Account>)))]
async fn list_accounts(read: Read<ListAccounts>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let filter = AccountFilter {
            branch: name::some_account(tx, cx, query.branch.as_deref())?,
            parent: name::some_account(tx, cx, query.parent.as_deref())?,
            kind: query.kind.map(Into::into),
        };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = account::list(tx, cx, &filter, after, with_one_more(query.limit))?;
        let ids: Vec<_> = found.iter().map(|account| account.id).collect();
        let held = account::held_among(tx, &ids)?;
        let view = |account: account::Account| {
            let held = held.contains(&account.id);
            Account::of(account, held)
        };
        Ok(Reply::ok(&Page::of(found, query.limit, |account| account.id.0.as_u128(), view)))
    })
    .await
}

/// An account to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// The account above, by id or `dialect:kind:name`; left out, the caller's own.
    #[schema(example = "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    parent: Option<String>,
    /// What it is. The chain of sale only goes down: see the order of the words.
    kind: AccountKind,
    /// 1 to 200 characters.
    #[schema(example = "Fabrikam MSP")]
    name: String,
    /// Contact and billing details, at most 16 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"email": "office@fabrikam.example"}))]
    contact: Option<Value>,
}

/// Create an account
///
/// Makes an account below another one.
#[utoipa::path(post, path = "/v1/accounts", tag = "Accounts", request_body = NewAccount,
    security(("bearer" = ["accounts:write"])),
    responses((status = 201, description = "The new account", body = Account)))]
async fn create_account(write: Write<NewAccount>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let parent = name::some_account(tx, cx, call.body.parent.as_deref())?.unwrap_or(cx.actor().account);
            let command = CreateAccount {
                id: None,
                parent: Some(parent),
                kind: call.body.kind.into(),
                name: call.body.name.clone(),
                contact: call.body.contact.clone().unwrap_or_else(|| Value::Object(Default::default())),
            };
            let account = account::create(tx, cx, &command)?;
            let held = account::is_held(tx, account.id)?;
            let (location, version) = (format!("/v1/accounts/{}", account.id), account.version);
            Ok(Reply::created(location, &Account::of(account, held)).at(version))
        })
        .await
}

/// Get an account
///
/// Accounts are named by their id or by the name that a dialect has for them, `dialect:kind:name`, here and everywhere.
#[utoipa::path(get, path = "/v1/accounts/{account}", tag = "Accounts",
    params(("account" = String, Path, description = "Which account"), IfNoneMatch),
    security(("bearer" = ["accounts:read"])),
    responses((status = 200, description = "The account", body = Account)))]
async fn get_account(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::account(tx, cx, &id)?;
        let account = account::get(tx, cx, id)?;
        shown(tx, account)
    })
    .await
}

/// What to change of an account; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    /// 1 to 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Fabrikam Managed Services")]
    name: Option<String>,
    /// In place of the old details, at most 16 KiB; `null` clears them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    contact: Option<Option<Value>>,
}

/// Change an account
///
/// Changes what is sent and leaves the rest.
#[utoipa::path(patch, path = "/v1/accounts/{account}", tag = "Accounts", request_body = AccountChange,
    params(("account" = String, Path, description = "Which account"), IfMatch),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "The account as it is now", body = Account)))]
async fn change_account(Path(id): Path<String>, write: Write<AccountChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::account(tx, cx, &id)?;
            let command = ChangeAccount {
                account: id,
                name: call.body.name.clone(),
                contact: call
                    .body
                    .contact
                    .clone()
                    .map(|contact| contact.unwrap_or_else(|| Value::Object(Default::default()))),
                expected_version: version_to_expect(tx, cx, call, id)?,
            };
            let account = account::change(tx, cx, &command)?;
            shown(tx, account)
        })
        .await
}

/// The version that the account has and the caller asks for; the command holds it to that under its lock.
fn version_to_expect<B>(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    call: &Write<B>,
    id: lessor_core::AccountId,
) -> Result<Option<i64>, Error> {
    if !call.condition.is_any() {
        return Ok(None);
    }
    let version = account::get(tx, cx, id)?.version;
    call.condition.check(version, Noun::Account)?;
    Ok(Some(version))
}

/// Close an account
///
/// Closes an account that has no open one below it. It is kept for its past; its keys and users open nothing any more.
/// Closing twice is not an error.
#[utoipa::path(delete, path = "/v1/accounts/{account}", tag = "Accounts",
    params(("account" = String, Path, description = "Which account"), IfMatch),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "The account as it is now", body = Account)))]
async fn close_account(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::account(tx, cx, &id)?;
            let expected = version_to_expect(tx, cx, call, id)?;
            let account = account::close(tx, cx, id)?;
            if expected.is_some_and(|version| ![version, version + 1].contains(&account.version)) {
                return Err(lessor_core::Refusal::Stale(Noun::Account).into());
            }
            shown(tx, account)
        })
        .await
}

/// Where to put an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Move {
    /// The account to be above.
    #[schema(example = "acc_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    parent: String,
}

/// Move an account
///
/// Puts an account, with all its branch, below another one of its tenant.
#[utoipa::path(post, path = "/v1/accounts/{account}/move", tag = "Accounts", request_body = Move,
    params(("account" = String, Path, description = "Which account"), IfMatch),
    security(("bearer" = ["accounts:write"])),
    responses((status = 200, description = "The account as it is now", body = Account)))]
async fn move_account(Path(id): Path<String>, write: Write<Move>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::account(tx, cx, &id)?;
            let parent = name::account(tx, cx, &call.body.parent)?;
            let account = account::move_to(tx, cx, &MoveAccount { account: id, parent })?;
            call.condition.check(account.version - 1, Noun::Account)?;
            shown(tx, account)
        })
        .await
}
