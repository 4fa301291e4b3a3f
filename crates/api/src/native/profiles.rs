//! Profiles: named sets of license terms.

use crate::call::{Cursor, Limit, Read, Write, given};
use crate::document::{IfMatch, IfNoneMatch};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::terms::{
    Function, FunctionInput, Grant, GrantInput, NamedValue, Set, Terms, TermsInput, ValueInput, settings,
};
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::catalog::{self, ChangeProfile, CreateProfile, ProfileFilter};
use lessor_core::{App, Context, Error, Noun, Tx};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_profiles, create_profile)).routes(routes!(get_profile, change_profile))
}

/// A named set of license terms, as lists show it.
#[derive(Serialize, ToSchema)]
struct ProfileItem {
    /// Its id.
    #[schema(example = "pro_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// Its product.
    product: String,
    /// Its name, unique in the product.
    #[schema(example = "School")]
    name: String,
    /// The partner it belongs to.
    reseller: Option<String>,
    /// Do its licenses start usable?
    enabled: bool,
    /// Do its licenses start as handed out?
    acquired: bool,
    /// What its licenses start with.
    terms: Terms,
    created_at: Time,
    modified_at: Time,
    /// Grows with each change.
    #[schema(example = 1)]
    version: i64,
}

impl From<&catalog::Profile> for ProfileItem {
    fn from(profile: &catalog::Profile) -> Self {
        Self {
            id: profile.id.to_string(),
            product: profile.product.to_string(),
            name: profile.name.clone(),
            reseller: profile.reseller.map(|reseller| reseller.to_string()),
            enabled: profile.enabled,
            acquired: profile.acquired,
            terms: Terms::from(&profile.terms),
            created_at: profile.created_at.into(),
            modified_at: profile.modified_at.into(),
            version: profile.version,
        }
    }
}

/// A named set of license terms, with what it sets.
#[derive(Serialize, ToSchema)]
struct Profile {
    #[serde(flatten)]
    item: ProfileItem,
    /// Features; use is the sum over its licenses.
    features: Vec<Grant>,
    /// Named values.
    values: Vec<NamedValue>,
    /// Server functions.
    functions: Vec<Function>,
}

fn shown(tx: &mut dyn Tx, profile: &catalog::Profile) -> Result<Profile, Error> {
    let known = catalog::catalog(tx, profile.tenant, profile.product)?;
    let set = Set::of(&known, &profile.settings(tx)?);
    Ok(Profile { item: profile.into(), features: set.features, values: set.values, functions: set.functions })
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListProfiles {
    /// Whose profiles; left out, those of the caller's own vendor.
    vendor: Option<String>,
    /// Only profiles of this product.
    product: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List profiles
///
/// The profiles of one vendor in the order they were made.
#[utoipa::path(get, path = "/v1/profiles", tag = "Profiles", params(ListProfiles),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "A page of profiles", body = Page<ProfileItem>)))]
async fn list_profiles(read: Read<ListProfiles>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let (tenant, product) = name::vendor_and_product(tx, cx, query.vendor.as_deref(), query.product.as_deref())?;
        let filter = ProfileFilter { tenant, product };
        let start = Cursor::start(query.cursor);
        let found = catalog::profiles(tx, cx, &filter, start, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(
            found,
            query.limit,
            |profile| profile.id.0.as_u128(),
            |profile| ProfileItem::from(&profile),
        )))
    })
    .await
}

/// A profile to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewProfile {
    /// Its product.
    product: String,
    /// 1 to 200 characters, unique in the product.
    #[schema(example = "School")]
    name: String,
    /// The partner it belongs to.
    reseller: Option<String>,
    /// Do its licenses start usable?
    #[serde(default = "yes")]
    #[schema(default = true)]
    enabled: bool,
    /// Do its licenses start as handed out?
    #[serde(default)]
    acquired: bool,
    /// What its licenses start with.
    #[serde(default)]
    terms: TermsInput,
    /// Features its licenses start with.
    #[serde(default)]
    features: Vec<GrantInput>,
    /// Named values its licenses start with.
    #[serde(default)]
    values: Vec<ValueInput>,
    /// Server functions its licenses start with.
    #[serde(default)]
    functions: Vec<FunctionInput>,
}

fn yes() -> bool {
    true
}

/// Create a profile
///
/// It gives a license its terms when the license is made with it, or told to inherit.
#[utoipa::path(post, path = "/v1/profiles", tag = "Profiles", request_body = NewProfile,
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new profile", body = Profile)))]
async fn create_profile(write: Write<NewProfile>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let command = CreateProfile {
                product: name::product(tx, cx, &new.product)?,
                name: new.name.clone(),
                reseller: reseller(tx, cx, new.reseller.as_deref())?,
                enabled: new.enabled,
                acquired: new.acquired,
                terms: new.terms.terms()?,
                settings: settings(&new.features, &new.values, &new.functions),
            };
            let profile = catalog::create_profile(tx, cx, &command)?;
            let location = format!("/v1/profiles/{}", profile.id);
            Ok(Reply::created(location, &shown(tx, &profile)?).at(profile.version))
        })
        .await
}

fn reseller(tx: &mut dyn Tx, cx: &Context<'_>, text: Option<&str>) -> Result<Option<lessor_core::AccountId>, Error> {
    name::some_account(tx, cx, text)
}

/// Get a profile
///
/// With the features, values and functions it sets.
#[utoipa::path(get, path = "/v1/profiles/{profile}", tag = "Profiles",
    params(("profile" = String, Path, description = "Which profile"), IfNoneMatch),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The profile", body = Profile)))]
async fn get_profile(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::profile(tx, cx, &id)?;
        let profile = catalog::profile_by_id(tx, cx, id)?;
        Ok(Reply::ok(&shown(tx, &profile)?).at(profile.version))
    })
    .await
}

/// What to change of a profile; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ProfileChange {
    /// 1 to 200 characters, unique in the product.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false, example = "Schools and libraries")]
    name: Option<String>,
    /// The partner it belongs to; `null` for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    reseller: Option<Option<String>>,
    /// Do its licenses start usable?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// Do its licenses start as handed out?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    acquired: Option<bool>,
    /// Terms.
    #[serde(default)]
    terms: TermsInput,
    /// Features.
    #[serde(default)]
    features: Vec<GrantInput>,
    /// Named values.
    #[serde(default)]
    values: Vec<ValueInput>,
    /// Server functions.
    #[serde(default)]
    functions: Vec<FunctionInput>,
    /// Push the changed profile onto the licenses now in it? Their owners, orders, notes and use stay.
    #[serde(default)]
    push: bool,
}

/// Change a profile
///
/// Licenses made before keep what they have, unless `push` is set.
#[utoipa::path(patch, path = "/v1/profiles/{profile}", tag = "Profiles", request_body = ProfileChange,
    params(("profile" = String, Path, description = "Which profile"), IfMatch),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The profile as it is now", body = Profile)))]
async fn change_profile(Path(id): Path<String>, write: Write<ProfileChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let change = &call.body;
            let command = ChangeProfile {
                profile: name::profile(tx, cx, &id)?,
                name: change.name.clone(),
                reseller: match &change.reseller {
                    Some(text) => Some(reseller(tx, cx, text.as_deref())?),
                    None => None,
                },
                enabled: change.enabled,
                acquired: change.acquired,
                terms: change.terms.change()?,
                settings: settings(&change.features, &change.values, &change.functions),
                push: change.push,
            };
            let profile = catalog::change_profile(tx, cx, &command)?;
            call.condition.check(profile.version - 1, Noun::Profile)?;
            Ok(Reply::ok(&shown(tx, &profile)?).at(profile.version))
        })
        .await
}
