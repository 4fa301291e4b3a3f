//! Opening storage for a command: where it is, whether its schema fits, and the secret that it keeps; closing it with a seal
//! that tells later whether it was touched.

use crate::failure::Failure;
use crate::settings::Storage;
use lessor_core::clock::{Clock, SystemClock};
use lessor_core::schema::{MIGRATIONS, TABLES};
use lessor_core::secret::Secret;
use lessor_core::{Error, StoreError, alias, random};
use lessor_db::dump::{self, TableDigest};
use lessor_db::{Limits, Location, Store, Tx, migrate};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::{Path, PathBuf};

lessor_db::statements! {
    /// Keeps a value under a name unless there is one; of several servers at once one succeeds.
    KEEP = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    /// What is kept under a name.
    KEPT = "SELECT value FROM meta WHERE name = $1";
}

const SECRET: &str = "secret";
/// A digest of the secret, to find it damaged.
const SECRET_CHECK: &str = "secret_check";
/// The digests of a restored backup, kept until a server works with the storage.
const RESTORED: &str = "restored";
/// The digest of the closed database file, beside it.
const SEAL: &str = "lessor.db.sha256";

/// Opens storage to serve from or to fill, and brings it to this program's schema.
pub fn open(storage: &Storage) -> Result<Store, Failure> {
    let store = open_as_it_is(storage)?;
    bring_up_to_date(&store, &mut |step| tracing::info!("{step}"))?;
    Ok(store)
}

/// Opens storage to fill, as [`open`], but only where there is some already.
pub fn open_existing(storage: &Storage) -> Result<Store, Failure> {
    match Files::of(storage) {
        Some(files) if !files.database.exists() => {
            Err(Failure::setup(format!("there is no storage at {}", files.database.display())))
        }
        _ => open(storage),
    }
}

/// Opens storage that a server may be serving from. Its schema must be this program's.
pub fn open_shared(storage: &Storage) -> Result<Store, Failure> {
    let store = Store::open_shared(&location(storage), Limits::default()).map_err(Failure::setup)?;
    let status = migrate::status(&store, MIGRATIONS).map_err(Failure::setup)?;
    match status.pending.first() {
        Some(number) => Err(Failure::setup(format!("the storage lacks migration {number}; run lessor migrate first"))),
        None => Ok(store),
    }
}

/// Runs the migrations that are missing, telling each before it starts. Gives how many ran.
pub fn bring_up_to_date(store: &Store, tell: &mut dyn FnMut(&str)) -> Result<usize, Failure> {
    let now = SystemClock::start().now().micros();
    let ran = migrate::run(store, MIGRATIONS, now, tell).map_err(Failure::setup)?;
    Ok(ran.len())
}

/// Opens storage for `lessor migrate`, without touching its schema yet.
pub fn open_as_it_is(storage: &Storage) -> Result<Store, Failure> {
    let store = Store::open(&location(storage), Limits::default()).map_err(Failure::setup)?;
    if let Some(files) = Files::of(storage) {
        // From here on the file changes; a seal left behind would call that damage.
        match std::fs::remove_file(&files.seal) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Failure::setup(error)),
            _ => {}
        }
    }
    Ok(store)
}

/// Closes storage that was open to be worked with, and seals its file: `verify` finds any byte that changes while nobody has it.
pub fn close(storage: &Storage, store: &Store) -> Result<(), Failure> {
    store.close();
    let Some(files) = Files::of(storage) else { return Ok(()) };
    if files.has_log() {
        // Something stood in the way: what is in the log comes into the file at the next start.
        return Ok(());
    }
    let digest = files.digest().map_err(Failure::running)?;
    std::fs::write(&files.seal, digest).map_err(Failure::running)
}

/// Is the database file the one that was closed last? `None` where nobody can say: it is open, or was not closed properly.
pub fn seal_holds(storage: &Storage) -> Result<Option<bool>, Failure> {
    let Some(files) = Files::of(storage) else { return Ok(None) };
    let Ok(sealed) = std::fs::read_to_string(&files.seal) else { return Ok(None) };
    Ok(Some(sealed == files.digest().map_err(Failure::setup)?))
}

/// The files of an embedded database.
struct Files {
    database: PathBuf,
    seal: PathBuf,
}

impl Files {
    fn of(storage: &Storage) -> Option<Self> {
        match storage {
            Storage::Folder(dir) => Some(Self { database: dir.join("lessor.db"), seal: dir.join(SEAL) }),
            Storage::Postgres { .. } => None,
        }
    }

    fn has_log(&self) -> bool {
        let log = self.database.with_extension("db-wal");
        std::fs::metadata(log).is_ok_and(|log| log.len() > 0)
    }

    fn digest(&self) -> std::io::Result<String> {
        let mut file = std::fs::File::open(Path::new(&self.database))?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(to_hex(&hash.finalize()));
            }
            hash.update(&buffer[..read]);
        }
    }
}

/// Keeps the digests of a restored backup for `verify`.
pub fn keep_digests(store: &Store, tables: &[TableDigest]) -> Result<(), Failure> {
    let text = digests_text(tables);
    let kept = store.write_blocking::<_, Error, _>(move |tx| alias::set_meta(tx, RESTORED, &text));
    kept.map_err(Failure::running)
}

/// What is wrong with the secret, and with what a restore brought if no server has worked with it since.
pub fn kept_flaws(store: &Store) -> Result<Vec<String>, Failure> {
    let kept = store.read_blocking::<_, Error, _>(|tx| {
        Ok((alias::meta(tx, SECRET)?, alias::meta(tx, SECRET_CHECK)?, alias::meta(tx, RESTORED)?))
    });
    let (secret, check, restored) = kept.map_err(Failure::setup)?;
    let mut flaws = Vec::new();
    if secret.as_deref().map(check_of) != check {
        flaws.push("the server's secret does not match its check".to_owned());
    }
    if let Some(restored) = restored {
        let now = digests_text(&dump::digests(store, TABLES).map_err(Failure::setup)?);
        flaws.extend(differences(&restored, &now));
    }
    Ok(flaws)
}

/// One line a table, but for the one in which they are kept.
fn digests_text(tables: &[TableDigest]) -> String {
    let lines = tables.iter().filter(|digest| digest.table != "meta");
    lines.map(|digest| format!("{} {} {}\n", digest.table, digest.rows, digest.sha256)).collect()
}

fn differences(kept: &str, now: &str) -> Vec<String> {
    if kept == now {
        return Vec::new();
    }
    let changed = now.lines().filter(|line| !kept.lines().any(|known| known == *line));
    let mut named: Vec<String> = changed
        .filter_map(|line| line.split(' ').next())
        .map(|table| format!("table {table} is not as it was restored"))
        .collect();
    if named.is_empty() {
        named.push("the list of what was restored is damaged".to_owned());
    }
    named
}

fn check_of(secret: &str) -> String {
    to_hex(&Sha256::digest(format!("lessor secret {secret}").as_bytes()))
}

/// The server's secret; made at the first start, and kept with the records so that a backup holds it.
pub fn secret(store: &Store) -> Result<Secret, Failure> {
    let fresh = to_hex(&random::<32>());
    let kept = store.write_blocking::<_, Error, _>(move |tx| {
        // From now on the storage changes: what a restore left to compare with is given up.
        alias::clear_meta(tx, RESTORED)?;
        if keep(tx, SECRET, &fresh)? {
            alias::set_meta(tx, SECRET_CHECK, &check_of(&fresh))?;
        }
        let (kept,): (String,) = tx.one(KEPT, &[SECRET.into()])?;
        Ok((kept, alias::meta(tx, SECRET_CHECK)?))
    });
    let (kept, check) = kept.map_err(Failure::setup)?;
    let bytes = from_hex(&kept).filter(|_| check.as_deref() == Some(&check_of(&kept)));
    bytes.map(Secret::new).ok_or_else(|| Failure::setup("the kept secret is damaged; restore a backup"))
}

/// Keeps a value under a name. `false` when there is one already; then it stays.
pub fn keep(tx: &mut dyn Tx, name: &str, value: &str) -> Result<bool, StoreError> {
    Ok(tx.execute(KEEP, &[name.into(), value.into()])? == 1)
}

fn location(storage: &Storage) -> Location {
    match storage {
        Storage::Folder(dir) => Location::Sqlite { dir: dir.clone() },
        Storage::Postgres { url, ca } => Location::Postgres { url: url.clone(), ca_file: ca.clone() },
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> =
        (0..32).map(|at| text.get(at * 2..at * 2 + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok())).collect();
    bytes.filter(|_| text.len() == 64)?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, Storage) {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Storage::Folder(folder.path().join("data"));
        (folder, storage)
    }

    #[test]
    fn the_secret_is_made_once_and_kept() {
        let (_folder, storage) = folder();
        let store = open(&storage).expect("storage");
        let first = secret(&store).expect("a secret").mac("test", &[b"x"]);
        assert_eq!(secret(&store).expect("a secret").mac("test", &[b"x"]), first);
        store.close();
        let again = open(&storage).expect("storage");
        assert_eq!(secret(&again).expect("a secret").mac("test", &[b"x"]), first);
    }

    #[test]
    fn what_is_kept_first_stays() {
        let (_folder, storage) = folder();
        let store = open(&storage).expect("storage");
        let tried = |value: &'static str| store.write_blocking::<_, StoreError, _>(move |tx| keep(tx, "x", value));
        assert!(tried("one").expect("kept"));
        assert!(!tried("two").expect("asked"));
    }

    #[test]
    fn storage_that_was_never_migrated_is_said_to_need_it() {
        let (_folder, storage) = folder();
        drop(open_as_it_is(&storage).expect("storage"));
        let failure = open_shared(&storage).err().expect("refused").to_string();
        assert!(failure.contains("lessor migrate"), "{failure}");
    }

    #[test]
    fn damaged_hex_is_no_secret() {
        assert_eq!(from_hex(&to_hex(&[9; 32])), Some([9; 32]));
        assert_eq!(from_hex("00"), None);
        assert_eq!(from_hex(&"zz".repeat(32)), None);
        assert_eq!(from_hex(&"00".repeat(33)), None);
    }
}
