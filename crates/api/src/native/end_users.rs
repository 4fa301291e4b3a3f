//! End users: people who sign in to programs.

use crate::call::{Cursor, Limit, Nothing, Read, Write, given};
use crate::document::{IfMatch, IfNoneMatch};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::group::{self, ChangeEndUser, CreateEndUser, EndUserFilter, LEAST_PASSWORD};
use lessor_core::identity::password;
use lessor_core::{App, Noun};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_end_users, create_end_user))
        .routes(routes!(get_end_user, change_end_user, delete_end_user))
        .routes(routes!(set_end_user_password))
        .routes(routes!(unblock_end_user))
}

/// Someone who uses the software.
#[derive(Serialize, ToSchema)]
struct EndUser {
    /// Its id.
    #[schema(example = "eus_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The group it belongs to.
    #[schema(example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    group: String,
    /// What it signs in with.
    #[schema(example = "grace@contoso.example")]
    user_name: String,
    /// First name; may be empty.
    #[schema(example = "Grace")]
    first_name: String,
    /// Last name; may be empty.
    #[schema(example = "Hopper")]
    last_name: String,
    /// Mail address; may be empty.
    #[schema(example = "grace@contoso.example")]
    email: String,
    /// Telephone number; may be empty.
    #[schema(example = "+1 202 555 0117")]
    telephone: String,
    /// Members of the caller's own.
    #[schema(value_type = Object, example = json!({"department": "Research"}))]
    document: Value,
    /// May it look after the other users of its group?
    master: bool,
    created_at: Time,
    modified_at: Time,
    /// Grows with each change.
    #[schema(example = 1)]
    version: i64,
}

impl From<group::EndUser> for EndUser {
    fn from(user: group::EndUser) -> Self {
        Self {
            id: user.id.to_string(),
            group: user.group.to_string(),
            user_name: user.user_name,
            first_name: user.first_name,
            last_name: user.last_name,
            email: user.email,
            telephone: user.telephone,
            document: user.document.unwrap_or_else(|| Value::Object(Default::default())),
            master: user.master,
            created_at: user.created_at.into(),
            modified_at: user.modified_at.into(),
            version: user.version,
        }
    }
}

fn shown(user: group::EndUser) -> Reply {
    let version = user.version;
    Reply::ok(&EndUser::from(user)).at(version)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListEndUsers {
    /// Only users of groups of this account and those below it; left out, of the caller's branch.
    branch: Option<String>,
    /// Only users of this group.
    group: Option<String>,
    /// Only the user with exactly this name.
    user_name: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List end users
///
/// The end users that the caller sees, in the order they were made.
#[utoipa::path(get, path = "/v1/end-users", tag = "End users", params(ListEndUsers),
    security(("bearer" = ["groups:read"])),
    responses((status = 200, description = "A page of end users", body = Page<EndUser>)))]
async fn list_end_users(read: Read<ListEndUsers>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let filter = EndUserFilter {
            branch: name::some_account(tx, cx, query.branch.as_deref())?,
            group: query.group.as_deref().map(|group| name::group(tx, cx, group)).transpose()?,
            user_name: query.user_name.clone(),
        };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = group::end_users(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |user| user.id.0.as_u128(), EndUser::from)))
    })
    .await
}

/// An end user to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEndUser {
    /// The group it shall belong to.
    #[schema(example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    group: String,
    /// What it signs in with: 1 to 200 characters, unique with the vendor. Names are compared byte for byte: case, blanks
    /// and the way an accent is written count.
    #[schema(example = "grace@contoso.example")]
    user_name: String,
    /// 8 to 128 characters.
    #[schema(format = Password, example = "long enough")]
    password: String,
    /// At most 200 characters.
    #[serde(default)]
    #[schema(example = "Grace")]
    first_name: String,
    /// At most 200 characters.
    #[serde(default)]
    #[schema(example = "Hopper")]
    last_name: String,
    /// At most 200 characters.
    #[serde(default)]
    #[schema(example = "grace@contoso.example")]
    email: String,
    /// At most 200 characters.
    #[serde(default)]
    #[schema(example = "+1 202 555 0117")]
    telephone: String,
    /// Members of your own, at most 16 KiB.
    #[serde(default)]
    #[schema(value_type = Option<Object>, example = json!({"department": "Research"}))]
    document: Option<Value>,
    /// May it look after the other users of its group? For portals of yours; this server asks nothing of it.
    #[serde(default)]
    master: bool,
}

/// Create an end user
///
/// It signs in to programs, never to this server.
#[utoipa::path(post, path = "/v1/end-users", tag = "End users", request_body = NewEndUser,
    security(("bearer" = ["groups:write"])),
    responses((status = 201, description = "The new end user", body = EndUser)))]
async fn create_end_user(write: Write<NewEndUser>) -> Result<Response, Problem> {
    let hash = hashed(&write, &write.body.password).await?;
    write
        .run(move |tx, cx, call| {
            let new = &call.body;
            let command = CreateEndUser {
                group: name::group(tx, cx, &new.group)?,
                user_name: new.user_name.clone(),
                password_hash: hash.clone(),
                first_name: new.first_name.clone(),
                last_name: new.last_name.clone(),
                email: new.email.clone(),
                telephone: new.telephone.clone(),
                document: new.document.clone(),
                master: new.master,
            };
            let user = group::create_end_user(tx, cx, &command)?;
            let (location, version) = (format!("/v1/end-users/{}", user.id), user.version);
            Ok(Reply::created(location, &EndUser::from(user)).at(version))
        })
        .await
}

async fn hashed<B: Send + Sync + 'static>(write: &Write<B>, password: &str) -> Result<String, Problem> {
    password::check(password, LEAST_PASSWORD).map_err(|error| write.problem(&error))?;
    write.head.app.hasher().hash(password).await.map_err(|error| write.problem(&error))
}

/// Get an end user
#[utoipa::path(get, path = "/v1/end-users/{end_user}", tag = "End users",
    params(("end_user" = String, Path, description = "Which end user"), IfNoneMatch),
    security(("bearer" = ["groups:read"])),
    responses((status = 200, description = "The end user", body = EndUser)))]
async fn get_end_user(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::end_user(tx, cx, &id)?;
        Ok(shown(group::end_user(tx, cx, id)?))
    })
    .await
}

/// What to change of an end user; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndUserChange {
    /// The group it belongs to.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    group: Option<String>,
    /// 1 to 200 characters, unique with the vendor.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "grace.hopper@contoso.example")]
    user_name: Option<String>,
    /// At most 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Grace")]
    first_name: Option<String>,
    /// At most 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Hopper")]
    last_name: Option<String>,
    /// At most 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "grace.hopper@contoso.example")]
    email: Option<String>,
    /// At most 200 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "+1 202 555 0118")]
    telephone: Option<String>,
    /// In place of the old members, at most 16 KiB; `null` clears them.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<Object>)]
    document: Option<Option<Value>>,
    /// May it look after the other users of its group?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    master: Option<bool>,
}

/// Change an end user
///
/// Changes what is sent and leaves the rest. What was activated stays so.
#[utoipa::path(patch, path = "/v1/end-users/{end_user}", tag = "End users", request_body = EndUserChange,
    params(("end_user" = String, Path, description = "Which end user"), IfMatch),
    security(("bearer" = ["groups:write"])),
    responses((status = 200, description = "The end user as it is now", body = EndUser)))]
async fn change_end_user(Path(id): Path<String>, write: Write<EndUserChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let change = &call.body;
            let command = ChangeEndUser {
                end_user: name::end_user(tx, cx, &id)?,
                group: change.group.as_deref().map(|group| name::group(tx, cx, group)).transpose()?,
                user_name: change.user_name.clone(),
                first_name: change.first_name.clone(),
                last_name: change.last_name.clone(),
                email: change.email.clone(),
                telephone: change.telephone.clone(),
                document: change.document.clone(),
                master: change.master,
            };
            let user = group::change_end_user(tx, cx, &command)?;
            call.condition.check(user.version - 1, Noun::EndUser)?;
            Ok(shown(user))
        })
        .await
}

/// Delete an end user
///
/// Its name is free again, and what it has activated is returned.
#[utoipa::path(delete, path = "/v1/end-users/{end_user}", tag = "End users",
    params(("end_user" = String, Path, description = "Which end user"), IfMatch),
    security(("bearer" = ["groups:write"])),
    responses((status = 204, description = "It is gone")))]
async fn delete_end_user(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::end_user(tx, cx, &id)?;
            let user = group::delete_end_user(tx, cx, id)?;
            call.condition.check(user.version, Noun::EndUser)?;
            Ok(Reply::nothing())
        })
        .await
}

/// An end user's password to set.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EndUserPassword {
    /// 8 to 128 characters.
    #[schema(format = Password, example = "long enough")]
    password: String,
}

/// Set an end user's password
///
/// The user may try to sign in at once, whatever failed before.
#[utoipa::path(put, path = "/v1/end-users/{end_user}/password", tag = "End users", request_body = EndUserPassword,
    params(("end_user" = String, Path, description = "Which end user")),
    security(("bearer" = ["groups:write"])),
    responses((status = 204, description = "It is set")))]
async fn set_end_user_password(Path(id): Path<String>, write: Write<EndUserPassword>) -> Result<Response, Problem> {
    let hash = hashed(&write, &write.body.password).await?;
    write
        .run(move |tx, cx, _| {
            let id = name::end_user(tx, cx, &id)?;
            group::set_password(tx, cx, id, &hash)?;
            Ok(Reply::nothing())
        })
        .await
}

/// Unblock an end user
///
/// Lets the user try to sign in again at once, whatever failed before.
#[utoipa::path(post, path = "/v1/end-users/{end_user}/unblock", tag = "End users",
    params(("end_user" = String, Path, description = "Which end user")),
    security(("bearer" = ["groups:write"])),
    responses((status = 204, description = "The user may try again")))]
async fn unblock_end_user(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let id = name::end_user(tx, cx, &id)?;
            group::unblock(tx, cx, id)?;
            Ok(Reply::nothing())
        })
        .await
}
