//! Addresses and verbs that an API does not have.

use crate::problem::{Problem, Trace};
use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use http::{Extensions, StatusCode, Uri};
use lessor_core::App;

/// Most bytes of a body. Ten thousand codes of 64 characters fit.
const MAX_BODY: usize = 1 << 20;

/// Finishes an API: what it does not know is a problem like any other.
pub(crate) fn with_fallbacks(router: Router<App>, app: App) -> Router {
    router
        .method_not_allowed_fallback(wrong_verb)
        .fallback(unknown)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(app)
}

async fn unknown(State(app): State<App>, uri: Uri, extensions: Extensions) -> Problem {
    let trace = trace(&app, &uri, &extensions);
    Problem::new(&trace, StatusCode::NOT_FOUND, "not_found", "There is nothing at this address.")
}

async fn wrong_verb(State(app): State<App>, uri: Uri, extensions: Extensions) -> Problem {
    let trace = trace(&app, &uri, &extensions);
    let detail = "This address does not know this verb; `Allow` lists those it knows.";
    Problem::new(&trace, StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail)
}

fn trace(app: &App, uri: &Uri, extensions: &Extensions) -> Trace {
    let request = extensions.get().copied().unwrap_or_else(|| app.new_request());
    Trace { request, path: uri.path().to_owned() }
}
