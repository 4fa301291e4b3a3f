//! The application: storage, clock and secret together, and the two ways in — `read` and `write`.

use crate::clock::{Clock, Timestamp};
use crate::context::{Actor, Caller, Context};
use crate::error::Error;
use crate::id::{IdSource, RequestId};
use crate::identity::password::Hasher;
use crate::journal;
use crate::secret::Secret;
use lessor_db::{Failure, Store, StoreError, Tx};
use std::sync::Arc;

/// Everything a command needs that is not in storage. Cheap to clone.
#[derive(Clone)]
pub struct App {
    store: Store,
    tools: Arc<Tools>,
    hasher: Hasher,
}

/// Clock, ids, chance and secret.
pub(crate) struct Tools {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) ids: IdSource,
    pub(crate) secret: Secret,
}

impl Tools {
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        random()
    }
}

/// What never is.
enum Never {}

/// How a rehearsal ended.
enum Rehearsed<T> {
    Answered(T),
    Failed(Error),
}

impl<T> From<Result<T, Error>> for Rehearsed<T> {
    fn from(outcome: Result<T, Error>) -> Self {
        match outcome {
            Ok(answer) => Self::Answered(answer),
            Err(error) => Self::Failed(error),
        }
    }
}

impl<T> From<StoreError> for Rehearsed<T> {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl<T: Send + 'static> Failure for Rehearsed<T> {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Answered(_) => None,
            Self::Failed(error) => error.store(),
        }
    }
}

/// Random bytes of the operating system. It only fails where the machine has none to give, and then
/// nothing may go on: every secret would be guessable.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        panic!("the operating system gives no random bytes: {error}");
    }
    bytes
}

impl App {
    /// Puts an application together over migrated storage.
    pub fn new(store: Store, clock: Arc<dyn Clock>, secret: Secret) -> Self {
        let ids = IdSource::new(u32::from_be_bytes(random()));
        Self { store, tools: Arc::new(Tools { clock, ids, secret }), hasher: Hasher::new() }
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.tools.clock.now()
    }

    /// The storage below, for backup, health and shutdown.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Where passwords are hashed, off the runtime.
    pub fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    /// The server's secret.
    pub fn secret(&self) -> &Secret {
        &self.tools.secret
    }

    /// A new request id.
    pub fn new_request(&self) -> RequestId {
        RequestId(self.tools.ids.next(self.now(), random()))
    }

    /// The server itself as a caller.
    pub fn system(&self) -> Caller {
        Caller { actor: Arc::new(Actor::system()), request: self.new_request() }
    }

    /// Runs a command in one transaction and answers after it is durable. The closure may run twice, so it
    /// reads and writes through `tx` and does nothing else. An `Err` leaves nothing behind; that the caller was
    /// forbidden something is journalled in a transaction of its own.
    pub async fn write<T, F>(&self, caller: &Caller, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        let outcome = self.store.write(self.with_context(caller, command)).await;
        if matches!(outcome, Err(Error::Forbidden)) {
            self.journal_denial(caller).await;
        }
        outcome
    }

    /// Runs a command as [`write`](Self::write) does and takes everything back again: the answer is what would have
    /// been answered.
    pub async fn rehearse<T, F>(&self, caller: &Caller, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        let run = self.with_context(caller, command);
        // Storage keeps nothing of what ends in an error, so the answer leaves as one.
        let outcome: Result<Never, Rehearsed<T>> = self.store.write(move |tx| Err(run(tx).into())).await;
        match outcome {
            Ok(never) => match never {},
            Err(Rehearsed::Answered(answer)) => Ok(answer),
            Err(Rehearsed::Failed(error)) => {
                if matches!(error, Error::Forbidden) {
                    self.journal_denial(caller).await;
                }
                Err(error)
            }
        }
    }

    /// Runs a query on a snapshot.
    pub async fn read<T, F>(&self, caller: &Caller, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        let outcome = self.store.read(self.with_context(caller, query)).await;
        if matches!(outcome, Err(Error::Forbidden)) {
            self.journal_denial(caller).await;
        }
        outcome
    }

    /// As [`write`](Self::write), for the command line and jobs; never from inside the runtime.
    pub fn write_blocking<T, F>(&self, caller: &Caller, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.store.write_blocking(self.with_context(caller, command))
    }

    /// As [`read`](Self::read), for the command line and jobs; never from inside the runtime.
    pub fn read_blocking<T, F>(&self, caller: &Caller, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.store.read_blocking(self.with_context(caller, query))
    }

    fn with_context<T, F>(&self, caller: &Caller, run: F) -> impl Fn(&mut dyn Tx) -> Result<T, Error> + Send + 'static
    where
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
        T: 'static,
    {
        let tools = Arc::clone(&self.tools);
        let caller = caller.clone();
        // `now` is read when the closure runs, so that on one writer commits and instants have one order.
        move |tx: &mut dyn Tx| run(tx, &Context { now: tools.clock.now(), caller: &caller, tools: &tools })
    }

    async fn journal_denial(&self, caller: &Caller) {
        let recorded = self.store.write(self.with_context(caller, |tx, cx| journal::append_denial(tx, cx))).await;
        if let Err(error) = recorded {
            tracing::warn!(request = %caller.request, %error, "a denial could not be journalled");
        }
    }
}
