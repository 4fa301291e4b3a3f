//! SQLite: one file, one writing thread, a few reading ones.

mod fault;
mod link;
mod reader;
mod translate;
mod tx;
mod writer;

pub(crate) use link::{BEGIN_READ, BEGIN_WRITE, Link, Use};
pub(crate) use tx::refuse_nul;

use crate::epoch::Epochs;
use crate::health::Vitals;
use crate::store::{Queues, Threads};
use crate::{Limits, OpenError};
use crossbeam_channel::bounded;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// First version without the bug that corrupts a database when its log is reset.
const SOUND: i32 = 3_051_003;
/// First version with a log, and so with that bug.
const FIRST_WITH_LOG: i32 = 3_007_000;

/// How long the lock may outlive its holder: a child of a process that ended has it until it runs its own program.
const LOCK_PATIENCE: Duration = Duration::from_millis(300);

pub(crate) struct Sqlite {
    file: PathBuf,
    limits: Limits,
    /// `None` for tools: somebody else may write as well.
    epochs: Option<Arc<Epochs>>,
    /// Held while we serve; `None` for tools, and once closed.
    lock: Mutex<Option<File>>,
}

impl Sqlite {
    pub(crate) fn start(
        dir: &Path,
        limits: &Limits,
        vitals: &Arc<Vitals>,
        exclusive: bool,
    ) -> Result<(Sqlite, Queues, Threads), OpenError> {
        refuse_affected(rusqlite::version_number(), rusqlite::version())?;
        let lock = if exclusive { Some(occupy(dir)?) } else { None };
        let file = dir.join("lessor.db");
        let purpose = if exclusive { Use::Create } else { Use::Write };
        let epochs = exclusive.then(|| Arc::new(Epochs::new()));
        let first = Link::open(&file, limits, purpose)?.telling(epochs.clone());
        if exclusive {
            first.open_log(&file)?;
            keep_names(dir)?;
        }
        let sqlite = Sqlite { file, limits: limits.clone(), epochs, lock: Mutex::new(lock) };
        let (queues, threads) = sqlite.spawn(first, vitals)?;
        Ok((sqlite, queues, threads))
    }

    fn spawn(&self, first: Link, vitals: &Arc<Vitals>) -> Result<(Queues, Threads), OpenError> {
        let (write, writes) = bounded(self.limits.queue_length);
        let (read, reads) = bounded(self.limits.queue_length);
        let (signal, signals) = bounded(1);
        let checkpointing = Arc::new(Mutex::new(()));
        let mut threads = Threads::default();

        let setting = |error: rusqlite::Error| OpenError::Io { path: self.file.clone(), reason: error.to_string() };
        let writer = writer::Writer::new(
            first,
            writes,
            signal,
            Arc::clone(&checkpointing),
            Arc::clone(vitals),
            self.limits.clone(),
        );
        let writer = writer.map_err(setting)?;
        threads.spawn("lessor-write", vitals, move || writer.run())?;

        let background = Link::open(&self.file, &self.limits, Use::Write)?;
        let shared = Arc::clone(vitals);
        threads.spawn("lessor-checkpoint", vitals, move || {
            reader::checkpoint(&background, &signals, &checkpointing, &shared);
        })?;

        for _ in 0..self.limits.read_threads.max(1) {
            let link = Link::open(&self.file, &self.limits, Use::Read)?;
            let (reads, shared) = (reads.clone(), Arc::clone(vitals));
            threads.spawn("lessor-read", vitals, move || reader::run(link, &reads, &shared))?;
        }
        Ok((Queues { write, read }, threads))
    }

    /// A connection for the caller's own thread.
    pub(crate) fn link(&self, purpose: Use) -> Result<Link, OpenError> {
        Ok(Link::open(&self.file, &self.limits, purpose)?.telling(self.epochs.clone()))
    }

    pub(crate) fn epochs(&self) -> Option<&Epochs> {
        self.epochs.as_deref()
    }

    /// After all threads ended: empties the log and lets the next process in. A tool leaves the log to the server.
    pub(crate) fn finish(&self) {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_none() {
            return;
        }
        match self.link(Use::Write) {
            Ok(link) => {
                let emptied = link.checkpoint("PRAGMA wal_checkpoint(TRUNCATE)").and_then(|_| link.tidy_on_close());
                if let Err(error) = emptied {
                    tracing::warn!(%error, "the log stays until the next start");
                }
            }
            Err(error) => tracing::warn!(%error, "the log stays until the next start"),
        }
        *lock = None;
    }
}

fn refuse_affected(number: i32, version: &str) -> Result<(), OpenError> {
    if (FIRST_WITH_LOG..SOUND).contains(&number) {
        return Err(OpenError::Affected { version: version.to_owned() });
    }
    Ok(())
}

/// Makes the folder and takes the lock that says: this process serves from it.
fn occupy(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lessor.lock");
    private_folder().create(dir).map_err(|error| folder_error(dir, &error))?;
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| folder_error(&path, &error))?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if started.elapsed() < LOCK_PATIENCE => {
                std::thread::sleep(LOCK_PATIENCE / 10)
            }
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(error)) => return Err(folder_error(&path, &error)),
        }
    }
}

/// Makes the names of the files durable, and that of the folder: SQLite does so too, and goes on where it fails.
fn keep_names(dir: &Path) -> Result<(), OpenError> {
    let above = dir.canonicalize().ok().and_then(|dir| dir.parent().map(Path::to_owned));
    for folder in above.iter().map(PathBuf::as_path).chain([dir]) {
        // Only on Unix can a folder be opened like a file. One above that may not be read was not made by us.
        #[cfg(unix)]
        match File::open(folder).and_then(|folder| folder.sync_all()) {
            Err(error) if folder == dir || error.kind() != ErrorKind::PermissionDenied => {
                return Err(folder_error(folder, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The folder holds secrets: only its owner may look inside.
fn private_folder() -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn folder_error(path: &Path, error: &std::io::Error) -> OpenError {
    match error.kind() {
        ErrorKind::ReadOnlyFilesystem => OpenError::ReadOnly { place: path.display().to_string() },
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenError::Full { place: path.display().to_string() },
        _ => OpenError::Io { path: path.to_owned(), reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_versions_with_the_log_reset_bug_are_refused() {
        assert!(refuse_affected(3_006_023, "3.6.23").is_ok());
        assert!(refuse_affected(3_007_000, "3.7.0").is_err());
        assert!(refuse_affected(3_051_002, "3.51.2").is_err());
        assert!(refuse_affected(3_051_003, "3.51.3").is_ok());
        assert!(refuse_affected(rusqlite::version_number(), rusqlite::version()).is_ok());
    }

    #[test]
    fn a_full_or_read_only_disk_is_named_as_such() {
        let named = |kind: ErrorKind| folder_error(Path::new("/data"), &std::io::Error::from(kind));
        assert!(matches!(named(ErrorKind::StorageFull), OpenError::Full { .. }));
        assert!(matches!(named(ErrorKind::ReadOnlyFilesystem), OpenError::ReadOnly { .. }));
        assert!(matches!(named(ErrorKind::PermissionDenied), OpenError::Io { .. }));
    }
}
