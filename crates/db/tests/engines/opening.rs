//! Storage that cannot be used is refused in one clear line.

use crate::bench::*;
use crate::postgres::TestPostgres;
use lessor_db::{Health, Limits, Location, OpenError, Store, StoreError, sqlite_version};
use std::path::{Path, PathBuf};
use std::process::Command;

fn refusal(location: &Location) -> OpenError {
    let error = Store::open(location, Limits::default()).err().expect("it is refused");
    assert!(!error.to_string().contains('\n'), "{error}");
    error
}

fn data(bench: &Bench) -> PathBuf {
    bench.dir.as_ref().expect("a folder").path().join("data")
}

/// Overwrites pages from another process, as damage would: without a word to SQLite.
fn damage(file: &Path, from: u64, bytes: u64) {
    let status = Command::new("dd")
        .args(["if=/dev/urandom", "bs=1", "conv=notrunc", "status=none"])
        .args([format!("of={}", file.display()), format!("seek={from}"), format!("count={bytes}")])
        .status();
    assert!(status.expect("dd").success());
}

fn fill(bench: &Bench) {
    bench
        .write(|tx| (0..2000).try_for_each(|place: i64| tx.execute(WORD, &["word".into(), place.into()]).map(|_| ())))
        .expect("rows");
}

#[test]
fn a_folder_that_is_served_from_is_refused_but_open_to_tools() {
    let bench = Bench::sqlite();
    assert_eq!(refusal(&bench.location), OpenError::Locked { path: data(&bench) });
    let tool = Store::open_shared(&bench.location, Limits::default()).expect("a tool beside the server");
    assert_eq!(tool.read_blocking(|tx| tx.one::<(i64,)>(COUNTERS, &[])).expect("counters").0, 1);
    tool.close();
    bench.write(|tx| tx.execute(INSERT, &[2.into(), 0.into()])).expect("the server goes on");
}

#[test]
fn a_tool_does_not_make_what_is_not_there() {
    let (location, dir) = folder();
    let refused = Store::open_shared(&location, Limits::default()).err().expect("nothing to open");
    assert!(matches!(refused, OpenError::Io { .. }), "{refused}");
    assert!(!dir.path().join("data").exists());
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    let (location, dir) = folder();
    let data = dir.path().join("data");
    std::fs::create_dir(&data).expect("a folder");
    std::fs::write(data.join("lessor.db"), "this is a letter, not a database, but long enough to be one\n".repeat(90))
        .expect("a file");
    let refused = refusal(&location);
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[test]
fn a_damaged_database_is_refused() {
    let bench = Bench::sqlite();
    fill(&bench);
    bench.store.close();
    // The rest of the header and the schema behind it.
    damage(&data(&bench).join("lessor.db"), 100, 1900);
    let refused = refusal(&bench.location);
    assert!(matches!(refused, OpenError::Damaged { .. }), "{refused}");
}

#[test]
fn a_folder_that_cannot_be_made_is_refused() {
    let (_, dir) = folder();
    let file = dir.path().join("file");
    std::fs::write(&file, "").expect("a file");
    let refused = refusal(&Location::Sqlite { dir: file });
    assert!(matches!(refused, OpenError::Io { .. }), "{refused}");
}

#[test]
fn the_folder_is_private_and_the_log_is_gone_after_closing() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::sqlite();
    fill(&bench);
    let data = data(&bench);
    let mode = std::fs::metadata(&data).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(data.join("lessor.db-wal").metadata().expect("a log").len() > 0);
    bench.store.close();
    let left = data.join("lessor.db-wal").metadata().map_or(0, |log| log.len());
    assert_eq!(left, 0);
}

#[test]
fn damage_found_while_serving_stops_all_acknowledging() {
    let bench = Bench::sqlite();
    fill(&bench);
    bench.store.close();
    let file = data(&bench).join("lessor.db");
    let length = file.metadata().expect("a file").len();
    let store = Store::open(&bench.location, Limits::default()).expect("the beginning is whole");
    damage(&file, 16384, length - 16384);
    assert_eq!(store.health(), Health::Ok);
    let found = store.read_blocking(|tx| tx.all::<(String,)>(WORDS, &[]));
    assert!(matches!(found, Err(StoreError::Broken(_))), "{found:?}");
    let written = store.write_blocking(|tx| tx.execute(INSERT, &[2.into(), 0.into()]));
    assert!(matches!(written, Err(StoreError::Broken(_))), "{written:?}");
    let read = store.read_blocking(|tx| tx.one::<(i64,)>(COUNTERS, &[]));
    assert!(matches!(read, Err(StoreError::Broken(_))), "{read:?}");
    assert!(matches!(store.health(), Health::Failed(_)));
    let reason = runtime().block_on(store.failed());
    assert!(reason.contains("malformed"), "{reason}");
}

#[test]
fn the_linked_sqlite_is_sound() {
    let parts: Vec<u32> = sqlite_version().split('.').filter_map(|part| part.parse().ok()).collect();
    assert!(parts >= vec![3, 51, 3], "{}", sqlite_version());
}

#[test]
fn addresses_that_cannot_be_used_are_refused() {
    let at = |url: &str| refusal(&Location::Postgres { url: url.into(), ca_file: None });
    assert!(matches!(at("postgres://host:notaport/db"), OpenError::Address { .. }));
    assert!(matches!(at("postgres://127.0.0.1:1/db"), OpenError::Connect { .. }));
    let unknown = at(&TestPostgres::shared().url("no_such_database"));
    assert!(unknown.to_string().contains("no_such_database"), "{unknown}");
}

#[test]
fn a_read_only_server_is_refused() {
    let database = TestPostgres::shared().database();
    let name = database.sql("SELECT current_database()");
    database.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    let refused = refusal(&at(&database));
    assert!(matches!(refused, OpenError::ReadOnly { .. }), "{refused}");
}

#[test]
fn a_database_that_could_not_hold_every_text_is_refused() {
    let server = TestPostgres::shared();
    let name = format!("latin_{}", std::process::id());
    server.admin(&format!(
        "CREATE DATABASE {name} ENCODING 'SQL_ASCII' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0"
    ));
    let refused = refusal(&Location::Postgres { url: server.url(&name), ca_file: None });
    server.admin(&format!("DROP DATABASE {name} WITH (FORCE)"));
    assert!(matches!(refused, OpenError::Setting { name: "server_encoding", .. }), "{refused}");
}
