//! Seats and tokens that give themselves back: when the value goes, when it is told to, or, after a crash, when the
//! next copy of the program finds what was left.
//!
//! Each hold has two files in the folder `holds`: a record of what is held, written before the server is asked, and a
//! lock that lives as long as the program. A record whose lock is free is a left-over.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::error::Error;
use crate::holdings::Holding;
use crate::http::new_key;
use crate::license::License;
use crate::state::{make_folder, private};

/// What is held, as the record has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Record {
    activation: String,
    feature: String,
    kind: Kind,
    amount: u32,
    /// Tokens that are used up and will not go back.
    used: u32,
    /// True once the server has said yes.
    confirmed: bool,
    /// The idempotency keys of the check-out and of the return, so that neither is done twice.
    take_key: String,
    give_key: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Seats,
    Tokens,
}

/// A record and its lock.
#[derive(Debug)]
struct Hold {
    record: Record,
    file: PathBuf,
    /// Nobody else has it until it is dropped.
    lock: File,
}

/// Floating seats that are held until the value goes.
#[derive(Debug)]
pub struct Seats {
    license: License,
    hold: Option<Hold>,
    feature: String,
    count: u32,
}

/// Tokens that are held until the value goes. Those that were spent are used up then; the others go back.
#[derive(Debug)]
pub struct Tokens {
    license: License,
    hold: Option<Hold>,
}

impl License {
    /// Takes that many more floating seats of the feature, for as long as the value lives. Copies of the program on this
    /// device add up.
    pub fn hold_seats(&self, feature: &str, seats: u32) -> Result<Seats, Error> {
        let _turn = self.store.lock("holds.lock")?;
        let mut hold = self.new_hold(feature, Kind::Seats, seats)?;
        match self.set_seats(feature, &hold.record.activation) {
            Ok(_) => hold.confirm()?,
            Err(error) => return Err(hold.give_up(error)),
        }
        Ok(Seats { license: self.clone(), hold: Some(hold), feature: feature.to_owned(), count: seats })
    }

    /// Checks out that many tokens, for as long as the value lives.
    pub fn hold_tokens(&self, feature: &str, amount: u32) -> Result<Tokens, Error> {
        let _turn = self.store.lock("holds.lock")?;
        let mut hold = self.new_hold(feature, Kind::Tokens, amount)?;
        match self.take_tokens(&hold.record) {
            Ok(_) => hold.confirm()?,
            Err(error) => return Err(hold.give_up(error)),
        }
        Ok(Tokens { license: self.clone(), hold: Some(hold) })
    }

    /// Gives back what crashed copies of the program held on this device, and tells what.
    pub fn return_left_over(&self) -> Result<Vec<Holding>, Error> {
        let folder = self.holds_folder();
        if !folder.try_exists().map_err(|source| failed(&folder, source))? {
            return Ok(Vec::new());
        }
        let _turn = self.store.lock("holds.lock")?;
        let state = self.store.read()?;
        let here = state.held.as_ref().map(|held| held.activation.clone());
        let mut returned = Vec::new();
        for file in self.records()? {
            if try_lock(&file)?.is_none() {
                continue;
            }
            let record = Record::read(&file).filter(|record| Some(&record.activation) == here.as_ref());
            match record.map(|record| self.settle(&record)) {
                Some(Ok(holding)) => returned.push(holding),
                Some(Err(error)) if !matches!(error, Error::Refused(_)) => return Err(error),
                // The server knows nothing of it, or it went with the activation that it belonged to.
                Some(Err(_)) | None => {}
            }
            remove(&file)?;
        }
        Ok(returned)
    }

    /// Undoes at the server whatever a left-over record may have done there.
    fn settle(&self, record: &Record) -> Result<Holding, Error> {
        match record.kind {
            Kind::Seats => self.set_seats(&record.feature, &record.activation),
            Kind::Tokens => {
                if !record.confirmed {
                    self.take_tokens(record)?; // Under its key: either it was done or it is now, and then it is undone.
                }
                self.give_tokens(record)
            }
        }
    }

    /// Has the server count what all living holds on the feature come to.
    fn set_seats(&self, feature: &str, activation: &str) -> Result<Holding, Error> {
        let mut seats = 0_u32;
        for file in self.records()? {
            let Some(record) = Record::read(&file) else { continue };
            let counts = record.kind == Kind::Seats && record.feature == feature && record.activation == activation;
            if counts && try_lock(&file)?.is_none() {
                seats = seats.saturating_add(record.amount);
            }
        }
        if seats == 0 { self.return_seat(feature) } else { self.check_out_seat(feature, seats) }
    }

    fn take_tokens(&self, record: &Record) -> Result<Holding, Error> {
        let body = json!({"feature": record.feature, "check_out": record.amount});
        self.post_as("/tokens", Some(&record.take_key), &body)
    }

    fn give_tokens(&self, record: &Record) -> Result<Holding, Error> {
        let unused = record.amount.saturating_sub(record.used);
        let body = json!({"feature": record.feature, "return": unused, "consumed": record.used});
        self.post_as("/tokens", Some(&record.give_key), &body)
    }

    fn new_hold(&self, feature: &str, kind: Kind, amount: u32) -> Result<Hold, Error> {
        self.authorized("")?;
        let activation = self.store.read()?.held.as_ref().ok_or(Error::NotActivated)?.activation.clone();
        let folder = self.holds_folder();
        make_folder(&folder).map_err(|source| failed(&folder, source))?;
        let file = folder.join(format!("{}.hold", new_key()?));
        let record = Record {
            activation,
            feature: feature.to_owned(),
            kind,
            amount,
            used: 0,
            confirmed: false,
            take_key: new_key()?,
            give_key: new_key()?,
        };
        let lock = try_lock(&file)?.ok_or(Error::NoRandom)?; // Nobody has drawn the same name.
        let mut hold = Hold { record, file, lock };
        hold.write()?;
        Ok(hold)
    }

    fn holds_folder(&self) -> PathBuf {
        self.store.folder().join("holds")
    }

    fn records(&self) -> Result<Vec<PathBuf>, Error> {
        let folder = self.holds_folder();
        let read = || fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>();
        let files = read().map_err(|source| failed(&folder, source))?;
        Ok(files.into_iter().filter(|file| file.extension().is_some_and(|end| end == "hold")).collect())
    }

    /// Gives one hold back. If the server cannot be asked, the record stays for [`License::return_left_over`].
    fn give_back(&self, hold: Hold) -> Result<Holding, Error> {
        let _turn = self.store.lock("holds.lock")?;
        let Hold { record, file, lock } = hold;
        drop(lock); // It no longer counts.
        let state = self.store.read()?;
        let given = if state.held.as_ref().is_some_and(|held| held.activation == record.activation) {
            self.settle(&record)
        } else {
            Err(Error::NotActivated) // It went with the activation that it belonged to.
        };
        if matches!(&given, Ok(_) | Err(Error::Refused(_) | Error::NotActivated)) {
            remove(&file)?;
        }
        given
    }
}

impl Hold {
    /// The record in its present form; of the lines in the file the last whole one counts.
    fn write(&mut self) -> Result<(), Error> {
        let write = || {
            let mut line = serde_json::to_vec(&self.record)?;
            line.push(b'\n');
            let mut file = private().append(true).create(true).open(&self.file)?;
            file.write_all(&line)?;
            file.sync_data()
        };
        write().map_err(|source| failed(&self.file, source))
    }

    fn confirm(&mut self) -> Result<(), Error> {
        self.record.confirmed = true;
        self.write()
    }

    /// After a check-out that failed: a plain no leaves nothing behind, anything else may have been done.
    fn give_up(self, error: Error) -> Error {
        if matches!(error, Error::Refused(_) | Error::DuplicateDevice(_)) {
            let _ = remove(&self.file); // A record that stays is found to be nothing later.
        }
        error
    }
}

impl Record {
    fn read(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        text.lines().rev().find_map(|line| serde_json::from_str(line).ok())
    }
}

impl Seats {
    /// The feature's code.
    pub fn feature(&self) -> &str {
        &self.feature
    }

    /// How many seats this value holds.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Gives the seats back and tells how it went. If the server cannot be reached, they are given back later.
    pub fn return_now(mut self) -> Result<Holding, Error> {
        let hold = self.hold.take().ok_or(Error::NotActivated)?;
        self.license.give_back(hold)
    }
}

/// Gives the seats back, as well as that goes without anybody to tell.
impl Drop for Seats {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            let _ = self.license.give_back(hold);
        }
    }
}

impl Tokens {
    /// The feature's code.
    pub fn feature(&self) -> &str {
        self.hold.as_ref().map_or("", |hold| &hold.record.feature)
    }

    /// How many tokens are held and not spent.
    pub fn left(&self) -> u32 {
        self.hold.as_ref().map_or(0, |hold| hold.record.amount.saturating_sub(hold.record.used))
    }

    /// Uses up that many of them; the server learns it when the rest goes back. Fails if fewer are left.
    pub fn spend(&mut self, amount: u32) -> Result<(), Error> {
        let left = self.left();
        let hold = self.hold.as_mut().ok_or(Error::NotActivated)?;
        if amount > left {
            return Err(Error::TooFewTokens { left });
        }
        hold.record.used += amount;
        hold.write()
    }

    /// Gives the rest back and tells how it went. If the server cannot be reached, that happens later.
    pub fn return_now(mut self) -> Result<Holding, Error> {
        let hold = self.hold.take().ok_or(Error::NotActivated)?;
        self.license.give_back(hold)
    }
}

/// Gives the tokens back, as well as that goes without anybody to tell.
impl Drop for Tokens {
    fn drop(&mut self) {
        if let Some(hold) = self.hold.take() {
            let _ = self.license.give_back(hold);
        }
    }
}

fn lock_file(record: &Path) -> PathBuf {
    record.with_extension("lock")
}

/// The record's lock, if nobody has it.
fn try_lock(record: &Path) -> Result<Option<File>, Error> {
    let path = lock_file(record);
    let open = || private().write(true).create(true).truncate(false).open(&path);
    let file = open().map_err(|source| failed(&path, source))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(source)) => Err(failed(&path, source)),
    }
}

fn remove(record: &Path) -> Result<(), Error> {
    // The lock last: without its record it is nothing.
    for path in [record.to_owned(), lock_file(record)] {
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => return Err(failed(&path, source)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn failed(path: &Path, source: io::Error) -> Error {
    Error::StateFile { path: path.to_owned(), source }
}
