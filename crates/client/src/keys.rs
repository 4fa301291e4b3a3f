//! Whose signature counts: the trusted keys, and whatever they vouch for.

use lessor_lease::{
    Document, DocumentError, DocumentKind, Endorsed, KeyId, KeyRole, KeyTable, Lease, OfflineAnswer, PublicKey, follow,
};

use crate::error::Error;
use crate::http::segment;
use crate::license::{License, check_mine, native_product};
use crate::state::State;
use crate::wire;

/// The most endorsements that are kept.
const MOST_ENDORSEMENTS: usize = 64;
/// An endorsement may begin this many seconds from now: clocks differ.
const CLOCK_SKEW: i64 = 300;

impl License {
    /// The lease that is held.
    pub(crate) fn held_lease(&self, state: &State) -> Result<Option<Lease>, Error> {
        let Some(held) = &state.held else { return Ok(None) };
        let document = Document::parse(&held.document)?;
        let now = state.time.at_least(self.config.clock.now());
        let signer = match self.believe(state, document.key_id(), now) {
            // It was believed once. Until when is then what the lease counts.
            Err(Error::Document(DocumentError::UnknownKey)) => self.believe(state, document.key_id(), held.taken_at)?,
            signer => signer?,
        };
        let lease = open(&document, &signer)?;
        check_mine(state, &lease)?;
        Ok(Some(lease))
    }

    /// Opens a lease that has just come, and tells whose key signed it. If that is not known, or is not believed for as
    /// long as the lease is to last, the server is asked for endorsements.
    pub(crate) fn open_fresh(&self, document: &Document) -> Result<(Lease, KeyRole), Error> {
        let opened = self.try_open(document);
        let unknown = matches!(&opened, Err(Error::Document(DocumentError::UnknownKey) | Error::NoKeys));
        if unknown {
            self.fetch_keys()?;
        } else if let Ok((_, signer)) = &opened
            && ends_early(document, signer)
        {
            // What is believed is good for a while; a server that cannot be asked takes nothing from it.
            let _ = self.fetch_keys();
        } else {
            return opened.map(|(lease, signer)| (lease, signer.role));
        }
        self.try_open(document).map(|(lease, signer)| (lease, signer.role))
    }

    fn try_open(&self, document: &Document) -> Result<(Lease, Endorsed), Error> {
        let state = self.store.read()?;
        let now = state.time.at_least(self.config.clock.now());
        let signer = self.believe(&state, document.key_id(), now)?;
        Ok((open(document, &signer)?, signer))
    }

    /// The key of that name, if it is trusted or vouched for at that time. What was vouched for without an end is
    /// believed before its beginning too, for a device's clock may be far behind.
    fn believe(&self, state: &State, key: KeyId, at: i64) -> Result<Endorsed, Error> {
        let trusted = self.trusted(state)?;
        // Without the product's native id there is nothing that an endorsement could be for.
        let product = native_product(state).unwrap_or_default();
        let endorsements = endorsements(state);
        let follow = |at| follow(&trusted, &endorsements, product, key, at);
        Ok(follow(at).or_else(|_| follow(at.saturating_add(CLOCK_SKEW))).or_else(|_| follow(i64::MAX))?)
    }

    /// Asks for the signer of an answer if it is not known; without a connection, what is known has to do.
    pub(crate) fn learn_signer(&self, document: &Document) -> Result<(), Error> {
        let state = self.store.read()?;
        let now = state.time.at_least(self.config.clock.now());
        match self.believe(&state, document.key_id(), now) {
            Err(Error::Document(DocumentError::UnknownKey)) => match self.fetch_keys() {
                Err(error) if !error.is_passing() => Err(error),
                Ok(()) | Err(_) => Ok(()),
            },
            Err(Error::NoKeys) => {
                self.fetch_keys().map_err(|error| if error.is_passing() { Error::NoKeys } else { error })
            }
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Opens an offline answer. Only keys of the product answer requests.
    pub(crate) fn open_answer(&self, state: &State, document: &Document) -> Result<OfflineAnswer, Error> {
        let now = state.time.at_least(self.config.clock.now());
        let signer = self.believe(state, document.key_id(), now)?;
        match signer.role {
            KeyRole::Product => Ok(document.open_answer(&alone(&signer))?),
            KeyRole::Daemon => Err(DocumentError::UnknownKey.into()),
        }
    }

    /// Whom to believe without further ado: the pinned keys, or the ones fetched first if none are pinned.
    fn trusted(&self, state: &State) -> Result<KeyTable, Error> {
        if !self.config.trusted_keys.is_empty() {
            return Ok(self.config.trusted_keys.clone());
        }
        let keys: KeyTable = state.keys.iter().map(|key| PublicKey::parse(key)).collect::<Result<_, _>>()?;
        if keys.is_empty() { Err(Error::NoKeys) } else { Ok(keys) }
    }

    /// Sees to it that keys and the product's native id are known.
    pub(crate) fn learn_product(&self, state: &State) -> Result<(), Error> {
        if native_product(state).is_some() && self.trusted(state).is_ok() {
            return Ok(());
        }
        self.fetch_keys()
    }

    /// Asks for the product's keys and what vouches for them. The keys themselves are taken the first time alone, and
    /// only where none are pinned; after that a key has to be vouched for.
    pub(crate) fn fetch_keys(&self) -> Result<(), Error> {
        let answer: wire::Keys = self.server.get(&format!("products/{}/keys", segment(&self.config.product)))?;
        let mut keys = Vec::new();
        for key in answer.keys.iter().filter(|key| key.algorithm == "Ed25519") {
            let key = PublicKey::parse(&key.public_key)
                .map_err(|_| Error::BadAnswer("a key of the product is not valid".to_owned()))?;
            keys.push(key);
        }
        let fetched: Vec<Document> =
            answer.endorsements.iter().filter_map(|text| Document::parse(text).ok()).take(MOST_ENDORSEMENTS).collect();
        self.store.update(|state| {
            if native_product(state).is_some_and(|known| known != answer.product) {
                return Err(Error::BadAnswer("the keys are of another product".to_owned()));
            }
            state.product_id = Some(answer.product);
            if state.keys.is_empty() {
                state.keys = roots(&keys, &fetched);
            }
            self.keep_endorsements(state, fetched)
        })
    }

    /// Keeps those that somebody made who is believed, the latest if there are too many.
    fn keep_endorsements(&self, state: &mut State, fetched: Vec<Document>) -> Result<(), Error> {
        let Ok(trusted) = self.trusted(state) else { return Ok(()) };
        let now = state.time.at_least(self.config.clock.now());
        let product = native_product(state).unwrap_or_default();
        let mut known = endorsements(state);
        known.extend(fetched.into_iter().filter(|document| !state.endorsements.contains(&document.to_string())));
        let good = known.iter().filter(|document| {
            follow(&trusted, &known, product, document.key_id(), now).is_ok_and(|signer| {
                signer.role == KeyRole::Product && document.open_endorsement(&alone(&signer)).is_ok()
            })
        });
        let good: Vec<String> = good.map(Document::to_string).collect();
        state.endorsements = good[good.len().saturating_sub(MOST_ENDORSEMENTS)..].to_vec();
        Ok(())
    }
}

/// What to trust on first use: the keys of the product, and not those of its daemons.
fn roots(keys: &[PublicKey], endorsements: &[Document]) -> Vec<String> {
    let product_keys: KeyTable = keys.iter().copied().collect();
    let daemons: Vec<String> = endorsements
        .iter()
        .filter_map(|document| document.open_endorsement(&product_keys).ok())
        .filter(|endorsement| endorsement.role == KeyRole::Daemon)
        .map(|endorsement| endorsement.key)
        .collect();
    keys.iter().map(PublicKey::to_hex).filter(|key| !daemons.contains(key)).collect()
}

fn endorsements(state: &State) -> Vec<Document> {
    state.endorsements.iter().filter_map(|text| Document::parse(text).ok()).collect()
}

fn alone(signer: &Endorsed) -> KeyTable {
    [signer.key].into_iter().collect()
}

/// Opens a lease that stands alone or in an offline answer. What a daemon signed counts no longer than the daemon is
/// vouched for.
fn open(document: &Document, signer: &Endorsed) -> Result<Lease, Error> {
    let mut lease = match (document.kind(), signer.role) {
        (DocumentKind::OfflineAnswer, KeyRole::Product) => document.open_answer(&alone(signer))?.lease,
        _ => document.open_lease(&alone(signer))?,
    };
    if signer.tenant.as_ref().is_some_and(|tenant| *tenant != lease.tenant) {
        return Err(Error::ForeignLease("tenant"));
    }
    if let Some(end) = signer.until {
        let sooner = |given: Option<i64>| given.map_or(end, |given| given.min(end));
        lease.expires_at = Some(sooner(lease.expires_at));
        lease.grace_until = lease.grace_until.map(|given| given.min(end));
    }
    Ok(lease)
}

/// Is the signer vouched for only until before the lease's end?
fn ends_early(document: &Document, signer: &Endorsed) -> bool {
    let Some(until) = signer.until else { return false };
    document.open_lease(&alone(signer)).is_ok_and(|lease| lease.expires_at.is_none_or(|end| until < end))
}
