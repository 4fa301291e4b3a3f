//! Notes on licenses, numbered per tenant.

use super::{License, from_word, rows};
use crate::alias;
use crate::clock::Timestamp;
use crate::context::{Action, Context};
use crate::error::{Error, Noun};
use crate::id::LicenseId;
use crate::identity::Right;
use crate::text::check_document;
use lessor_db::{FromColumn, Tx, ValueRef};

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
    /// What it says, at most 10 000 characters.
    pub text: String,
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
        self.add.iter().map(|new| add(tx, cx, license, new)).collect()
    }
}

fn add(tx: &mut dyn Tx, cx: &Context<'_>, license: &License, new: &NewNote) -> Result<i64, Error> {
    check_document("note", &new.text, 10_000)?;
    let author = match cx.actor().who {
        crate::Who::User(id) => id.to_string(),
        crate::Who::System | crate::Who::ApiKey(_) | crate::Who::Device(_) => String::new(),
    };
    let number = alias::next_number(tx, license.tenant, "note", 1)?;
    let note = Note { number, kind: new.kind, text: new.text.clone(), author, created_at: cx.now };
    rows::insert_note(tx, cx.new_id(), license.id, &note)?;
    Ok(number)
}

/// The notes on a license, oldest first.
pub fn notes(tx: &mut dyn Tx, cx: &Context<'_>, license: LicenseId) -> Result<Vec<Note>, Error> {
    let license = rows::by_id(tx, license)?.ok_or(Error::not_found(Noun::License))?;
    super::owner(tx, cx, &license, &Action::read(Right::LICENSES_READ))?;
    Ok(rows::notes(tx, license.id)?)
}
