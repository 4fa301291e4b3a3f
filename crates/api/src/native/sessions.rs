//! Signing in and out, and who one is.

use crate::call::{Bearer, Head, Open, Read, signed_in};
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Level, Time};
use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use lessor_core::identity::session::{self, SESSION_PREFIX, SignedIn};
use lessor_core::{AccountId, App, Who};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(sign_in))
        .routes(routes!(sign_out))
        .routes(routes!(redeem_sign_in_link))
        .routes(routes!(get_me))
}

/// Who signs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    /// The user's login.
    #[schema(example = "ada@fabrikam.example")]
    login: String,
    /// The user's password.
    #[schema(format = Password, example = "a sentence of your own")]
    password: String,
}

/// A session.
#[derive(Serialize, ToSchema)]
struct Session {
    /// To be sent as a bearer token.
    #[schema(example = "lss_0aZ9bY8c4mQ7rT1wZxC2vB5nM8k")]
    token: String,
    /// Who it is.
    user: String,
    /// The account that user belongs to.
    account: String,
    expires_at: Time,
}

impl From<SignedIn> for Session {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            token: signed_in.token.reveal().to_owned(),
            user: signed_in.user.to_string(),
            account: signed_in.account.to_string(),
            expires_at: signed_in.expires_at.into(),
        }
    }
}

/// Sign in
///
/// Begins a session of twelve hours. An unknown login and a wrong password are answered alike; after five failures in a row
/// each further try has to wait. An `Idempotency-Key` changes nothing: each call begins a session of its own.
#[utoipa::path(post, path = "/v1/sessions", tag = "Sessions", request_body = Credentials, security(()),
    responses((status = 201, description = "The session", body = Session)))]
async fn sign_in(open: Open<Credentials>) -> Result<Response, Problem> {
    let app = &open.head.app;
    let begun = session::sign_in(app, &open.body.login, &open.body.password).await;
    let session = Session::from(begun.map_err(|error| open.problem(&error))?);
    Ok(Reply::ok(&session).with_status(StatusCode::CREATED).answer_once(app, false))
}

/// Sign out
///
/// Ends the session with which this call comes.
#[utoipa::path(delete, path = "/v1/sessions/current", tag = "Sessions", security(("bearer" = [])),
    responses((status = 204, description = "The session is over")))]
async fn sign_out(State(app): State<App>, request: Request) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    let head = Head::of(&parts, &app);
    let caller = signed_in(&head).await?;
    head.refuse_query()?;
    let token = match &head.bearer {
        Bearer::Given(token) if token.starts_with(SESSION_PREFIX) => token.clone(),
        _ => {
            let detail = "An API key has no session to end. Revoke it instead.";
            return Err(Problem::new(&head.trace, StatusCode::CONFLICT, "not_a_session", detail));
        }
    };
    let ended = app.write(&caller, move |tx, cx| session::end(tx, cx, &token)).await;
    ended.map_err(|error| head.core_problem(&error))?;
    Ok(Reply::nothing().answer_once(&app, false))
}

/// A sign-in link's token and the password to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Redemption {
    /// The link's token.
    #[schema(example = "lsl_0aZ9bY8c4mQ7rT1wZxC2vB5nM8k")]
    token: String,
    /// 15 to 128 characters.
    #[schema(format = Password, example = "a sentence of your own")]
    password: String,
}

/// Redeem a sign-in link
///
/// Sets the user's password, ends what sessions there were, and signs in. A link works once, whatever `Idempotency-Key` comes
/// with it.
#[utoipa::path(post, path = "/v1/sign-in-links/redeem", tag = "Sessions", request_body = Redemption, security(()),
    responses((status = 201, description = "The session", body = Session)))]
async fn redeem_sign_in_link(open: Open<Redemption>) -> Result<Response, Problem> {
    let app = &open.head.app;
    let begun = session::redeem_link(app, &open.body.token, &open.body.password).await;
    let session = Session::from(begun.map_err(|error| open.problem(&error))?);
    Ok(Reply::ok(&session).with_status(StatusCode::CREATED).answer_once(app, false))
}

/// What a credential is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum CredentialKind {
    /// A session of a user.
    User,
    /// An API key.
    ApiKey,
}

/// Who calls, and what it may do.
#[derive(Serialize, ToSchema)]
struct Me {
    /// What the credential is.
    kind: CredentialKind,
    /// The user or key.
    #[schema(example = "key_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The account it belongs to.
    account: String,
    /// The vendor in whose tenant that is.
    vendor: String,
    /// What it is limited to; `null` is no limit.
    #[schema(example = json!(["licenses:read", "licenses:write"]))]
    scopes: Option<Vec<String>>,
    /// Levels on branches; the nearest one above a record counts.
    permissions: Vec<MyPermission>,
}

/// What the caller may do on a branch.
#[derive(Serialize, ToSchema)]
struct MyPermission {
    /// The root of the branch.
    account: String,
    /// The level there.
    level: Level,
}

/// Who am I?
///
/// What the server knows of the credential that comes with this call.
#[utoipa::path(get, path = "/v1/me", tag = "Sessions", security(("bearer" = [])),
    responses((status = 200, description = "The caller", body = Me)))]
async fn get_me(read: Read) -> Result<Response, Problem> {
    let actor = &read.caller.actor;
    let kind = match actor.who {
        Who::ApiKey(_) => CredentialKind::ApiKey,
        Who::User(_) | Who::System | Who::Device(_) => CredentialKind::User,
    };
    let permissions = actor.grants.iter().filter_map(|grant| {
        let last = grant.path.as_str().trim_end_matches('/').rsplit('/').next()?;
        let account = AccountId(Uuid::try_parse(last).ok()?).to_string();
        Some(MyPermission { account, level: grant.level.into() })
    });
    let me = Me {
        kind,
        id: actor.who.to_string(),
        account: actor.account.to_string(),
        vendor: actor.tenant.to_string(),
        scopes: actor.rights.as_ref().map(|rights| rights.iter().map(|right| right.as_str().to_owned()).collect()),
        permissions: permissions.collect(),
    };
    Ok(Reply::ok(&me).answer(&read.head.app, &[]))
}
