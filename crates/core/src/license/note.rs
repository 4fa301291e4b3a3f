//! Notes on licenses, numbered per tenant.

use super::{License, from_word, lock, rows};
use crate::alias;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::LicenseId;
use crate::identity::Right;
use crate::journal;
use crate::text::check_document;
use lessor_db::{FromColumn, Tx, ValueRef};
use serde_json::json;

/// Most characters of a note.
const MOST_CHARACTERS: usize = 10_000;
/// Most notes of one license: they are shown all together.
const MOST: usize = 10_000;

/// Who a note is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteKind {
    /// People.
    General,
    /// Programs.
    System,
}

impl NoteKind {
    /// The word stored and shown.
    pub fn word(self) -> &'static str {
        match self {
            NoteKind::General => "general",
            NoteKind::System => "system",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        [NoteKind::General, NoteKind::System].into_iter().find(|kind| kind.word() == word)
    }
}

from_word!(NoteKind);

/// A note on a license.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Its number, unique in the tenant.
    pub number: i64,
    /// Who it is from.
    pub kind: NoteKind,
    /// What it says.
    pub text: String,
    /// The user who wrote it; empty for a program.
    pub author: String,
    /// When.
    pub created_at: Timestamp,
}

/// A note to write: its kind and text.
#[derive(Clone, Debug, PartialEq)]
pub struct NewNote {
    /// Who it is from.
    pub kind: NoteKind,
    /// What it says, at most 10 000 characters; not blank.
    pub text: String,
}

/// A change of a note; what is `None` stays.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeNote {
    /// On which license.
    pub license: LicenseId,
    /// Its number.
    pub number: i64,
    /// Who it is from.
    pub kind: Option<NoteKind>,
    /// What it says, at most 10 000 characters; not blank.
    pub text: Option<String>,
}

/// A change of notes. Deleting all comes first, then deleting single ones, then writing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NotesChange {
    /// Delete all?
    pub delete_all: bool,
    /// Numbers of notes to delete.
    pub delete: Vec<i64>,
    /// Notes to write.
    pub add: Vec<NewNote>,
}

impl NotesChange {
    /// Writes the change; gives the numbers of the new notes.
    pub(super) fn write(&self, tx: &mut dyn Tx, cx: &Context<'_>, license: &License) -> Result<Vec<i64>, Error> {
        if self.delete_all {
            rows::delete_notes(tx, license.id)?;
        }
        for number in &self.delete {
            // A note that `delete_all` took is gone, and that is what was asked for.
            if !rows::delete_note(tx, license.id, *number)? && !self.delete_all {
                return Err(Error::not_found(Noun::Note));
            }
        }
        self.add.iter().map(|new| add(tx, cx, license, new).map(|note| note.number)).collect()
    }
}

fn add(tx: &mut dyn Tx, cx: &Context<'_>, license: &License, new: &NewNote) -> Result<Note, Error> {
    check_text(&new.text)?;
    if rows::count_notes(tx, license.id)? >= MOST {
        return Err(Error::malformed("note", format!("a license has at most {MOST}")));
    }
    let author = match cx.actor().who {
        crate::Who::User(id) => id.to_string(),
        crate::Who::System | crate::Who::ApiKey(_) | crate::Who::Device(_) => String::new(),
    };
    let number = alias::next_number(tx, license.tenant, "note", 1)?;
    let note = Note { number, kind: new.kind, text: new.text.clone(), author, created_at: cx.now };
    rows::insert_note(tx, cx.new_id(), license.id, &note)?;
    Ok(note)
}

fn check_text(text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::malformed("note", "it must not be empty"));
    }
    check_document("note", text, MOST_CHARACTERS)
}

/// Writes a note on a license. The license itself stays as it is.
///
/// # Errors
/// `NotFound(License)`; `Malformed` for a text that is none, and where there are too many notes.
pub fn add_note(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, new: &NewNote) -> Result<Note, Error> {
    let license = lock(tx, cx, license)?;
    let note = add(tx, cx, &license, new)?;
    journal::append(tx, cx, "license.note_added", license.subject(), &json!({ "note": note.number }))?;
    Ok(note)
}

/// Changes a note; its number, its author and when it was written stay.
///
/// # Errors
/// `NotFound` for the license, or a note that is not on it; `Malformed` for a text that is none.
pub fn change_note(tx: &mut dyn Tx, cx: &Context<'_>, cmd: &ChangeNote) -> Result<Note, Error> {
    let license = lock(tx, cx, cmd.license)?;
    let before = rows::note(tx, license.id, cmd.number)?.ok_or(Error::not_found(Noun::Note))?;
    let text = cmd.text.clone().unwrap_or_else(|| before.text.clone());
    check_text(&text)?;
    let note = Note { kind: cmd.kind.unwrap_or(before.kind), text, ..before };
    rows::update_note(tx, license.id, &note)?;
    journal::append(tx, cx, "license.note_changed", license.subject(), &json!({ "note": note.number }))?;
    Ok(note)
}

/// Deletes one note on a license, or all of them where no number is given.
///
/// # Errors
/// `NotFound` for the license, or a note that is not on it.
pub fn delete_notes(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId, number: Option<i64>) -> Result<(), Error> {
    let license = lock(tx, cx, license)?;
    match number {
        Some(number) if !rows::delete_note(tx, license.id, number)? => return Err(Error::not_found(Noun::Note)),
        Some(_) => {}
        None => rows::delete_notes(tx, license.id)?,
    }
    journal::append(tx, cx, "license.notes_deleted", license.subject(), &json!({ "note": number }))?;
    Ok(())
}

/// The notes on a license, oldest first.
pub fn notes(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<Vec<Note>, Error> {
    let license = rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::notes(tx, license.id)?)
}
