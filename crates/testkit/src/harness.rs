//! The bench on which commands are tried: an application over fresh storage of either engine, with a clock that
//! stands still, and a macro that runs a test on both.

use crate::postgres::{TestDatabase, TestPostgres};
use lessor_core::account::{self, Account, CreateAccount, Kind};
use lessor_core::clock::MovableClock;
use lessor_core::schema::{MIGRATIONS, TABLES};
use lessor_core::secret::Secret;
use lessor_core::{AccountId, Actor, App, Caller, Clock, Context, Engine, Error, Timestamp, Tx};
use lessor_db::dump::{self, TableDigest};
use lessor_db::{Limits, Location, Store, migrate};
use std::fmt::Debug;
use std::future::Future;
use std::sync::Arc;
use tempfile::TempDir;

/// Writes each test twice, as `name::sqlite` and `name::postgres`. Every one gets a [`Bench`] of its own.
///
/// ```text
/// on_both_engines! {
///     a_license_is_sold_once(bench) {
///         let outcome = bench.write(|tx, cx| sell(tx, cx)).await;
///         assert!(outcome.is_ok());
///     }
/// }
/// ```
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$attribute:meta])* $name:ident($bench:ident) $body:block)*) => {$(
        mod $name {
            #[allow(unused_imports)]
            use super::*;

            async fn check($bench: $crate::Bench) $body

            $(#[$attribute])*
            #[test]
            fn sqlite() {
                $crate::run($crate::Engine::Sqlite, check);
            }

            $(#[$attribute])*
            #[test]
            fn postgres() {
                $crate::run($crate::Engine::Postgres, check);
            }
        }
    )*};
}

/// Where every bench's clock starts.
pub const START: &str = "2026-01-01T00:00:00Z";

/// An application over fresh, migrated storage with a vendor in it. Clones share everything.
#[derive(Clone)]
pub struct Bench {
    /// The application.
    pub app: App,
    /// Its clock, which stands still until it is moved.
    pub clock: Arc<MovableClock>,
    /// The vendor at the root.
    pub root: Account,
    // The last field: storage goes away after the application that uses it.
    place: Arc<Place>,
}

struct Place {
    store: Store,
    location: Location,
    _data: Data,
}

#[expect(dead_code, reason = "held until the storage is closed")]
enum Data {
    Folder(TempDir),
    Database(TestDatabase),
}

impl Drop for Place {
    fn drop(&mut self) {
        self.store.close();
    }
}

/// Runs a test on one engine. Panics when the test does, and where PostgreSQL is missing.
pub fn run<F: Future<Output = ()>>(engine: Engine, test: impl FnOnce(Bench) -> F) {
    let bench = Bench::open(engine);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(test(bench.clone()));
}

impl Bench {
    /// A fresh bench; never from inside a runtime.
    pub fn open(engine: Engine) -> Self {
        let (data, location) = match engine {
            Engine::Sqlite => {
                let folder = TempDir::new().expect("a folder");
                let location = Location::Sqlite { dir: folder.path().to_owned() };
                (Data::Folder(folder), location)
            }
            Engine::Postgres => {
                let database = TestPostgres::shared().database();
                let location = Location::Postgres { url: database.url.clone(), ca_file: None };
                (Data::Database(database), location)
            }
        };
        let start = Timestamp::parse(START).expect("an instant");
        let clock = Arc::new(MovableClock::standing(start));
        let store = Store::open(&location, Limits::default()).expect("storage");
        migrate::run(&store, MIGRATIONS, start.micros(), &mut |_| ()).expect("a migrated database");
        let app = app(store.clone(), &clock);
        let vendor = create(None, Kind::Vendor, "Vendor");
        let root = app.write_blocking(&app.system(), move |tx, cx| account::create(tx, cx, &vendor)).expect("a vendor");
        Self { app, clock, root, place: Arc::new(Place { store, location, _data: data }) }
    }

    /// A second application on the same storage, as another process would have it. PostgreSQL alone allows that.
    pub fn second_app(&self) -> App {
        let store = Store::open(&self.place.location, Limits::default()).expect("storage");
        app(store, &self.clock)
    }

    /// Runs a command as the server itself.
    ///
    /// # Errors
    /// The command's own.
    pub async fn write<T, F>(&self, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.app.write(&self.app.system(), command).await
    }

    /// Runs a query as the server itself.
    ///
    /// # Errors
    /// The query's own.
    pub async fn read<T, F>(&self, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.app.read(&self.app.system(), query).await
    }

    /// What stands in each table but these: equal only where nothing has changed.
    pub fn digests(&self, except: &[&str]) -> Vec<TableDigest> {
        let tables: Vec<&str> = TABLES.iter().copied().filter(|table| !except.contains(table)).collect();
        let store = self.place.store.clone();
        // A thread of its own: outside the runtime.
        std::thread::spawn(move || dump::digests(&store, &tables).expect("digests")).join().expect("digests")
    }

    /// A call by this actor.
    pub fn caller(&self, actor: impl Into<Arc<Actor>>) -> Caller {
        Caller { actor: actor.into(), request: self.app.new_request() }
    }

    /// A new account below another.
    pub async fn account(&self, parent: AccountId, kind: Kind, name: &str) -> Account {
        let command = create(Some(parent), kind, name);
        self.write(move |tx, cx| account::create(tx, cx, &command)).await.expect("an account")
    }

    /// A new vendor at the root of a tree of its own.
    pub async fn other_vendor(&self, name: &str) -> Account {
        let command = create(None, Kind::Vendor, name);
        self.write(move |tx, cx| account::create(tx, cx, &command)).await.expect("a vendor")
    }

    /// Moves the clock forward.
    pub fn pass_seconds(&self, seconds: i64) {
        assert!(self.clock.move_to(self.clock.now().plus_micros(seconds * 1_000_000)), "time does not go back");
    }

    /// Moves the clock forward.
    pub fn pass_hours(&self, hours: i64) {
        assert!(self.clock.move_to(self.clock.now().plus_hours(hours)), "time does not go back");
    }

    /// Makes `n` calls, waits for all of them, and gives their outcomes in order. They meet in storage, where each
    /// waits for a thread.
    pub async fn all_at_once<F: Future>(&self, n: usize, call: impl Fn(usize) -> F) -> Vec<F::Output> {
        futures_util::future::join_all((0..n).map(call)).await
    }
}

impl Debug for Bench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bench({:?})", self.place.location)
    }
}

fn app(store: Store, clock: &Arc<MovableClock>) -> App {
    App::new(store, Arc::<MovableClock>::clone(clock), Secret::new([7; 32]))
}

fn create(parent: Option<AccountId>, kind: Kind, name: &str) -> CreateAccount {
    CreateAccount { id: None, parent, kind, name: name.to_owned(), contact: serde_json::json!({}) }
}
