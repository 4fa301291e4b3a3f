//! Tokens of a code, and the keys that open this API.

use crate::ids;
use crate::keys::{KeyType, WRITE};
use crate::problem::{Names, Problem};
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::identity::api_key::{self, ApiKey, ChangeApiKey, CreateApiKey, KeyForm, RevokeApiKey};
use lessor_core::license::{self, SetTokens};
use lessor_core::{AccountId, Context, Error, Noun, Refusal, Tx};

/// `PUT ConsumptionTokens`: how many there are, and what one computer has of them.
pub async fn set_tokens(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let (limit, held) = (fields.int("tokenMax"), fields.int("checkedOutTokens"));
    let computer = fields.string("computerId").filter(|computer| !computer.is_empty());
    // A computer without a figure says nothing.
    let checked_out = match (held, computer) {
        (None, _) if limit.is_none() => return Err(Problem::missing("tokenMax")),
        (None, _) => None,
        (Some(_), None) => return Err(Problem::missing("computerId")),
        (Some(held), Some(computer)) => Some((computer, held)),
    };
    let set = app.write(&caller, move |tx, cx| {
        let product = ids::product(tx, cx, fields.need("productId"))?;
        let cmd = SetTokens {
            license: license::find(tx, cx, product, fields.need("licenseCode"))?.id,
            feature: fields.need("featureCode").to_owned(),
            limit,
            checked_out: checked_out.clone(),
        };
        license::set_tokens(tx, cx, &cmd)
    });
    set.await.map_err(tokens_problem)?;
    Ok(Reply::message(says))
}

/// What stops a grant to a computer is a bad figure when the back office names it.
fn tokens_problem(error: Error) -> Problem {
    const NAMES: Names = &[("limit", "tokenMax"), ("device", "computerId")];
    match error {
        Error::Refused(Refusal::NoSeat { .. }) => Problem::invalid("checkedOutTokens"),
        Error::Refused(Refusal::WrongFeatureKind) => Problem::invalid("featureCode"),
        other => Problem::of(other, NAMES),
    }
}

/// Makes a key of a type. Its text cannot be had again.
///
/// # Errors
/// Those of the core: above all `Forbidden` for a caller whose own key cannot do as much.
pub fn create(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    tenant: AccountId,
    kind: KeyType,
    form: KeyForm,
    description: &str,
) -> Result<String, Error> {
    let rights = Some(kind.rights());
    let cmd = CreateApiKey { account: tenant, label: description.to_owned(), rights, form, expires_at: None };
    let (_, text) = api_key::create(tx, cx, &cmd)?;
    Ok(text.reveal().to_owned())
}

fn key_type(word: &str) -> Result<KeyType, Problem> {
    KeyType::parse(word).ok_or_else(|| Problem::invalid("keyType"))
}

/// `POST APIKey`.
pub async fn create_key(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let kind = key_type(fields.need("keyType"))?;
    let key = app.write(&caller, move |tx, cx| {
        let description = fields.text("description").unwrap_or_default();
        create(tx, cx, ids::tenant(cx), kind, KeyForm::Alphanumeric32, description)
    });
    Ok(Reply::made(says, key.await?))
}

/// `PUT APIKey`.
pub async fn change_key(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let kind = fields.text("keyType").map(key_type).transpose()?;
    let changed = app.write(&caller, move |tx, cx| {
        let cmd = ChangeApiKey {
            key: find(tx, cx, fields.need("key"))?.id,
            label: fields.string("description"),
            rights: kind.map(|kind| Some(kind.rights())),
            keep_one_with: Some(WRITE),
        };
        api_key::change(tx, cx, &cmd).map(|_| ())
    });
    changed.await?;
    Ok(Reply::message(says))
}

/// `DELETE APIKey`.
pub async fn remove_key(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let removed = app.write(&caller, move |tx, cx| {
        let key = find(tx, cx, fields.need("key"))?.id;
        api_key::revoke(tx, cx, &RevokeApiKey { key, keep_one_with: Some(WRITE) })
    });
    removed.await?;
    Ok(Reply::message(says))
}

/// The key behind a text, if it is one of this API and of the caller's tenant.
fn find(tx: &mut dyn Tx, cx: &Context<'_>, text: &str) -> Result<ApiKey, Error> {
    let key = api_key::by_text(tx, cx, text)?;
    let ours = key.rights.as_ref().is_some_and(|rights| KeyType::of_rights(rights).is_some());
    let is_live = key.revoked_at.is_none() && key.account == ids::tenant(cx);
    if ours && is_live { Ok(key) } else { Err(Error::not_found(Noun::ApiKey)) }
}
