//! What the program tells the library about itself.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lessor_lease::KeyTable;

/// Where the time comes from: Unix seconds (UTC).
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The computer's clock.
    #[expect(clippy::disallowed_methods, reason = "the library's one place that asks the computer for the time")]
    pub fn system() -> Self {
        Self::from_fn(|| match std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
            Err(_) => 0,
        })
    }

    /// Any other clock, such as one that a test moves.
    pub fn from_fn(clock: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(clock))
    }

    /// Unix seconds now, as this clock has it.
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// How to reach the server, for which product, and where to keep state.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of the server, such as `https://licenses.example`. Use `http` only on the same machine: the
    /// activation's secret travels in a header.
    pub server: String,
    /// The product's native id, or an alias `dialect:product:number`.
    pub product: String,
    /// Folder for the state; made if missing. One folder is one device identity for one product.
    pub folder: PathBuf,
    /// The device's id; `None` lets the library make one of 120 random bits.
    pub device: Option<String>,
    /// A stable id of the container or instance that the program runs in, where machines come and go: it takes the place
    /// of the device's id, and no key of the device's own is registered, so that a copy started anew with an empty folder is
    /// the same device to the server. Online only. 10 to 64 visible ASCII characters.
    pub instance: Option<String>,
    /// What people call the device; may be empty.
    pub device_name: String,
    /// The user's name; may be empty.
    pub user: String,
    /// The virtual platform that the device runs on, if it does.
    pub virtual_platform: Option<String>,
    /// The product's public keys; what they vouch for is trusted too. When empty, keys are fetched once and kept; see the
    /// crate's page for what that means.
    pub trusted_keys: KeyTable,
    /// Where the time comes from.
    pub clock: Clock,
    /// How often a call is tried in all when the server cannot be reached or is busy; at least 1.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each further one, and is varied a little.
    pub first_pause: Duration,
    /// The longest pause between attempts. A server that asks for a longer one is believed: the call then fails.
    pub longest_pause: Duration,
    /// How long one attempt may take.
    pub timeout: Duration,
}

impl Config {
    /// The usual settings: three attempts, half a second and more apart, of at most 30 seconds each.
    pub fn new(server: impl Into<String>, product: impl Into<String>, folder: impl Into<PathBuf>) -> Self {
        Self {
            server: server.into(),
            product: product.into(),
            folder: folder.into(),
            device: None,
            instance: None,
            device_name: String::new(),
            user: String::new(),
            virtual_platform: None,
            trusted_keys: KeyTable::new(),
            clock: Clock::system(),
            attempts: 3,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
        }
    }
}
