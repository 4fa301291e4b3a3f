//! The domain: accounts, identity, catalog, licenses, devices and the journal. Commands, queries and pure
//! rules over one transaction type; no HTTP, no engine, no vendor's words.
//!
//! A noun is a folder: `mod.rs` holds its types, one file a command with its rule beside it, `rows.rs` all its SQL.

pub mod account;
pub mod agreement;
pub mod alias;
mod app;
pub mod billing;
mod bulk;
pub mod catalog;
pub mod clock;
mod context;
pub mod daemon;
pub mod device;
mod error;
pub mod group;
mod id;
pub mod idempotency;
pub mod identity;
pub mod journal;
pub mod json;
pub mod license;
pub mod mail;
pub mod metering;
pub mod operation;
pub mod order;
mod page;
mod recall;
pub mod schema;
pub mod secret;
pub mod stream;
mod text;
pub mod verify;

pub use app::{App, random};
pub use clock::{Clock, Timestamp};
pub use context::{Action, Actor, Caller, Context, Grant, Who, decide};
pub use error::{Error, Noun, Refusal};
pub use id::{
    AccountId, ActivationId, AgreementId, AnalyticsEventId, ApiKeyId, ConsumerRecordId, DeviceId, EndUserId, EventId,
    FeatureGroupId, FeatureId, GroupId, HoldId, LicenseId, MailId, MeterId, NamedValueId, NoteId, OperationId,
    OrderRequestId, PriceCategoryId, PriceListId, ProductId, ProfileId, ReconciliationId, RememberedNameId, RequestId,
    ServerFunctionId, StatementId, StreamRecordId, TrialId, UsageRecordId, UserId,
};
pub use lessor_db::{Engine, StoreError, Tx};
pub use page::Start;
