//! The program and its storage: first start, the commands that look after it, and storage that cannot be used.

use crate::process::{Serving, assert_refused, lessor, run};
use lessor_testkit::postgres::TestPostgres;
use std::path::Path;

fn on(data: &Path, args: &[&str]) -> std::process::Output {
    run(&[args, &["--data", data.to_str().expect("UTF-8")]].concat())
}

fn out(output: &std::process::Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_start_prints_a_sign_in_link_as_long_as_nobody_came_in() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("deep/data");
    let first = Serving::start_in(&data);
    assert!(first.greeting.contains("/console/#link=lsl_"), "{}", first.greeting);
    let first_greeting = first.greeting.clone();
    first.stop();
    // A link that was lost must not lock its owner out.
    let second = Serving::start_in(&data);
    assert!(second.greeting.contains("/console/#link=lsl_") && second.greeting != first_greeting);
    second.stop();
}

#[test]
fn migrate_tells_what_it_does_and_does_it_once() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(out(&on(folder.path(), &["migrate"])).starts_with("migration 1: "));
    assert_eq!(out(&on(folder.path(), &["migrate"])), "nothing to do\n");
}

#[test]
fn a_folder_that_is_served_from_cannot_be_served_from_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let serving = Serving::start_in(folder.path());
    assert_refused(&on(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "in use");
    serving.stop();
}

#[test]
fn what_is_no_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("lessor.db"), "this is no database, but long enough to look at".repeat(100))
        .expect("written");
    assert_refused(&on(folder.path(), &["serve", "--listen", "127.0.0.1:0"]), "lessor.db");
    let file = folder.path().join("file");
    std::fs::write(&file, "").expect("written");
    assert_refused(&on(&file, &["serve", "--listen", "127.0.0.1:0"]), "file");
}

#[test]
fn a_database_that_is_not_there_is_refused() {
    let output = run(&["serve", "--listen", "127.0.0.1:0", "--database", "postgres://x:y@127.0.0.1:1/z"]);
    assert_refused(&output, "PostgreSQL");
    assert_refused(&run(&["serve", "--database", "mysql://x"]), "postgres://");
}

#[test]
fn nothing_is_backed_up_from_storage_that_is_not_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup");
    let output = on(&folder.path().join("nowhere"), &["backup", file.to_str().expect("UTF-8")]);
    assert_refused(&output, "nowhere");
    assert!(!file.exists() && !folder.path().join("nowhere").exists());
    assert_refused(&on(&folder.path().join("nowhere"), &["verify"]), "nowhere");
}

#[test]
fn a_backup_does_not_replace_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("backup");
    std::fs::write(&file, "precious").expect("written");
    assert_refused(&on(folder.path(), &["backup", file.to_str().expect("UTF-8")]), "there already");
    assert_eq!(std::fs::read(&file).expect("readable"), b"precious");
}

#[test]
fn logs_are_json_when_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().to_str().expect("UTF-8");
    let log = std::fs::File::create(folder.path().join("log")).expect("a file");
    let mut command = lessor(&["serve", "--listen", "127.0.0.1:0", "--data", data, "--log-format", "json"]);
    command.env("LESSOR_LOG_LEVEL", "debug").stderr(log);
    Serving::spawn(command).stop();
    let said = std::fs::read_to_string(folder.path().join("log")).expect("readable");
    assert!(!said.is_empty());
    for line in said.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(entry["level"].is_string(), "{line}");
    }
}

#[test]
fn the_demo_needs_empty_storage() {
    let folder = tempfile::tempdir().expect("a folder");
    Serving::start_in(folder.path()).stop();
    assert_refused(&on(folder.path(), &["demo", "--listen", "127.0.0.1:0"]), "empty");
}

#[test]
fn a_bad_clock_is_refused() {
    assert_refused(&run(&["demo", "--listen", "127.0.0.1:0", "--clock", "tomorrow"]), "tomorrow");
}

#[test]
fn a_database_that_a_newer_program_migrated_is_refused() {
    let database = TestPostgres::shared().database();
    let serving = Serving::spawn(lessor(&["serve", "--listen", "127.0.0.1:0", "--database", &database.url]));
    serving.stop();
    database.sql("INSERT INTO schema_migrations VALUES (9999, 'from the future', 'x', 0)");
    for args in [&["serve", "--listen", "127.0.0.1:0"][..], &["migrate"], &["verify"]] {
        assert_refused(&run(&[args, &["--database", &database.url]].concat()), "newer");
    }
}

#[test]
fn a_database_that_takes_no_writes_is_refused_at_the_start() {
    let database = TestPostgres::shared().database();
    let name = database.url.rsplit('/').next().expect("a name").to_owned();
    database.sql(&format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    assert_refused(&run(&["serve", "--listen", "127.0.0.1:0", "--database", &database.url]), "read-only");
}
