//! Queues and group commit: what waits together is committed together, and answered after that.

use crate::bench::*;
use lessor_db::{Health, Limits, Store, StoreError, Tx};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

type Outcome = Result<(), StoreError>;

/// Holds the writing thread inside a closure until told to go on.
struct Gate {
    entered: Receiver<()>,
    open: Sender<()>,
    held: JoinHandle<Outcome>,
}

impl Gate {
    fn close(runtime: &Runtime, store: &Store) -> Gate {
        let (enter, entered) = channel();
        let (open, opened) = channel::<()>();
        // Its batch may be replayed; then it does not wait again.
        let opened = Mutex::new(Some(opened));
        let held = submit(runtime, store, move |_| {
            if let Some(opened) = opened.lock().expect("one thread").take() {
                let _ = enter.send(());
                let _ = opened.recv();
            }
            Ok(())
        });
        Gate { entered, open, held }
    }

    fn wait_until_entered(&self) {
        self.entered.recv_timeout(Duration::from_secs(20)).expect("the closure starts");
    }
}

fn submit(
    runtime: &Runtime,
    store: &Store,
    closure: impl Fn(&mut dyn Tx) -> Outcome + Send + 'static,
) -> JoinHandle<Outcome> {
    let store = store.clone();
    runtime.spawn(async move { store.write(closure).await })
}

fn answer(runtime: &Runtime, task: JoinHandle<Outcome>) -> Outcome {
    runtime.block_on(task).expect("no panic")
}

fn insert(id: i64) -> impl Fn(&mut dyn Tx) -> Outcome + Send + 'static {
    move |tx| tx.execute(INSERT, &[id.into(), 0i64.into()]).map(|_| ())
}

/// Lets tasks that were spawned reach the queue.
fn settle() {
    std::thread::sleep(Duration::from_millis(100));
}

fn patient() -> Limits {
    Limits { batch_time: Duration::from_secs(60), ..Limits::default() }
}

#[test]
fn nobody_is_answered_before_the_commit_that_holds_their_change() {
    let runtime = runtime();
    let bench = Bench::sqlite_with(patient());
    let first = Gate::close(&runtime, &bench.store);
    first.wait_until_entered();
    let early = submit(&runtime, &bench.store, insert(2));
    settle();
    let last = Gate::close(&runtime, &bench.store);
    settle();
    first.open.send(()).expect("it waits");
    last.wait_until_entered();

    // The early one has run in this batch, but the batch is not committed.
    settle();
    assert!(!early.is_finished());
    assert_eq!(bench.counters(), 1, "readers see nothing of it");

    last.open.send(()).expect("it waits");
    assert!(answer(&runtime, early).is_ok());
    assert_eq!(bench.counters(), 2);
    for held in [first.held, last.held] {
        assert!(answer(&runtime, held).is_ok());
    }
}

#[test]
fn one_refusal_in_a_batch_does_not_touch_the_others() {
    let runtime = runtime();
    let bench = Bench::sqlite_with(patient());
    let gate = Gate::close(&runtime, &bench.store);
    gate.wait_until_entered();
    let tasks: Vec<_> = (2..12)
        .map(|id| {
            submit(&runtime, &bench.store, move |tx| {
                insert(id)(tx)?;
                match id % 3 {
                    0 => Err(StoreError::Statement { statement: "RULE", message: "no".into() }),
                    1 if insert(1)(tx).is_err() => panic!("on purpose"),
                    _ => Ok(()),
                }
            })
        })
        .collect();
    settle();
    gate.open.send(()).expect("it waits");
    for (id, task) in (2..12).zip(tasks) {
        let outcome = answer(&runtime, task);
        match id % 3 {
            0 => assert!(matches!(outcome, Err(StoreError::Statement { statement: "RULE", .. })), "{outcome:?}"),
            1 => assert!(matches!(outcome, Err(StoreError::Panicked(_))), "{outcome:?}"),
            _ => assert!(outcome.is_ok(), "{outcome:?}"),
        }
    }
    assert_eq!(bench.counters(), 1 + 4);
}

fn a_full_queue_is_busy_at_once(bench: &Bench) {
    let runtime = runtime();
    let gate = Gate::close(&runtime, &bench.store);
    gate.wait_until_entered();
    let waiting: Vec<_> = (2..4).map(|id| submit(&runtime, &bench.store, insert(id))).collect();
    settle();
    let refused = bench.store.write_blocking(insert(4));
    assert!(matches!(refused, Err(StoreError::Busy)), "{refused:?}");
    assert_eq!(bench.counters(), 1, "reading has a queue of its own");
    gate.open.send(()).expect("it waits");
    for task in waiting {
        assert!(answer(&runtime, task).is_ok());
    }
    assert_eq!(bench.counters(), 3);
}

#[test]
fn a_full_queue_is_busy_at_once_on_sqlite() {
    a_full_queue_is_busy_at_once(&Bench::sqlite_with(Limits { queue_length: 2, ..Limits::default() }));
}

#[test]
fn a_full_queue_is_busy_at_once_on_postgres() {
    let limits = Limits { queue_length: 2, postgres_connections: 2, ..Limits::default() };
    a_full_queue_is_busy_at_once(&Bench::postgres_with(limits));
}

fn what_nobody_waits_for_does_not_start(bench: &Bench) {
    let runtime = runtime();
    let gate = Gate::close(&runtime, &bench.store);
    gate.wait_until_entered();
    let given_up = submit(&runtime, &bench.store, insert(2));
    settle();
    given_up.abort();
    settle();
    gate.open.send(()).expect("it waits");
    assert!(bench.store.write_blocking(insert(3)).is_ok());
    assert_eq!(bench.counters(), 2);
}

#[test]
fn what_nobody_waits_for_does_not_start_on_sqlite() {
    what_nobody_waits_for_does_not_start(&Bench::sqlite());
}

#[test]
fn what_nobody_waits_for_does_not_start_on_postgres() {
    let limits = Limits { postgres_connections: 2, ..Limits::default() };
    what_nobody_waits_for_does_not_start(&Bench::postgres_with(limits));
}

/// Sets how many pages the writer's database may have; gives how many it has.
fn allow_pages(bench: &Bench, more: Option<i64>) -> i64 {
    let (pages,) = bench.write(|tx| tx.one::<(i64,)>(sql("PRAGMA page_count"), &[])).expect("a count");
    let text = format!("PRAGMA max_page_count = {}", more.map_or(1 << 30, |more| pages + more));
    let pragma = sql(text.leak());
    bench.write(move |tx| tx.one::<(i64,)>(pragma, &[])).expect("a limit");
    pages
}

fn big(tx: &mut dyn Tx) -> Outcome {
    tx.execute(WORD, &["x".repeat(200_000).into(), 1.into()]).map(|_| ())
}

#[test]
fn a_full_disk_refuses_only_what_does_not_fit_and_recovers() {
    let runtime = runtime();
    let bench = Bench::sqlite_with(patient());
    allow_pages(&bench, Some(20));

    let gate = Gate::close(&runtime, &bench.store);
    gate.wait_until_entered();
    let runs = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&runs);
    let before = submit(&runtime, &bench.store, move |tx| {
        seen.fetch_add(1, Ordering::Relaxed);
        insert(2)(tx)
    });
    settle();
    let too_much = submit(&runtime, &bench.store, big);
    settle();
    let after = submit(&runtime, &bench.store, insert(3));
    settle();
    gate.open.send(()).expect("it waits");

    assert!(matches!(answer(&runtime, too_much), Err(StoreError::Full)));
    assert!(answer(&runtime, before).is_ok(), "it shared a transaction with the one that did not fit");
    assert!(answer(&runtime, after).is_ok());
    assert!(answer(&runtime, gate.held).is_ok());
    assert_eq!(runs.load(Ordering::Relaxed), 2, "once in the batch, once alone");
    assert_eq!(bench.counters(), 3);
    assert_eq!(bench.store.health(), Health::Ok);

    assert!(matches!(bench.write(big), Err(StoreError::Full)));
    allow_pages(&bench, None);
    bench.write(big).expect("there is space again");
}

#[test]
fn a_statement_that_fills_the_disk_by_steps_leaves_nothing() {
    let bench = Bench::sqlite();
    allow_pages(&bench, Some(20));
    let refused = bench.write(|tx| {
        for place in 0..100_000i64 {
            tx.execute(WORD, &["some word".into(), place.into()])?;
        }
        Ok(())
    });
    assert!(matches!(refused, Err(StoreError::Full)), "{refused:?}");
    assert!(bench.read(|tx| tx.all::<(String,)>(WORDS, &[])).expect("reads go on").is_empty());
    bench.store.write_blocking(insert(2)).expect("a little still fits");
}

#[test]
fn the_log_stays_bounded_under_load() {
    let limits = Limits { checkpoint_bytes: 64 << 10, log_bytes: 256 << 10, ..Limits::default() };
    let bench = Bench::sqlite_with(limits);
    let log = bench.dir.as_ref().expect("a folder").path().join("data/lessor.db-wal");
    let mut longest = 0;
    for id in 2..1500 {
        bench.write(move |tx| tx.execute(INSERT, &[id.into(), 0.into()])).expect("a row");
        longest = longest.max(log.metadata().expect("a log").len());
    }
    // Without anybody emptying it, it would have two pages and more for each commit: over 6 MiB. On a disk that is
    // slow to sync, the two that empty it get into each other's way for a while.
    assert!(longest < 1 << 20, "{longest}");
    assert_eq!(bench.counters(), 1499);
}

#[test]
fn the_log_is_bounded_again_after_a_long_reader() {
    let limits = Limits { checkpoint_bytes: 64 << 10, log_bytes: 256 << 10, ..Limits::default() };
    let bench = Bench::sqlite_with(limits);
    let runtime = runtime();
    let (enter, entered) = channel();
    let (open, opened) = channel::<()>();
    let opened = Mutex::new(opened);
    let store = bench.store.clone();
    let reader = runtime.spawn(async move {
        let look = move |tx: &mut dyn Tx| {
            let before = tx.one::<(i64,)>(COUNTERS, &[])?;
            let _ = enter.send(());
            let _ = opened.lock().expect("one thread").recv();
            Ok::<_, StoreError>((before, tx.one::<(i64,)>(COUNTERS, &[])?))
        };
        store.read(look).await
    });
    entered.recv_timeout(Duration::from_secs(20)).expect("the reader starts");
    for id in 2..500 {
        bench.write(move |tx| tx.execute(INSERT, &[id.into(), 0.into()])).expect("a row");
    }
    open.send(()).expect("it waits");
    let (before, after) = runtime.block_on(reader).expect("no panic").expect("two looks");
    assert_eq!(before, after);
    for id in 500..1500 {
        bench.write(move |tx| tx.execute(INSERT, &[id.into(), 0.into()])).expect("a row");
    }
    assert_eq!(bench.counters(), 1499);
}
