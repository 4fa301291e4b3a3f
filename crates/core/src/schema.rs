//! The schema and the list of all that is in it.

use lessor_db::Statement;
use lessor_db::migrate::Migration;

/// Migrations in order, never edited once released.
pub const MIGRATIONS: &[Migration] = &[
    Migration { number: 1, name: "foundation", sql: include_str!("../migrations/0001_foundation.sql") },
    Migration { number: 2, name: "leases", sql: include_str!("../migrations/0002_leases.sql") },
    Migration { number: 3, name: "people", sql: include_str!("../migrations/0003_people.sql") },
    Migration { number: 4, name: "daemons", sql: include_str!("../migrations/0004_daemons.sql") },
    Migration { number: 5, name: "fewer indexes", sql: include_str!("../migrations/0005_fewer_indexes.sql") },
    Migration { number: 6, name: "quiet renewals", sql: include_str!("../migrations/0006_quiet_renewals.sql") },
    Migration { number: 7, name: "consumer records", sql: include_str!("../migrations/0007_consumer_records.sql") },
    Migration { number: 8, name: "sign ins", sql: include_str!("../migrations/0008_sign_ins.sql") },
    Migration { number: 9, name: "stream", sql: include_str!("../migrations/0009_stream.sql") },
];

/// Every table, parents before children: the order in which a backup is written and read.
pub const TABLES: &[&str] = &[
    "meta",
    "accounts",
    "aliases",
    "numbers",
    "attributes",
    "users",
    "permissions",
    "sessions",
    "api_keys",
    "holds",
    "products",
    "signing_keys",
    "feature_groups",
    "features",
    "named_values",
    "server_functions",
    "price_categories",
    "product_price_categories",
    "profiles",
    "licenses",
    "grants",
    "value_settings",
    "function_settings",
    "notes",
    "segments",
    "devices",
    "trials",
    "activations",
    "checkouts",
    "consumer_records",
    "user_groups",
    "end_users",
    "sign_ins",
    "group_licenses",
    "endorsements",
    "stored_texts",
    "analytics_events",
    "daemons",
    "delegations",
    "stream_records",
    "events",
    "journal_blocks",
    "idempotency_records",
];

/// Every statement of every room, for the test that prepares them on both engines.
pub fn statements() -> impl Iterator<Item = Statement> {
    [
        crate::account::rows::ALL,
        crate::alias::rows::ALL,
        crate::catalog::rows::ALL,
        crate::catalog::feature_group::rows::ALL,
        crate::catalog::named_value::rows::ALL,
        crate::daemon::rows::ALL,
        crate::daemon::local::rows::ALL,
        crate::catalog::signing::rows::ALL,
        crate::device::rows::ALL,
        crate::device::rows::analytics::ALL,
        crate::device::rows::consumers::ALL,
        crate::device::rows::entry::ALL,
        crate::device::rows::lapse::ALL,
        crate::device::rows::texts::ALL,
        crate::group::rows::ALL,
        crate::group::rows::end_users::ALL,
        crate::idempotency::ALL,
        crate::identity::rows::ALL,
        crate::journal::rows::ALL,
        crate::license::batch::rows::ALL,
        crate::license::rows::ALL,
        crate::stream::rows::ALL,
        crate::verify::ALL,
    ]
    .into_iter()
    .flatten()
    .copied()
}
