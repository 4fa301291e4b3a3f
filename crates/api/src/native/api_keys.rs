//! API keys: listed, made, revoked.

use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::identity::Right;
use lessor_core::identity::api_key::{self, CreateApiKey, KeyForm, RevokeApiKey};
use lessor_core::{App, Error};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_api_keys, create_api_key)).routes(routes!(revoke_api_key))
}

/// A key, without its text.
#[derive(Serialize, ToSchema)]
struct ApiKey {
    /// Its id.
    #[schema(example = "key_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The account on whose branch it acts.
    account: String,
    /// The first characters of its text, to tell it from others.
    #[schema(example = "lsr_live_0aZ9bY8c")]
    prefix: String,
    /// What its owner calls it.
    #[schema(example = "shop")]
    label: String,
    /// What it is limited to; `null` is no limit.
    #[schema(example = json!(["licenses:read", "licenses:write"]))]
    scopes: Option<Vec<String>>,
    created_at: Time,
    /// When it stops; `null` is never.
    expires_at: Option<Time>,
}

impl From<api_key::ApiKey> for ApiKey {
    fn from(key: api_key::ApiKey) -> Self {
        let scopes = key.rights.map(|rights| rights.iter().map(|right| right.as_str().to_owned()).collect());
        Self {
            id: key.id.to_string(),
            account: key.account.to_string(),
            prefix: key.prefix,
            label: key.label,
            scopes,
            created_at: key.created_at.into(),
            expires_at: key.expires_at.map(Time),
        }
    }
}

/// A new key, with its text.
#[derive(Serialize, ToSchema)]
struct NewKey {
    #[serde(flatten)]
    item: ApiKey,
    /// The text to send as a bearer token. It is shown once and stored nowhere; a replay of this answer goes without it.
    #[schema(value_type = String, required = false, example = "lsr_live_0aZ9bY8c_4mQ7rT1wZxC2vB5nM8kJ3hG6fDs_1a2B3c")]
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListApiKeys {
    /// Whose keys; left out, those of the caller's own account.
    account: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List API keys
///
/// The keys of one account that were not revoked, in the order they were made.
#[utoipa::path(get, path = "/v1/api-keys", tag = "API keys", params(ListApiKeys),
    security(("bearer" = ["identity:read"])),
    responses((status = 200, description = "A page of keys", body = Page<ApiKey>)))]
async fn list_api_keys(read: Read<ListApiKeys>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::some_account(tx, cx, query.account.as_deref())?.unwrap_or(cx.actor().account);
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = api_key::list(tx, cx, account, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |key| key.id.0.as_u128(), ApiKey::from)))
    })
    .await
}

/// What the text of a key looks like.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Form {
    /// `lsr_live_…`, which scanners for leaked secrets know.
    Native,
    /// 32 letters and digits, for clients that take nothing else.
    Alphanumeric,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct KeyToMake {
    /// On whose branch it shall act; left out, the caller's own.
    account: Option<String>,
    /// What you call it, at most 200 characters.
    #[serde(default)]
    #[schema(example = "shop")]
    label: String,
    /// What to limit it to: scopes such as `licenses:read`, or a dialect's own. Left out, no limit.
    #[schema(example = json!(["licenses:read", "licenses:write"]))]
    scopes: Option<Vec<String>>,
    /// What its text shall look like; left out, `native`.
    form: Option<Form>,
    /// When it stops; left out, never.
    expires_at: Option<Time>,
}

/// Create an API key
///
/// Nobody gives a key more than they have themselves. The answer holds the key's text, which cannot be had again: a replay
/// under the same idempotency key tells the same key without its text.
#[utoipa::path(post, path = "/v1/api-keys", tag = "API keys", request_body = KeyToMake,
    security(("bearer" = ["identity:write"])),
    responses((status = 201, description = "The new key", body = NewKey)))]
async fn create_api_key(write: Write<KeyToMake>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let form = match new.form {
                None | Some(Form::Native) => KeyForm::Native,
                Some(Form::Alphanumeric) => KeyForm::Alphanumeric32,
            };
            let command = CreateApiKey {
                account: name::some_account(tx, cx, new.account.as_deref())?.unwrap_or(cx.actor().account),
                label: new.label.clone(),
                rights: new
                    .scopes
                    .as_ref()
                    .map(|scopes| scopes.iter().map(|scope| right(scope)).collect())
                    .transpose()?,
                form,
                expires_at: new.expires_at.map(|end| end.0),
            };
            let (key, credential) = api_key::create(tx, cx, &command)?;
            let view = NewKey { item: key.into(), key: None };
            Ok(Reply::ok(&view).with_status(http::StatusCode::CREATED).telling("key", credential.reveal().to_owned()))
        })
        .await
}

fn right(scope: &str) -> Result<Right, Error> {
    Right::parse(scope).ok_or_else(|| Error::malformed("scopes", format!("{scope:?} is no scope")))
}

/// Revoke an API key
///
/// From the next call on it opens nothing. Revoking twice is not an error.
#[utoipa::path(delete, path = "/v1/api-keys/{key}", tag = "API keys",
    params(("key" = String, Path, description = "Which key")),
    security(("bearer" = ["identity:write"])),
    responses((status = 204, description = "It opens nothing any more")))]
async fn revoke_api_key(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            api_key::revoke(tx, cx, &RevokeApiKey { key: name::api_key(&id)?, keep_one_with: None })?;
            Ok(Reply::nothing())
        })
        .await
}
