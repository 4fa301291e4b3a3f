//! The application: storage, clock and secret together, and the two ways in — `read` and `write`.

use crate::catalog;
use crate::catalog::known::{self, Shelf};
use crate::clock::{Clock, Timestamp};
use crate::context::{Actor, Caller, Context, Denial};
use crate::device::validate::Verdicts;
use crate::error::Error;
use crate::id::{IdSource, RequestId};
use crate::identity::keyring::Keyring;
use crate::identity::password::Hasher;
use crate::journal;
use crate::license::Marks;
use crate::recall::Recall;
use crate::secret::Secret;
use crate::stream::Gatherer;
use lessor_db::{Epochs, Failure, Store, StoreError, Tx};
use std::sync::{Arc, Mutex, PoisonError};

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
    pub(crate) shelf: Shelf,
    pub(crate) verdicts: Verdicts,
    pub(crate) keyring: Keyring,
    pub(crate) marks: Marks,
    pub(crate) recall: Recall,
    pub(crate) gatherer: Gatherer,
    pub(crate) store: Store,
}

impl Tools {
    pub(crate) fn random<const N: usize>(&self) -> [u8; N] {
        random()
    }

    /// How much waits to be written: 0 is nothing, 1 as much as is let in.
    pub(crate) fn load(&self) -> f64 {
        self.store.load()
    }
}

/// Where a command that is refused leaves what is to be told of it.
#[derive(Clone, Default)]
struct Denied(Arc<Mutex<Option<Denial>>>);

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

/// Random bytes of the operating system, asked for anew. It only fails where the machine has none to give, and then
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
        let tools = Tools {
            clock,
            ids,
            secret,
            shelf: Shelf::default(),
            verdicts: Verdicts::new(),
            keyring: Keyring::new(),
            marks: Marks::new(),
            recall: Recall::new(),
            gatherer: Gatherer::new(),
            store: store.clone(),
        };
        Self { store, tools: Arc::new(tools), hasher: Hasher::new() }
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

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.tools.keyring
    }

    /// A new request id.
    pub fn new_request(&self) -> RequestId {
        RequestId(self.tools.ids.next(self.now()))
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
        let denied = Denied::default();
        let outcome = self.store.write(self.with_context(caller, &denied, command)).await;
        if let Err(error) = &outcome {
            self.tell_refusal(caller, error, &denied).await;
        }
        self.learn().await;
        outcome
    }

    /// Runs a command as [`write`](Self::write) does and takes everything back again: the answer is what would have
    /// been answered.
    pub async fn rehearse<T, F>(&self, caller: &Caller, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        let denied = Denied::default();
        let run = self.with_context(caller, &denied, command);
        // Storage keeps nothing of what ends in an error, so the answer leaves as one.
        let outcome: Result<Never, Rehearsed<T>> = self.store.write(move |tx| Err(run(tx).into())).await;
        match outcome {
            Ok(never) => match never {},
            Err(Rehearsed::Answered(answer)) => Ok(answer),
            Err(Rehearsed::Failed(error)) => {
                self.tell_refusal(caller, &error, &denied).await;
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
        let denied = Denied::default();
        // Taken before anything is read: what the query keeps does not outlive a change that it did not see.
        let since = self.store.epochs().map(Epochs::now);
        let query = move |tx: &mut dyn Tx, cx: &Context<'_>| {
            cx.reads_since(since);
            query(tx, cx)
        };
        let outcome = self.store.read(self.with_context(caller, &denied, query)).await;
        if let Err(error) = &outcome {
            self.tell_refusal(caller, error, &denied).await;
        }
        self.learn().await;
        outcome
    }

    /// As [`write`](Self::write), for the command line and jobs; never from inside the runtime.
    pub fn write_blocking<T, F>(&self, caller: &Caller, command: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.store.write_blocking(self.with_context(caller, &Denied::default(), command))
    }

    /// As [`read`](Self::read), for the command line and jobs; never from inside the runtime.
    pub fn read_blocking<T, F>(&self, caller: &Caller, query: F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
    {
        self.store.read_blocking(self.with_context(caller, &Denied::default(), query))
    }

    fn with_context<T, F>(
        &self,
        caller: &Caller,
        denied: &Denied,
        run: F,
    ) -> impl Fn(&mut dyn Tx) -> Result<T, Error> + Send + 'static
    where
        F: Fn(&mut dyn Tx, &Context<'_>) -> Result<T, Error> + Send + 'static,
        T: 'static,
    {
        let tools = Arc::clone(&self.tools);
        let caller = caller.clone();
        let denied = denied.clone();
        // `now` is read when the closure runs, so that on one writer commits and instants have one order.
        move |tx: &mut dyn Tx| {
            let cx = Context::new(tools.clock.now(), &caller, &tools);
            let outcome = run(tx, &cx);
            match &outcome {
                Ok(_) => {
                    if let Some(touched) = cx.touched() {
                        tx.touch(touched);
                    }
                }
                Err(_) => *denied.0.lock().unwrap_or_else(PoisonError::into_inner) = cx.take_denial(),
            }
            outcome
        }
    }

    /// Journals that somebody was refused something that is worth knowing. It takes a transaction of its own: the
    /// refused one left nothing behind.
    async fn tell_refusal(&self, caller: &Caller, error: &Error, denied: &Denied) {
        let denial = denied.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let denial = match error {
            Error::Forbidden => None,
            Error::Refused(_) if denial.is_some() => denial,
            _ => return,
        };
        let reason = error.to_string();
        let tell = move |tx: &mut dyn Tx, cx: &Context<'_>| {
            cx.touches_nothing();
            match &denial {
                Some(denial) => journal::append_refusal(tx, cx, denial, &reason),
                None => journal::append_denial(tx, cx),
            }
        };
        let recorded = self.store.write(self.with_context(caller, &Denied::default(), tell)).await;
        if let Err(error) = recorded {
            tracing::warn!(request = %caller.request, %error, "a refusal could not be journalled");
        }
    }

    pub(crate) fn tools(&self) -> &Tools {
        &self.tools
    }

    /// Reads and keeps what was looked for in vain.
    pub(crate) async fn learn(&self) {
        for id in self.tools.shelf.take_wanted() {
            let read = move |tx: &mut dyn Tx| match catalog::rows::product(tx, id)? {
                Some(product) => known::read(tx, product).map(Some),
                None => Ok(None),
            };
            // What could not be read now is wanted again by the next command.
            if let Ok(Some(known)) = self.store.read::<_, Error, _>(read).await {
                self.tools.shelf.keep(Arc::new(known));
            }
        }
    }
}
