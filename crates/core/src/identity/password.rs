//! Passwords: hashed and checked off the runtime, a few at a time, at the same cost whether the user exists or not.

use crate::error::Error;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use lessor_db::StoreError;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Least characters where a password is all that protects a member of staff.
pub const STAFF_MINIMUM: usize = 15;
/// Most characters of any password; a longer one is refused, never cut.
const MAXIMUM: usize = 128;
/// How many are hashed at once: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// How many may wait or be hashed; one more is answered `Busy`.
const WAITING: usize = 64;
/// Memory in KiB, passes and lanes.
const COST: (u32, u32, u32) = (19_456, 2, 1);
/// A hash of the same cost that no password gives: what is checked where there is no user.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5LW5vYm9keS0wMA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Where passwords are hashed. Clones share one queue.
#[derive(Clone)]
pub struct Hasher {
    waiting: Arc<Semaphore>,
    running: Arc<Semaphore>,
}

/// A place in the queue of a [`Hasher`].
pub(crate) struct Turn {
    running: Arc<Semaphore>,
    _waiting: OwnedSemaphorePermit,
}

impl Default for Hasher {
    fn default() -> Self {
        Self::new()
    }
}

impl Hasher {
    /// An idle one.
    pub fn new() -> Self {
        Self { waiting: Arc::new(Semaphore::new(WAITING)), running: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    /// Hashes a password for storage: argon2id with a random salt, as a PHC string.
    ///
    /// # Errors
    /// `Busy` when too many wait already.
    pub async fn hash(&self, password: &str) -> Result<String, Error> {
        let turn = self.turn()?;
        let password = password.to_owned();
        turn.run(move || hash(&password)).await?.map_err(broken)
    }

    /// Does the password give this hash? Without a hash the answer is no, at the same cost.
    ///
    /// # Errors
    /// `Busy` when too many wait already.
    pub async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, Error> {
        self.turn()?.verify(password, hash).await
    }

    /// Takes a place in the queue, before anything else is done for a sign-in that may not come to be checked.
    pub(crate) fn turn(&self) -> Result<Turn, Error> {
        let waiting = Arc::clone(&self.waiting).try_acquire_owned().map_err(|_| StoreError::Busy)?;
        Ok(Turn { running: Arc::clone(&self.running), _waiting: waiting })
    }
}

impl Turn {
    pub(crate) async fn verify(self, password: &str, hash: Option<&str>) -> Result<bool, Error> {
        let exists = hash.is_some();
        let (password, hash) = (password.to_owned(), hash.unwrap_or(NOBODY).to_owned());
        let fits = self.run(move || hasher().verify_password(password.as_bytes(), hash.as_str()).is_ok()).await?;
        Ok(fits && exists)
    }

    async fn run<T: Send + 'static>(self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        // Both permits go along, so that work whose caller went away still counts while it runs.
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| StoreError::Busy)?;
        let done = tokio::task::spawn_blocking(move || {
            let _held = (permit, self);
            work()
        });
        done.await.map_err(|error| Error::from(StoreError::Panicked(error.to_string())))
    }
}

fn hasher() -> Argon2<'static> {
    let (memory, passes, lanes) = COST;
    // The numbers are constants within the bounds, so that the default of the same cost is never taken.
    let params = Params::new(memory, passes, lanes, None).unwrap_or(Params::DEFAULT);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, argon2::password_hash::Error> {
    hasher().hash_password(password.as_bytes()).map(|hash| hash.to_string())
}

fn broken(error: argon2::password_hash::Error) -> Error {
    StoreError::Broken(format!("a password cannot be hashed: {error}")).into()
}

/// May this be somebody's password? Its length is all that counts.
///
/// # Errors
/// `Malformed` under `minimum` or over 128 characters.
pub fn check(password: &str, minimum: usize) -> Result<(), Error> {
    let length = password.chars().count();
    if length < minimum {
        return Err(Error::malformed("password", format!("it must have at least {minimum} characters")));
    }
    if length > MAXIMUM {
        return Err(Error::malformed("password", format!("it must have at most {MAXIMUM} characters")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_tells_its_cost_and_only_the_password_fits_it() {
        let stored = hash("correct horse battery").expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(hasher().verify_password(b"correct horse battery", stored.as_str()).is_ok());
        assert!(hasher().verify_password(b"correct horse batterz", stored.as_str()).is_err());
        assert_ne!(stored, hash("correct horse battery").expect("a hash"));
    }

    #[test]
    fn the_hash_of_nobody_is_read_and_costs_the_same() {
        let nobody = argon2::password_hash::phc::PasswordHash::new(NOBODY).expect("a hash that can be read");
        let params = Params::try_from(&nobody).expect("its cost");
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), COST);
        assert_eq!(nobody.hash.expect("an output").len(), 32);
    }

    #[test]
    fn length_counts_in_characters_and_nothing_is_cut() {
        assert!(check(&"ž".repeat(15), STAFF_MINIMUM).is_ok());
        assert!(check(&"ž".repeat(14), STAFF_MINIMUM).is_err());
        assert!(check(&"ž".repeat(128), 1).is_ok());
        assert!(check(&"ž".repeat(129), 1).is_err());
    }

    #[test]
    fn one_too_many_is_told_to_come_again() {
        let hasher = Hasher::new();
        let turns: Vec<_> = (0..WAITING).map(|_| hasher.turn().expect("a place")).collect();
        assert!(matches!(hasher.turn(), Err(Error::Store(StoreError::Busy))));
        drop(turns);
        assert!(hasher.turn().is_ok());
    }
}
