//! What devices need to know of a product, kept from one call to the next and valid for one version of the product: every
//! change of what is kept here raises that version.

use super::{Catalog, Product, catalog, rows, signer};
use crate::context::Context;
use crate::error::{Error, Noun};
use crate::id::ProductId;
use lessor_db::Tx;
use lessor_lease::Signer;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Products kept at most; few vendors sell more.
const MOST: usize = 1_024;

/// A product with its catalog and the key that signs for it, all of one version.
pub struct Known {
    /// The product.
    pub product: Product,
    /// What it has to set.
    pub catalog: Catalog,
    /// What signs for it.
    pub(crate) signer: Signer,
}

impl std::fmt::Debug for Known {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known").field("product", &self.product.id).field("version", &self.product.version).finish()
    }
}

/// The products that are known.
#[derive(Default)]
pub(crate) struct Shelf {
    kept: RwLock<HashMap<ProductId, Arc<Known>>>,
    /// Looked for in vain by a command. What a command reads may never come true, so that only a query may keep it.
    wanted: Mutex<Vec<ProductId>>,
}

impl Shelf {
    fn get(&self, id: ProductId, version: i64) -> Option<Arc<Known>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        kept.get(&id).filter(|known| known.product.version == version).cloned()
    }

    fn want(&self, id: ProductId) {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.len() < MOST && !wanted.contains(&id) {
            wanted.push(id);
        }
    }

    /// What is to be read and kept; asking empties it.
    pub(crate) fn take_wanted(&self) -> Vec<ProductId> {
        std::mem::take(&mut *self.wanted.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn keep(&self, known: Arc<Known>) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST && !kept.contains_key(&known.product.id) {
            kept.clear();
        }
        // A query that began earlier may come later.
        let newer = kept.get(&known.product.id).is_none_or(|old| old.product.version < known.product.version);
        if newer {
            kept.insert(known.product.id, known);
        }
    }
}

/// What is known of a product at a version that this transaction read. Without a version, at the present one.
pub(crate) fn known(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: ProductId,
    version: Option<i64>,
) -> Result<Arc<Known>, Error> {
    let product = match version {
        Some(version) => match cx.tools.shelf.get(id, version) {
            Some(known) => return Ok(known),
            None => rows::product(tx, id)?.ok_or(Error::not_found(Noun::Product))?,
        },
        None => {
            let product = rows::product(tx, id)?.ok_or(Error::not_found(Noun::Product))?;
            match cx.tools.shelf.get(id, product.version) {
                Some(known) => return Ok(known),
                None => product,
            }
        }
    };
    cx.tools.shelf.want(id);
    Ok(Arc::new(read(tx, product)?))
}

/// What is known of a product now, for code that has found out already that its caller may see the product.
///
/// # Errors
/// `NotFound(Product)`.
pub fn known_now(tx: &mut dyn Tx, cx: &Context<'_>, id: ProductId) -> Result<Arc<Known>, Error> {
    let found = cx.tools.recall.products.recall(cx, id, || known(tx, cx, id, None).map(Some))?;
    found.ok_or(Error::not_found(Noun::Product))
}

/// Reads all there is to know of a product.
pub(crate) fn read(tx: &mut dyn Tx, product: Product) -> Result<Known, Error> {
    let catalog = catalog(tx, product.tenant, product.id)?;
    let signer = signer(tx, product.id)?;
    Ok(Known { product, catalog, signer })
}
