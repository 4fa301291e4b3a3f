//! Shapes that several operations share: times, words, pages.

use crate::call::{Cursor, Limit};
use lessor_core::billing::reconcile;
use lessor_core::{Timestamp, account, catalog, device, group, identity, license, metering, operation, order, stream};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// An instant: RFC 3339, answered in UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(pub Timestamp);

impl Time {
    pub fn from_seconds(seconds: i64) -> Self {
        Self(Timestamp::from_seconds(seconds))
    }
}

impl From<Timestamp> for Time {
    fn from(instant: Timestamp) -> Self {
        Self(instant)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Timestamp::parse(&text).map(Self).ok_or_else(|| D::Error::custom("it is no time of RFC 3339"))
    }
}

impl PartialSchema for Time {
    fn schema() -> RefOr<Schema> {
        let format = SchemaFormat::KnownFormat(KnownFormat::DateTime);
        ObjectBuilder::new().schema_type(Type::String).format(Some(format)).into()
    }
}

impl ToSchema for Time {
    fn name() -> std::borrow::Cow<'static, str> {
        "Time".into()
    }
}

/// A day of the calendar.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Date(pub metering::day::Day);

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        metering::day::Day::parse(&text).map(Self).ok_or_else(|| D::Error::custom("it is no day such as 2026-03-01"))
    }
}

/// An enum of the wire for one of the domain, its words being the variants in lower case with `_`.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident of $domain:ty {
        $($(#[$variant_meta:meta])* $variant:ident),+ $(,)?
    })+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name {
            $($(#[$variant_meta])* $variant),+
        }

        impl From<$domain> for $name {
            fn from(word: $domain) -> Self {
                match word {
                    $(<$domain>::$variant => Self::$variant),+
                }
            }
        }

        impl From<$name> for $domain {
            fn from(word: $name) -> Self {
                match word {
                    $($name::$variant => Self::$variant),+
                }
            }
        }
    )+};
}

words! {
    /// What an account is in the chain of sale.
    AccountKind of account::Kind { Vendor, Distributor, Division, PartnerManager, Partner, ManagedPartner, Customer }

    /// How far a hold goes: `self` is the account or license alone, `branch` everything below it too.
    Reach of account::Reach {
        #[serde(rename = "self")]
        Own,
        Branch,
    }

    /// What an operation does to its account.
    OperationKind of operation::Kind { Suspend, Resume }

    /// How far an operation has come. What a `failed` one had done stays.
    OperationState of operation::State { Created, Running, Done, Failed }

    /// How a feature is measured out.
    FeatureKind of catalog::FeatureKind { Flag, Floating, Pool, Tokens, Store }

    /// How long a right lasts: without end, for a number of days from the first activation on, or until a date. A `trial`
    /// lasts until a date too, and is never billed.
    TermKind of license::TermKind { Perpetual, Subscription, Expiring, Trial }

    /// Who watches over concurrent use: nobody, the server by its leases, or a daemon on the local network.
    Concurrency of license::Concurrency { Off, Cloud, Network }

    /// What a license is for.
    LicenseRole of license::Role { Standard, Passive, NetworkMaster, Delegated }

    /// Whether an exchange of products gives more or less than there was.
    ExchangeDirection of catalog::Direction { Upgrade, Downgrade }

    /// How a request for an order stands.
    OrderRequestState of order::RequestState { Waiting, Approved, Refused }

    /// Who a note is from: people or programs.
    NoteKind of license::NoteKind { General, System }

    /// How an activation came about.
    ActivationKind of device::ActivationKind { Online, Offline, Passive }

    /// What the people before a device used the product under.
    ConsumerSource of device::ConsumerSource { Trial, License }

    /// How a trial stands by the clock.
    TrialState of device::TrialState { Running, Over }

    /// Whether a group may have groups below it.
    GroupKind of group::GroupKind { Standard, Master }

    /// What a signing key is used for: it signs, what it signed still verifies, or it is not published any more.
    KeyState of catalog::KeyState { Active, Retiring, Retired }

    /// What happened in a program.
    AnalyticsKind of device::AnalyticsKind {
        AppStarted, AppStopped, SignedIn, SignedOut, FeatureStarted, FeatureStopped, Exception
    }

    /// Where a record of the stream comes from: calls of APIs by programs; devices; what programs told; devices of daemons;
    /// daemons themselves; people who signed in; the vendor's own.
    StreamSource of stream::Source { Calls, Devices, Analytics, Relayed, Daemons, People, Custom }

    /// How records of use become figures: quantities of licenses day by day, subjects seen in a month, the last report of a
    /// day carried forward, or values added up.
    Aggregation of metering::Aggregation { SeatDays, Distinct, Level, Sum }

    /// What a stretch of days makes of daily levels: their average, or the last of them.
    LevelRule of metering::LevelRule { Average, Last }

    /// What figures of a reconciliation are of, besides accounts.
    ReconciledItem of reconcile::Item { Product, License, Meter }

    /// What came of a row of a reconciliation: its name is not known here; the statements have it and the other system has
    /// not; the other system says more; less; the same.
    ReconciledOutcome of reconcile::Outcome { Unknown, Missing, Over, Under, Matched }

    /// What a figure of use is of.
    UsagePer of metering::Per { Day, Month, Range }

    /// By what figures of use are told apart.
    UsageEach of metering::By { Account, License, Product, Category, Feature, Term, Key }

    /// What may be done in a branch. `none` takes away what is set further up.
    Level of identity::Level { None, Read, Write }
}

/// A page of a list.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T: ToSchema> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next page; `null` on the last one.
    #[schema(example = "0000000000000000000000000000001912ab34cd")]
    pub next: Option<String>,
}

impl<T: ToSchema> Page<T> {
    /// A page of what was found when one item more than wanted was asked for. `place` is where an item stands.
    pub fn of<S>(mut found: Vec<S>, limit: Limit, place: impl Fn(&S) -> u128, view: impl FnMut(S) -> T) -> Self {
        let wanted = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let more = found.len() > wanted;
        found.truncate(wanted);
        let next = found.last().filter(|_| more).map(|last| Cursor(place(last)).text());
        Self { items: found.into_iter().map(view).collect(), next }
    }
}

/// How many items to ask storage for: one more than wanted tells whether there is a next page.
pub(crate) fn with_one_more(limit: Limit) -> u32 {
    limit.0 + 1
}
