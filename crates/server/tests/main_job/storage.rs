//! Backup under load, restore elsewhere, verify; and a flipped byte is found wherever it is.

use crate::program::{Demo, call, lessor};
use lessor_testkit::Engine;
use lessor_testkit::postgres::TestPostgres;
use serde_json::json;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};

fn run(args: &[&str]) -> Output {
    lessor().args(args).output().expect("the program runs")
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[track_caller]
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Makes a backup while devices activate and return as fast as they can.
fn backup_under_load(demo: &Demo, file: &str) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (done, url) = (&done, &demo.url);
            scope.spawn(move || {
                let device = json!({"product": "zentitle:product:6872450105", "code": "286502700212974765",
                    "device": {"id": format!("backup-load-{worker}")}});
                while !done.load(Ordering::Relaxed) {
                    let made = call(url, "POST", "/device/v1/activations", None, Some(&device.to_string()));
                    let Some(secret) = made.body["secret"].as_str() else { continue };
                    let path = format!("/device/v1/activations/{}", made.body["activation"].as_str().expect("an id"));
                    call(url, "DELETE", &path, Some(&format!("Bearer {secret}")), None).ok();
                }
            });
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
        let args: Vec<String> = ["backup".to_owned(), file.to_owned()].into_iter().chain(demo.storage()).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let told = run(&args);
        done.store(true, Ordering::Relaxed);
        assert!(said(&told).contains("sha256"));
    });
}

fn flipped(file: &Path, at: usize, to: &Path) {
    let mut bytes = std::fs::read(file).expect("readable");
    let at = at % bytes.len();
    bytes[at] ^= 1 << (at % 8);
    std::fs::write(to, bytes).expect("written");
}

/// Offsets all over a file, the same in each run.
fn places(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(|n| n.wrapping_mul(2_654_435_761).wrapping_add(977))
}

fn a_backup_comes_back_as_it_was(engine: Engine) {
    let demo = Demo::start(engine);
    let file = demo.file("lessor.backup");
    let name = file.display().to_string();
    backup_under_load(&demo, &name);

    let folder = demo.file("elsewhere").display().to_string();
    let told = said(&run(&["restore", &name, "--data", &folder]));
    let verified = said(&run(&["verify", "--data", &folder]));
    assert!(verified.contains("whole"), "{verified}");
    refused(&run(&["restore", &name, "--data", &folder]));

    // The other engine holds the same to the byte.
    let database = TestPostgres::shared().database();
    assert_eq!(said(&run(&["restore", &name, "--database", &database.url])), told);
    let there = said(&run(&["verify", "--database", &database.url]));
    let rows = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.ends_with(" meta")).map(str::to_owned).collect()
    };
    assert_eq!(rows(&there), rows(&verified));

    for at in places(24) {
        let damaged = demo.file("damaged.backup");
        flipped(&file, at, &damaged);
        let fresh = demo.file(&format!("fresh-{at}")).display().to_string();
        let reason = refused(&run(&["restore", &damaged.display().to_string(), "--data", &fresh]));
        assert!(reason.contains("damaged.backup"), "{reason}");
    }
}

#[test]
fn a_backup_under_load_comes_back_as_it_was_from_sqlite() {
    a_backup_comes_back_as_it_was(Engine::Sqlite);
}

#[test]
fn a_backup_under_load_comes_back_as_it_was_from_postgres() {
    a_backup_comes_back_as_it_was(Engine::Postgres);
}

#[test]
fn verify_finds_any_flipped_byte_of_closed_storage() {
    let mut demo = Demo::start(Engine::Sqlite);
    demo.stop();
    let folder = demo.file("data");
    let database = folder.join("lessor.db");
    let whole = std::fs::read(&database).expect("readable");
    let name = folder.display().to_string();
    said(&run(&["verify", "--data", &name]));
    for at in places(40) {
        flipped(&database, at, &database);
        refused(&run(&["verify", "--data", &name]));
        std::fs::write(&database, &whole).expect("written");
    }
    said(&run(&["verify", "--data", &name]));
}

#[test]
fn verify_finds_a_row_changed_behind_the_programs_back() {
    let demo = Demo::start(Engine::Postgres);
    let database = demo.storage()[1].clone();
    said(&run(&["verify", "--database", &database]));
    let changes = [
        "UPDATE events SET data = replace(data, 'APITest', 'APITesT') WHERE kind = 'product.created'",
        "UPDATE licenses SET active_count = active_count + 1 WHERE code = '206454320110930859'",
        "UPDATE segments SET quantity = quantity + 1 WHERE to_at IS NULL",
    ];
    for change in changes {
        // Each on a copy, so that one flaw does not hide another.
        let file = demo.file("copy.backup");
        let _ = std::fs::remove_file(&file);
        said(&run(&["backup", &file.display().to_string(), "--database", &database]));
        let copy = TestPostgres::shared().database();
        said(&run(&["restore", &file.display().to_string(), "--database", &copy.url]));
        copy.sql("DELETE FROM meta WHERE name = 'restored'");
        said(&run(&["verify", "--database", &copy.url]));
        copy.sql(change);
        refused(&run(&["verify", "--database", &copy.url]));
    }
}
