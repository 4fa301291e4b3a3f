//! API keys: made, changed, revoked, and recognised by a keyed hash of their text.

use super::keyring::Known;
use super::{Credential, Level, Right, check_may_give, checksum, rows};
use crate::account::{self, Account};
use crate::clock::Timestamp;
use crate::context::{Action, Actor, Context, Grant, Who};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, ApiKeyId};
use crate::journal::{self, Subject};
use crate::secret::base62;
use crate::text::check_remark;
use lessor_db::Tx;
use serde_json::json;

/// What every key of the native form begins with; scanners for leaked secrets look for it.
pub const NATIVE_PREFIX: &str = "lsr_";
/// Most characters of a label.
const MAX_LABEL: usize = 200;
/// Most rights one key is limited to.
const MAX_RIGHTS: usize = 64;

/// A key, without its text.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The tenant it is in.
    pub tenant: AccountId,
    /// The account on whose branch it acts.
    pub account: AccountId,
    /// The first characters of its text, to tell it from others; empty for one too short to show any.
    pub prefix: String,
    /// What its owner calls it.
    pub label: String,
    /// What it is limited to; `None` is no limit.
    pub rights: Option<Vec<Right>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops; `None` is never.
    pub expires_at: Option<Timestamp>,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

/// What the text of a key looks like.
#[derive(Clone, Debug)]
pub enum KeyForm {
    /// `lsr_live_`, 8 digits of the key's own, 27 of secret, 6 of checksum; joined with `_`.
    Native,
    /// 32 letters and digits, for clients that take nothing else; the last 4 are a checksum.
    Alphanumeric32,
    /// A key from somewhere else, whose owner keeps using it. Printable characters, at least 8; it guards only as well
    /// as it is long.
    Imported(String),
}

/// Make a key.
#[derive(Clone, Debug)]
pub struct CreateApiKey {
    /// On whose branch it acts.
    pub account: AccountId,
    /// What its owner calls it, at most 200 characters.
    pub label: String,
    /// What it is limited to; `None` is no limit.
    pub rights: Option<Vec<Right>>,
    /// What its text looks like.
    pub form: KeyForm,
    /// When it stops; `None` is never.
    pub expires_at: Option<Timestamp>,
}

/// Change a key. What is `None` stays.
#[derive(Clone, Debug)]
pub struct ChangeApiKey {
    /// Which key.
    pub key: ApiKeyId,
    /// Its new label.
    pub label: Option<String>,
    /// Its new limits; the inner `None` is no limit.
    pub rights: Option<Option<Vec<Right>>>,
    /// Refuse to take this right from the last key of the account that carries it.
    pub keep_one_with: Option<Right>,
}

/// Revoke a key.
#[derive(Clone, Debug)]
pub struct RevokeApiKey {
    /// Which key.
    pub key: ApiKeyId,
    /// Refuse it for the last key of the account that carries this right.
    pub keep_one_with: Option<Right>,
}

/// Makes a key and gives its text, which is not stored and cannot be had again.
///
/// # Errors
/// `Forbidden` when the caller has not got itself what the key would have, `Taken` for an imported text in use,
/// `Closed` for a closed account, `Malformed`.
pub fn create(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &CreateApiKey) -> Result<(ApiKey, Credential), Error> {
    let account = account::authorized(tx, cx, cmd.account, &Action::write(Right::IDENTITY_WRITE), Noun::Account)?;
    check_may_give(cx, Level::Write, &account.path, Noun::Account)?;
    if account.closed_at.is_some() {
        return Err(Refusal::Closed(Noun::Account).into());
    }
    let rights = checked_rights(cx, cmd.rights.as_deref())?;
    check_remark("label", &cmd.label, MAX_LABEL)?;
    if cmd.expires_at.is_some_and(|end| end <= cx.now) {
        return Err(Error::malformed("expires_at", "it must lie in the future"));
    }
    let (text, prefix) = key_text(cx, &cmd.form)?;
    let key = ApiKey {
        id: cx.new_id(),
        tenant: account.tenant,
        account: account.id,
        prefix,
        label: cmd.label.clone(),
        rights,
        created_at: cx.now,
        expires_at: cmd.expires_at,
        revoked_at: None,
    };
    rows::insert_key(tx, &key, &hash(cx, &text))
        .map_err(|error| Error::from(error).taken_on_unique(Noun::ApiKey, &key.prefix))?;
    journal::append(tx, cx, "api_key.created", subject(&key), &json!({ "after": facts(&key) }))?;
    Ok((key, Credential(text)))
}

/// Changes label and limits of a key.
///
/// # Errors
/// `OwnKey` for the key in use, `LastKey`, and as [`create`].
pub fn change(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeApiKey) -> Result<ApiKey, Error> {
    let (account, before) = locked(tx, cx, cmd.key)?;
    let mut after = before.clone();
    if let Some(label) = &cmd.label {
        check_remark("label", label, MAX_LABEL)?;
        after.label.clone_from(label);
    }
    if let Some(rights) = &cmd.rights {
        check_may_give(cx, Level::Write, &account.path, Noun::ApiKey)?;
        after.rights = checked_rights(cx, rights.as_deref())?;
    }
    if after == before {
        return Ok(before);
    }
    if let Some(right) = cmd.keep_one_with.as_ref().filter(|right| !carries(&after, right)) {
        refuse_last(tx, cx, &before, right)?;
    }
    rows::update_key(tx, &after)?;
    let data = json!({ "before": facts(&before), "after": facts(&after) });
    journal::append(tx, cx, "api_key.changed", subject(&after), &data)?;
    Ok(after)
}

/// Revokes a key, from the next call on. Revoking twice is not an error.
///
/// # Errors
/// `OwnKey` for the key in use, `LastKey`, `NotFound`.
pub fn revoke(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &RevokeApiKey) -> Result<(), Error> {
    let (_, key) = locked(tx, cx, cmd.key)?;
    if key.revoked_at.is_some() {
        return Ok(());
    }
    if let Some(right) = &cmd.keep_one_with {
        refuse_last(tx, cx, &key, right)?;
    }
    rows::revoke_key(tx, key.id, cx.now)?;
    journal::append(tx, cx, "api_key.revoked", subject(&key), &json!({ "before": facts(&key) }))?;
    Ok(())
}

/// A page of the keys of one account that were not revoked, in the order they were made, after `after`.
///
/// # Errors
/// `NotFound` for an account the caller does not see.
pub fn list(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    account: AccountId,
    after: Option<ApiKeyId>,
    limit: u32,
) -> Result<Vec<ApiKey>, Error> {
    account::authorized(tx, cx, account, &Action::read(Right::IDENTITY_READ), Noun::Account)?;
    Ok(rows::keys_of(tx, account, after, limit)?)
}

/// The key behind a text, if it is one that was not revoked and that the caller may see.
///
/// # Errors
/// `NotFound`.
pub fn by_text(tx: &mut dyn Tx, cx: &Context<'_>, text: &str) -> Result<ApiKey, Error> {
    let key = rows::key_by_hash(tx, &hash(cx, text))?.ok_or(Error::not_found(Noun::ApiKey))?;
    account::authorized(tx, cx, key.account, &Action::read(Right::IDENTITY_READ), Noun::ApiKey)?;
    Ok(key)
}

/// Who presents this key: `Unauthenticated` for an unknown, expired or revoked key, or one of a closed account.
pub(super) fn find(tx: &mut dyn Tx, cx: &Context<'_>, presented: &str) -> Result<Known, Error> {
    let found = rows::key_and_path(tx, &hash(cx, presented), cx.now)?;
    let (key, path, draws) = found.filter(|(key, ..)| is_live(key, cx.now)).ok_or(Error::Unauthenticated)?;
    let actor = Actor {
        who: Who::ApiKey(key.id),
        account: key.account,
        tenant: key.tenant,
        grants: vec![Grant { path: path.clone(), level: Level::Write }],
        path,
        rights: key.rights,
        draws,
    };
    Ok(Known::new(actor, key.expires_at))
}

/// Can this text be a key at all? A native one with a wrong checksum cannot; of other forms only storage knows.
pub(super) fn may_be_one(text: &str) -> bool {
    if !text.starts_with(NATIVE_PREFIX) {
        return true;
    }
    text.rsplit_once('_').is_some_and(|(body, sum)| checksum(body, 6) == sum)
}

/// Locks the key's account, so that what is counted of its keys stays true, and gives both.
fn locked(tx: &mut dyn Tx, cx: &Context<'_>, id: ApiKeyId) -> Result<(Account, ApiKey), Error> {
    let missing = || Error::not_found(Noun::ApiKey);
    let account = rows::key(tx, id)?.ok_or_else(missing)?.account;
    let account = account::rows::lock(tx, account)?.ok_or_else(missing)?;
    cx.authorize(&Action::write(Right::IDENTITY_WRITE), &account, Noun::ApiKey)?;
    if cx.actor().who == Who::ApiKey(id) {
        return Err(Refusal::OwnKey.into());
    }
    Ok((account, rows::key(tx, id)?.ok_or_else(missing)?))
}

fn refuse_last(tx: &mut dyn Tx, cx: &Context<'_>, key: &ApiKey, right: &Right) -> Result<(), Error> {
    if !is_live(key, cx.now) || !carries(key, right) {
        return Ok(());
    }
    let mut after = None;
    loop {
        let page = rows::keys_of(tx, key.account, after, 100)?;
        if page.iter().any(|other| other.id != key.id && is_live(other, cx.now) && carries(other, right)) {
            return Ok(());
        }
        after = Some(page.last().ok_or(Refusal::LastKey)?.id);
    }
}

fn is_live(key: &ApiKey, now: Timestamp) -> bool {
    key.revoked_at.is_none() && key.expires_at.is_none_or(|end| now < end)
}

fn carries(key: &ApiKey, right: &Right) -> bool {
    key.rights.as_ref().is_none_or(|rights| rights.contains(right))
}

/// The limits as they are kept: every right there is, is no limit.
fn checked_rights(cx: &Context<'_>, rights: Option<&[Right]>) -> Result<Option<Vec<Right>>, Error> {
    let all = |rights: &&[Right]| Right::ALL.iter().all(|right| rights.contains(right));
    let Some(rights) = rights.filter(|rights| !all(rights)) else {
        return if cx.actor().rights.is_none() { Ok(None) } else { Err(Error::Forbidden) };
    };
    if rights.is_empty() || rights.len() > MAX_RIGHTS {
        return Err(Error::malformed("rights", format!("there must be 1 to {MAX_RIGHTS} of them")));
    }
    if !rights.iter().all(|right| cx.actor().has_right(right)) {
        return Err(Error::Forbidden);
    }
    Ok(Some(rights.to_vec()))
}

/// A key's text and what of it may be shown later.
fn key_text(cx: &Context<'_>, form: &KeyForm) -> Result<(String, String), Error> {
    match form {
        KeyForm::Native => {
            let own = base62(&cx.random::<6>());
            let prefix = format!("{NATIVE_PREFIX}live_{}", &own[own.len() - 8..]);
            let body = format!("{prefix}_{}", base62(&cx.random::<20>()));
            Ok((format!("{body}_{}", checksum(&body, 6)), prefix))
        }
        KeyForm::Alphanumeric32 => {
            let chance = base62(&cx.random::<21>());
            let body = &chance[chance.len() - 28..];
            // What is shown leaves 24 digits, or 142 bits, to guess.
            Ok((format!("{body}{}", checksum(body, 4)), body[..4].to_owned()))
        }
        KeyForm::Imported(text) => {
            let fits = (8..=super::MAX_PRESENTED).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            if !fits || !may_be_one(text) || text.starts_with(super::session::SESSION_PREFIX) {
                return Err(Error::malformed("key", "it must be 8 to 256 printable characters in no form of ours"));
            }
            let shown = if text.len() >= 32 { &text[..4] } else { "" };
            Ok((text.clone(), shown.to_owned()))
        }
    }
}

fn hash(cx: &Context<'_>, text: &str) -> [u8; 32] {
    cx.secret().mac("api-key", &[text.as_bytes()])
}

fn subject(key: &ApiKey) -> Subject {
    Subject { kind: "api_key", id: key.id.0, account: key.account, tenant: key.tenant }
}

fn facts(key: &ApiKey) -> serde_json::Value {
    let rights = key.rights.as_ref().map(|rights| rights.iter().map(Right::as_str).collect::<Vec<_>>());
    json!({ "label": key.label, "prefix": key.prefix, "rights": rights, "expires_at": key.expires_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_native_key_is_seen_without_storage() {
        let body = "lsr_live_0aZ9bY8c_0123456789abcdefghijklmnopq";
        let key = format!("{body}_{}", checksum(body, 6));
        assert!(may_be_one(&key));
        for at in NATIVE_PREFIX.len()..key.len() {
            let mut typo = key.clone().into_bytes();
            typo[at] = if typo[at] == b'x' { b'y' } else { b'x' };
            assert!(!may_be_one(&String::from_utf8(typo).expect("letters")), "at {at}");
        }
        assert!(!may_be_one("lsr_"));
        assert!(may_be_one("abcd12wV4D1Hxjf"));
    }

    #[test]
    fn a_key_ends_at_its_last_instant_and_not_before() {
        let end = Timestamp::from_seconds(100);
        let key = ApiKey {
            id: ApiKeyId(uuid::Uuid::nil()),
            tenant: AccountId(uuid::Uuid::nil()),
            account: AccountId(uuid::Uuid::nil()),
            prefix: String::new(),
            label: String::new(),
            rights: Some(vec![Right::OFFLINE]),
            created_at: Timestamp::from_seconds(0),
            expires_at: Some(end),
            revoked_at: None,
        };
        assert!(is_live(&key, Timestamp::from_seconds(99)));
        assert!(!is_live(&key, end));
        assert!(carries(&key, &Right::OFFLINE) && !carries(&key, &Right::LICENSES_READ));
        assert!(!is_live(&ApiKey { expires_at: None, revoked_at: Some(end), ..key }, end));
    }
}
