//! What an older schema holds is carried over into this one.

use lessor_core::Timestamp;
use lessor_core::schema::MIGRATIONS;
use lessor_core::verify::verify;
use lessor_db::{Limits, Location, Store, StoreError, Tx, Value, migrate, statements};
use lessor_testkit::postgres::TestPostgres;
use uuid::Uuid;

statements! {
    PRODUCT = "INSERT INTO products (id, tenant_id, name, active, trial_offered, trial_days, online_lease_hours, \
        virtual_lease_hours, offline_lease_hours, term_kind, term_days, activation_limit, process_limit, concurrency, \
        network_seats, heartbeat_minutes, created_at, modified_at, version) \
        VALUES ($1, $1, 'Paint', TRUE, TRUE, 30, 1, 1, 1, 'perpetual', 0, 1, 0, 'off', 0, 0, 0, 0, 1)";
    DEVICE = "INSERT INTO devices (id, tenant_id, product_id, fingerprint, created_at) VALUES ($1, $2, $2, $3, 0)";
    /// As the schema was before its sixth step.
    ACTIVATION_5 = "INSERT INTO activations (id, tenant_id, product_id, license_id, trial_id, device_id, fingerprint, user_name, \
        kind, state, activated_at, lease_number, leased_at, lease_end, secret_generation, told) \
        VALUES ($1, $2, $2, $3, $4, $5, $6, '', 'online', $7, 0, 1, 0, $8, 1, $9)";
    /// As the schema was before its twelfth step.
    VENDOR_11 = "INSERT INTO accounts (id, tenant_id, kind, name, path, contact, created_at, modified_at, version) \
        VALUES ($1, $1, 'vendor', 'V', 'V', '{}', 0, 0, 1)";
    LICENSE_11 = "INSERT INTO licenses (id, tenant_id, account_id, product_id, code, role, reference, order_reference, acquired, \
        hold_count, active_count, returned_count, created_at, modified_at, version, online_lease_hours, virtual_lease_hours, \
        offline_lease_hours, term_kind, term_days, term_end, activation_limit, process_limit, concurrency, network_seats, \
        heartbeat_minutes) VALUES ($1, $2, $2, $2, $3, 'standard', '', '', FALSE, 0, 0, 0, 0, 0, 1, 0, 0, 0, 'expiring', 0, $4, \
        5, 0, 'off', 0, 0)";
    SEGMENT_11 = "INSERT INTO segments (id, tenant_id, license_id, account_id, product_id, term_kind, quantity, held, from_at, \
        to_at) VALUES ($1, $2, $3, $2, $2, 'expiring', 5, FALSE, $4, $5)";
    CLOSING_11 = "INSERT INTO closings (tenant_id, month, as_of, done_to) VALUES ($1, $2, $3, $1)";
    /// As the schema was before its fourteenth step.
    LIST_13 = "INSERT INTO price_lists (id, tenant_id, account_id, product_id, name, currency, discount, from_day, until_day, \
        created_at, ended_at) VALUES ($1, $2, $2, $2, 'Default', 'EUR', 500, 20000, $3, 7, $4)";
    TIER_13 = "INSERT INTO price_tiers (list_id, from_seats, price) VALUES ($1, $2, $3)";
    PRICES = "SELECT l.id, l.billed, l.product_id, l.until_day, t.from_seats, t.price FROM price_lists l \
        JOIN price_tiers t ON t.list_id = l.id WHERE l.discount = 500 AND l.meter_id IS NULL ORDER BY l.id, t.from_seats";
    SEGMENTS = "SELECT license_id, from_at, to_at, ends_at FROM segments ORDER BY license_id, from_at";
    LOOKS_AT = "SELECT look_at FROM activations ORDER BY id";
    SECOND = "INSERT INTO activations (id, tenant_id, product_id, license_id, device_id, fingerprint, user_name, kind, state, \
        activated_at, lease_number, leased_at, secret_generation) \
        VALUES ($1, $2, $2, $3, $4, $5, '', 'online', $6, 0, 1, 0, 1)";
}

fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

/// On which device, of a license or a trial, state, end of its lease, and was its lapse told?
type Row = (u128, bool, &'static str, Option<i64>, bool);

const ROWS: [Row; 7] = [
    (1, true, "active", Some(5_000), false),
    (2, true, "active", Some(6_000), true),
    (3, true, "active", None, false),
    (1, true, "returned", Some(7_000), true),
    (1, true, "returned", None, true),
    (4, false, "active", Some(8_000), false),
    (5, true, "active", Some(9_000), false),
];

fn fill(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.execute(PRODUCT, &[id(1).into()])?;
    for device in 1..=5 {
        tx.execute(DEVICE, &[id(device).into(), id(1).into(), format!("device-{device}").into()])?;
    }
    for (n, (device, licensed, state, lease_end, told)) in (1..).zip(ROWS) {
        let of = |is: bool| if is { Value::from(id(9)) } else { Value::Null };
        let row = [
            id(n).into(),
            id(1).into(),
            of(licensed),
            of(!licensed),
            id(device).into(),
            format!("device-{device}").into(),
            state.into(),
            lease_end.into(),
            told.into(),
        ];
        tx.execute(ACTIVATION_5, &row)?;
    }
    Ok(())
}

fn again(tx: &mut dyn Tx, n: u128, state: &'static str) -> Result<(), StoreError> {
    let row = [id(n).into(), id(1).into(), id(9).into(), id(1).into(), "device-1".into(), state.into()];
    tx.execute(SECOND, &row).map(|_| ())
}

fn leases_are_looked_at_by_their_ends(location: &Location) {
    let store = Store::open(location, Limits::default()).expect("storage");
    migrate::run(&store, &MIGRATIONS[..5], 0, &mut |_| ()).expect("the schema as it was");
    store.write_blocking(fill).expect("rows");
    migrate::run(&store, MIGRATIONS, 0, &mut |_| ()).expect("the schema as it is");
    let looks: Vec<(Option<Timestamp>,)> = store.read_blocking(|tx| tx.all(LOOKS_AT, &[])).expect("rows");
    let at = |micros| Some(Timestamp::from_micros(micros));
    let expected = [at(5_000), None, at(i64::MAX), None, None, at(8_000), at(9_000)];
    assert_eq!(looks.into_iter().map(|(at,)| at).collect::<Vec<_>>(), expected);
    let flaws = store.read_blocking(|tx| verify(tx)).expect("an answer");
    assert!(flaws.iter().all(|flaw| !flaw.contains("look")), "{flaws:?}");
    for n in 20..22 {
        store.write_blocking(move |tx| again(tx, n, "returned")).expect("what is returned may be there often");
    }
    let twice = store.write_blocking(|tx| again(tx, 22, "active"));
    assert!(matches!(twice, Err(StoreError::Unique(_))), "{twice:?}");
    store.close();
}

/// The end of each license's term, and when its open segment began; months were closed as of 1 000 and 2 000.
const LICENSES: [(u128, Option<i64>, i64); 5] = [
    (21, None, 100),
    (22, Some(5_000), 100),
    // Billed behind its end until the last of the months was closed.
    (23, Some(1_500), 100),
    // Not billed at all yet.
    (24, Some(1_500), 2_500),
    (25, Some(500), 100),
];

fn fill_segments(tx: &mut dyn Tx) -> Result<(), StoreError> {
    tx.execute(VENDOR_11, &[id(1).into()])?;
    tx.execute(PRODUCT, &[id(1).into()])?;
    for (n, end, from) in LICENSES {
        tx.execute(LICENSE_11, &[id(n).into(), id(1).into(), format!("code-{n}").into(), end.into()])?;
        tx.execute(SEGMENT_11, &[id(n + 100).into(), id(1).into(), id(n).into(), 50.into(), from.into()])?;
        let open = [id(n + 200).into(), id(1).into(), id(n).into(), from.into(), Value::Null];
        tx.execute(SEGMENT_11, &open)?;
    }
    for (month, as_of) in [(1, 1_000), (2, 2_000)] {
        tx.execute(CLOSING_11, &[id(1).into(), month.into(), as_of.into()])?;
    }
    Ok(())
}

fn segments_learn_the_ends_of_terms(location: &Location) {
    let store = Store::open(location, Limits::default()).expect("storage");
    migrate::run(&store, &MIGRATIONS[..11], 0, &mut |_| ()).expect("the schema as it was");
    store.write_blocking(fill_segments).expect("rows");
    migrate::run(&store, MIGRATIONS, 0, &mut |_| ()).expect("the schema as it is");
    let found: Vec<(Uuid, i64, Option<i64>, Option<i64>)> =
        store.read_blocking(|tx| tx.all(SEGMENTS, &[])).expect("rows");
    let mut expected = Vec::new();
    for (n, end, from) in LICENSES {
        expected.push((id(n), 50, Some(from), None));
        // What was billed stays: it ends where the last month was closed, and what follows knows the end.
        if end.is_some_and(|end| end < 2_000) && from < 2_000 {
            expected.push((id(n), from, Some(2_000), None));
            expected.push((id(n), 2_000, None, end));
        } else {
            expected.push((id(n), from, None, end));
        }
    }
    assert_eq!(found, expected);
    let flaws = store.read_blocking(|tx| verify(tx)).expect("an answer");
    assert!(flaws.iter().all(|flaw| !flaw.contains("segment")), "{flaws:?}");
    store.close();
}

fn price_lists_stay_what_they_were(location: &Location) {
    let store = Store::open(location, Limits::default()).expect("storage");
    migrate::run(&store, &MIGRATIONS[..13], 0, &mut |_| ()).expect("the schema as it was");
    let fill = |tx: &mut dyn Tx| {
        tx.execute(VENDOR_11, &[id(1).into()])?;
        tx.execute(PRODUCT, &[id(1).into()])?;
        for (list, until, ended) in [(31, None, None), (32, Some(20_100), Some(9))] {
            tx.execute(LIST_13, &[id(list).into(), id(1).into(), until.into(), ended.into()])?;
            for (from, price) in [(1, 4_000), (25, 3_000)] {
                tx.execute(TIER_13, &[id(list).into(), from.into(), price.into()])?;
            }
        }
        Ok::<(), StoreError>(())
    };
    store.write_blocking(fill).expect("rows");
    migrate::run(&store, MIGRATIONS, 0, &mut |_| ()).expect("the schema as it is");
    type Price = (Uuid, String, Uuid, Option<i64>, i64, i64);
    let found: Vec<Price> = store.read_blocking(|tx| tx.all(PRICES, &[])).expect("rows");
    let price = |list, until, from, price| (id(list), "account".to_owned(), id(1), until, from, price);
    let expected = [
        price(31, None, 1, 4_000),
        price(31, None, 25, 3_000),
        price(32, Some(20_100), 1, 4_000),
        price(32, Some(20_100), 25, 3_000),
    ];
    assert_eq!(found, expected);
    store.close();
}

#[test]
fn price_lists_of_an_older_schema_stay_what_they_were_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    price_lists_stay_what_they_were(&Location::Sqlite { dir: folder.path().to_owned() });
}

#[test]
fn price_lists_of_an_older_schema_stay_what_they_were_on_postgres() {
    let database = TestPostgres::shared().database();
    price_lists_stay_what_they_were(&Location::Postgres { url: database.url.clone(), ca_file: None });
}

#[test]
fn segments_of_an_older_schema_learn_the_ends_of_terms_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    segments_learn_the_ends_of_terms(&Location::Sqlite { dir: folder.path().to_owned() });
}

#[test]
fn segments_of_an_older_schema_learn_the_ends_of_terms_on_postgres() {
    let database = TestPostgres::shared().database();
    segments_learn_the_ends_of_terms(&Location::Postgres { url: database.url.clone(), ca_file: None });
}

#[test]
fn leases_of_an_older_schema_are_looked_at_by_their_ends_on_sqlite() {
    let folder = tempfile::tempdir().expect("a folder");
    leases_are_looked_at_by_their_ends(&Location::Sqlite { dir: folder.path().to_owned() });
}

#[test]
fn leases_of_an_older_schema_are_looked_at_by_their_ends_on_postgres() {
    let database = TestPostgres::shared().database();
    leases_are_looked_at_by_their_ends(&Location::Postgres { url: database.url.clone(), ca_file: None });
}
