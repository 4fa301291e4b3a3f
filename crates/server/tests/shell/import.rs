//! `lessor import`: a file of licenses, in batches that are each there or not.

use crate::process::{Serving, assert_refused, lessor, run};
use lessor_core::account::{self, CreateAccount, Kind};
use lessor_core::catalog::{self, CreateProduct};
use lessor_core::clock::SystemClock;
use lessor_core::license::{self, LicenseFilter, Terms};
use lessor_core::schema::MIGRATIONS;
use lessor_core::secret::Secret;
use lessor_core::{AccountId, App, ProductId};
use lessor_db::{Limits, Location, Store, migrate};
use lessor_testkit::postgres::TestPostgres;
use std::io::Write;
use std::path::Path;
use std::process::{Output, Stdio};
use std::sync::Arc;

fn open(location: &Location) -> App {
    let store = Store::open(location, Limits::default()).expect("storage");
    migrate::run(&store, MIGRATIONS, 0, &mut |_| ()).expect("a migrated database");
    App::new(store, Arc::new(SystemClock::start()), Secret::new([7; 32]))
}

fn make_product(location: &Location) -> (AccountId, ProductId) {
    let app = open(location);
    let made = app.write_blocking(&app.system(), |tx, cx| {
        let vendor = CreateAccount {
            id: None,
            parent: None,
            kind: Kind::Vendor,
            name: "Vendor".into(),
            contact: serde_json::json!({}),
        };
        let vendor = account::create(tx, cx, &vendor)?;
        let product = CreateProduct {
            id: None,
            tenant: vendor.id,
            name: "Paint".into(),
            trial_offered: false,
            trial_days: 0,
            terms: Terms::default(),
            groups: Vec::new(),
            features: Vec::new(),
            values: Vec::new(),
        };
        Ok((vendor.id, catalog::create_product(tx, cx, &product)?.id))
    });
    app.store().close();
    made.expect("a product")
}

fn count(location: &Location, tenant: AccountId) -> i64 {
    let app = open(location);
    let count = app.read_blocking(&app.system(), move |tx, cx| license::count(tx, cx, &LicenseFilter::of(tenant)));
    app.store().close();
    count.expect("a number")
}

fn folder() -> (tempfile::TempDir, Location) {
    let folder = tempfile::tempdir().expect("a folder");
    let location = Location::Sqlite { dir: folder.path().to_owned() };
    (folder, location)
}

fn import(data: &Path, file: &str, product: ProductId) -> Output {
    let data = data.to_str().expect("UTF-8");
    run(&["import", "licenses", file, "--product", &product.to_string(), "--data", data])
}

fn said(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A table of so many codes.
fn table(codes: usize) -> String {
    let codes = (0..codes).map(|n| format!("CODE-{n:06},PO-{}\n", n / 100));
    "code,order\n".to_owned() + &codes.collect::<String>()
}

#[test]
fn a_file_is_brought_in_once_however_often_it_is_sent() {
    let (folder, location) = folder();
    let (tenant, product) = make_product(&location);
    let file = folder.path().join("codes.csv");
    std::fs::write(&file, table(12_345)).expect("written");
    let first = import(folder.path(), file.to_str().expect("UTF-8"), product);
    assert_eq!(said(&first).0, "12345 rows: 12345 created, 0 there already, 0 rejected\n", "{}", said(&first).1);
    assert_eq!(count(&location, tenant), 12_345);
    let again = import(folder.path(), file.to_str().expect("UTF-8"), product);
    assert_eq!(said(&again).0, "12345 rows: 0 created, 12345 there already, 0 rejected\n");
    assert_eq!(count(&location, tenant), 12_345);
    let whole = run(&["verify", "--data", folder.path().to_str().expect("UTF-8")]);
    // The secret that the program made is its own; what it says of the rows is what counts here.
    assert!(said(&whole).0.contains("the storage is whole"), "{}", said(&whole).1);
}

#[test]
fn rows_that_cannot_be_are_told_with_their_line_and_the_others_are_taken() {
    let (folder, location) = folder();
    let (tenant, product) = make_product(&location);
    let mut command = lessor(&["import", "licenses", "-", "--product", &product.to_string()]);
    command.args(["--data", folder.path().to_str().expect("UTF-8")]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let lines =
        "{\"code\":\"A-1\"}\n{\"code\":\"A 2\"}\n\n{\"code\":3}\n{\"code\":\"A-3\",\"account\":\"acc_0\"}\n{}\n";
    child.stdin.take().expect("standard input").write_all(lines.as_bytes()).expect("sent");
    let output = child.wait_with_output().expect("it ends");
    let (out, err) = said(&output);
    assert_eq!(out, "5 rows: 2 created, 0 there already, 3 rejected\n");
    for line in ["line 2: code is not valid", "line 4: invalid type", "line 5: no such account"] {
        assert!(err.contains(line), "{err}");
    }
    assert_eq!((output.status.code(), err.lines().last()), (Some(1), Some("lessor: 3 of 5 rows were not taken")));
    assert_eq!(count(&location, tenant), 2);
}

#[test]
fn what_cannot_begin_changes_nothing() {
    let (folder, location) = folder();
    let (tenant, product) = make_product(&location);
    let file = folder.path().join("codes.csv");
    let path = file.to_str().expect("UTF-8").to_owned();
    std::fs::write(&file, "code,colour\nA-1,red\n").expect("written");
    assert_refused(&import(folder.path(), &path, product), "colour");
    std::fs::write(&file, table(3)).expect("written");
    assert_refused(&import(folder.path(), &format!("{path}.missing"), product), "missing");
    assert_refused(&import(folder.path(), &path, ProductId(tenant.0)), "no such product");
    let nowhere = folder.path().join("nowhere");
    assert_refused(&import(&nowhere, &path, product), "no storage");
    assert!(!nowhere.exists());
    assert_eq!(count(&location, tenant), 0);
    let serving = Serving::start_in(folder.path());
    assert_refused(&import(folder.path(), &path, product), "in use");
    serving.stop();
}

#[test]
fn an_import_that_is_killed_leaves_whole_batches_and_can_be_run_again() {
    let (folder, location) = folder();
    let (tenant, product) = make_product(&location);
    let text = table(60_000);
    let mut command = lessor(&["import", "licenses", "-", "--product", &product.to_string()]);
    command.args(["--data", folder.path().to_str().expect("UTF-8")]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().expect("the program starts");
    let mut input = child.stdin.take().expect("standard input");
    // Half of it comes, and the rest is waited for: some batches are written by then, none is cut.
    let half = text.find("CODE-033000").expect("a code");
    input.write_all(&text.as_bytes()[..half]).expect("sent");
    let log = folder.path().join("lessor.db-wal");
    let started = std::time::Instant::now();
    while std::fs::metadata(&log).map_or(0, |file| file.len()) < 4 << 20 {
        assert!(started.elapsed() < std::time::Duration::from_secs(60), "nothing is written");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().expect("killed");
    child.wait().expect("ended");
    let left = count(&location, tenant);
    assert!(left > 0 && left <= 30_000 && left % 5_000 == 0, "{left}");
    let file = folder.path().join("codes.csv");
    std::fs::write(&file, text).expect("written");
    let again = import(folder.path(), file.to_str().expect("UTF-8"), product);
    let summary = format!("60000 rows: {} created, {left} there already, 0 rejected\n", 60_000 - left);
    assert_eq!(said(&again).0, summary, "{}", said(&again).1);
    assert_eq!(count(&location, tenant), 60_000);
}

#[test]
fn postgresql_is_filled_beside_what_serves_from_it() {
    let database = TestPostgres::shared().database();
    let location = Location::Postgres { url: database.url.clone(), ca_file: None };
    let (tenant, product) = make_product(&location);
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("codes.csv");
    std::fs::write(&file, table(7_000)).expect("written");
    let (file, product) = (file.to_str().expect("UTF-8"), product.to_string());
    let output = run(&["import", "licenses", file, "--product", &product, "--database", &database.url]);
    assert_eq!(said(&output).0, "7000 rows: 7000 created, 0 there already, 0 rejected\n", "{}", said(&output).1);
    assert_eq!(count(&location, tenant), 7_000);
}
