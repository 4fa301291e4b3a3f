//! Users: who may sign in, and what each may do where.

use super::LinkPage;
use super::mails::Mail;
use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Level, Page, Time, with_one_more};
use axum::Extension;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::identity::password::{self, STAFF_MINIMUM};
use lessor_core::identity::user::{self, ChangePassword, ChangeUser, CreateUser, SetPermission};
use lessor_core::identity::{self, SendLink, session};
use lessor_core::{App, Context, Error, Tx, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_users, create_user))
        .routes(routes!(get_user, change_user, close_user))
        .routes(routes!(list_permissions))
        .routes(routes!(set_permission, clear_permission))
        .routes(routes!(set_password))
        .routes(routes!(unblock_user))
        .routes(routes!(create_sign_in_link))
        .routes(routes!(mail_sign_in_link))
}

/// Someone who signs in.
#[derive(Serialize, ToSchema)]
struct User {
    /// Its id.
    #[schema(example = "usr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The account it belongs to.
    account: String,
    /// Its name, for people.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// What it signs in with.
    #[schema(example = "ada@fabrikam.example")]
    login: String,
    /// How to reach it, and what else there is to say.
    #[schema(value_type = Object, example = json!({"phone": "+421 2 123"}))]
    contact: Value,
    /// Does it have a password? Without one only a sign-in link lets it in.
    has_password: bool,
    /// When that was last set; `null` without one.
    password_set_at: Option<Time>,
    created_at: Time,
    /// When it, or its password, was last changed.
    modified_at: Time,
    /// When it was closed; `null` while it is open.
    closed_at: Option<Time>,
}

impl From<user::User> for User {
    fn from(user: user::User) -> Self {
        Self {
            id: user.id.to_string(),
            account: user.account.to_string(),
            name: user.name,
            login: user.login,
            contact: user.contact,
            has_password: user.has_password,
            password_set_at: user.password_set_at.map(Time),
            created_at: user.created_at.into(),
            modified_at: user.modified_at.into(),
            closed_at: user.closed_at.map(Time),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListUsers {
    /// Whose users; left out, those of the caller's own account.
    account: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List users
///
/// The open users of one account, in the order they were made.
#[utoipa::path(get, path = "/v1/users", tag = "Users", params(ListUsers),
    security(("bearer" = ["identity:read"])),
    responses((status = 200, description = "A page of users", body = Page<User>)))]
async fn list_users(read: Read<ListUsers>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let account = name::some_account(tx, cx, query.account.as_deref())?.unwrap_or(cx.actor().account);
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = user::list(tx, cx, account, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |user| user.id.0.as_u128(), User::from)))
    })
    .await
}

/// A user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// The account it shall belong to; left out, the caller's own.
    account: Option<String>,
    /// 1 to 200 characters.
    #[schema(example = "Ada Lovelace")]
    name: String,
    /// 1 to 200 characters, unique in the whole installation.
    #[schema(example = "ada@fabrikam.example")]
    login: String,
    /// 15 to 128 characters; left out, a sign-in link lets the user set one.
    #[schema(format = Password, example = "a sentence of your own")]
    password: Option<String>,
    /// How to reach it, and what else there is to say: an object of at most 16 KiB.
    #[schema(value_type = Option<Object>, example = json!({"phone": "+421 2 123"}))]
    contact: Option<Value>,
    /// What it may do on its account's branch.
    level: Level,
}

/// Create a user
///
/// Nobody gives a user more than they have themselves.
#[utoipa::path(post, path = "/v1/users", tag = "Users", request_body = NewUser,
    security(("bearer" = ["identity:write"])),
    responses((status = 201, description = "The new user", body = User)))]
async fn create_user(write: Write<NewUser>) -> Result<Response, Problem> {
    let hash = match &write.body.password {
        Some(password) => Some(hashed(&write, password).await?),
        None => None,
    };
    write
        .run(move |tx, cx, call| {
            let new = &call.body;
            let command = CreateUser {
                account: name::some_account(tx, cx, new.account.as_deref())?.unwrap_or(cx.actor().account),
                name: new.name.clone(),
                login: new.login.clone(),
                contact: new.contact.clone().unwrap_or_else(|| json!({})),
                password_hash: hash.clone(),
                level: new.level.into(),
            };
            let user = User::from(user::create(tx, cx, &command)?);
            Ok(Reply::created(format!("/v1/users/{}", user.id), &user))
        })
        .await
}

async fn hashed<B: Send + Sync + 'static>(write: &Write<B>, password: &str) -> Result<String, Problem> {
    password::check(password, STAFF_MINIMUM).map_err(|error| write.problem(&error))?;
    write.head.app.hasher().hash(password).await.map_err(|error| write.problem(&error))
}

/// Get a user
///
/// Everyone may see themselves.
#[utoipa::path(get, path = "/v1/users/{user}", tag = "Users",
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:read"])),
    responses((status = 200, description = "The user", body = User)))]
async fn get_user(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| Ok(Reply::ok(&User::from(user::get(tx, cx, name::user(&id)?)?)))).await
}

/// What of a user is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserChange {
    /// 1 to 200 characters.
    #[schema(example = "Ada King")]
    name: Option<String>,
    /// An object of at most 16 KiB, which takes the place of the one before.
    #[schema(value_type = Option<Object>, example = json!({"phone": "+421 2 123"}))]
    contact: Option<Value>,
}

/// Change a user
///
/// Its name and contact; everyone may change their own.
#[utoipa::path(patch, path = "/v1/users/{user}", tag = "Users", request_body = UserChange,
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:write"])),
    responses((status = 200, description = "The user as it is now", body = User)))]
async fn change_user(Path(id): Path<String>, write: Write<UserChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let (name, contact) = (call.body.name.clone(), call.body.contact.clone());
            let command = ChangeUser { user: name::user(&id)?, name, contact };
            Ok(Reply::ok(&User::from(user::change(tx, cx, &command)?)))
        })
        .await
}

/// Close a user
///
/// Ends its sessions; its login stays taken. Closing twice is not an error.
#[utoipa::path(delete, path = "/v1/users/{user}", tag = "Users",
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:write"])),
    responses((status = 204, description = "It opens nothing any more")))]
async fn close_user(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            user::close(tx, cx, name::user(&id)?)?;
            Ok(Reply::nothing())
        })
        .await
}

/// What a user may do on a branch.
#[derive(Serialize, ToSchema)]
struct Permission {
    /// The root of the branch.
    account: String,
    /// The level there.
    level: Level,
}

fn permissions(tx: &mut dyn Tx, cx: &Context<'_>, user: UserId) -> Result<Reply, Error> {
    let set = user::permissions(tx, cx, user)?.into_iter();
    let items = set.map(|(account, level)| Permission { account: account.to_string(), level: level.into() }).collect();
    Ok(Reply::ok(&Page { items, next: None }))
}

/// List permissions
///
/// The levels set for a user; each counts on its branch unless a nearer one is set.
#[utoipa::path(get, path = "/v1/users/{user}/permissions", tag = "Users",
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:read"])),
    responses((status = 200, description = "The permissions", body = Page<Permission>)))]
async fn list_permissions(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| permissions(tx, cx, name::user(&id)?)).await
}

/// A level to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LevelToSet {
    /// The level; `none` takes away what is set further up.
    level: Level,
}

/// Set a permission
///
/// Sets what a user may do on a branch, from its next call on.
#[utoipa::path(put, path = "/v1/users/{user}/permissions/{account}", tag = "Users", request_body = LevelToSet,
    params(("user" = String, Path, description = "Which user"), ("account" = String, Path, description = "The root of the branch")),
    security(("bearer" = ["identity:write"])),
    responses((status = 204, description = "It is set")))]
async fn set_permission(
    Path((user, account)): Path<(String, String)>,
    write: Write<LevelToSet>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let account = name::account(tx, cx, &account)?;
            let command = SetPermission { user: name::user(&user)?, account, level: Some(call.body.level.into()) };
            user::set_permission(tx, cx, &command)?;
            Ok(Reply::nothing())
        })
        .await
}

/// Clear a permission
///
/// Whatever is set further up counts again on the branch.
#[utoipa::path(delete, path = "/v1/users/{user}/permissions/{account}", tag = "Users",
    params(("user" = String, Path, description = "Which user"), ("account" = String, Path, description = "The root of the branch")),
    security(("bearer" = ["identity:write"])),
    responses((status = 204, description = "It is cleared")))]
async fn clear_permission(
    Path((user, account)): Path<(String, String)>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let account = name::account(tx, cx, &account)?;
            user::set_permission(tx, cx, &SetPermission { user: name::user(&user)?, account, level: None })?;
            Ok(Reply::nothing())
        })
        .await
}

/// A password to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    /// 15 to 128 characters.
    #[schema(format = Password, example = "a sentence of your own")]
    password: String,
}

/// Set a password
///
/// Users set their own; others need to be able to do themselves all that the user can. All of the user's sessions and
/// links end.
#[utoipa::path(put, path = "/v1/users/{user}/password", tag = "Users", request_body = NewPassword,
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:write"])),
    responses((status = 204, description = "It is set")))]
async fn set_password(Path(id): Path<String>, write: Write<NewPassword>) -> Result<Response, Problem> {
    let password_hash = hashed(&write, &write.body.password).await?;
    write
        .run(move |tx, cx, _| {
            let command = ChangePassword { user: name::user(&id)?, password_hash: password_hash.clone() };
            user::change_password(tx, cx, &command)?;
            Ok(Reply::nothing())
        })
        .await
}

/// Unblock a user
///
/// Lets a user try to sign in again at once, whatever failed before.
#[utoipa::path(post, path = "/v1/users/{user}/unblock", tag = "Users",
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:write"])),
    responses((status = 204, description = "The user may try again")))]
async fn unblock_user(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            user::unblock(tx, cx, name::user(&id)?)?;
            Ok(Reply::nothing())
        })
        .await
}

/// A link with which a user sets a password and signs in, once, within a day.
#[derive(Serialize, ToSchema)]
struct SignInLink {
    /// Whose.
    user: String,
    /// The token to redeem. It is shown once; a replay of this answer goes without it.
    #[schema(value_type = String, required = false, example = "lsl_0aZ9bY8c4mQ7rT1wZxC2vB5nM8k")]
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Create a sign-in link
///
/// Links made before stop working.
#[utoipa::path(post, path = "/v1/users/{user}/sign-in-links", tag = "Users",
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:write"])),
    responses((status = 201, description = "The link's token", body = SignInLink)))]
async fn create_sign_in_link(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let user = name::user(&id)?;
            let link = session::create_link(tx, cx, user)?;
            let view = SignInLink { user: user.to_string(), token: None };
            Ok(Reply::ok(&view).with_status(http::StatusCode::CREATED).telling("token", link.reveal().to_owned()))
        })
        .await
}

/// Mail a sign-in link
///
/// To the `email` of the user's contact, or else to its login. Links made before stop working.
#[utoipa::path(post, path = "/v1/users/{user}/sign-in-mails", tag = "Users",
    params(("user" = String, Path, description = "Which user")),
    security(("bearer" = ["identity:write"])),
    responses((status = 201, description = "The mail, which waits in the outbox", body = Mail)))]
async fn mail_sign_in_link(
    Path(id): Path<String>,
    Extension(page): Extension<LinkPage>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let command = SendLink { user: name::user(&id)?, page: page.0.to_string() };
            let mail = Mail::from(identity::send_link(tx, cx, &command)?);
            Ok(Reply::created(format!("/v1/mails/{}", mail.id), &mail))
        })
        .await
}
