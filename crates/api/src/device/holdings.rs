//! Floating seats, elements and tokens.

use crate::call::{Holder, Nothing};
use crate::problem::Problem;
use crate::reply::Reply;
use axum::extract::Path;
use axum::response::Response;
use lessor_core::device::{self, Draw, HeldView, TokenUse};
use lessor_core::{App, Error, Refusal};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default()
        .routes(routes!(check_out_seats))
        .routes(routes!(return_seats))
        .routes(routes!(draw_elements))
        .routes(routes!(move_tokens))
}

/// How much of a feature is held, after a change.
#[derive(Serialize, ToSchema)]
struct Holding {
    /// The feature's code.
    #[schema(example = "FLOAT")]
    feature: String,
    /// What this activation holds and can still use or give back.
    #[schema(example = 2)]
    held: i64,
    /// What all activations of the license have, tokens used up included.
    #[schema(example = 7)]
    used: i64,
    /// What there is.
    #[schema(example = 10)]
    limit: i64,
    /// Tokens that this activation has used up.
    #[schema(example = 0)]
    consumed: i64,
}

impl From<HeldView> for Holding {
    fn from(view: HeldView) -> Self {
        Self { feature: view.feature, held: view.held, used: view.used, limit: view.limit, consumed: view.consumed }
    }
}

/// Seats to hold.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Seats {
    /// The feature's code.
    #[schema(example = "FLOAT")]
    feature: String,
    /// How many the device shall hold in all; 0 returns them.
    #[schema(example = 2)]
    seats: i64,
}

/// Check out seats
///
/// Sees to it that the device holds that many floating seats in all. Asking twice changes nothing.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/seats", tag = "Holdings", request_body = Seats,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "What is held now", body = Holding)))]
async fn check_out_seats(Path(id): Path<String>, call: Holder<Seats>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        let held = device::check_out_seats(tx, cx, credential, &body.feature, body.seats)?;
        Ok(Reply::ok(&Holding::from(held)))
    })
    .await
}

/// Return seats
///
/// Gives back all floating seats of a feature.
#[utoipa::path(delete, path = "/device/v1/activations/{activation}/seats/{feature}", tag = "Holdings",
    params(("activation" = String, Path, description = "Which activation"), ("feature" = String, Path, description = "The feature's code")),
    responses((status = 200, description = "What is held now", body = Holding)))]
async fn return_seats(Path((id, feature)): Path<(String, String)>, call: Holder<Nothing>) -> Result<Response, Problem> {
    call.run(&id, move |tx, cx, credential, _| {
        Ok(Reply::ok(&Holding::from(device::check_out_seats(tx, cx, credential, &feature, 0)?)))
    })
    .await
}

/// Elements to draw or put back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Elements {
    /// The feature's code.
    #[schema(example = "EPOOL")]
    feature: String,
    /// How many: above 0 draws, below 0 puts back.
    #[schema(example = 3)]
    amount: i64,
}

/// Draw elements
///
/// Draws elements from a pool, or puts them back.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/elements", tag = "Holdings", request_body = Elements,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "What is held now", body = Holding)))]
async fn draw_elements(Path(id): Path<String>, call: Holder<Elements>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        let draw = Draw { feature: body.feature.clone(), amount: body.amount };
        Ok(Reply::ok(&Holding::from(device::draw_elements(tx, cx, credential, &draw)?)))
    })
    .await
}

/// Tokens to check out; or tokens to give back, and those used up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tokens {
    /// The feature's code.
    #[schema(example = "TOKEN")]
    feature: String,
    /// Tokens to check out.
    #[schema(example = 5)]
    check_out: Option<i64>,
    /// Tokens given back unused.
    #[serde(rename = "return")]
    #[schema(example = json!(null))]
    give_back: Option<i64>,
    /// Tokens used up since the last report.
    #[schema(example = json!(null))]
    consumed: Option<i64>,
}

/// Check out or return tokens
///
/// Either `check_out`, or `return` and `consumed`. Tokens used up do not come back.
#[utoipa::path(post, path = "/device/v1/activations/{activation}/tokens", tag = "Holdings", request_body = Tokens,
    params(("activation" = String, Path, description = "Which activation")),
    responses((status = 200, description = "What is held now", body = Holding)))]
async fn move_tokens(Path(id): Path<String>, call: Holder<Tokens>) -> Result<Response, Problem> {
    call.run(&id, |tx, cx, credential, body| {
        let held = match (body.check_out, body.give_back, body.consumed) {
            (Some(amount), None, None) => device::check_out_tokens(tx, cx, credential, &body.feature, amount)?,
            (None, None, None) => return Err(Refusal::Missing { field: "check_out" }.into()),
            (Some(_), _, _) => return Err(Error::malformed("check_out", "it stands without `return` and `consumed`")),
            (None, back, consumed) => {
                let (give_back, consumed) = (back.unwrap_or(0), consumed.unwrap_or(0));
                let used = TokenUse { feature: body.feature.clone(), give_back, consumed };
                device::return_tokens(tx, cx, credential, &used)?
            }
        };
        Ok(Reply::ok(&Holding::from(held)))
    })
    .await
}
