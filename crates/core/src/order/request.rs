//! Requests: orders that somebody above the seller decides on.

use super::place::{check, lock_customer, place};
use super::{Order, rows, seller_of};
use crate::account::{self, Account, Path};
use crate::agreement;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun, Refusal};
use crate::id::{AccountId, LicenseId, OrderRequestId};
use crate::identity::Right;
use crate::journal::{self, Subject};
use crate::license::{License, from_word};
use crate::text::check_remark;
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;
use uuid::Uuid;

/// Most requests of one seller that wait at once: they can be approved all together.
const MOST_WAITING: i64 = 500;
/// Most characters of a note and of an answer.
const MOST_CHARACTERS: usize = 500;

/// How a request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestState {
    /// Nobody has decided on it.
    Waiting,
    /// It became a license.
    Approved,
    /// It did not.
    Refused,
}

impl RequestState {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            RequestState::Waiting => "waiting",
            RequestState::Approved => "approved",
            RequestState::Refused => "refused",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        let states = [RequestState::Waiting, RequestState::Approved, RequestState::Refused];
        states.into_iter().find(|state| state.word() == word)
    }
}

from_word!(RequestState);

/// An order that somebody above the seller decides on.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Its id.
    pub id: OrderRequestId,
    /// The vendor's tenant.
    pub tenant: AccountId,
    /// What is ordered, and for whom.
    pub order: Order,
    /// What whoever filed it has to say.
    pub note: String,
    /// How it stands.
    pub state: RequestState,
    /// Who filed it.
    pub filed_by: String,
    /// When.
    pub filed_at: Timestamp,
    /// Who decided on it.
    pub settled_by: Option<String>,
    /// When.
    pub settled_at: Option<Timestamp>,
    /// What that one has to say; the reason, where an order could not be any more.
    pub answer: String,
    /// The license that it became.
    pub license: Option<LicenseId>,
}

/// Which requests a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFilter {
    /// Only for customers of this branch; otherwise of all branches of the caller.
    pub branch: Option<AccountId>,
    /// Only those that stand so.
    pub state: Option<RequestState>,
}

/// Files a request, for a customer whose seller orders by request.
///
/// # Errors
/// What [`order`](super::order) refuses, but for the agreements, which are asked for when it is approved; `Malformed` where
/// orders need no request; `Taken` while another for the same customer and product waits; `OutOfRange` when 500 of the seller
/// wait.
pub fn file(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &Order, note: &str) -> Result<Request, Error> {
    check_remark("note", note, MOST_CHARACTERS)?;
    let (seller, customer) = lock_both(tx, cx, cmd.customer)?;
    if !rows::rules(tx, seller.id)?.by_request {
        return Err(Error::malformed("customer", "what is ordered for it needs no request"));
    }
    let (product, _) = check(tx, cx, &customer, cmd)?;
    // The seller is locked, so that the count is true.
    if rows::count_waiting(tx, seller.id)? >= MOST_WAITING {
        return Err(Refusal::OutOfRange { field: "requests", min: 0, max: MOST_WAITING }.into());
    }
    let request = Request {
        id: cx.new_id(),
        tenant: customer.tenant,
        order: *cmd,
        note: note.to_owned(),
        state: RequestState::Waiting,
        filed_by: cx.actor().who.to_string(),
        filed_at: cx.now,
        settled_by: None,
        settled_at: None,
        answer: String::new(),
        license: None,
    };
    rows::insert_request(tx, &request)
        .map_err(|error| Error::from(error).taken_on_unique(Noun::OrderRequest, &product.name))?;
    tell(tx, cx, "order_request.filed", &request)?;
    Ok(request)
}

/// Seller and customer, locked in the order in which everybody locks them: from the top down.
fn lock_both(tx: &mut dyn Tx, cx: &Context<'_>, customer: AccountId) -> Result<(Account, Account), Error> {
    let missing = || Error::not_found(Noun::Account);
    let seen = account::rows::by_id(tx, customer)?.ok_or_else(missing)?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &seen, Noun::Account)?;
    let seller = seller_of(tx, &seen)?;
    let seller = account::rows::lock(tx, seller.id)?.ok_or_else(missing)?;
    let customer = lock_customer(tx, cx, customer)?;
    if customer.parent != Some(seller.id) {
        return Err(Refusal::Stale(Noun::Account).into());
    }
    Ok((seller, customer))
}

/// Approves a request: it becomes a license, with this code or one of chance. That is for those above the seller.
///
/// # Errors
/// `NotFound(OrderRequest)`, `Forbidden`; `Closed` for one that was decided on; whatever [`order`](super::order) refuses, and
/// then it goes on waiting.
pub fn approve(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    id: OrderRequestId,
    code: Option<&str>,
) -> Result<(Request, License), Error> {
    let (request, customer) = lock_waiting(tx, cx, id)?;
    let license = place(tx, cx, &customer, &request.order, code)?;
    let settled = settle(tx, cx, request, RequestState::Approved, "", Some(license.id))?;
    Ok((settled, license))
}

/// Refuses a request. That is for those above the seller.
///
/// # Errors
/// `NotFound(OrderRequest)`, `Forbidden`; `Closed` for one that was decided on; `Malformed`.
pub fn refuse(tx: &mut dyn Tx, cx: &Context<'_>, id: OrderRequestId, answer: &str) -> Result<Request, Error> {
    check_remark("answer", answer, MOST_CHARACTERS)?;
    let (request, _) = lock_waiting(tx, cx, id)?;
    settle(tx, cx, request, RequestState::Refused, answer, None)
}

/// Approves a request that waits, or refuses it with the reason why it cannot be any more; gives the license. The caller was
/// found to stand above the seller.
pub(super) fn accept(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    request: &Request,
    code: Option<&str>,
) -> Result<Option<License>, Error> {
    let customer = account::rows::lock(tx, request.order.customer)?.ok_or(Error::not_found(Noun::Account))?;
    // Somebody may have decided before the customer was locked.
    let waiting = rows::lock_request(tx, request.id)?.filter(|request| request.state == RequestState::Waiting);
    let Some(request) = waiting else { return Ok(None) };
    // What asks writes nothing, so that a refusal leaves nothing behind.
    match check(tx, cx, &customer, &request.order) {
        Err(Error::Refused(refusal)) => {
            settle(tx, cx, request, RequestState::Refused, &refusal.to_string(), None)?;
            return Ok(None);
        }
        outcome => outcome?,
    };
    // An agreement may still be accepted: what lacks it goes on waiting.
    if !agreement::outstanding(tx, &customer, request.order.product)?.is_empty() {
        return Ok(None);
    }
    let license = place(tx, cx, &customer, &request.order, code)?;
    settle(tx, cx, request, RequestState::Approved, "", Some(license.id))?;
    Ok(Some(license))
}

/// A request that waits, and its customer, both locked, for a caller that stands above the seller.
fn lock_waiting(tx: &mut dyn Tx, cx: &Context<'_>, id: OrderRequestId) -> Result<(Request, Account), Error> {
    let missing = || Error::not_found(Noun::OrderRequest);
    let found = rows::request(tx, id)?.ok_or_else(missing)?;
    let customer = account::rows::lock(tx, found.order.customer)?.ok_or_else(missing)?;
    cx.authorize(&Action::write(Right::LICENSES_WRITE), &customer, Noun::OrderRequest)?;
    let seller = seller_of(tx, &customer)?;
    let above = match seller.parent {
        Some(above) => account::rows::by_id(tx, above)?,
        None => None,
    };
    let above = above.unwrap_or(seller);
    match cx.authorize(&Action::write(Right::LICENSES_WRITE), &above, Noun::OrderRequest) {
        // The request is seen, and only the account above the seller is not.
        Err(Error::Refused(Refusal::NotFound(_))) => return Err(Error::Forbidden),
        outcome => outcome?,
    }
    // Only now is it certain whether somebody else decided meanwhile.
    let request = rows::lock_request(tx, id)?.ok_or_else(missing)?;
    if request.state != RequestState::Waiting {
        return Err(Refusal::Closed(Noun::OrderRequest).into());
    }
    Ok((request, customer))
}

fn settle(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    request: Request,
    state: RequestState,
    answer: &str,
    license: Option<LicenseId>,
) -> Result<Request, Error> {
    let settled = Request {
        state,
        settled_by: Some(cx.actor().who.to_string()),
        settled_at: Some(cx.now),
        // A reason of the domain's own may quote what somebody sent.
        answer: answer.chars().take(MOST_CHARACTERS).collect(),
        license,
        ..request
    };
    rows::settle(tx, &settled)?;
    let kind = if license.is_some() { "order_request.approved" } else { "order_request.refused" };
    tell(tx, cx, kind, &settled)?;
    Ok(settled)
}

fn tell(tx: &mut dyn Tx, cx: &Context<'_>, kind: &str, request: &Request) -> Result<(), Error> {
    let subject =
        Subject { kind: "order_request", id: request.id.0, account: request.order.customer, tenant: request.tenant };
    let data = json!({
        "product": request.order.product.to_string(),
        "quantity": request.order.quantity,
        "trial_days": request.order.trial_days,
        "note": request.note,
        "answer": request.answer,
        "license": request.license.map(|license| license.to_string()),
    });
    journal::append(tx, cx, kind, subject, &data)?;
    Ok(())
}

/// One request.
///
/// # Errors
/// `NotFound(OrderRequest)`, `Forbidden`.
pub fn request(tx: &mut dyn Tx, cx: &Context<'_>, id: OrderRequestId) -> Result<Request, Error> {
    let request = rows::request(tx, id)?.ok_or(Error::not_found(Noun::OrderRequest))?;
    let read = Action::read(Right::LICENSES_READ);
    account::authorized(tx, cx, request.order.customer, &read, Noun::OrderRequest)?;
    Ok(request)
}

/// A page of the requests that the caller sees, in the order they were filed, after `after`.
///
/// # Errors
/// `NotFound(Account)` for a branch that the caller does not see, `Forbidden`.
pub fn requests(
    tx: &mut dyn Tx,
    cx: &Context<'_>,
    filter: &RequestFilter,
    after: Option<OrderRequestId>,
    limit: u32,
) -> Result<Vec<Request>, Error> {
    if !cx.actor().has_right(&Right::LICENSES_READ) {
        return Err(Error::Forbidden);
    }
    let within = match filter.branch {
        Some(branch) => Some(account::get(tx, cx, branch)?.path),
        None => None,
    };
    let after = after.map_or(Uuid::nil(), |id| id.0);
    let page = |branch: &Path, after| rows::requests(tx, branch, filter.state, after, limit);
    let seen =
        account::page_seen(cx.actor(), within.as_ref(), after, limit, page, |(request, path)| (request.id.0, path))?;
    Ok(seen.into_iter().map(|(request, _)| request).collect())
}
