//! Backups that both engines read: lines of JSON, digests over exactly those lines.

mod integrity;
mod read;
mod restore;
mod table;

use crate::digest::Hash;
use crate::{Store, StoreError, migrate};
use read::{Item, Reader};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use table::Stored;

/// The format's number. It changes when older programs could not read what we write.
const FORMAT: u64 = 1;

/// Facts about a backup that its reader may want: who made it, when, with which version.
pub type Meta = BTreeMap<String, String>;

/// What a table holds, in one number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDigest {
    /// The table's name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 in hex over its columns and rows in the order of its primary key; alike on both engines.
    pub sha256: String,
}

/// What was written or read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The schema's number.
    pub schema: u32,
    /// What the maker of the backup said about it.
    pub meta: Meta,
    /// Each table in the order of the backup.
    pub tables: Vec<TableDigest>,
    /// SHA-256 in hex over all lines but the last.
    pub sha256: String,
}

/// Why a backup was not made or not taken.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    /// The file is not what was written.
    #[error("the backup is damaged at line {line}: {reason}")]
    Damaged {
        /// One-based.
        line: u64,
        /// What does not fit.
        reason: String,
    },
    /// The file ends early.
    #[error("the backup is cut off after line {line}")]
    CutOff {
        /// The last whole line.
        line: u64,
    },
    /// The file was made by a program with another format.
    #[error("the backup has format {found}, this program reads {known}")]
    Format {
        /// The file's.
        found: u64,
        /// Ours.
        known: u64,
    },
    /// The schema of the backup is not that of the storage.
    #[error("the backup has schema {found}, the storage has {wanted}")]
    Schema {
        /// The backup's number.
        found: u32,
        /// The storage's number.
        wanted: u32,
    },
    /// The storage was never migrated.
    #[error("the storage has no schema yet")]
    NoSchema,
    /// There is something in the storage already.
    #[error("the storage is not empty: table {table} has rows")]
    NotEmpty {
        /// A table with rows.
        table: String,
    },
    /// A table does not exist, has no primary key, or a column of a type that backups do not know.
    #[error("table {table}: {reason}")]
    Table {
        /// The table's name.
        table: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The file could not be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Storage could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Writes every row of `tables` (parents before children), all as of one moment, to `out`. Memory stays bounded.
/// Must not be called inside an async runtime.
///
/// # Errors
/// [`DumpError`]: `Table`, `NoSchema`, `Io`, `Store`. What was written by then is not a backup: it lacks its last line.
pub fn dump(store: &Store, tables: &[&str], meta: &Meta, out: &mut dyn Write) -> Result<Summary, DumpError> {
    let mut out = Hashing { out, hash: Hash::default() };
    let (schema, tables) = store.session()?.read(|tx| {
        let schema = migrate::schema(tx)?.ok_or(DumpError::NoSchema)?;
        let stored = tables.iter().map(|name| Stored::find(tx, name)).collect::<Result<Vec<_>, _>>()?;
        out.write_all(&read::header_line(schema, meta))?;
        let digests = stored.iter().map(|stored| stored.write(tx, &mut out)).collect::<Result<Vec<_>, _>>()?;
        Ok::<_, DumpError>((schema, digests))
    })?;
    let sha256 = out.hash.hex();
    out.out.write_all(&read::closing_line(&tables, &sha256))?;
    out.out.flush()?;
    Ok(Summary { schema, meta: meta.clone(), tables, sha256 })
}

/// Reads a backup into empty, migrated storage with the same schema: everything, or nothing.
/// Must not be called inside an async runtime, nor while a server works with the storage.
///
/// # Errors
/// [`DumpError`]: any byte that differs from what was written is found, before anything is committed.
pub fn restore(store: &Store, input: &mut dyn BufRead, tables: &[&str]) -> Result<Summary, DumpError> {
    let mut reader = Reader::new(input)?;
    store.session()?.write(|tx| restore::load(tx, &mut reader, tables))
}

/// Reads a backup without storing it: is every byte what was written?
///
/// # Errors
/// As [`restore()`], except for what concerns the storage.
pub fn check(input: &mut dyn BufRead) -> Result<Summary, DumpError> {
    let mut reader = Reader::new(input)?;
    loop {
        if let Item::End(summary) = reader.next()? {
            return Ok(summary);
        }
    }
}

/// The digests that a backup made now would have. Must not be called inside an async runtime.
///
/// # Errors
/// [`DumpError`]: `Table`, `Store`.
pub fn digests(store: &Store, tables: &[&str]) -> Result<Vec<TableDigest>, DumpError> {
    store.session()?.read(|tx| {
        let digest = |name: &&str| Stored::find(tx, name)?.write(tx, &mut std::io::sink());
        tables.iter().map(digest).collect()
    })
}

/// Has the engine look at everything it holds; gives what is wrong, nothing when all is well.
/// Must not be called inside an async runtime.
///
/// # Errors
/// [`DumpError::Store`] when storage could not be asked at all.
pub fn integrity(store: &Store) -> Result<Vec<String>, DumpError> {
    integrity::examine(store)
}

/// Passes on what is written and keeps its digest.
struct Hashing<'a> {
    out: &'a mut dyn Write,
    hash: Hash,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.add(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
