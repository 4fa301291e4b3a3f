//! What queries remember of records that devices never change: names, places, aliases, products.
//!
//! A memory counts as long as nothing was committed since it was read but what touches single records. Where other processes
//! write to the same storage nobody can tell, and everything is read each time; a command always reads for itself.

use crate::account::Path;
use crate::alias::Space;
use crate::catalog::Known;
use crate::context::Context;
use crate::error::Error;
use crate::id::{AccountId, ProductId};
use lessor_db::{Epoch, Epochs};
use quick_cache::sync::Cache;
use std::hash::Hash;
use std::sync::Arc;
use uuid::Uuid;

/// Most accounts, profiles and aliases that are remembered, of each kind; few of them take more than 200 bytes.
const MOST: usize = 16_384;

/// Most products; they come with all that they have to set.
const MOST_PRODUCTS: usize = 256;

/// A kind of thing that is remembered.
pub(crate) struct Memory<K, V>(Cache<K, (Epoch, V)>);

impl<K: Eq + Hash + Clone, V: Clone> Memory<K, V> {
    fn new(most: usize) -> Self {
        Self(Cache::new(most))
    }

    /// What is remembered, if it is what this query would read.
    pub(crate) fn get(&self, cx: &Context<'_>, key: &K) -> Option<V> {
        let (asked, epochs) = moment(cx)?;
        let (since, value) = self.0.get(key)?;
        // Not what is newer than the snapshot of the query either, so that all it shows is of one moment.
        (since <= asked && epochs.holds(since, Uuid::nil())).then_some(value)
    }

    /// Remembers what this query read.
    pub(crate) fn keep(&self, cx: &Context<'_>, key: K, value: V) {
        if let Some((since, _)) = moment(cx) {
            self.0.insert(key, (since, value));
        }
    }

    /// What is remembered, or else what `read` finds.
    pub(crate) fn recall(
        &self,
        cx: &Context<'_>,
        key: K,
        read: impl FnOnce() -> Result<Option<V>, Error>,
    ) -> Result<Option<V>, Error> {
        if let Some(value) = self.get(cx, &key) {
            return Ok(Some(value));
        }
        let found = read()?;
        if let Some(value) = &found {
            self.keep(cx, key, value.clone());
        }
        Ok(found)
    }
}

/// The moment that a query reads nothing older than, where anybody can tell how long its findings hold.
fn moment<'a>(cx: &Context<'a>) -> Option<(Epoch, &'a Epochs)> {
    Some((cx.since()?, cx.tools.store.epochs()?))
}

/// Everything that is remembered.
pub(crate) struct Recall {
    /// Where accounts stand in the tree.
    pub(crate) places: Memory<AccountId, Path>,
    /// Names of accounts and profiles, by their ids.
    pub(crate) names: Memory<Uuid, Arc<str>>,
    /// What a dialect calls a record.
    pub(crate) aliases: Memory<(Space, Uuid), Arc<str>>,
    /// Which record of a tenant a dialect means.
    pub(crate) records: Memory<(AccountId, Space, String), Uuid>,
    /// Products with what they have to set.
    pub(crate) products: Memory<ProductId, Arc<Known>>,
}

impl Recall {
    pub(crate) fn new() -> Self {
        Self {
            places: Memory::new(MOST),
            names: Memory::new(MOST),
            aliases: Memory::new(MOST),
            records: Memory::new(MOST),
            products: Memory::new(MOST_PRODUCTS),
        }
    }
}
