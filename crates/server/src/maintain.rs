//! The commands that look after storage: migrate, backup, restore, verify.

use crate::cli::{Flags, Maintain, MaintainFile};
use crate::failure::Failure;
use crate::settings::{File as Settings, Storage};
use crate::{print, storage, telemetry};
use lessor_core::clock::{Clock, SystemClock};
use lessor_core::schema::TABLES;
use lessor_core::{Error, verify as rules};
use lessor_db::{Store, dump};
use std::fs::{self, File, OpenOptions};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// `lessor migrate`.
pub fn migrate(options: &Maintain, flags: Flags) -> Result<(), Failure> {
    let place = prepare(&options.common, &options.storage, flags)?;
    let store = storage::open_as_it_is(&place)?;
    let ran = storage::bring_up_to_date(&store, &mut |step| print(&format!("{step}\n")))?;
    storage::close(&place, &store)?;
    print(&if ran == 0 { "nothing to do\n".to_owned() } else { format!("{ran} migrations done\n") });
    Ok(())
}

/// `lessor backup FILE`.
pub fn backup(options: &MaintainFile, flags: Flags) -> Result<(), Failure> {
    let place = prepare(&options.common, &options.storage, flags)?;
    let path = &options.file;
    if path.exists() {
        return Err(Failure::setup(format!("{} is there already; give another name", path.display())));
    }
    let store = storage::open_shared(&place)?;
    let partial = partial(path);
    let summary = write_backup(&store, &partial).and_then(|summary| {
        fs::rename(&partial, path).map_err(|error| unwritable(path, error))?;
        Ok(summary)
    });
    if summary.is_err() {
        // Half a backup helps nobody; where it cannot be removed either, its name says what it is.
        let _ = fs::remove_file(&partial);
    }
    print(&told("backed up", &summary?));
    Ok(())
}

/// `lessor restore FILE`.
pub fn restore(options: &MaintainFile, flags: Flags) -> Result<(), Failure> {
    let place = prepare(&options.common, &options.storage, flags)?;
    let path = &options.file;
    let open = || File::open(path).map(BufReader::new).map_err(|error| unreadable(path, error));
    // A bad file is found before storage is made for it.
    dump::check(&mut open()?).map_err(|error| unreadable(path, error))?;
    let store = storage::open(&place)?;
    let summary = dump::restore(&store, &mut open()?, TABLES).map_err(|error| unreadable(path, error))?;
    storage::keep_digests(&store, &summary.tables)?;
    storage::close(&place, &store)?;
    print(&told("restored", &summary));
    Ok(())
}

/// `lessor verify`.
pub fn verify(options: &Maintain, flags: Flags) -> Result<(), Failure> {
    let place = prepare(&options.common, &options.storage, flags)?;
    let sealed = storage::seal_holds(&place)?;
    let store = storage::open_shared(&place)?;
    let mut flaws = dump::integrity(&store).map_err(Failure::setup)?;
    if sealed == Some(false) {
        flaws.push("the database file is not as it was closed".to_owned());
    }
    // The domain's rules are only worth asking of rows that can be read.
    if flaws.is_empty() {
        flaws.extend(storage::kept_flaws(&store)?);
        flaws.extend(store.read_blocking::<_, Error, _>(|tx| rules::verify(tx)).map_err(Failure::setup)?);
    }
    if let Some(first) = flaws.first() {
        return Err(Failure::setup(format!("{} flaws in the storage, the first: {first}", flaws.len())));
    }
    for table in dump::digests(&store, TABLES).map_err(Failure::setup)? {
        print(&format!("{} {} {}\n", table.sha256, table.rows, table.table));
    }
    print("the storage is whole\n");
    Ok(())
}

/// What every command over storage begins with: the file of settings, logs, and where the storage is.
pub(crate) fn prepare(
    common: &crate::cli::Common,
    args: &crate::cli::StorageArgs,
    flags: Flags,
) -> Result<Storage, Failure> {
    let settings = Settings::load(common)?;
    telemetry::start(&settings.logging(common))?;
    settings.storage(args, flags)
}

/// Written whole and safe on disk, readable by its owner alone: it holds every key's hash.
fn write_backup(store: &Store, path: &Path) -> Result<dump::Summary, Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut out = BufWriter::new(options.open(path).map_err(|error| unwritable(path, error))?);
    let meta = dump::Meta::from([
        ("program".to_owned(), format!("lessor {}", env!("CARGO_PKG_VERSION"))),
        ("made_at".to_owned(), SystemClock::start().now().to_rfc3339()),
    ]);
    let summary = dump::dump(store, TABLES, &meta, &mut out).map_err(|error| unwritable(path, error))?;
    let flushed = out.flush().and_then(|()| out.get_ref().sync_all());
    flushed.map_err(|error| unwritable(path, error))?;
    Ok(summary)
}

fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

fn told(done: &str, summary: &dump::Summary) -> String {
    let rows: u64 = summary.tables.iter().map(|table| table.rows).sum();
    format!("{done} {rows} rows of {} tables, sha256 {}\n", summary.tables.len(), summary.sha256)
}

fn unwritable(path: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::setup(format!("cannot write {}: {reason}", path.display()))
}

fn unreadable(path: &Path, reason: impl std::fmt::Display) -> Failure {
    Failure::setup(format!("cannot restore {}: {reason}", path.display()))
}
