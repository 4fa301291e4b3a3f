//! Orders: how a customer comes to a license. Its seller, the account right above it, may order what was offered to it, trials
//! if those are allowed, and at once or by a request that somebody above the seller decides on.
//!
//! A vendor may order everything. Nobody offers what was not offered to it. Whoever belongs to an account that orders by
//! request changes no license by itself either: otherwise one place would be requested and a thousand taken.

mod offer;
mod place;
mod request;
pub(crate) mod rows;
mod rules;

pub use offer::{ChangeOffers, change_offers, offers};
pub(crate) use offer::{is_offered, seller_of};
pub(crate) use place::refuse_second;
pub use place::{Order, order};
pub use request::{Request, RequestFilter, RequestState, approve, file, refuse, request, requests};
pub use rules::{ChangeRules, Rules, change_rules, may_decide, rules};
