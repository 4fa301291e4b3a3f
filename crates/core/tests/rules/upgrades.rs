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
