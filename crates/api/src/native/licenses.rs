//! Licenses: found, issued, shown, changed, removed.

use crate::call::{Cursor, Limit, Nothing, Read, Write, given};
use crate::document::{IfMatch, IfNoneMatch};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::terms::{
    Function, FunctionInput, Grant, GrantInput, NamedValue, Set, Terms, TermsInput, ValueInput, settings,
};
use crate::wire::{LicenseRole, Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::catalog::{self, Catalog};
use lessor_core::license::{self, Acquire, ChangeLicense, Codes, IssueLicenses, LicenseView, NotesChange};
use lessor_core::{App, Context, Error, LicenseId, Noun, ProductId, Refusal, Tx};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_licenses, issue_licenses))
        .routes(routes!(get_license, change_license, remove_license))
        .routes(routes!(acquire_licenses))
}

/// The right of an account to a product.
#[derive(Serialize, ToSchema)]
pub(super) struct License {
    /// Its id.
    #[schema(example = "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The vendor in whose tenant it is.
    vendor: String,
    /// Whose it is; the vendor itself before it is given to anyone.
    account: String,
    /// Name of that account.
    #[schema(example = "Fabrikam MSP")]
    account_name: String,
    /// To what.
    product: String,
    /// The profile it is filed under.
    profile: Option<String>,
    /// Name of that profile.
    #[schema(example = "School")]
    profile_name: Option<String>,
    /// What people type, unique in the product.
    #[schema(example = "128437590236718452")]
    code: String,
    /// What it is for.
    role: LicenseRole,
    /// A text of the caller's own.
    reference: String,
    /// The order it came with.
    #[schema(example = "PO-2026-117")]
    order: String,
    /// Has it been handed out?
    acquired: bool,
    /// Is a hold on the license itself? Those on accounts are told by the account.
    held: bool,
    /// How it may be used.
    terms: Terms,
    /// Features.
    features: Vec<Grant>,
    /// Named values.
    values: Vec<NamedValue>,
    /// Server functions.
    functions: Vec<Function>,
    /// Activations that are not returned.
    #[schema(example = 3)]
    active_count: i64,
    /// Activations whose lease is live now.
    #[schema(example = 2)]
    live_count: i64,
    /// Activations that were returned.
    #[schema(example = 0)]
    returned_count: i64,
    /// The latest activation.
    last_activated_at: Option<Time>,
    /// How often it was extended as a trial by `extend-trial`.
    #[schema(example = 0)]
    trial_extensions: i64,
    created_at: Time,
    modified_at: Time,
    /// Grows with each change by the back office.
    #[schema(example = 1)]
    version: i64,
}

impl License {
    fn of(view: LicenseView, catalog: &Catalog) -> Self {
        let set = Set::of(catalog, &view.settings);
        let license = view.license;
        Self {
            id: license.id.to_string(),
            vendor: license.tenant.to_string(),
            account: license.account.to_string(),
            account_name: view.account_name,
            product: license.product.to_string(),
            profile: license.profile.map(|profile| profile.to_string()),
            profile_name: view.profile_name,
            code: license.code,
            role: license.role.into(),
            reference: license.reference,
            order: license.order,
            acquired: license.acquired,
            held: license.hold_count > 0,
            terms: Terms::from(&license.terms),
            features: set.features,
            values: set.values,
            functions: set.functions,
            active_count: license.active_count,
            live_count: view.live_count,
            returned_count: license.returned_count,
            last_activated_at: license.last_activated_at.map(Time),
            trial_extensions: license.trial_extensions,
            created_at: license.created_at.into(),
            modified_at: license.modified_at.into(),
            version: license.version,
        }
    }
}

/// A license as it is now, for the answer to whatever has just looked at it or changed it.
pub(super) fn shown(tx: &mut dyn Tx, view: LicenseView) -> Result<Reply, Error> {
    let known = catalog::catalog(tx, view.license.tenant, view.license.product)?;
    let version = view.license.version;
    Ok(Reply::ok(&License::of(view, &known)).at(version))
}

/// As [`shown`], for a caller that was allowed to change it and need not be allowed more.
pub(super) fn shown_changed(tx: &mut dyn Tx, cx: &Context<'_>, license: license::License) -> Result<Reply, Error> {
    let mut views = license::views(tx, cx, vec![license])?;
    shown(tx, views.pop().ok_or(Error::not_found(Noun::License))?)
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListLicenses {
    /// Only licenses of this account and those below it; left out, of the caller's branch.
    branch: Option<String>,
    /// Only licenses to this product.
    product: Option<String>,
    /// Only licenses with exactly this code.
    code: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List licenses
///
/// The licenses of a branch in the order they were made.
#[utoipa::path(get, path = "/v1/licenses", tag = "Licenses", params(ListLicenses),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "A page of licenses", body = Page<License>)))]
async fn list_licenses(read: Read<ListLicenses>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let branch = name::some_account(tx, cx, query.branch.as_deref())?;
        let product = match &query.product {
            Some(product) => Some(name::product(tx, cx, product)?),
            None => None,
        };
        let after = query.cursor.map(|cursor| Uuid::from_u128(cursor.0).into());
        let limit = with_one_more(query.limit);
        let found = license::list_after(tx, cx, branch, product, query.code.as_deref(), after, limit)?;
        let mut catalogs: HashMap<ProductId, Catalog> = HashMap::new();
        for view in &found {
            let license = &view.license;
            if let Entry::Vacant(place) = catalogs.entry(license.product) {
                place.insert(catalog::catalog(tx, license.tenant, license.product)?);
            }
        }
        let empty = Catalog { features: Vec::new(), values: Vec::new(), functions: Vec::new() };
        let view = |view: LicenseView| {
            let known = catalogs.get(&view.license.product).unwrap_or(&empty);
            License::of(view, known)
        };
        Ok(Reply::ok(&Page::of(found, query.limit, |view| view.license.id.0.as_u128(), view)))
    })
    .await
}

/// Licenses to issue: either `generate` or `codes`.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewLicenses {
    /// To what.
    product: String,
    /// Whose they shall be; left out, the vendor's until they are given to someone.
    account: Option<String>,
    /// The profile that gives them their terms; left out, the product does.
    profile: Option<String>,
    /// How many codes to make up, 1 to 10 000.
    #[schema(example = 2)]
    generate: Option<i64>,
    /// Codes of your own: 1 to 64 letters, digits or `-` each.
    #[schema(example = json!(null))]
    codes: Option<Vec<String>>,
    /// A text of your own, at most 200 characters.
    #[serde(default)]
    reference: String,
    /// The order they come with, at most 200 characters.
    #[serde(default)]
    #[schema(example = "PO-2026-117")]
    order: String,
    /// What they are for; left out, `standard`.
    role: Option<LicenseRole>,
}

/// A license by its id and code.
#[derive(Serialize, ToSchema)]
struct IssuedLicense {
    /// Its id.
    #[schema(example = "lic_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// What people type.
    #[schema(example = "128437590236718452")]
    code: String,
}

/// Licenses that were issued or handed out.
#[derive(Serialize, ToSchema)]
struct IssuedLicenses {
    /// In the order of the request, or oldest first.
    licenses: Vec<IssuedLicense>,
}

impl IssuedLicenses {
    fn of(licenses: Vec<(LicenseId, String)>) -> Self {
        let licenses = licenses.into_iter().map(|(id, code)| IssuedLicense { id: id.to_string(), code });
        Self { licenses: licenses.collect() }
    }
}

/// Issue licenses
///
/// All of them or none, with the terms of a profile or of the product.
#[utoipa::path(post, path = "/v1/licenses", tag = "Licenses", request_body = NewLicenses,
    security(("bearer" = ["licenses:write"])),
    responses((status = 201, description = "The new licenses", body = IssuedLicenses)))]
async fn issue_licenses(write: Write<NewLicenses>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let new = &call.body;
            let codes = match (&new.codes, new.generate) {
                (Some(codes), None) => Codes::Import(codes.clone()),
                (None, Some(amount)) => Codes::Generate(amount),
                (None, None) => return Err(Refusal::Missing { field: "generate" }.into()),
                (Some(_), Some(_)) => return Err(Error::malformed("generate", "send it or `codes`, not both")),
            };
            let command = IssueLicenses {
                product: name::product(tx, cx, &new.product)?,
                account: name::some_account(tx, cx, new.account.as_deref())?,
                profile: match &new.profile {
                    Some(profile) => Some(name::profile(tx, cx, profile)?),
                    None => None,
                },
                codes,
                reference: new.reference.clone(),
                order: new.order.clone(),
                role: new.role.map_or(license::Role::Standard, Into::into),
            };
            let issued = license::issue(tx, cx, &command)?;
            Ok(Reply::ok(&IssuedLicenses::of(issued)).with_status(http::StatusCode::CREATED))
        })
        .await
}

/// Get a license
///
/// With its grants and what of them is in use now.
#[utoipa::path(get, path = "/v1/licenses/{license}", tag = "Licenses",
    params(("license" = String, Path, description = "Which license"), IfNoneMatch),
    security(("bearer" = ["licenses:read"])),
    responses((status = 200, description = "The license", body = License)))]
async fn get_license(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::license(tx, cx, &id)?;
        let view = license::get(tx, cx, id)?;
        shown(tx, view)
    })
    .await
}

/// What to change of a license; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct LicenseChange {
    /// Whose it shall be; `null` gives it back to the vendor.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    account: Option<Option<String>>,
    /// May it be used? `false` places a hold, `true` lifts that one; holds of other causes stay.
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    enabled: Option<bool>,
    /// Has it been handed out?
    #[serde(default, deserialize_with = "given")]
    #[schema(nullable = false)]
    acquired: Option<bool>,
    /// The profile it is filed under; `null` for none.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    profile: Option<Option<String>>,
    /// Take over what that profile has? What is sent beside it wins.
    #[serde(default)]
    inherit: bool,
    /// The order it came with; `null` clears it.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, example = "PO-2026-117")]
    order: Option<Option<String>>,
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
}

/// Change a license
///
/// Limits lowered below what is in use evict nobody: nothing more is granted until it fits.
#[utoipa::path(patch, path = "/v1/licenses/{license}", tag = "Licenses", request_body = LicenseChange,
    params(("license" = String, Path, description = "Which license"), IfMatch),
    security(("bearer" = ["licenses:write"])),
    responses((status = 200, description = "The license as it is now", body = License)))]
async fn change_license(Path(id): Path<String>, write: Write<LicenseChange>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let change = &call.body;
            let command = ChangeLicense {
                license: name::license(tx, cx, &id)?,
                account: match &change.account {
                    Some(account) => Some(name::some_account(tx, cx, account.as_deref())?),
                    None => None,
                },
                enabled: change.enabled,
                acquired: change.acquired,
                profile: match &change.profile {
                    Some(Some(profile)) => Some(Some(name::profile(tx, cx, profile)?)),
                    Some(None) => Some(None),
                    None => None,
                },
                inherit: change.inherit,
                order: change.order.clone().map(Option::unwrap_or_default),
                terms: change.terms.change()?,
                settings: settings(&change.features, &change.values, &change.functions),
                notes: NotesChange::default(),
            };
            let license = license::change(tx, cx, &command)?;
            // The command has locked the license and counted one up.
            call.condition.check(license.version - 1, Noun::License)?;
            shown_changed(tx, cx, license)
        })
        .await
}

/// Remove a license
///
/// Activations, seats, notes and holds go with it. What was used, and what happened, are facts and stay.
#[utoipa::path(delete, path = "/v1/licenses/{license}", tag = "Licenses",
    params(("license" = String, Path, description = "Which license"), IfMatch),
    security(("bearer" = ["licenses:write"])),
    responses((status = 204, description = "It is gone")))]
async fn remove_license(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let id = name::license(tx, cx, &id)?;
            if call.condition.is_any() {
                // A change of nothing locks the license and tells its version under that lock.
                let license = license::change(tx, cx, &ChangeLicense::of(id))?;
                call.condition.check(license.version - 1, Noun::License)?;
            }
            license::remove(tx, cx, id)?;
            Ok(Reply::nothing())
        })
        .await
}

/// How many licenses to hand out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Acquisition {
    /// Filed under this profile; left out, under none.
    profile: Option<String>,
    /// How many, 1 to 10 000; left out, one. Fewer may come.
    #[schema(example = 1)]
    amount: Option<i64>,
}

/// Hand out licenses
///
/// The next free ones, oldest first; none is handed out twice.
#[utoipa::path(post, path = "/v1/products/{product}/acquire", tag = "Licenses", request_body = Acquisition,
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["licenses:acquire"])),
    responses((status = 200, description = "The licenses handed out", body = IssuedLicenses)))]
async fn acquire_licenses(Path(id): Path<String>, write: Write<Acquisition>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let command = Acquire {
                product: name::product(tx, cx, &id)?,
                profile: match &call.body.profile {
                    Some(profile) => Some(name::profile(tx, cx, profile)?),
                    None => None,
                },
                amount: call.body.amount.unwrap_or(1),
            };
            Ok(Reply::ok(&IssuedLicenses::of(license::acquire(tx, cx, &command)?)))
        })
        .await
}
