//! A backup of either engine is a backup for both, and a wrong byte in it is found.

use crate::bench::*;
use lessor_db::dump::{self, DumpError, Meta, Summary};
use lessor_db::migrate;
use lessor_db::{Engine, Limits, Store, StoreError, Tx, Value};
use std::process::Command;
use uuid::Uuid;

const WORDS_WITH_ODD_ORDER: [&str; 14] =
    ["", " ", "Z", "a", "ab", "A", "_", "ä", "z", "\u{10FFFF}", "\u{FFFF}", "a\"b\\", "line\nbreak", "\u{1}"];

/// Rows of every kind; some refer to rows that come after them in a backup.
fn fill(tx: &mut dyn Tx) -> Result<(), StoreError> {
    let ids: Vec<Uuid> = (1..=150u128).map(|n| Uuid::from_u128(n * 0x0101_0101_0101_0101)).collect();
    for (at, id) in ids.iter().enumerate().rev() {
        // The parent's id is larger, so its row comes later.
        let parent = ids.get(at + 1).map(|id| Value::Uuid(*id));
        tx.execute(PARENT, &[(*id).into(), format!("parent {at}").into(), parent.into()])?;
    }
    for n in 0..200i64 {
        let some = n % 3 != 0;
        let row: [Value; 7] = [
            (n * 7 - 600).into(),
            some.then_some(n % 2 == 0).into(),
            some.then_some(i64::MIN + n).into(),
            some.then(|| WORDS_WITH_ODD_ORDER[n as usize % WORDS_WITH_ODD_ORDER.len()]).into(),
            some.then(|| vec![n as u8; n as usize % 40]).into(),
            some.then_some(Uuid::from_u128(n as u128)).into(),
            some.then(|| ids[n as usize % ids.len()]).into(),
        ];
        tx.execute(KIND, &row)?;
    }
    for (at, word) in WORDS_WITH_ODD_ORDER.iter().enumerate() {
        for place in [-1, at as i64] {
            tx.execute(WORD, &[(*word).into(), place.into()])?;
        }
    }
    Ok(())
}

fn meta() -> Meta {
    [("made_by".to_owned(), "a test \"of\" ours".to_owned())].into()
}

fn dumped(bench: &Bench) -> (Vec<u8>, Summary) {
    let mut file = Vec::new();
    let summary = dump::dump(&bench.store, TABLES, &meta(), &mut file).expect("a backup");
    (file, summary)
}

fn filled(bench: Bench) -> Bench {
    bench.write(fill).expect("rows");
    bench
}

fn restored(bench: &Bench, file: &[u8]) -> Result<Summary, DumpError> {
    dump::restore(&bench.store, &mut &file[..], TABLES)
}

fn is_empty(bench: &Bench) -> bool {
    dump::digests(&bench.store, TABLES).expect("digests").iter().all(|table| table.rows == 0)
}

#[test]
fn a_backup_of_either_engine_restores_on_both_with_equal_digests() {
    let sources = [filled(Bench::sqlite()), filled(Bench::postgres())];
    let (file, told) = dumped(&sources[0]);
    assert_eq!(dumped(&sources[1]), (file.clone(), told.clone()), "both write the same bytes");
    assert_eq!(told.tables.iter().map(|table| table.rows).collect::<Vec<_>>(), [150, 200, 28]);
    assert_eq!(dump::check(&mut &file[..]).expect("whole"), told);
    for target in [Bench::sqlite(), Bench::postgres()] {
        assert_eq!(restored(&target, &file).expect("it restores"), told);
        assert_eq!(dump::digests(&target.store, TABLES).expect("digests"), told.tables);
        assert_eq!(dumped(&target).0, file);
        assert!(dump::integrity(&target.store).expect("an answer").is_empty());
        // The rules that were set aside hold again.
        let orphan = [Uuid::from_u128(1).into(), "a".into(), Some(Uuid::from_u128(2)).into()];
        assert!(target.write(move |tx| tx.execute(PARENT, &orphan)).is_err());
    }
}

on_both_engines! {
    fn an_empty_storage_is_backed_up_too(bench) {
        let (file, told) = dumped(&bench);
        assert!(told.tables.iter().all(|table| table.rows == 0));
        assert_eq!(restored(&bench, &file).expect("it restores"), told);
    }

    fn a_backup_goes_only_into_empty_storage_with_the_same_schema(bench) {
        let bench = filled(bench);
        let (file, told) = dumped(&bench);
        let refused = restored(&bench, &file);
        assert!(matches!(&refused, Err(DumpError::NotEmpty { table }) if table == "parents"), "{refused:?}");
        assert_eq!(dump::digests(&bench.store, TABLES).expect("digests"), told.tables);

        let text = String::from_utf8(file).expect("text").replacen("\"schema\":2", "\"schema\":3", 1);
        let refused = restored(&bench, text.as_bytes());
        assert!(matches!(refused, Err(DumpError::Schema { found: 3, wanted: 2 })), "{refused:?}");
        let text = text.replacen("\"backup\":1", "\"backup\":2", 1);
        let refused = restored(&bench, text.as_bytes());
        assert!(matches!(refused, Err(DumpError::Format { found: 2, known: 1 })), "{refused:?}");
    }

    fn any_changed_byte_is_found_and_leaves_nothing(bench) {
        let (file, _) = dumped(&filled(Bench::sqlite()));
        let mut random = 0x9e37_79b9_7f4a_7c15_u64;
        for round in 0..60 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = (random >> 20) as usize % file.len();
            let bit = 1 << ((random >> 60) % 8);
            let mut changed = file.clone();
            changed[at] ^= bit;
            let outcome = restored(&bench, &changed);
            let error = outcome.err().unwrap_or_else(|| panic!("round {round}: bit {bit} of byte {at} is not missed"));
            assert!(!error.to_string().contains('\n'), "{error}");
        }
        assert!(is_empty(&bench));
        restored(&bench, &file).expect("the file itself is fine");
    }

    fn a_backup_that_is_cut_off_or_goes_on_is_refused(bench) {
        let (file, _) = dumped(&filled(Bench::sqlite()));
        let lines: Vec<usize> = file.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at).collect();
        for length in [0, 10, lines[0] + 1, lines[100] + 1, lines[100] + 5, file.len() - 1] {
            let refused = restored(&bench, &file[..length]);
            assert!(matches!(refused, Err(DumpError::CutOff { .. })), "{length}: {refused:?}");
        }
        let longer = [&file[..], b"\n"].concat();
        let refused = restored(&bench, &longer);
        assert!(matches!(refused, Err(DumpError::Damaged { .. })), "{refused:?}");
        assert!(is_empty(&bench));
    }

    fn a_line_left_out_or_moved_is_found(bench) {
        let (file, _) = dumped(&filled(Bench::sqlite()));
        let text = String::from_utf8(file).expect("text");
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let without = |at: usize| [&lines[..at], &lines[at + 1..]].concat().concat();
        for at in [1, 2, 151, 152, 200] {
            assert!(restored(&bench, without(at).as_bytes()).is_err(), "line {at}");
        }
        let mut swapped = lines.clone();
        swapped.swap(5, 6);
        let refused = restored(&bench, swapped.concat().as_bytes());
        assert!(matches!(&refused, Err(DumpError::Damaged { reason, .. }) if reason.contains("parents")), "{refused:?}");
        assert!(is_empty(&bench));
    }

    fn a_backup_made_under_load_is_one_moment(bench) {
        // Each transaction adds two words, so a backup of one moment has an even number of them.
        let store = bench.store.clone();
        let writer = std::thread::spawn(move || {
            (0..300i64).try_for_each(|n| {
                store.write_blocking(move |tx| {
                    tx.execute(WORD, &["left".into(), n.into()])?;
                    tx.execute(WORD, &["right".into(), n.into()])?;
                    Ok::<_, StoreError>(())
                })
            })
        });
        let mut seen = Vec::new();
        while !writer.is_finished() {
            let (file, told) = dumped(&bench);
            assert_eq!(dump::check(&mut &file[..]).expect("whole"), told);
            seen.push(told.tables[2].rows);
        }
        writer.join().expect("no panic").expect("all written");
        assert!(seen.iter().all(|rows| rows % 2 == 0), "{seen:?}");
    }

    fn tables_that_cannot_be_backed_up_are_named(bench) {
        bench.write(|tx| {
            tx.execute(sql("CREATE TABLE keyless (id BIGINT)"), &[])?;
            tx.execute(sql("CREATE TABLE odd (id BIGINT NOT NULL PRIMARY KEY, x DOUBLE PRECISION)"), &[])
        }).expect("tables");
        for (table, reason) in [
            ("keyless", "has no primary key"),
            ("odd", "column x has type double precision"),
            ("nowhere", "does not exist"),
            ("a; DROP TABLE words", "is not a plain name"),
        ] {
            let refused = dump::digests(&bench.store, &[table]).expect_err(table);
            assert_eq!(refused.to_string(), format!("table {table}: {reason}"));
        }
    }

    fn healthy_storage_has_nothing_to_complain_about(bench) {
        let bench = filled(bench);
        assert_eq!(dump::integrity(&bench.store).expect("an answer"), Vec::<String>::new());
    }
}

#[test]
fn storage_that_was_never_migrated_has_no_backup() {
    let (location, _dir) = folder();
    let store = Store::open(&location, Limits::default()).expect("storage");
    let refused = dump::dump(&store, TABLES, &meta(), &mut Vec::new());
    assert!(matches!(refused, Err(DumpError::NoSchema)), "{refused:?}");
    let (file, _) = dumped(&Bench::sqlite());
    let refused = dump::restore(&store, &mut &file[..], TABLES);
    assert!(matches!(refused, Err(DumpError::NoSchema)), "{refused:?}");
    migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
    dump::restore(&store, &mut &file[..], TABLES).expect("now it has one");
}

#[test]
fn a_row_that_lost_its_parent_is_found_on_sqlite() {
    let bench = filled(Bench::sqlite());
    // Somebody at work with another program, which does not look at foreign keys.
    bench.store.close();
    let file = bench.dir.as_ref().expect("a folder").path().join("data/lessor.db");
    let other = rusqlite::Connection::open(&file).expect("the file");
    other.execute_batch("PRAGMA foreign_keys = OFF; DELETE FROM parents WHERE name = 'parent 5';").expect("a deletion");
    drop(other);
    let store = Store::open(&bench.location, Limits::default()).expect("storage");
    let findings = dump::integrity(&store).expect("an answer");
    assert!(findings.iter().any(|finding| finding.contains("refers to a row of parents")), "{findings:?}");
}

#[test]
fn a_damaged_page_is_found_on_sqlite() {
    let bench = filled(Bench::sqlite());
    bench.store.close();
    let file = bench.dir.as_ref().expect("a folder").path().join("data/lessor.db");
    let pages = file.metadata().expect("a file").len() / 2048;
    let status = Command::new("dd")
        .args(["if=/dev/urandom", "bs=2048", "count=2", "conv=notrunc", "status=none"])
        .args([format!("of={}", file.display()), format!("seek={}", pages - 4)])
        .status();
    assert!(status.expect("dd").success());
    let store = Store::open(&bench.location, Limits::default()).expect("the beginning is whole");
    assert!(!dump::integrity(&store).expect("an answer").is_empty());
}

#[test]
fn a_damaged_block_is_found_on_postgres() {
    let server = crate::postgres::TestPostgres::start(&crate::postgres::Setup::default());
    let database = server.database();
    let store = Store::open(&at(&database), Limits::default()).expect("storage");
    assert_eq!(store.engine(), Engine::Postgres);
    migrate::run(&store, SCHEMA, 7, &mut |_| {}).expect("the schema");
    store.write_blocking(fill).expect("rows");
    database.sql("CHECKPOINT");
    let file = server.data_file(&database.sql("SELECT pg_relation_filepath('kinds')"));
    server.stop();
    let mut bytes = std::fs::read(&file).expect("a file");
    bytes[12..20].fill(0xff);
    std::fs::write(&file, bytes).expect("a file");
    let mut server = server;
    server.launch();
    let findings = dump::integrity(&store).expect("an answer");
    assert!(findings.iter().any(|finding| finding.starts_with("table kinds: ")), "{findings:?}");
}
