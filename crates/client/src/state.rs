//! What a device keeps between runs: one JSON file, readable by its owner alone. Each change is written beside it,
//! synced and renamed over it, under a lock, so that copies of the program on one machine do not lose each other's work.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use lessor_lease::{Signer, from_hex, to_hex};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroize;

use crate::error::Error;
use crate::random;
use crate::time::TimeSeen;

const VERSION: u32 = 1;

/// The whole memory of a device for one product.
#[derive(Clone, Serialize, Deserialize)]
pub struct State {
    v: u32,
    /// The product, as the program names it.
    pub product: String,
    /// The product's native id, once known.
    pub product_id: Option<String>,
    pub device: String,
    /// The device key's secret, as hex.
    seed: String,
    /// Public keys that were fetched first, as hex. Not used when the program pins keys.
    pub keys: Vec<String>,
    /// Endorsements that led from trusted keys to others, as text.
    #[serde(default)]
    pub endorsements: Vec<String>,
    pub held: Option<Held>,
    /// The highest lease number seen, and of which activation. Outlives the activation.
    pub seen: Option<Seen>,
    pub time: TimeSeen,
    /// A clock that was found set back, until the server knows.
    #[serde(default)]
    pub set_back: Option<SetBack>,
    pub backoff: Backoff,
    /// A renewal that was sent and whose answer was not seen.
    #[serde(default)]
    pub unanswered: Option<Unanswered>,
    pub receipt: Option<Receipt>,
    /// The proof of the last offline return, in case the first copy got lost.
    pub proof: Option<String>,
}

/// The license that is held.
#[derive(Clone, Serialize, Deserialize)]
pub struct Held {
    pub activation: String,
    /// What authorizes calls; none after an offline activation.
    pub secret: Option<String>,
    /// The lease or offline answer, as text.
    pub document: String,
    /// The end user who signed in for it.
    #[serde(default)]
    pub end_user: Option<String>,
    /// When it was taken (corrected time): its key was believed then.
    #[serde(default)]
    pub taken_at: i64,
}

/// A clock that showed less than had been seen. Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetBack {
    /// The latest time seen.
    pub seen: i64,
    /// What the clock showed.
    pub now: i64,
}

/// A renewal as it went out, so that it can be asked again as the same one: the server then answers as it did, and does
/// not take the device for a copy of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unanswered {
    pub activation: String,
    pub number: u64,
    pub key: String,
    pub body: Value,
}

/// The highest lease number of an activation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    pub activation: String,
    pub number: u64,
}

/// When to try the next renewal after failures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Backoff {
    pub failures: u32,
    pub next_try: i64,
}

/// An offline request that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub request: String,
    pub digest: String,
    pub created: i64,
}

impl State {
    fn new(product: &str, device: Option<&str>) -> Result<Self, Error> {
        let mut seed = random::bytes::<32>()?;
        let device = device.map_or_else(random::device_id, |device| Ok(device.to_owned()))?;
        let state = Self {
            v: VERSION,
            product: product.to_owned(),
            product_id: None,
            device,
            seed: to_hex(&seed),
            keys: Vec::new(),
            endorsements: Vec::new(),
            held: None,
            seen: None,
            time: TimeSeen::default(),
            set_back: None,
            backoff: Backoff::default(),
            unanswered: None,
            receipt: None,
            proof: None,
        };
        seed.zeroize();
        Ok(state)
    }

    /// The device's own key.
    pub fn signer(&self) -> Option<Signer> {
        Some(Signer::from_seed(from_hex(&self.seed).ok()?.try_into().ok()?))
    }

    /// The highest number seen of that activation's leases.
    pub fn number_of(&self, activation: &str) -> u64 {
        self.seen.as_ref().filter(|seen| seen.activation == activation).map_or(0, |seen| seen.number)
    }
}

impl Drop for State {
    fn drop(&mut self) {
        self.seed.zeroize();
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

/// The folder with the state.
#[derive(Debug)]
pub struct Store {
    file: PathBuf,
    folder: PathBuf,
}

impl Store {
    /// Opens the folder, and makes folder and identity if they are missing.
    pub fn open(folder: &Path, product: &str, device: Option<&str>) -> Result<Self, Error> {
        let store = Self { file: folder.join("license.json"), folder: folder.to_owned() };
        make_folder(folder).map_err(|source| Error::StateFile { path: folder.to_owned(), source })?;
        let _lock = store.lock("license.lock")?;
        if store.exists()? {
            store.adopt(product, device)?;
        } else {
            store.write(&State::new(product, device)?)?;
        }
        Ok(store)
    }

    /// The state as it is now.
    pub fn read(&self) -> Result<State, Error> {
        let mut bytes = fs::read(&self.file).map_err(|source| self.failed(source))?;
        let state = self.parse(&bytes);
        bytes.zeroize();
        state
    }

    /// Changes the state. What `change` refuses is not written.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> Result<T, Error>) -> Result<T, Error> {
        let _lock = self.lock("license.lock")?;
        let mut state = self.read()?;
        let result = change(&mut state)?;
        self.write(&state)?;
        Ok(result)
    }

    /// For an existing state: sees that it is of the device and product that the program is configured for.
    fn adopt(&self, product: &str, device: Option<&str>) -> Result<(), Error> {
        let mut state = self.read()?;
        let other_device = device.filter(|device| *device != state.device);
        let other_product = product != state.product && state.product_id.as_deref() != Some(product);
        if state.held.is_some() && other_device.is_some() {
            return Err(Error::OtherState("device"));
        }
        if state.held.is_some() && other_product {
            return Err(Error::OtherState("product"));
        }
        if other_device.is_none() && !other_product {
            return Ok(());
        }
        if let Some(device) = other_device {
            state.device = device.to_owned();
        }
        if other_product {
            state.product = product.to_owned();
            state.product_id = None;
            state.keys.clear();
            state.endorsements.clear();
        }
        state.receipt = None;
        self.write(&state)
    }

    fn parse(&self, bytes: &[u8]) -> Result<State, Error> {
        let damaged = |why: String| Error::StateDamaged { path: self.file.clone(), why };
        // The error of the JSON reader tells line and column, never content.
        let state: State = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
        if state.v != VERSION {
            return Err(damaged(format!("it is of version {}", state.v)));
        }
        if state.signer().is_none() {
            return Err(damaged("the device key is not 64 hexadecimal digits".to_owned()));
        }
        Ok(state)
    }

    fn write(&self, state: &State) -> Result<(), Error> {
        let mut json = serde_json::to_vec_pretty(state).map_err(|error| self.failed(error.into()))?;
        let written = self.replace(&json);
        json.zeroize();
        written.map_err(|source| self.failed(source))
    }

    /// After this returns, the new content survives a power cut; before, the old one does.
    fn replace(&self, content: &[u8]) -> io::Result<()> {
        let beside = self.folder.join("license.json.new");
        // Whatever an interrupted run left there may have been made with other permissions.
        match fs::remove_file(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let mut file = private().write(true).create_new(true).open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        drop(file);
        fs::rename(&beside, &self.file)?;
        sync_folder(&self.folder)
    }

    fn exists(&self) -> Result<bool, Error> {
        self.file.try_exists().map_err(|source| self.failed(source))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A lock among all copies of the program, held until dropped; the system lets go of it if the program dies. The
    /// state itself is under `license.lock`, which [`Store::update`] takes last.
    pub fn lock(&self, name: &str) -> Result<File, Error> {
        let path = self.folder.join(name);
        let lock = || {
            let file = private().write(true).create(true).truncate(false).open(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(|source| Error::StateFile { path: path.clone(), source })
    }

    fn failed(&self, source: io::Error) -> Error {
        Error::StateFile { path: self.file.clone(), source }
    }
}

/// For files that are the owner's alone.
#[cfg(unix)]
pub fn private() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

/// For files that are the owner's alone, as far as the folder sees to it.
#[cfg(not(unix))]
pub fn private() -> OpenOptions {
    OpenOptions::new()
}

#[cfg(unix)]
pub fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
pub fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Elsewhere folders cannot be synced; the rename itself is what there is.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
