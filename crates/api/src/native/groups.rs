//! Groups of end users, and the licenses they sign in for.

use crate::call::{Cursor, Limit, Nothing, Read, Write, given};
use crate::document::{IfMatch, IfNoneMatch};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{GroupKind, Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::group::{self, ChangeGroup, CreateGroup, GroupFilter};
use lessor_core::{App, Noun};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_groups, create_group))
        .routes(routes!(get_group, change_group, delete_group))
        .routes(routes!(list_group_licenses, add_group_license))
        .routes(routes!(remove_group_license))
}

/// End users of one kind, together: they sign in for the group's licenses.
#[derive(Serialize, ToSchema)]
struct Group {
    /// Its id.
    #[schema(example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Whose it is; the vendor's where it is nobody's in particular.
    account: String,
    /// Whether it may have groups below it.
    kind: GroupKind,
    /// The master group it stands below.
    #[schema(example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0c")]
    master: Option<String>,
    /// Its name.
    #[schema(example = "Drawing office")]
    name: String,
    /// Remarks.
    #[schema(example = "Third floor")]
    description: String,
    created_at: Time,
    modified_at: Time,
    /// Grows with each change.
    #[schema(example = 1)]
    version: i64,
}

impl From<group::Group> for Group {
    fn from(group: group::Group) -> Self {
        Self {
            id: group.id.to_string(),
            account: group.account.to_string(),
            kind: group.kind.into(),
            master: group.master.map(|id| id.to_string()),
            name: group.name,
            description: group.description,
            created_at: group.created_at.into(),
            modified_at: group.modified_at.into(),
            version: group.version,
        }
    }
}

fn shown(group: group::Group) -> Reply {
    let version = group.version;
    Reply::ok(&Group::from(group)).at(version)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListGroups {
    /// Only groups of this account and those below it; left out, of the caller's branch.
    branch: Option<String>,
    /// Only groups below this master group.
    master: Option<String>,
    /// Only groups with exactly this name.
    name: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List groups
///
/// The groups that the caller sees, in the order they were made.
#[utoipa::path(get, path = "/v1/groups", tag = "Groups", params(ListGroups),
    security(("bearer" = ["groups:read"])),
    responses((status = 200, description = "A page of groups", body = Page<Group>)))]
async fn list_groups(read: Read<ListGroups>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let filter = GroupFilter {
            branch: name::some_account(tx, cx, query.branch.as_deref())?,
            master: query.master.as_deref().map(|master| name::group(tx, cx, master)).transpose()?,
            name: query.name.clone(),
        };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = group::list(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |group| group.id.0.as_u128(), Group::from)))
    })
    .await
}

/// A group to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewGroup {
    /// Whose it shall be; left out, the caller's own account.
    account: Option<String>,
    /// Whether it may have groups below it; left out, `standard`.
    kind: Option<GroupKind>,
    /// The master group to stand below. Its users reach this group's licenses too.
    #[schema(example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0c")]
    master: Option<String>,
    /// 1 to 200 characters, unique with the vendor.
    #[schema(example = "Drawing office")]
    name: String,
    /// At most 2000 characters.
    #[serde(default)]
    #[schema(example = "Third floor")]
    description: String,
}

/// Create a group
///
/// A master group stands below none.
#[utoipa::path(post, path = "/v1/groups", tag = "Groups", request_body = NewGroup,
    security(("bearer" = ["groups:write"])),
    responses((status = 201, description = "The new group", body = Group)))]
async fn create_group(write: Write<NewGroup>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let command = CreateGroup {
                account: name::some_account(tx, cx, new.account.as_deref())?.unwrap_or(cx.actor().account),
                kind: new.kind.map_or(group::GroupKind::Standard, Into::into),
                master: new.master.as_deref().map(|master| name::group(tx, cx, master)).transpose()?,
                name: new.name.clone(),
                description: new.description.clone(),
            };
            let group = group::create(tx, cx, &command)?;
            let (location, version) = (format!("/v1/groups/{}", group.id), group.version);
            Ok(Reply::created(location, &Group::from(group)).at(version))
        })
        .await
}

/// Get a group
#[utoipa::path(get, path = "/v1/groups/{group}", tag = "Groups",
    params(("group" = String, Path, description = "Which group"), IfNoneMatch),
    security(("bearer" = ["groups:read"])),
    responses((status = 200, description = "The group", body = Group)))]
async fn get_group(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::group(tx, cx, &id)?;
        Ok(shown(group::get(tx, cx, id)?))
    })
    .await
}

/// What to change of a group; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct GroupChange {
    /// Whose it is.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    account: Option<String>,
    /// Whether it may have groups below it. One that has some stays a master group.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    kind: Option<GroupKind>,
    /// The master group it stands below; `null` takes it out.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = json!(null))]
    master: Option<Option<String>>,
    /// 1 to 200 characters, unique with the vendor.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Drawing office")]
    name: Option<String>,
    /// At most 2000 characters.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Fourth floor")]
    description: Option<String>,
}

/// Change a group
///
/// Changes what is sent and leaves the rest.
#[utoipa::path(patch, path = "/v1/groups/{group}", tag = "Groups", request_body = GroupChange,
    params(("group" = String, Path, description = "Which group"), IfMatch),
    security(("bearer" = ["groups:write"])),
    responses((status = 200, description = "The group as it is now", body = Group)))]
async fn change_group(Path(id): Path<String>, write: Write<GroupChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let change = &call.body;
            let command = ChangeGroup {
                group: name::group(tx, cx, &id)?,
                account: name::some_account(tx, cx, change.account.as_deref())?,
                kind: change.kind.map(Into::into),
                master: match &change.master {
                    Some(master) => Some(master.as_deref().map(|master| name::group(tx, cx, master)).transpose()?),
                    None => None,
                },
                name: change.name.clone(),
                description: change.description.clone(),
            };
            let group = group::change(tx, cx, &command)?;
            call.condition.check(group.version - 1, Noun::Group)?;
            Ok(shown(group))
        })
        .await
}

/// Delete a group
///
/// Deletes a group that has none below it, with its end users; what they have activated is returned. Its licenses are in
/// no group then.
#[utoipa::path(delete, path = "/v1/groups/{group}", tag = "Groups",
    params(("group" = String, Path, description = "Which group"), IfMatch),
    security(("bearer" = ["groups:write"])),
    responses((status = 204, description = "It is gone")))]
async fn delete_group(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::group(tx, cx, &id)?;
            let group = group::delete(tx, cx, id)?;
            call.condition.check(group.version, Noun::Group)?;
            Ok(Reply::nothing())
        })
        .await
}

/// A license that the end users of a group sign in for.
#[derive(Serialize, ToSchema)]
struct GroupLicense {
    /// The license.
    license: String,
    /// To what.
    product: String,
    /// Its code.
    #[schema(example = "128437590236718452")]
    code: String,
    /// The group.
    #[schema(example = "ugr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    group: String,
    /// When it was added.
    added_at: Time,
}

impl From<group::GroupLicense> for GroupLicense {
    fn from(license: group::GroupLicense) -> Self {
        Self {
            license: license.license.to_string(),
            product: license.product.to_string(),
            code: license.code,
            group: license.group.to_string(),
            added_at: license.added_at.into(),
        }
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListGroupLicenses {
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List a group's licenses
///
/// Those in the caller's branch, in the order they were issued.
#[utoipa::path(get, path = "/v1/groups/{group}/licenses", tag = "Groups",
    params(("group" = String, Path, description = "Which group"), ListGroupLicenses),
    security(("bearer" = ["groups:read"])),
    responses((status = 200, description = "A page of licenses", body = Page<GroupLicense>)))]
async fn list_group_licenses(Path(id): Path<String>, read: Read<ListGroupLicenses>) -> Result<Response, Problem> {
    read.run(move |tx, cx, query| {
        let id = name::group(tx, cx, &id)?;
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let found = group::licenses(tx, cx, id, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |one| one.license.0.as_u128(), GroupLicense::from)))
    })
    .await
}

/// A license to add to a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LicenseToAdd {
    /// Which license; one that devices activate.
    license: String,
}

/// Add a license to a group
///
/// A license is in one group at most. Adding it again changes nothing. The caller has to be able to change the group and
/// the license.
#[utoipa::path(post, path = "/v1/groups/{group}/licenses", tag = "Groups", request_body = LicenseToAdd,
    params(("group" = String, Path, description = "Which group")),
    security(("bearer" = ["groups:write"])),
    responses((status = 200, description = "The license in its group", body = GroupLicense)))]
async fn add_group_license(Path(id): Path<String>, write: Write<LicenseToAdd>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::group(tx, cx, &id)?;
            let license = name::license(tx, cx, &call.body.license)?;
            let (there, _) = group::add_license(tx, cx, id, license)?;
            Ok(Reply::ok(&GroupLicense::from(there)))
        })
        .await
}

/// Take a license out of a group
///
/// What was activated stays so.
#[utoipa::path(delete, path = "/v1/groups/{group}/licenses/{license}", tag = "Groups",
    params(("group" = String, Path, description = "Which group"), ("license" = String, Path, description = "Which license")),
    security(("bearer" = ["groups:write"])),
    responses((status = 204, description = "It is in no group")))]
async fn remove_group_license(
    Path((group, license)): Path<(String, String)>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let group = name::group(tx, cx, &group)?;
            let license = name::license(tx, cx, &license)?;
            group::remove_license(tx, cx, group, license)?;
            Ok(Reply::nothing())
        })
        .await
}
