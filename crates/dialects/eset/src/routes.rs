//! From a request to its call and back: the same steps for all of them, in this order: address, token, form, caller, call.

use crate::auth;
use crate::fields::Fields;
use crate::input;
use crate::problem::{Area, Problem};
use crate::settings::Settings;
use crate::table::{self, Access, Asked, Call, Verb};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, header};
use lessor_core::account::{self, Kind};
use lessor_core::identity::{Level, Right};
use lessor_core::{Action, App, Caller, Error, Noun, RequestId};
use std::sync::Arc;

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// The first part of every address.
const BASE: &str = "api";

#[derive(Clone)]
struct Service {
    app: App,
    settings: Arc<Settings>,
}

/// All calls under `/api`, whose case does not matter; whatever else is asked for is told to be no page.
pub fn router(app: App, settings: Settings) -> Router {
    Router::new().fallback(answer).with_state(Service { app, settings: Arc::new(settings) })
}

async fn answer(State(service): State<Service>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = match locate(request.method(), &path) {
        Ok((call, parts)) => match run(service, call, &parts, request).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(call.area),
        },
        Err(problem) => problem.into_response(Area::Service),
    };
    // Answers hold tokens, keys and people's data.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

type Located<'a> = (&'static Call, Vec<(&'static str, &'a str)>);

/// The call of an address and a verb. Repeated slashes count as one, and one at the end as none.
fn locate<'a>(method: &http::Method, path: &'a str) -> Result<Located<'a>, Problem> {
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let Some((base, rest)) = segments.split_first().filter(|(base, _)| base.eq_ignore_ascii_case(BASE)) else {
        return Err(Problem::no_such_page());
    };
    debug_assert!(base.eq_ignore_ascii_case(BASE));
    let found = table::at(rest);
    let allow = found.first().map(|(call, _)| call.verb.word());
    let fits = |(call, _): &Located<'_>| call.verb.word() == method.as_str();
    match (found.into_iter().find(fits), allow) {
        (Some(located), _) => Ok(located),
        (None, Some(allow)) => Err(Problem::wrong_verb(allow)),
        (None, None) => Err(Problem::no_such_page()),
    }
}

async fn run(
    service: Service,
    call: &'static Call,
    parts: &[(&'static str, &str)],
    request: Request,
) -> Result<Response, Problem> {
    let Service { app, settings } = service;
    let id = request.extensions().get::<RequestId>().copied().unwrap_or_else(|| app.new_request());
    let (caller, user) = match call.access {
        Access::Open => (Caller { request: id, ..app.system() }, None),
        Access::User | Access::Writer | Access::Distributor => {
            let known = auth::authenticate(&app, request.headers(), id).await?;
            (known.caller, Some(known.user))
        }
    };
    let fields = read(call, parts, request).await?;
    check_access(&app, &caller, call.access).await?;
    Ok((call.handler)(Asked { app, settings, caller, user, fields }).await?.into_response())
}

async fn check_access(app: &App, caller: &Caller, access: Access) -> Result<(), Problem> {
    let own = caller.actor.account;
    let check = match access {
        Access::Open | Access::User => return Ok(()),
        Access::Writer => {
            let write = Action { level: Level::Write, right: Right::ACCOUNTS_WRITE };
            let path = caller.actor.path.clone();
            app.read(caller, move |_, cx| cx.authorize_at(&write, &path, Noun::Account)).await
        }
        Access::Distributor => {
            app.read(caller, move |tx, cx| match account::get(tx, cx, own)?.kind {
                Kind::Vendor | Kind::Distributor => Ok(()),
                Kind::Division | Kind::PartnerManager | Kind::Partner | Kind::ManagedPartner | Kind::Customer => {
                    Err(Error::Forbidden)
                }
            })
            .await
        }
    };
    check.map_err(Problem::from)
}

/// Checks the inputs: path and query of GET, whose body says nothing, and the body of POST.
async fn read(call: &Call, parts: &[(&str, &str)], request: Request) -> Result<Fields, Problem> {
    match call.verb {
        Verb::Get => input::from_query(request.uri().query().unwrap_or_default(), parts, call.inputs),
        Verb::Post => {
            check_media_type(request.headers())?;
            input::from_body(&body(request.into_body()).await?, call.inputs)
        }
    }
}

/// A body without a type is taken for JSON.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = essence.is_empty() || essence.ends_with("/json") || essence.ends_with("+json");
    if is_json { Ok(()) } else { Err(Problem::wrong_media_type()) }
}

async fn body(body: Body) -> Result<bytes::Bytes, Problem> {
    axum::body::to_bytes(body, MAX_BODY)
        .await
        .map_err(|error| if is_length_limit(&error) { Problem::body_too_large() } else { Problem::invalid("") })
}

fn is_length_limit(error: &axum::Error) -> bool {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{Method, StatusCode};

    #[test]
    fn case_and_repeated_slashes_do_not_matter() {
        for path in ["/api/Token/Get", "/API/token/GET", "//api///Token//Get/", "/api/token/get/"] {
            assert_eq!(locate(&Method::POST, path).expect("a call").0.name, "Token Get", "{path}");
        }
    }

    #[test]
    fn whatever_is_no_call_is_no_page() {
        for path in ["/", "/api", "/api/", "/api/Token", "/api/Token/Get/1", "/Token/Get", "/apiToken/Get", "/swagger"]
        {
            let problem = locate(&Method::POST, path).err().expect("a problem");
            assert_eq!(problem, Problem::no_such_page(), "{path}");
            assert_eq!(problem.status, StatusCode::FORBIDDEN);
        }
    }

    #[test]
    fn a_verb_that_an_address_lacks_is_told_the_one_it_has() {
        for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD, Method::OPTIONS] {
            let problem = locate(&method, "/api/Token/Get").err().expect("a problem");
            assert_eq!(problem, Problem::wrong_verb("POST"), "{method}");
        }
    }
}
