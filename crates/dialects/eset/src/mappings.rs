//! The ids that records had in the first generation of the service, and what they are called now.

use crate::ids;
use crate::input::{Input, Kind};
use crate::licenses::key;
use crate::problem::{Area, Problem};
use crate::reply::Reply;
use crate::table::{Answer, Asked, Call};
use http::StatusCode;
use lessor_core::alias::{self, Space};
use lessor_core::identity::user;
use lessor_core::{AccountId, Error, LicenseId, Noun, UserId, account, license};
use serde_json::json;
use uuid::Uuid;

/// The longest old id, in characters.
const OLD: Kind = Kind::Text(200);

static COMPANY: [Input; 1] = [Input::must("companyId", OLD)];
static SITE: [Input; 2] = [Input::may("siteId", OLD), Input::may("legacyKey", OLD)];
static LICENSE: [Input; 1] = [Input::must("licenseId", OLD)];
static USER: [Input; 1] = [Input::must("userId", OLD)];

const ID: Answer = Answer::Json(r#"{"publicId":"5c1b0f9e-91a4-4f5c-8f36-5f1f2c3a4b5d"}"#);

pub(crate) static CALLS: [Call; 4] = [
    Call::get("Ema1Mapping CompanyId", "Ema1Mapping/CompanyId/{companyId}", Area::OldIds, |asked| {
        Box::pin(company(asked))
    })
    .takes(&COMPANY)
    .gives(ID),
    Call::get("Ema1Mapping SiteId", "Ema1Mapping/SiteId", Area::OldIds, |asked| Box::pin(site(asked)))
        .takes(&SITE)
        .gives(ID),
    Call::get("Ema1Mapping LicenseId", "Ema1Mapping/LicenseId/{licenseId}", Area::OldIds, |asked| {
        Box::pin(of_license(asked))
    })
    .takes(&LICENSE)
    .gives(Answer::Json(r#"{"publicLicenseKey":"3AB-C4D-E5F"}"#)),
    Call::get("Ema1Mapping UserId", "Ema1Mapping/UserId/{userId}", Area::OldIds, |asked| Box::pin(of_user(asked)))
        .takes(&USER)
        .gives(ID),
];

async fn company(asked: Asked) -> Result<Reply, Problem> {
    let old = asked.fields.need_text("companyId")?.to_owned();
    of_account(&asked, ids::OLD_COMPANY, old).await
}

async fn site(asked: Asked) -> Result<Reply, Problem> {
    match (asked.fields.text("siteId"), asked.fields.text("legacyKey")) {
        (Some(old), _) => of_account(&asked, ids::OLD_SITE, old.to_owned()).await,
        (None, Some(old)) => of_account(&asked, ids::OLD_SITE_KEY, old.to_owned()).await,
        (None, None) => Err(Problem::missing("siteId")),
    }
}

async fn of_account(asked: &Asked, space: Space, old: String) -> Result<Reply, Problem> {
    let id = found(asked, space, old, |tx, cx, id| account::get(tx, cx, AccountId(id)).map(|found| found.id.0)).await?;
    Ok(Reply::json(&json!({ "publicId": id })))
}

async fn of_license(asked: Asked) -> Result<Reply, Problem> {
    let old = asked.fields.need_text("licenseId")?.to_owned();
    let key = found(&asked, ids::OLD_LICENSE, old, |tx, cx, id| {
        let license = license::get(tx, cx, LicenseId(id))?.license;
        key::of(tx, &license)
    })
    .await?;
    Ok(Reply::json(&json!({ "publicLicenseKey": key })))
}

async fn of_user(asked: Asked) -> Result<Reply, Problem> {
    let old = asked.fields.need_text("userId")?.to_owned();
    let id =
        found(&asked, ids::OLD_USER, old, |tx, cx, id| user::get(tx, cx, UserId(id)).map(|user| user.id.0)).await?;
    Ok(Reply::json(&json!({ "publicId": id })))
}

/// The record behind an old id, as far as the caller may see it.
async fn found<T: Send + 'static>(
    asked: &Asked,
    space: Space,
    old: String,
    see: impl Fn(&mut dyn lessor_core::Tx, &lessor_core::Context<'_>, Uuid) -> Result<T, Error> + Send + 'static,
) -> Result<T, Problem> {
    let tenant = asked.caller.actor.tenant;
    let record = asked.app.read(&asked.caller, move |tx, cx| {
        // As it was written down, or in the case that ids are written in nowadays.
        let record = match alias::resolve(tx, tenant, space, &old)? {
            Some(record) => Some(record),
            None => alias::resolve(tx, tenant, space, &old.to_lowercase())?,
        };
        see(tx, cx, record.ok_or(Error::not_found(Noun::Account))?)
    });
    record.await.map_err(|error| match error {
        Error::Refused(_) | Error::Forbidden => {
            Problem::rule(Area::OldIds, 1001, "IdNotFound").with_status(StatusCode::NOT_FOUND)
        }
        other => other.into(),
    })
}
