//! Swagger UI from the binary itself: every API's document, without a network.

use crate::refusal::{Refusal, problem};
use crate::site::Family;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderValue, header};
use std::sync::{Arc, OnceLock};
use utoipa_swagger_ui::{Config, Url};

/// The description of one API.
#[derive(Clone, Copy)]
pub struct Document {
    /// How addresses and the command line call it.
    pub name: &'static str,
    /// How people call it.
    pub title: &'static str,
    /// Makes the document.
    pub make: fn() -> serde_json::Value,
}

struct Entry {
    document: Document,
    address: String,
    /// Made when first asked for: the start does not wait for pages that nobody opens.
    text: OnceLock<Bytes>,
}

type Shelf = Arc<Vec<Entry>>;

const INITIALIZER: &str = "swagger-initializer.js";

/// `/docs/` with a choice of all documents, `/docs/{name}` with one opened, `/docs/{name}/openapi.json` the document.
pub fn family(documents: &[Document]) -> Family {
    let shelf: Shelf = Arc::new(documents.iter().map(|document| Entry::new(*document)).collect());
    let router = Router::new()
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(start))
        .route("/docs/{name}", get(page_or_asset))
        .route("/docs/{name}/", get(async |Path(name): Path<String>| Redirect::permanent(&format!("/docs/{name}"))))
        .route("/docs/{name}/openapi.json", get(document))
        .route("/docs/{name}/swagger-initializer.js", get(initializer))
        .with_state(shelf);
    Family::new("docs", &["/docs"], router, problem).with_fallbacks()
}

/// A document as it is printed and served.
pub fn printed(document: &Document) -> String {
    // A value of text keys always prints.
    serde_json::to_string_pretty(&(document.make)()).unwrap_or_default()
}

impl Entry {
    fn new(document: Document) -> Self {
        Self { document, address: format!("/docs/{}/openapi.json", document.name), text: OnceLock::new() }
    }
}

fn find<'a>(shelf: &'a Shelf, name: &str) -> Option<&'a Entry> {
    shelf.iter().find(|entry| entry.document.name == name)
}

async fn start(State(shelf): State<Shelf>) -> Response {
    shelf.first().map_or_else(nothing, |entry| page(entry.document.name))
}

async fn page_or_asset(State(shelf): State<Shelf>, Path(name): Path<String>) -> Response {
    match find(&shelf, &name) {
        Some(_) => page(&name),
        None if name == "index.html" => Redirect::permanent("/docs/").into_response(),
        None => asset(&name, Config::default()).map_or_else(nothing, IntoResponse::into_response),
    }
}

async fn document(State(shelf): State<Shelf>, Path(name): Path<String>) -> Response {
    let Some(entry) = find(&shelf, &name) else { return nothing() };
    let text = entry.text.get_or_init(|| printed(&entry.document).into());
    ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
}

/// The script that tells the page which documents there are, and which to open.
async fn initializer(State(shelf): State<Shelf>, Path(name): Path<String>) -> Response {
    if find(&shelf, &name).is_none() {
        return nothing();
    }
    let urls: Vec<Url<'_>> = shelf
        .iter()
        .map(|entry| Url::with_primary(entry.document.title, &entry.address, entry.document.name == name))
        .collect();
    // The validator is a service on the network; pages here work without one.
    let config = Config::new(urls).validator_url("none").deep_linking(true).persist_authorization(true);
    asset(INITIALIZER, config).map_or_else(nothing, IntoResponse::into_response)
}

/// The page of one document: all pages share their assets, each has its own initializer.
fn page(name: &str) -> Response {
    let Some(file) = asset("index.html", Config::default()) else { return nothing() };
    let html = String::from_utf8_lossy(&file.bytes)
        .replace("./swagger-initializer.js", &format!("/docs/{name}/{INITIALIZER}"))
        .replace("\"./", "\"/docs/")
        .replace("href=\"index.css\"", "href=\"/docs/index.css\"")
        .replace("<title>Swagger UI</title>", "<title>Lessor: API documents</title>");
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

struct Asset {
    bytes: Vec<u8>,
    content_type: String,
}

fn asset(name: &str, config: Config<'_>) -> Option<Asset> {
    let file = utoipa_swagger_ui::serve(name, Arc::new(config)).ok().flatten()?;
    Some(Asset { bytes: file.bytes.into_owned(), content_type: file.content_type })
}

impl IntoResponse for Asset {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.bytes));
        if let Ok(content_type) = HeaderValue::from_str(&self.content_type) {
            response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        }
        response
    }
}

fn nothing() -> Response {
    problem("", Refusal::NotFound)
}
