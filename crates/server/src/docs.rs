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

/// The pages of one API at the addresses that its own documents give: `/swagger/index.html` and `/swagger/v1/swagger.json`.
pub fn own_pages(document: Document) -> Router {
    let address = "/swagger/v1/swagger.json".to_owned();
    let entry = Arc::new(Entry { document, address, text: OnceLock::new() });
    let index = async || Redirect::permanent("/swagger/index.html");
    Router::new()
        .route("/swagger", get(index))
        .route("/swagger/", get(index))
        .route("/swagger/index.html", get(own_page))
        .route("/swagger/v1/swagger.json", get(own_document))
        .route("/swagger/{asset}", get(own_asset))
        .with_state(entry)
}

async fn own_page(State(entry): State<Arc<Entry>>) -> Response {
    let Some(file) = asset("index.html", Config::default()) else { return nothing() };
    let title = format!("<title>{}</title>", entry.document.title);
    let html = String::from_utf8_lossy(&file.bytes).replace("<title>Swagger UI</title>", &title);
    ([(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}

async fn own_document(State(entry): State<Arc<Entry>>) -> Response {
    entry.served()
}

async fn own_asset(State(entry): State<Arc<Entry>>, Path(name): Path<String>) -> Response {
    let url = Url::with_primary(entry.document.title, &entry.address, true);
    asset(&name, config(vec![url])).map_or_else(nothing, IntoResponse::into_response)
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

    fn served(&self) -> Response {
        let text = self.text.get_or_init(|| printed(&self.document).into());
        ([(header::CONTENT_TYPE, "application/json")], text.clone()).into_response()
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
    find(&shelf, &name).map_or_else(nothing, Entry::served)
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
    asset(INITIALIZER, config(urls)).map_or_else(nothing, IntoResponse::into_response)
}

/// The validator is a service on the network; pages here work without one.
fn config(urls: Vec<Url<'_>>) -> Config<'_> {
    Config::new(urls).validator_url("none").deep_linking(true).persist_authorization(true)
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
