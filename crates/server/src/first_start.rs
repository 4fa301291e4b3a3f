//! The first start on empty storage: somebody must be able to come in, and nobody may with a password that is known.

use crate::failure::Failure;
use crate::storage;
use lessor_core::account::{self, CreateAccount, Kind};
use lessor_core::identity::user::{self, CreateUser};
use lessor_core::identity::{Credential, Level, session};
use lessor_core::{App, Context, Error, StoreError, Tx, UserId, alias};

/// Kept once the first start has happened: the first user.
const FIRST_USER: &str = "first_user";
/// What the first user signs in with.
const LOGIN: &str = "admin";

/// Makes the root account and its first user when nobody has done so before, and gives the token of a sign-in link. As long
/// as nobody has used one, every start gives a fresh one: a link that was lost must not lock its owner out.
pub fn run(app: &App) -> Result<Option<Credential>, Failure> {
    let link = app.write_blocking(&app.system(), |tx, cx| match alias::meta(tx, FIRST_USER)? {
        None => make_root(tx, cx),
        Some(user) => fresh_link(tx, cx, &user),
    });
    match link {
        // Of several servers that start together one makes the root; its link is enough.
        Err(Error::Store(StoreError::Unique(_))) => Ok(None),
        link => link.map_err(Failure::setup),
    }
}

/// Is there anything in the storage yet?
pub fn has_happened(app: &App) -> Result<bool, Failure> {
    let user = app.read_blocking(&app.system(), |tx, _| alias::meta(tx, FIRST_USER));
    Ok(user.map_err(Failure::setup)?.is_some())
}

fn fresh_link(tx: &mut dyn Tx, cx: &Context<'_>, user: &str) -> Result<Option<Credential>, Error> {
    let Some(id) = UserId::parse(user) else { return Ok(None) };
    let user = user::get(tx, cx, id)?;
    if user.has_password || user.closed_at.is_some() {
        return Ok(None);
    }
    session::create_link(tx, cx, id).map(Some)
}

/// Remembers who came first, so that nobody comes first again. Fails as `Unique` when somebody did.
pub fn remember(tx: &mut dyn Tx, user: UserId) -> Result<(), Error> {
    match storage::keep(tx, FIRST_USER, &user.to_string())? {
        true => Ok(()),
        false => Err(StoreError::Unique("meta.first_user".into()).into()),
    }
}

fn make_root(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<Option<Credential>, Error> {
    let root = CreateAccount {
        id: None,
        parent: None,
        kind: Kind::Vendor,
        name: "Root".to_owned(),
        contact: serde_json::json!({}),
    };
    let root = account::create(tx, cx, &root)?;
    let admin = CreateUser {
        account: root.id,
        name: "Administrator".to_owned(),
        login: LOGIN.to_owned(),
        contact: serde_json::json!({}),
        password_hash: None,
        level: Level::Write,
    };
    let admin = user::create(tx, cx, &admin)?;
    remember(tx, admin.id)?;
    session::create_link(tx, cx, admin.id).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Storage;
    use lessor_core::clock::SystemClock;
    use std::sync::Arc;

    #[test]
    fn every_start_gives_a_way_in_until_somebody_came_in() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = storage::open(&Storage::Folder(folder.path().to_owned())).expect("storage");
        let secret = storage::secret(&store).expect("a secret");
        let app = App::new(store, Arc::new(SystemClock::start()), secret);
        let link = run(&app).expect("a start").expect("a link");
        assert!(link.reveal().starts_with(session::LINK_PREFIX));
        assert!(has_happened(&app).expect("asked"));
        let second = run(&app).expect("a start").expect("a fresh link");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let redeem = |token: &str| runtime.block_on(session::redeem_link(&app, token, "correct horse battery"));
        assert!(redeem(link.reveal()).is_err(), "the first link ended with the second");
        assert!(redeem(second.reveal()).is_ok());
        assert!(run(&app).expect("a start").is_none());
    }
}
