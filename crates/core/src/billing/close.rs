//! Closing a month: what is known at one moment is fixed for all accounts of a vendor. A command says that it shall be done;
//! a job does it in stretches, each in one transaction that also says how far it came. Whatever stops it, it goes on where
//! it was, and no account gets a second statement of a month.

use super::document::{Basis, documents};
use super::rows;
use super::statement::{Link, Statement, hash};
use crate::account;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::AccountId;
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::metering::day::{DayRule, Month};
use crate::metering::{self, closed, seat_days};
use lessor_db::Tx;
use serde_json::json;
use std::collections::HashMap;
use uuid::Uuid;

/// Accounts closed in one transaction.
const AT_ONCE: u32 = 100;

/// A month that is being closed, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The vendor.
    pub tenant: AccountId,
    /// The month.
    pub month: Month,
    /// What was known then is what its statements are made of.
    pub as_of: Timestamp,
    /// The last account that was looked at.
    pub done_to: AccountId,
    /// When all were done; none while it goes on.
    pub finished_at: Option<Timestamp>,
}

/// Close a month for all accounts of a vendor.
#[derive(Clone, Copy, Debug)]
pub struct StartClosing {
    /// The vendor.
    pub vendor: AccountId,
    /// The month.
    pub month: Month,
}

/// Starts to close a month that is over. Doing it twice is not an error: there is one closing of a month.
///
/// # Errors
/// `NotFound` for the vendor, `Malformed` for an account that is none and for a month that is not over or does not follow
/// the last one closed.
pub fn start_closing(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &StartClosing) -> Result<Closing, Error> {
    let vendor = account::rows::lock(tx, cmd.vendor)?.ok_or(Error::not_found(Noun::Account))?;
    cx.authorize(&Action::write(Right::BILLING_WRITE), &vendor, Noun::Account)?;
    if vendor.id != vendor.tenant {
        return Err(Error::malformed("vendor", "months are closed for a vendor"));
    }
    let closings = rows::closings(tx, vendor.id)?;
    if let Some(closing) = closings.iter().find(|closing| closing.month == cmd.month) {
        return Ok(closing.clone());
    }
    let rule = DayRule::new(seat_days::ZONE, seat_days::CUTOFF_MINUTES)?;
    if rule.end(cmd.month.last()) > cx.now {
        return Err(Error::malformed("month", "it is not over"));
    }
    if let Some(last) = closings.last() {
        if cmd.month.before() != last.month {
            return Err(Error::malformed("month", format!("the month behind {} comes next", last.month)));
        }
        if last.finished_at.is_none() {
            return Err(Error::malformed("month", format!("{} is still being closed", last.month)));
        }
    }
    for id in rows::priced_meters(tx, vendor.id)? {
        let meter = metering::rows::meter(tx, id)?.filter(|meter| meter.days.end(cmd.month.last()) > cx.now);
        if let Some(meter) = meter {
            return Err(Error::malformed("month", format!("it is not over by the days of the meter {}", meter.name)));
        }
    }
    closed::shut_door(tx, vendor.id)?;
    let none = AccountId(Uuid::nil());
    let closing = Closing { tenant: vendor.id, month: cmd.month, as_of: cx.now, done_to: none, finished_at: None };
    rows::start_closing(tx, &closing)?;
    let data = json!({ "month": cmd.month.to_string() });
    journal::append(tx, cx, "month.closing", Subject::from(&vendor), &data)?;
    Ok(closing)
}

/// Goes on with a closing: the statements of the next accounts. `true` when there may be more to do.
pub fn close_some(tx: &mut dyn Tx, cx: &Context<'_>) -> Result<bool, Error> {
    cx.touches_nothing();
    let Some(closing) = rows::open_closing(tx)? else { return Ok(false) };
    let accounts = rows::accounts_after(tx, closing.tenant, closing.done_to, AT_ONCE)?;
    let Some(last) = accounts.last() else {
        rows::finish(tx, &closing, cx.now)?;
        let vendor = Subject { kind: "account", id: closing.tenant.0, account: closing.tenant, tenant: closing.tenant };
        journal::append(tx, cx, "month.closed", vendor, &json!({ "month": closing.month.to_string() }))?;
        return Ok(true);
    };
    let closings = rows::closings(tx, closing.tenant)?;
    let basis = Basis::of(closing.tenant, closing.month, closing.as_of, &closings);
    let documents = documents(tx, &basis, &billed(&closing, &accounts))?;
    let ids: Vec<Uuid> = documents.keys().map(|id| id.0).collect();
    let ends = rows::last_of(tx, &ids)?.into_iter().map(|(id, number, hash)| (id, (number, hash)));
    let ends: HashMap<AccountId, (i64, Vec<u8>)> = ends.collect();
    for (account, document) in documents {
        let (number, previous) = ends.get(&account).cloned().unwrap_or_else(|| (0, vec![0; 32]));
        let link = Link { number: number + 1, previous };
        let statement = Statement {
            id: cx.new_id(),
            tenant: closing.tenant,
            account,
            month: closing.month,
            hash: hash(&link, &document),
            link,
            document,
            closed_at: cx.now,
        };
        rows::insert(tx, &statement)?;
    }
    rows::go_on(tx, &closing, *last)?;
    Ok(true)
}

/// Nobody bills the vendor for what is still its own.
fn billed(closing: &Closing, accounts: &[AccountId]) -> Vec<AccountId> {
    accounts.iter().copied().filter(|account| *account != closing.tenant).collect()
}
