//! Who presented which credential lately, so that most requests need no look into storage to know their caller.
//!
//! What is kept counts as long as nothing was changed since it was read: whatever is revoked, held, closed or given is so
//! for the next request. Where other processes write to the same storage nobody can tell, and everything is read each time.

use super::{MAX_PRESENTED, api_key, session};
use crate::alias::{self, Space};
use crate::app::App;
use crate::clock::Timestamp;
use crate::context::Actor;
use crate::error::Error;
use lessor_db::{Epoch, Epochs};
use quick_cache::sync::Cache;
use std::sync::Arc;
use uuid::Uuid;

/// Most credentials that are remembered: some two megabytes.
const MOST: usize = 4_096;

/// Credentials, by a keyed hash.
pub(crate) struct Keyring(Cache<[u8; 32], Arc<Known>>);

/// Somebody whose credential was read.
pub(super) struct Known {
    pub(super) actor: Arc<Actor>,
    /// From when on the credential is worth nothing.
    pub(super) until: Option<Timestamp>,
    /// What a dialect calls the tenant, where it was asked.
    tenant_name: Option<String>,
    /// Read after this moment.
    since: Option<Epoch>,
}

impl Known {
    pub(super) fn new(actor: Actor, until: Option<Timestamp>) -> Self {
        Self { actor: Arc::new(actor), until, tenant_name: None, since: None }
    }

    fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= now)
    }
}

impl Keyring {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MOST))
    }
}

/// Finds out who presents a bearer text: a session's token or an API key of any form. What has a form of ours but is
/// mistyped is refused without asking storage.
///
/// # Errors
/// `Unauthenticated` for whatever is unknown, expired, revoked, or of a closed user or account.
pub async fn authenticate(app: &App, presented: &str) -> Result<Arc<Actor>, Error> {
    Ok(Arc::clone(&known(app, presented, None).await?.actor))
}

/// Finds out who presents an API key beside a name of its tenant in a dialect.
///
/// # Errors
/// As [`authenticate`]; also for a session's token, and for a good key beside another name.
pub async fn authenticate_beside(app: &App, space: Space, name: &str, presented: &str) -> Result<Arc<Actor>, Error> {
    let known = known(app, presented, Some(space)).await?;
    if known.tenant_name.as_deref() == Some(name) { Ok(Arc::clone(&known.actor)) } else { Err(Error::Unauthenticated) }
}

async fn known(app: &App, presented: &str, space: Option<Space>) -> Result<Arc<Known>, Error> {
    if presented.is_empty() || presented.len() > MAX_PRESENTED {
        return Err(Error::Unauthenticated);
    }
    let is_session = space.is_none() && presented.starts_with(session::SESSION_PREFIX);
    if !is_session && !api_key::may_be_one(presented) {
        return Err(Error::Unauthenticated);
    }
    let epochs = app.store().epochs();
    let place = epochs.map(|_| place(app, presented, space));
    if let (Some(epochs), Some(place)) = (epochs, &place)
        && let Some(known) = kept(app, epochs, place)
    {
        return if known.is_over(app.now()) { Err(Error::Unauthenticated) } else { Ok(known) };
    }
    // Taken before anything is read: what changes from here on is seen by whoever asks later.
    let since = epochs.map(Epochs::now);
    let presented = presented.to_owned();
    let found = app
        .read(&app.system(), move |tx, cx| {
            if is_session {
                return session::find(tx, cx, &presented);
            }
            let known = api_key::find(tx, cx, &presented)?;
            let tenant_name = match space {
                Some(space) => alias::name_of(tx, space, known.actor.tenant.0)?,
                None => None,
            };
            Ok(Known { tenant_name, ..known })
        })
        .await?;
    let known = Arc::new(Known { since, ..found });
    if let Some(place) = place {
        app.keyring().0.insert(place, Arc::clone(&known));
    }
    Ok(known)
}

/// Somebody who is kept, if nothing could have changed what was read.
fn kept(app: &App, epochs: &Epochs, place: &[u8; 32]) -> Option<Arc<Known>> {
    let known = app.keyring().0.get(place)?;
    // Nothing that touches a single record is about credentials.
    known.since.is_some_and(|since| epochs.holds(since, Uuid::nil())).then_some(known)
}

fn place(app: &App, presented: &str, space: Option<Space>) -> [u8; 32] {
    let (dialect, kind) = space.map_or(("", ""), |space| (space.dialect, space.kind));
    app.secret().mac("keyring", &[dialect.as_bytes(), kind.as_bytes(), presented.as_bytes()])
}
