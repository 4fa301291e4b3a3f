//! The state file.

use std::fs;
use std::thread;

use lessor_client::{Error, License};
use serde_json::{Value, json};

use crate::bench::{Bench, renewed};
use crate::fake::Reply;

fn edit(bench: &Bench, change: impl FnOnce(&mut Value)) {
    let file = bench.folder.path().join("license.json");
    let mut state: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    change(&mut state);
    fs::write(&file, state.to_string()).unwrap();
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone_after_every_write() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    // Left by an interrupted run, with other permissions.
    fs::write(bench.folder.path().join("license.json.new"), "half a").unwrap();
    bench.activated();
    let mode = fs::metadata(bench.folder.path().join("license.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!bench.folder.path().join("license.json.new").exists());
}

#[test]
fn a_damaged_file_is_named_and_not_touched() {
    for damage in ["", "{", "null", "{\"v\":1}", "\u{0}\u{0}\u{0}"] {
        let bench = Bench::new();
        let license = bench.activated();
        let file = bench.folder.path().join("license.json");
        fs::write(&file, damage).unwrap();
        for error in [License::open(bench.config()).unwrap_err(), license.status().unwrap_err()] {
            assert!(matches!(&error, Error::StateDamaged { path, .. } if *path == file), "{error}");
            assert!(!error.is_about_the_license());
        }
        assert!(license.renew().is_err());
        assert_eq!(fs::read_to_string(&file).unwrap(), damage);
    }
}

#[test]
fn a_later_version_and_a_short_seed_are_damage_too() {
    let bench = Bench::new();
    bench.activated();
    edit(&bench, |state| state["v"] = json!(2));
    assert!(matches!(License::open(bench.config()), Err(Error::StateDamaged { .. })));
    edit(&bench, |state| {
        state["v"] = json!(1);
        state["seed"] = json!("00ff");
    });
    assert!(matches!(License::open(bench.config()), Err(Error::StateDamaged { .. })));
}

#[test]
fn a_lease_that_was_edited_is_not_believed_and_can_be_had_anew() {
    let bench = Bench::new();
    let license = bench.activated();
    edit(&bench, |state| {
        let document = state["held"]["document"].as_str().unwrap().to_owned();
        let end = if document.ends_with('0') { "1" } else { "0" };
        state["held"]["document"] = json!(format!("{}{end}", &document[..document.len() - 1]));
    });
    assert!(matches!(license.status(), Err(Error::Document(_))));
    assert!(license.feature("FLOAT").is_err());
    bench.server.will(bench.grant(&license, |_| {}));
    assert!(license.activate("PAINT-0001").unwrap().may_run());
}

#[test]
fn a_lease_copied_to_another_device_is_not_believed() {
    let (bench, other) = (Bench::new(), Bench::new());
    bench.activated();
    let copied: Value = serde_json::from_slice(&fs::read(bench.folder.path().join("license.json")).unwrap()).unwrap();
    let license = other.open();
    edit(&other, |state| state["held"] = copied["held"].clone());
    assert!(matches!(license.status(), Err(Error::ForeignLease("device"))));
}

#[test]
fn a_device_makes_an_id_and_a_key_of_its_own() {
    let (one, two) = (Bench::new(), Bench::new());
    let open = |bench: &Bench| {
        let mut config = bench.config();
        config.device = None;
        License::open(config).unwrap()
    };
    assert_eq!(open(&one).device_id().unwrap().len(), 20);
    assert_eq!(open(&one).device_id().unwrap(), open(&one).device_id().unwrap());
    assert_ne!(open(&one).device_id().unwrap(), open(&two).device_id().unwrap());
    assert_ne!(open(&one).device_key().unwrap(), open(&two).device_key().unwrap());
}

#[test]
fn a_folder_in_use_cannot_become_another_device_or_product() {
    let bench = Bench::new();
    bench.activated();
    let mut config = bench.config();
    config.device = Some("device-2".into());
    assert!(matches!(License::open(config), Err(Error::OtherState("device"))));
    let mut config = bench.config();
    config.product = "prd_2".into();
    assert!(matches!(License::open(config), Err(Error::OtherState("product"))));
    bench.open();
}

#[test]
fn an_empty_folder_may_change_its_mind() {
    let bench = Bench::new();
    bench.open();
    let mut config = bench.config();
    config.device = Some("device-2".into());
    config.product = "prd_2".into();
    assert_eq!(License::open(config).unwrap().device_id().unwrap(), "device-2");
}

#[test]
fn configurations_that_cannot_be_meant_are_refused() {
    let bench = Bench::new();
    for server in ["", "licenses.example", "ftp://licenses.example", "http://"] {
        let mut config = bench.config();
        config.server = server.into();
        assert!(matches!(License::open(config), Err(Error::BadConfig(_))), "{server}");
    }
    let mut config = bench.config();
    config.product = String::new();
    assert!(matches!(License::open(config), Err(Error::BadConfig(_))));
}

#[test]
fn copies_of_the_program_do_not_lose_each_others_leases() {
    let bench = Bench::new();
    let license = bench.activated();
    for number in 2..=9 {
        bench.server.will(bench.grant(&license, renewed(number, 0)));
    }
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| bench.open().renew().unwrap());
        }
    });
    // Who had to wait for another is content with what that got: never does one present a number that is behind.
    let asked = bench.server.asked();
    let numbers: Vec<u64> = asked[1..].iter().map(|asked| asked.body["number"].as_u64().unwrap()).collect();
    let in_turn: Vec<u64> = (1..).take(numbers.len()).collect();
    assert!(!numbers.is_empty() && numbers == in_turn, "{numbers:?}");
    assert_eq!(license.lease().unwrap().unwrap().number, numbers.len() as u64 + 1);
}

#[test]
fn a_state_that_cannot_be_written_does_not_stop_a_program_that_has_paid() {
    let bench = Bench::new();
    let license = bench.activated();
    // A folder where the new file would go makes every write fail, whoever asks.
    fs::create_dir(bench.folder.path().join("license.json.new")).unwrap();
    bench.at(86_400);
    assert!(license.status().unwrap().may_run());
    bench.server.will(Reply::Json(200, json!({})));
    assert!(matches!(license.return_license(), Err(Error::StateFile { .. })));
}
