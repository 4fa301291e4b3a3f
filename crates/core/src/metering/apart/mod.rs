//! By what reports tell figures apart: whose they are, and what the licenses are under which they came about.
//!
//! Products and kinds of right are those of the time where seat days are told apart, and those that the license has now, or
//! had when it was removed, where usage is. Features are those that the license has now, price categories those that
//! its product is in now. What is in several of them counts in each, so that figures of these do not add up; all others do.

pub(crate) mod rows;

use crate::error::Error;
use crate::id::{AccountId, FeatureId, LicenseId, PriceCategoryId, ProductId};
use crate::license::TermKind;
use lessor_db::Tx;
use std::collections::{BTreeSet, HashMap};
use uuid::Uuid;

/// By what a report tells figures apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By accounts, each with its own figures, in the order of the tree.
    Account,
    /// By licenses, and what was used under none.
    License,
    /// By products.
    Product,
    /// By price categories, and products in none.
    Category,
    /// By features, and licenses with none.
    Feature,
    /// By kinds of right: trials by themselves.
    Term,
    /// By keys of the meter.
    Key,
}

/// What a row of a report is of: `None` where it is not told apart by that, and for what has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Of {
    /// Whose it is.
    pub account: Option<AccountId>,
    /// The license.
    pub license: Option<LicenseId>,
    /// Of what the license is.
    pub product: Option<ProductId>,
    /// A price category of the product.
    pub category: Option<PriceCategoryId>,
    /// A feature of the license.
    pub feature: Option<FeatureId>,
    /// The kind of right.
    pub term: Option<TermKind>,
    /// The key.
    pub key: Option<String>,
}

/// How people call what a row is of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The account's name.
    pub account: Option<String>,
    /// The product's name.
    pub product: Option<String>,
    /// The category's name.
    pub category: Option<String>,
    /// The feature's code.
    pub feature: Option<String>,
}

/// A license, or none, at an account, to a product and of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub account: AccountId,
    pub license: Option<LicenseId>,
    pub kind: Option<(ProductId, TermKind)>,
}

/// By what figures are told apart, with what has to be known for it.
#[derive(Debug, Default)]
pub(super) struct Apart {
    by: Vec<By>,
    kinds: HashMap<LicenseId, (ProductId, TermKind)>,
    categories: HashMap<ProductId, Vec<PriceCategoryId>>,
    features: HashMap<LicenseId, Vec<FeatureId>>,
}

impl Apart {
    pub(super) fn by(by: &[By]) -> Self {
        Self { by: by.to_vec(), ..Self::default() }
    }

    pub(super) fn is(&self, by: By) -> bool {
        self.by.contains(&by)
    }

    /// Is it by something that is asked of the license?
    pub(super) fn asks_licenses(&self) -> bool {
        [By::License, By::Product, By::Category, By::Feature, By::Term].into_iter().any(|by| self.is(by))
    }

    /// Learns of places all that tells them apart.
    pub(super) fn learn(&mut self, tx: &mut dyn Tx, places: impl Iterator<Item = Place>) -> Result<(), Error> {
        let (mut licenses, mut products) = (BTreeSet::new(), BTreeSet::new());
        for place in places {
            licenses.extend(place.license.map(|id| id.0));
            products.extend(place.kind.map(|(product, _)| product.0));
        }
        let licenses: Vec<Uuid> = licenses.into_iter().collect();
        self.kinds.clear();
        // Where the kind came with the place, it is that of the time.
        if products.is_empty() && [By::Product, By::Category, By::Term].into_iter().any(|by| self.is(by)) {
            for (license, product, term) in rows::kinds(tx, &licenses)? {
                self.kinds.insert(license, (product, term));
                products.insert(product.0);
            }
        }
        if self.is(By::Category) {
            let new: Vec<Uuid> =
                products.into_iter().filter(|id| !self.categories.contains_key(&(*id).into())).collect();
            self.categories.extend(new.iter().map(|id| (ProductId(*id), Vec::new())));
            for (product, category) in rows::categories(tx, &new)? {
                self.categories.entry(product).or_default().push(category);
            }
        }
        if self.is(By::Feature) {
            self.features.clear();
            for (license, feature) in rows::features(tx, &licenses)? {
                self.features.entry(license).or_default().push(feature);
            }
        }
        Ok(())
    }

    /// The rows in which the figures of a place count.
    pub(super) fn rows(&self, place: &Place) -> Vec<Of> {
        let kind = place.kind.or_else(|| self.kinds.get(&place.license?).copied());
        let (product, term) = kind.unzip();
        let one = Of {
            account: self.is(By::Account).then_some(place.account),
            license: place.license.filter(|_| self.is(By::License)),
            product: product.filter(|_| self.is(By::Product)),
            term: term.filter(|_| self.is(By::Term)),
            ..Of::default()
        };
        let categories = product.and_then(|product| self.categories.get(&product));
        let features = place.license.and_then(|license| self.features.get(&license));
        let features = options(features);
        let each =
            |category| features.iter().map(|feature| Of { category, feature: *feature, ..one.clone() }).collect();
        options(categories).into_iter().flat_map(|category| -> Vec<Of> { each(category) }).collect()
    }
}

/// All of them, or one that stands for none.
fn options<T: Copy>(all: Option<&Vec<T>>) -> Vec<Option<T>> {
    match all {
        Some(all) if !all.is_empty() => all.iter().copied().map(Some).collect(),
        _ => vec![None],
    }
}

/// Names rows, in their order. Of some accounts the names may be known.
pub(super) fn names(tx: &mut dyn Tx, all: &[&Of], known: HashMap<Uuid, String>) -> Result<Vec<Names>, Error> {
    let ids = |id: &dyn Fn(&Of) -> Option<Uuid>| -> Vec<Uuid> {
        let distinct: BTreeSet<Uuid> = all.iter().filter_map(|of| id(of)).collect();
        distinct.into_iter().collect()
    };
    let mut accounts = known;
    let new = ids(&|of| of.account.map(|id| id.0).filter(|id| !accounts.contains_key(id)));
    accounts.extend(rows::account_names(tx, &new)?);
    let products = rows::product_names(tx, &ids(&|of| Some(of.product?.0)))?;
    let categories = rows::category_names(tx, &ids(&|of| Some(of.category?.0)))?;
    let features = rows::feature_codes(tx, &ids(&|of| Some(of.feature?.0)))?;
    let of_row = |of: &Of| Names {
        account: of.account.and_then(|id| accounts.get(&id.0).cloned()),
        product: of.product.and_then(|id| products.get(&id.0).cloned()),
        category: of.category.and_then(|id| categories.get(&id.0).cloned()),
        feature: of.feature.and_then(|id| features.get(&id.0).cloned()),
    };
    Ok(all.iter().map(|of| of_row(of)).collect())
}
