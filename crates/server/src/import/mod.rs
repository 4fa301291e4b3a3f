//! `lessor import`: brings licenses in from a file or from standard input, in batches that are each written whole.

mod csv;
mod source;

use crate::cli::{Flags, Import};
use crate::failure::Failure;
use crate::{maintain, print, storage};
use lessor_core::clock::SystemClock;
use lessor_core::license::{self, Fate, ImportLicenses, ImportRow};
use lessor_core::{App, Error, Noun, ProductId, alias, catalog};
use lessor_db::Store;
use source::{Line, Source};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Rows of one transaction. A crash in between leaves whole batches.
const BATCH: usize = 5_000;
/// Rows between two lines about progress.
const NEWS: u64 = 100_000;

/// `lessor import licenses FILE`.
pub fn licenses(options: &Import, flags: Flags) -> Result<(), Failure> {
    let place = maintain::prepare(&options.common, &options.storage, flags)?;
    let source = Source::open(reader(&options.file)?)?;
    let store = storage::open_existing(&place)?;
    let mut tally = Tally::default();
    let brought_in = bring_in(&store, &options.product, source, &mut tally);
    // Whatever came of it, the next start finds the storage as it was left.
    storage::close(&place, &store)?;
    brought_in?;
    match tally.rejected {
        0 => Ok(()),
        rejected => Err(Failure::running(format!("{rejected} of {} rows were not taken", tally.rows()))),
    }
}

fn bring_in(store: &Store, product: &str, source: Source, tally: &mut Tally) -> Result<(), Failure> {
    let app = App::new(store.clone(), Arc::new(SystemClock::start()), storage::secret(store)?);
    let product = find(&app, product)?;
    let (send, batches) = sync_channel(1);
    // Reading the next batch takes about as long as writing one.
    let reading = std::thread::spawn(move || read(source, &send));
    let written = write(&app, product, &batches, tally);
    // Without a receiver the reader stops at its next batch.
    drop(batches);
    let read = reading.join().map_err(|_| Failure::running("reading the rows failed"))?;
    print(&format!("{}\n", tally.summary()));
    written.and(read)
}

fn reader(file: &Path) -> Result<Box<dyn BufRead + Send>, Failure> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(std::io::stdin())));
    }
    let opened = File::open(file);
    let opened = opened.map_err(|error| Failure::setup(format!("cannot read {}: {error}", file.display())))?;
    Ok(Box::new(BufReader::with_capacity(1 << 20, opened)))
}

fn find(app: &App, name: &str) -> Result<ProductId, Failure> {
    let named = name.to_owned();
    let found = app.read_blocking(&app.system(), move |tx, cx| {
        let id = match ProductId::parse(&named) {
            Some(id) => id,
            None => alias::find(tx, cx, &named)?.map(ProductId).ok_or(Error::not_found(Noun::Product))?,
        };
        Ok(catalog::product(tx, cx, id)?.id)
    });
    found.map_err(|error| Failure::setup(format!("--product {name:?}: {error}")))
}

/// Rows with the numbers of the lines they stood in.
#[derive(Default)]
struct Batch {
    rows: Vec<ImportRow>,
    lines: Vec<u64>,
    /// Lines that are no rows, and why.
    unreadable: Vec<(u64, String)>,
}

fn read(mut source: Source, batches: &SyncSender<Batch>) -> Result<(), Failure> {
    let mut batch = Batch::default();
    while let Some(Line { number, row }) = source.next_row()? {
        match row {
            Ok(row) => {
                batch.rows.push(row);
                batch.lines.push(number);
            }
            Err(reason) => batch.unreadable.push((number, reason)),
        }
        if batch.rows.len() + batch.unreadable.len() == BATCH && batches.send(std::mem::take(&mut batch)).is_err() {
            return Ok(());
        }
    }
    // Whoever is gone has told why.
    let _ = batches.send(batch);
    Ok(())
}

fn write(app: &App, product: ProductId, batches: &Receiver<Batch>, tally: &mut Tally) -> Result<(), Failure> {
    for batch in batches {
        for (line, reason) in &batch.unreadable {
            tally.reject(*line, reason);
        }
        if batch.rows.is_empty() {
            continue;
        }
        let command = ImportLicenses { product, rows: batch.rows };
        let fates = app.write_blocking(&app.system(), move |tx, cx| license::import(tx, cx, &command));
        let fates = fates.map_err(|error| {
            let done = tally.rows();
            Failure::running(format!("stopped behind {done} rows: {error}; the same import again goes on from there"))
        })?;
        for (fate, line) in fates.iter().zip(&batch.lines) {
            match fate {
                Fate::Created { .. } => tally.created += 1,
                Fate::Duplicate { .. } => tally.duplicates += 1,
                Fate::Rejected { refusal } => tally.reject(*line, &refusal.to_string()),
            }
        }
        if tally.rows() / NEWS > tally.told {
            tally.told = tally.rows() / NEWS;
            tell(&tally.summary());
        }
    }
    Ok(())
}

/// What became of the rows so far.
#[derive(Default)]
struct Tally {
    created: u64,
    duplicates: u64,
    rejected: u64,
    /// How many lines about progress there were.
    told: u64,
}

impl Tally {
    fn rows(&self) -> u64 {
        self.created + self.duplicates + self.rejected
    }

    fn reject(&mut self, line: u64, reason: &str) {
        self.rejected += 1;
        tell(&format!("line {line}: {reason}"));
    }

    fn summary(&self) -> String {
        let Self { created, duplicates, rejected, .. } = self;
        format!("{} rows: {created} created, {duplicates} there already, {rejected} rejected", self.rows())
    }
}

/// Standard output has the outcome alone; what is said on the way there goes where logs go.
fn tell(text: &str) {
    // Without standard error there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
