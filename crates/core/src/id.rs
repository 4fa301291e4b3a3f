//! Ids: a UUIDv7 behind a prefix that names the kind of record.

use crate::app::random;
use crate::clock::Timestamp;
use lessor_db::{FromColumn, Value, ValueRef};
use std::cell::RefCell;
use std::sync::atomic::{AtomicU32, Ordering};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl $name {
            /// What stands before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Reads `prefix_` and 32 lower-case hex digits.
            pub fn parse(text: &str) -> Option<Self> {
                let hex = text.strip_prefix($prefix)?.strip_prefix('_')?;
                let plain = hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
                if plain { Uuid::try_parse(hex).ok().map(Self) } else { None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!($prefix, "_{}"), self.0.simple())
            }
        }

        impl From<$name> for Value {
            fn from(id: $name) -> Self {
                Value::Uuid(id.0)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl FromColumn for $name {
            fn from_column(value: ValueRef<'_>) -> Result<Self, String> {
                Uuid::from_column(value).map(Self)
            }
        })*
    };
}

ids! {
    /// A node of the tree of companies.
    AccountId = "acc";
    /// Someone who signs in.
    UserId = "usr";
    /// A mail in the outbox.
    MailId = "mal";
    /// A key of a program that calls an API.
    ApiKeyId = "key";
    /// A reason why something may not be used.
    HoldId = "hld";
    /// What is sold.
    ProductId = "prd";
    /// What can be switched or limited in a product.
    FeatureId = "fea";
    /// A group of features of a product.
    FeatureGroupId = "grp";
    /// A named value of a product.
    NamedValueId = "val";
    /// A function of the server that licenses switch.
    ServerFunctionId = "fun";
    /// A price category.
    PriceCategoryId = "cat";
    /// A price list.
    PriceListId = "prl";
    /// A statement.
    StatementId = "stm";
    /// A reconciliation.
    ReconciliationId = "rcl";
    /// A name of another system.
    RememberedNameId = "rnm";
    /// A named set of license terms.
    ProfileId = "pro";
    /// The right of an account to a product.
    LicenseId = "lic";
    /// An order that waits for a decision.
    OrderRequestId = "orq";
    /// A remark on a license.
    NoteId = "note";
    /// A machine, as one product knows it.
    DeviceId = "dev";
    /// A license in use on a device.
    ActivationId = "act";
    /// A product tried on a device.
    TrialId = "tri";
    /// People who use the software, together.
    GroupId = "ugr";
    /// Someone who uses the software.
    EndUserId = "eus";
    /// What a program told of its use.
    AnalyticsEventId = "ana";
    /// Who uses a product on a device, as somebody told.
    ConsumerRecordId = "con";
    /// A record of a tenant's stream.
    StreamRecordId = "rec";
    /// Something that takes longer than a call.
    OperationId = "opr";
    /// Terms that have to be accepted.
    AgreementId = "agr";
    /// What is counted.
    MeterId = "mtr";
    /// A fact of use.
    UsageRecordId = "use";
    /// Something that happened.
    EventId = "evt";
    /// One call, from its first byte to its answer.
    RequestId = "req";
}

/// Makes ids that sort by the time they were made, also within a millisecond of one process.
pub(crate) struct IdSource {
    counter: AtomicU32,
}

impl IdSource {
    pub(crate) fn new(start: u32) -> Self {
        Self { counter: AtomicU32::new(start) }
    }

    /// A UUIDv7: 48 bits of milliseconds, 26 of a counter, 48 of chance.
    pub(crate) fn next(&self, now: Timestamp) -> Uuid {
        let chance = chance();
        let count = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let count = u32::from_be_bytes(count) & 0x03ff_ffff;
        let millis = u64::try_from(now.micros().div_euclid(1000)).unwrap_or(0);
        let high = u16::try_from(count >> 14).unwrap_or(0).to_be_bytes();
        let low = u16::try_from(count & 0x3fff).unwrap_or(0).to_be_bytes();
        let rest = [high[0], high[1], low[0], low[1], chance[0], chance[1], chance[2], chance[3], chance[4], chance[5]];
        uuid::Builder::from_unix_timestamp_millis(millis, &rest).into_uuid()
    }
}

/// Random bytes, asked for by the hundred: a command makes many ids. Each byte is used once.
fn chance() -> [u8; 6] {
    thread_local! {
        static WAITING: RefCell<([u8; 384], usize)> = const { RefCell::new(([0; 384], 384)) };
    }
    WAITING.with_borrow_mut(|(bytes, used)| {
        if *used == bytes.len() {
            (*bytes, *used) = (random(), 0);
        }
        let mut one = [0; 6];
        one.copy_from_slice(&bytes[*used..*used + 6]);
        *used += 6;
        one
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_sort_in_the_order_they_were_made() {
        let source = IdSource::new(7);
        let now = Timestamp::from_seconds(1_700_000_000);
        let ids: Vec<_> = (0..10_000).map(|_| source.next(now)).collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn an_id_reads_back_and_another_kind_does_not() {
        let id = AccountId(IdSource::new(0).next(Timestamp::from_seconds(1)));
        assert_eq!(AccountId::parse(&id.to_string()), Some(id));
        assert_eq!(UserId::parse(&id.to_string()), None);
        assert_eq!(AccountId::parse(&id.to_string().to_uppercase()), None);
    }
}
