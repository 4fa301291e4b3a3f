//! Branches as they stood in a month: who is billed for the branch below it, is billed for what stood there on each day, also
//! for what was moved away since.

use super::bill::Part;
use super::rows;
use crate::account::{self, Path};
use crate::error::Error;
use crate::id::AccountId;
use crate::metering::seat_days::{self, Branch, Days};
use lessor_db::Tx;
use std::collections::{BTreeSet, HashMap, HashSet};
use uuid::Uuid;

/// Accounts read at once.
const AT_ONCE: u32 = 500;

/// The branches of some payers.
pub(super) struct Branches<'a> {
    days: &'a Days,
    /// The roots of what is, or was, in the branch of each.
    roots: HashMap<AccountId, Vec<Path>>,
}

impl<'a> Branches<'a> {
    /// Finds out what was moved out of their branches since the days began.
    pub fn of(tx: &mut dyn Tx, tenant: AccountId, payers: BTreeSet<AccountId>, days: &'a Days) -> Result<Self, Error> {
        let mut roots: HashMap<AccountId, Vec<Path>> = HashMap::new();
        for payer in &payers {
            let account = account::rows::by_id(tx, *payer)?;
            roots.insert(*payer, account.map(|account| account.path).into_iter().collect());
        }
        let moved = if payers.is_empty() { Vec::new() } else { rows::moved_since(tx, tenant, days.span().from)? };
        for some in moved.chunks(AT_ONCE as usize) {
            let ids: Vec<Uuid> = some.iter().map(|(id, _)| id.0).collect();
            let tree = seat_days::load_accounts(tx, &ids, days.span())?.tree;
            for (account, path) in some {
                tree.each_above(*account, days.span(), &mut |above, _| {
                    if let Some(roots) =
                        roots.get_mut(&above).filter(|roots| !roots.iter().any(|root| root.holds(path)))
                    {
                        roots.push(path.clone());
                    }
                });
            }
        }
        Ok(Self { days, roots })
    }

    /// Hands over all accounts of each branch, in parts, each account once.
    pub fn each_part(
        self,
        tx: &mut dyn Tx,
        mut each: impl FnMut(&mut dyn Tx, AccountId, &Part<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (payer, roots) in self.roots {
            let mut done: HashSet<AccountId> = HashSet::new();
            for root in roots {
                let mut rest = Branch::whole(&root);
                loop {
                    let loaded = seat_days::load(tx, &rest, self.days.span(), AT_ONCE)?;
                    let Some(last) = loaded.accounts.last() else { break };
                    rest = rest.after(&last.path);
                    let accounts: HashSet<AccountId> =
                        loaded.accounts.iter().map(|place| place.id).filter(|id| done.insert(*id)).collect();
                    each(tx, payer, &Part { loaded: &loaded, accounts })?;
                }
            }
        }
        Ok(())
    }
}
