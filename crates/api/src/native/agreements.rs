//! Agreements: terms that have to be accepted before a product is ordered.

use crate::call::{Cursor, Limit, Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{Page, Time, with_one_more};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::agreement::{self, Accept, AgreementFilter, AgreementView, CreateAgreement};
use lessor_core::{AccountId, AgreementId, App};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(list_agreements, create_agreement))
        .routes(routes!(get_agreement, retire_agreement))
        .routes(routes!(list_acceptances, accept_agreement))
}

/// Terms that have to be accepted.
#[derive(Serialize, ToSchema)]
struct Agreement {
    /// Its id.
    #[schema(example = "agr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    id: String,
    /// The vendor whose terms they are.
    vendor: String,
    /// The product that they are about; `null` for all of the vendor's.
    product: Option<String>,
    /// What it is called.
    #[schema(example = "Terms of Cloud Analysis")]
    name: String,
    /// The terms themselves.
    #[schema(example = "Suspicious files are sent to the vendor's cloud and analysed there.")]
    text: String,
    /// Where they can be read; empty where nowhere else.
    #[schema(example = "https://paint.example/terms/cloud-analysis")]
    url: String,
    created_at: Time,
    /// Since when it is asked for no longer.
    retired_at: Option<Time>,
    /// That the account which is asked about has accepted it, or one above it; `null` where none has.
    acceptance: Option<Acceptance>,
}

/// That an account has accepted an agreement.
#[derive(Serialize, ToSchema)]
struct Acceptance {
    /// The agreement.
    #[schema(example = "agr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    agreement: String,
    /// The account, which accepted for all below it too.
    account: String,
    /// Who accepted it.
    #[schema(example = "usr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")]
    accepted_by: String,
    accepted_at: Time,
}

impl From<agreement::Acceptance> for Acceptance {
    fn from(acceptance: agreement::Acceptance) -> Self {
        Self {
            agreement: acceptance.agreement.to_string(),
            account: acceptance.account.to_string(),
            accepted_by: acceptance.accepted_by.to_string(),
            accepted_at: acceptance.accepted_at.into(),
        }
    }
}

impl From<AgreementView> for Agreement {
    fn from(view: AgreementView) -> Self {
        let agreement = view.agreement;
        Self {
            id: agreement.id.to_string(),
            vendor: agreement.tenant.to_string(),
            product: agreement.product.map(|product| product.to_string()),
            name: agreement.name,
            text: agreement.text,
            url: agreement.url,
            created_at: agreement.created_at.into(),
            retired_at: agreement.retired_at.map(Time),
            acceptance: view.acceptance.map(Acceptance::from),
        }
    }
}

impl From<agreement::Agreement> for Agreement {
    fn from(agreement: agreement::Agreement) -> Self {
        AgreementView { agreement, acceptance: None }.into()
    }
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListAgreements {
    /// Whose agreements; left out, those of the caller's own vendor.
    vendor: Option<String>,
    /// Only those that are asked for before this product is ordered.
    product: Option<String>,
    /// Whose acceptances are shown; left out, those of the caller's own account.
    account: Option<String>,
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List agreements
///
/// In the order they were made, retired ones included. Everyone in a vendor's tenant may read them.
#[utoipa::path(get, path = "/v1/agreements", tag = "Agreements", params(ListAgreements),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "A page of agreements", body = Page<Agreement>)))]
async fn list_agreements(read: Read<ListAgreements>) -> Result<Response, Problem> {
    read.run(|tx, cx, query| {
        let (tenant, product) = name::vendor_and_product(tx, cx, query.vendor.as_deref(), query.product.as_deref())?;
        let account = name::some_account(tx, cx, query.account.as_deref())?.unwrap_or(cx.actor().account);
        let filter = AgreementFilter { tenant, product, account };
        let after = query.cursor.map(|cursor| AgreementId(Uuid::from_u128(cursor.0)));
        let found = agreement::list(tx, cx, &filter, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |view| view.agreement.id.0.as_u128(), Agreement::from)))
    })
    .await
}

/// An agreement to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAgreement {
    /// The vendor whose terms they are; left out, the caller's own.
    vendor: Option<String>,
    /// The product that they are about; left out, all of the vendor's.
    product: Option<String>,
    /// 1 to 200 characters.
    #[schema(example = "Terms of Cloud Analysis")]
    name: String,
    /// The terms themselves, at most 100 000 characters. It may be left out where `url` says where to read them.
    #[serde(default)]
    #[schema(example = "Suspicious files are sent to the vendor's cloud and analysed there.")]
    text: String,
    /// Where they can be read, at most 2000 characters.
    #[serde(default)]
    #[schema(example = "https://paint.example/terms/cloud-analysis")]
    url: String,
}

/// Create an agreement
///
/// From now on it has to be accepted before the product, or any of the vendor's, is ordered. What is agreed upon does not change: for
/// other terms make another agreement and retire this one. A vendor has at most 1000.
#[utoipa::path(post, path = "/v1/agreements", tag = "Agreements", request_body = NewAgreement,
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new agreement", body = Agreement)))]
async fn create_agreement(write: Write<NewAgreement>) -> Result<Response, Problem> {
    write
        .run(|tx, cx, call| {
            let (vendor, product) = (call.body.vendor.as_deref(), call.body.product.as_deref());
            let (tenant, product) = name::vendor_and_product(tx, cx, vendor, product)?;
            let command = CreateAgreement {
                id: None,
                tenant,
                product,
                name: call.body.name.clone(),
                text: call.body.text.clone(),
                url: call.body.url.clone(),
            };
            let agreement = Agreement::from(agreement::create(tx, cx, &command)?);
            Ok(Reply::created(format!("/v1/agreements/{}", agreement.id), &agreement))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct GetAgreement {
    /// Whose acceptance is shown; left out, that of the caller's own account.
    account: Option<String>,
}

/// Get an agreement
///
/// With whether an account has accepted it, by itself or through one above it.
#[utoipa::path(get, path = "/v1/agreements/{agreement}", tag = "Agreements",
    params(("agreement" = String, Path, description = "Which agreement", example = "agr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b"), GetAgreement),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The agreement", body = Agreement)))]
async fn get_agreement(Path(id): Path<String>, read: Read<GetAgreement>) -> Result<Response, Problem> {
    read.run(move |tx, cx, query| {
        let account = name::some_account(tx, cx, query.account.as_deref())?.unwrap_or(cx.actor().account);
        let view = agreement::get(tx, cx, name::agreement(&id)?, account)?;
        Ok(Reply::ok(&Agreement::from(view)))
    })
    .await
}

/// Retire an agreement
///
/// Nobody is asked for it any more; who has accepted it stays known. Retiring twice is not an error.
#[utoipa::path(delete, path = "/v1/agreements/{agreement}", tag = "Agreements",
    params(("agreement" = String, Path, description = "Which agreement", example = "agr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The agreement as it is now", body = Agreement)))]
async fn retire_agreement(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let agreement = agreement::retire(tx, cx, name::agreement(&id)?)?;
            Ok(Reply::ok(&Agreement::from(agreement)))
        })
        .await
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListAcceptances {
    /// Items of a page, 1 to 100.
    #[serde(default)]
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100, default = 25)]
    limit: Limit,
    /// `next` of the page before.
    #[param(value_type = Option<String>)]
    cursor: Option<Cursor>,
}

/// List who has accepted an agreement
///
/// The accounts in the caller's branch that have, in the order of their ids.
#[utoipa::path(get, path = "/v1/agreements/{agreement}/acceptances", tag = "Agreements",
    params(("agreement" = String, Path, description = "Which agreement", example = "agr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b"), ListAcceptances),
    security(("bearer" = ["catalog:read", "accounts:read"])),
    responses((status = 200, description = "A page of acceptances", body = Page<Acceptance>)))]
async fn list_acceptances(Path(id): Path<String>, read: Read<ListAcceptances>) -> Result<Response, Problem> {
    read.run(move |tx, cx, query| {
        let after = query.cursor.map(|cursor| AccountId(Uuid::from_u128(cursor.0)));
        let found = agreement::acceptances(tx, cx, name::agreement(&id)?, after, with_one_more(query.limit))?;
        Ok(Reply::ok(&Page::of(found, query.limit, |one| one.account.0.as_u128(), Acceptance::from)))
    })
    .await
}

/// For whom an agreement is accepted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAcceptance {
    /// The account; left out, the caller's own.
    account: Option<String>,
}

/// Accept an agreement
///
/// For an account and all that stands below it. The second time changes nothing and answers with the first.
#[utoipa::path(post, path = "/v1/agreements/{agreement}/acceptances", tag = "Agreements", request_body = NewAcceptance,
    params(("agreement" = String, Path, description = "Which agreement", example = "agr_01890a5d3c2b7e1f8a4b5c6d7e8f9a0b")),
    security(("bearer" = ["catalog:read", "accounts:write"])),
    responses((status = 200, description = "The acceptance", body = Acceptance)))]
async fn accept_agreement(Path(id): Path<String>, write: Write<NewAcceptance>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, call| {
            let agreement = name::agreement(&id)?;
            let account = name::some_account(tx, cx, call.body.account.as_deref())?.unwrap_or(cx.actor().account);
            let acceptance = agreement::accept(tx, cx, &Accept { agreement, account })?;
            Ok(Reply::ok(&Acceptance::from(acceptance)))
        })
        .await
}
