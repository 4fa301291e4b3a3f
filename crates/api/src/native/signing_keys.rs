//! The keys that a product's documents are signed with.

use crate::call::{Nothing, Read, Write};
use crate::name;
use crate::problem::Problem;
use crate::reply::Reply;
use crate::wire::{KeyState, Page, Time};
use axum::extract::Path;
use axum::response::Response;
use lessor_core::{App, Error, Noun, catalog};
use lessor_lease::KeyId;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::default().routes(routes!(list_signing_keys, rotate_signing_key)).routes(routes!(retire_signing_key))
}

/// A key that documents of a product are or were signed with.
#[derive(Serialize, ToSchema)]
struct SigningKey {
    /// Names the key in documents: 16 hexadecimal digits.
    #[schema(example = "5fd924625f6ab16a")]
    id: String,
    /// Always `Ed25519`.
    #[schema(example = "Ed25519")]
    algorithm: &'static str,
    /// 64 hexadecimal digits.
    #[schema(example = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")]
    public_key: String,
    /// What it is used for now.
    state: KeyState,
    created_at: Time,
}

impl From<catalog::SigningKey> for SigningKey {
    fn from(key: catalog::SigningKey) -> Self {
        Self {
            id: key.id.to_string(),
            algorithm: "Ed25519",
            public_key: key.public_key.to_hex(),
            state: key.state.into(),
            created_at: key.created_at.into(),
        }
    }
}

/// List signing keys
///
/// All keys of a product, oldest first, retired ones too.
#[utoipa::path(get, path = "/v1/products/{product}/signing-keys", tag = "Products",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:read"])),
    responses((status = 200, description = "The keys", body = Page<SigningKey>)))]
async fn list_signing_keys(Path(id): Path<String>, read: Read) -> Result<Response, Problem> {
    read.run(move |tx, cx, _| {
        let id = name::product(tx, cx, &id)?;
        let items = catalog::signing_keys(tx, cx, id)?.into_iter().map(SigningKey::from).collect();
        Ok(Reply::ok(&Page { items, next: None }))
    })
    .await
}

/// Rotate the signing key
///
/// Makes the key that signs from now on. The keys before it vouch for it and stay published, so that devices that trust
/// any of them believe the new one, and what was signed before goes on verifying. At most 8 keys are published at once.
#[utoipa::path(post, path = "/v1/products/{product}/signing-keys", tag = "Products",
    params(("product" = String, Path, description = "Which product")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 201, description = "The new key", body = SigningKey)))]
async fn rotate_signing_key(Path(id): Path<String>, write: Write<Nothing>) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let id = name::product(tx, cx, &id)?;
            let key = SigningKey::from(catalog::rotate_key(tx, cx, id)?);
            Ok(Reply::created(format!("/v1/products/{id}/signing-keys/{}", key.id), &key))
        })
        .await
}

/// Retire a signing key
///
/// Takes a key that became known to others out of publication, with what it vouched for. What it signed stops verifying
/// wherever the key is not known already; programs that have it built in need a new version. The key that signs cannot be
/// retired: rotate first. Retiring twice changes nothing.
#[utoipa::path(delete, path = "/v1/products/{product}/signing-keys/{signing_key}", tag = "Products",
    params(("product" = String, Path, description = "Which product"),
        ("signing_key" = String, Path, description = "Which key", example = "5fd924625f6ab16a")),
    security(("bearer" = ["catalog:write"])),
    responses((status = 200, description = "The key as it is now", body = SigningKey)))]
async fn retire_signing_key(
    Path((product, key)): Path<(String, String)>,
    write: Write<Nothing>,
) -> Result<Response, Problem> {
    write
        .run(move |tx, cx, _| {
            let product = name::product(tx, cx, &product)?;
            // No product has a key of a name that cannot be.
            let key = KeyId::parse(&key).map_err(|_| Error::not_found(Noun::SigningKey));
            let key = match key {
                Ok(key) => catalog::retire_key(tx, cx, product, key)?,
                Err(error) => {
                    catalog::signing_keys(tx, cx, product)?;
                    return Err(error);
                }
            };
            Ok(Reply::ok(&SigningKey::from(key)))
        })
        .await
}
