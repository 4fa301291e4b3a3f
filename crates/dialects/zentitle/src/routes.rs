//! From a request to its call and back: the same steps for all of them, in this order: address, credentials, key type, form, call.

use crate::auth;
use crate::fields::Fields;
use crate::input;
use crate::keys::KeyType;
use crate::problem::Problem;
use crate::record::Recording;
use crate::table::{self, Asked, Call, Verb};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use lessor_core::{App, Caller, Error, RequestId};

/// The longest body that is read, in bytes.
pub const MAX_BODY: usize = 1024 * 1024;
/// Where all calls live.
const BASE: &str = "/api/v2";
/// What failed where no call was found.
const UNKNOWN: &str = "Handling Request";

/// All calls under `/api/v2`, whose case does not matter; whatever lies elsewhere is told to be no controller.
pub fn router(app: App) -> Router {
    let answer = any(answer);
    Router::new().route("/", answer.clone()).route("/{*rest}", answer).with_state(app)
}

async fn answer(State(app): State<App>, request: Request) -> Response {
    let mut response = match locate(request.method(), request.uri().path()) {
        Ok(call) => match run(app, call, request).await {
            Ok(response) => response,
            Err(problem) => problem.into_response(call.action),
        },
        Err(problem) => problem.into_response(UNKNOWN),
    };
    // Answers hold keys, codes and people's data.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The call of an address and a verb. One slash at the end does no harm.
fn locate(method: &http::Method, path: &str) -> Result<&'static Call, Problem> {
    let is_below = path.get(..BASE.len()).is_some_and(|base| base.eq_ignore_ascii_case(BASE));
    let rest = path.get(BASE.len()..).filter(|_| is_below).and_then(|rest| rest.strip_prefix('/')).unwrap_or_default();
    let controller = rest.strip_suffix('/').unwrap_or(rest);
    if let Some(call) = Verb::of(method).and_then(|verb| table::find(controller, verb)) {
        return Ok(call);
    }
    let allow: Vec<&str> = table::of_controller(controller).map(|call| call.verb.word()).collect();
    if allow.is_empty() {
        return Err(Problem::not_found("Controller"));
    }
    let problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
    Err(Problem { allow: Some(allow.join(", ")), ..problem })
}

async fn run(app: App, call: &'static Call, request: Request) -> Result<Response, Problem> {
    let id = request.extensions().get::<RequestId>().copied().unwrap_or_else(|| app.new_request());
    let caller = auth::authenticate(&app, request.headers(), id).await?;
    let mut recording = Recording::begin(&app, &caller, call, request.extensions()).await;
    let outcome = serve(app, caller, call, request, &mut recording).await;
    recording.end(&outcome);
    outcome
}

async fn serve(
    app: App,
    caller: Caller,
    call: &'static Call,
    request: Request,
    recording: &mut Recording,
) -> Result<Response, Problem> {
    check_key_type(&app, &caller, call).await?;
    let fields = read(call, request, recording).await?;
    Ok((call.handler)(Asked { app, caller, fields, says: call.says }).await?.into_response())
}

async fn check_key_type(app: &App, caller: &Caller, call: &Call) -> Result<(), Problem> {
    if KeyType::of(&caller.actor).is_some_and(|kind| kind.opens(call.keys)) {
        return Ok(());
    }
    // Through the core, which journals whom it turns away.
    match app.read(caller, |_, _| Err::<(), Error>(Error::Forbidden)).await {
        Err(Error::Store(error)) => Err(error.into()),
        _ => Err(Problem::wrong_key_type()),
    }
}

/// Checks the inputs: the query of GET and DELETE, whose body says nothing, and the body of POST and PUT.
async fn read(call: &Call, request: Request, recording: &mut Recording) -> Result<Fields, Problem> {
    if !call.verb.has_body() {
        let query = request.uri().query().unwrap_or_default();
        recording.query(query);
        return input::from_query(query, call.inputs);
    }
    check_media_type(request.headers())?;
    let body = body(request.into_body()).await?;
    recording.body(&body);
    input::from_body(&body, call.inputs)
}

/// A body without a type is taken for JSON.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let essence = value.to_str().unwrap_or("?").split(';').next().unwrap_or_default().trim();
    let is_json = essence.eq_ignore_ascii_case("application/json") || essence.eq_ignore_ascii_case("text/json");
    if is_json || essence.is_empty() {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type"))
}

async fn body(body: Body) -> Result<bytes::Bytes, Problem> {
    axum::body::to_bytes(body, MAX_BODY).await.map_err(|error| {
        if is_length_limit(&error) {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "Request Too Large")
        } else {
            Problem::incorrect_data()
        }
    })
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
    use http::Method;

    #[test]
    fn a_controller_is_found_in_any_case_and_with_one_slash_behind_it() {
        for path in ["/api/v2/licensecode", "/api/v2/LicenseCode/", "/API/V2/LICENSECODE"] {
            assert_eq!(locate(&Method::GET, path).expect("a call").action, "Getting License Code", "{path}");
        }
        assert_eq!(
            locate(&Method::PUT, "/api/v2/productapplicationagility").expect("a call").controller,
            "ProductApplicationAgility"
        );
    }

    #[test]
    fn an_unknown_controller_is_not_found() {
        for path in [
            "/",
            "/api/v2",
            "/api/v2/",
            "/api/v1/LicenseCode",
            "/api/v2LicenseCode",
            "/api/v2/License",
            "/api/v2/LicenseCode//",
            "/api/v2/LicenseCode/1",
        ] {
            assert_eq!(
                locate(&Method::GET, path).err().map(|problem| problem.status),
                Some(StatusCode::NOT_FOUND),
                "{path}"
            );
        }
    }

    #[test]
    fn a_verb_that_a_controller_lacks_is_told_the_ones_it_has() {
        let problem = locate(&Method::DELETE, "/api/v2/profile").err().expect("a problem");
        assert_eq!(
            (problem.status, problem.allow.as_deref()),
            (StatusCode::METHOD_NOT_ALLOWED, Some("GET, POST, PUT"))
        );
        assert_eq!(
            locate(&Method::HEAD, "/api/v2/profile").err().map(|problem| problem.status),
            Some(StatusCode::METHOD_NOT_ALLOWED)
        );
    }

    #[test]
    fn only_an_explicit_other_type_is_refused() {
        let read = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
            check_media_type(&headers).is_ok()
        };
        assert!(check_media_type(&HeaderMap::new()).is_ok());
        assert!(read("application/json") && read("Application/JSON; charset=utf-8") && read(""));
        assert!(!read("text/plain") && !read("application/x-www-form-urlencoded") && !read("application/xml"));
    }
}
