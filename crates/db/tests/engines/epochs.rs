//! Caches are told of every change before anybody is answered, and of nothing else.

use crate::bench::*;
use lessor_db::{Epochs, Limits, Store, StoreError, Touch, Tx};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use uuid::Uuid;

const KEY: Uuid = Uuid::from_u128(1);
const OTHER: Uuid = Uuid::from_u128(2);

fn epochs(store: &Store) -> &Epochs {
    store.epochs().expect("SQLite that was opened to serve")
}

fn add(tx: &mut dyn Tx, id: i64) -> Result<i64, StoreError> {
    Ok(tx.one::<(i64,)>(ADD, &[id.into(), 1.into()])?.0)
}

fn touching(what: &'static [Touch]) -> impl Fn(&mut dyn Tx) -> Result<(), StoreError> + Send + 'static {
    move |tx| {
        add(tx, 1)?;
        what.iter().for_each(|touch| tx.touch(*touch));
        Ok(())
    }
}

#[test]
fn only_one_who_serves_alone_can_tell_what_holds() {
    let bench = Bench::sqlite();
    assert!(bench.store.epochs().is_some());
    let tool = Store::open_shared(&bench.location, Limits::default()).expect("a tool beside the server");
    assert!(tool.epochs().is_none());
    assert!(Bench::postgres().store.epochs().is_none());
}

#[test]
fn what_a_commit_touched_holds_no_longer_and_the_rest_does() {
    let bench = Bench::sqlite();
    let epochs = epochs(&bench.store);
    let before = epochs.now();
    bench.write(touching(&[])).expect("a write");
    assert!(epochs.holds(before, KEY) && epochs.holds(before, OTHER), "who tells nothing touches nothing");
    bench.write(touching(&[Touch::Record(KEY)])).expect("a write");
    assert!(!epochs.holds(before, KEY));
    assert!(epochs.holds(before, OTHER));
    let between = epochs.now();
    assert!(epochs.holds(between, KEY));
    bench.write(touching(&[Touch::Everything])).expect("a write");
    assert!(!epochs.holds(between, KEY) && !epochs.holds(between, OTHER));
    assert!(epochs.holds(epochs.now(), OTHER));
}

#[test]
fn a_closure_that_is_not_kept_touches_nothing() {
    let bench = Bench::sqlite();
    let epochs = epochs(&bench.store);
    let before = epochs.now();
    let touch = |tx: &mut dyn Tx| {
        tx.touch(Touch::Record(KEY));
        tx.touch(Touch::Everything);
    };
    let refused = bench.write(move |tx| {
        touch(tx);
        Err::<(), _>(StoreError::Statement { statement: "RULE", message: "no".into() })
    });
    assert!(refused.is_err());
    let failed = bench.write(move |tx| {
        touch(tx);
        let _ = tx.execute(INSERT, &[1.into(), 0.into()]);
        Ok(())
    });
    assert!(failed.is_err());
    let panicked = bench.write(move |tx| {
        touch(tx);
        if add(tx, 1)? > 0 {
            panic!("on purpose");
        }
        Ok(())
    });
    assert!(panicked.is_err());
    let runs = AtomicU32::new(0);
    bench
        .write(move |tx| {
            if runs.fetch_add(1, Ordering::Relaxed) == 0 {
                touch(tx);
                return Err(StoreError::Conflict("planted".into()));
            }
            tx.touch(Touch::Record(OTHER));
            Ok(())
        })
        .expect("the second run");
    assert!(epochs.holds(before, KEY), "what the first run touched is not kept either");
    assert!(!epochs.holds(before, OTHER));
}

#[test]
fn what_the_caller_does_beside_the_writer_touches_everything() {
    let bench = Bench::sqlite();
    let before = epochs(&bench.store).now();
    let more = lessor_db::migrate::Migration { number: 3, name: "more", sql: "UPDATE counters SET n = n + 5;" };
    let all: Vec<_> = SCHEMA.iter().copied().chain([more]).collect();
    lessor_db::migrate::run(&bench.store, &all, 8, &mut |_| {}).expect("a migration");
    assert!(!epochs(&bench.store).holds(before, KEY));
}

/// Each counter has a cache of its own in each of the readers, which looks into storage only when what it has does not
/// hold. Whatever was answered before a reader asked must be in what it gets.
#[test]
fn a_value_that_holds_is_never_older_than_an_answer() {
    const COUNTERS: usize = 4;
    const ROUNDS: i64 = 400;
    let bench = Bench::sqlite();
    for id in 2..=COUNTERS as i64 {
        bench.write(move |tx| tx.execute(INSERT, &[id.into(), 0.into()])).expect("a counter");
    }
    let answered: Arc<[AtomicU32; COUNTERS]> = Arc::default();
    let over = Arc::new(AtomicBool::new(false));
    let start = Arc::new(Barrier::new(2 + COUNTERS));

    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, answered, over) = (bench.store.clone(), Arc::clone(&answered), Arc::clone(&over));
            let start = Arc::clone(&start);
            std::thread::spawn(move || {
                let mut kept = [(epochs(&store).now(), -1i64); COUNTERS];
                let (mut held, mut stale) = (0, 0);
                start.wait();
                while !over.load(Ordering::Relaxed) {
                    for at in 0..COUNTERS {
                        let least = i64::from(answered[at].load(Ordering::SeqCst));
                        let key = Uuid::from_u128(at as u128);
                        if kept[at].1 >= 0 && epochs(&store).holds(kept[at].0, key) {
                            held += 1;
                            stale += u32::from(kept[at].1 < least);
                            continue;
                        }
                        let since = epochs(&store).now();
                        let id = at as i64 + 1;
                        let read = store.read_blocking(move |tx| tx.one::<(i64,)>(COUNT, &[id.into()]));
                        kept[at] = (since, read.expect("a counter").0);
                    }
                }
                (held, stale)
            })
        })
        .collect();
    let writers: Vec<_> = (0..COUNTERS)
        .map(|at| {
            let (store, answered, start) = (bench.store.clone(), Arc::clone(&answered), Arc::clone(&start));
            std::thread::spawn(move || {
                start.wait();
                for _ in 0..ROUNDS {
                    let n = store.write_blocking(move |tx| {
                        tx.touch(Touch::Record(Uuid::from_u128(at as u128)));
                        add(tx, at as i64 + 1)
                    });
                    answered[at].store(n.expect("a write") as u32, Ordering::SeqCst);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| writer.join().expect("no panic"));
    over.store(true, Ordering::Relaxed);
    for reader in readers {
        let (held, stale) = reader.join().expect("no panic");
        assert!(held > 0, "the caches were of use");
        assert_eq!(stale, 0, "of {held} that were said to hold");
    }
}
