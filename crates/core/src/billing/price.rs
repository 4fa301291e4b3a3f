//! Prices: which list applied to whom, for what, on a day.

use super::price_list::{Billed, PriceList, Target};
use crate::clock::Timestamp;
use crate::id::{AccountId, PriceCategoryId, ProductId};
use crate::metering::day::{Day, Month};
use std::collections::{BTreeSet, HashMap};

/// A time in which a product was in a price category.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub product: ProductId,
    pub category: PriceCategoryId,
    pub from: Timestamp,
    pub to: Option<Timestamp>,
}

/// All that prices are read from.
pub(super) struct Prices {
    /// By account.
    lists: HashMap<AccountId, Vec<PriceList>>,
    spans: Vec<Span>,
}

/// A day, and the moment of it that decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct When {
    pub day: Day,
    pub moment: Timestamp,
}

impl Prices {
    /// Prices as they were known at a moment: what was made or ended later is left out.
    pub fn known_at(lists: &[PriceList], spans: &[Span], moment: Timestamp) -> Self {
        let mut known: HashMap<AccountId, Vec<PriceList>> = HashMap::new();
        for list in lists.iter().filter(|list| list.created_at <= moment) {
            let until = list.until.filter(|_| list.ended_at.is_some_and(|ended| ended <= moment));
            known.entry(list.account).or_default().push(PriceList { until, ..list.clone() });
        }
        Self { lists: known, spans: spans.to_vec() }
    }

    /// The list by which the first account of a line is billed for its own: that of the nearest account of the line. None
    /// where it is billed for its whole branch.
    pub fn own(&self, line: &[AccountId], target: &Target, when: When) -> Option<&PriceList> {
        if line.first().is_some_and(|account| self.branch(*account, target, when).is_some()) {
            return None;
        }
        line.iter().find_map(|account| self.at(*account, Billed::Account, target, when))
    }

    /// The list by which an account is billed for its whole branch.
    pub fn branch(&self, account: AccountId, target: &Target, when: When) -> Option<&PriceList> {
        self.at(account, Billed::Branch, target, when)
    }

    /// Of one account: one for the very target before one for a category that the product was in at that moment, the oldest
    /// first.
    fn at(&self, account: AccountId, billed: Billed, target: &Target, when: When) -> Option<&PriceList> {
        let valid = || {
            let lists = self.lists.get(&account).into_iter().flatten();
            lists.filter(move |list| list.billed == billed && list.applies(when.day))
        };
        let own = valid().find(|list| list.target == *target);
        own.or_else(|| match target {
            Target::Product(product) => valid().find(|list| self.was_under(*product, &list.target, when.moment)),
            Target::Category(_) | Target::Meter(..) => None,
        })
    }

    fn was_under(&self, product: ProductId, target: &Target, moment: Timestamp) -> bool {
        let Target::Category(category) = target else { return false };
        let covers = |span: &Span| span.from <= moment && span.to.is_none_or(|to| moment < to);
        self.spans.iter().any(|span| span.product == product && span.category == *category && covers(span))
    }

    /// Every meter or key that a list is for by which such are billed.
    pub fn meters(&self, billed: Billed) -> BTreeSet<&Target> {
        let all = self.lists.values().flatten().filter(|list| list.billed == billed);
        all.map(|list| &list.target).filter(|target| matches!(target, Target::Meter(..))).collect()
    }

    /// Is the account billed for its branch, on any day of a month?
    pub fn has_branch(&self, account: AccountId, month: Month) -> bool {
        let within =
            |list: &PriceList| list.from <= month.last() && list.until.is_none_or(|until| until > month.first());
        let lists = self.lists.get(&account).into_iter().flatten();
        lists.into_iter().any(|list| list.billed == Billed::Branch && within(list))
    }
}
