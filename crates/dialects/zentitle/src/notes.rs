//! Notes on codes.

use crate::activity::find;
use crate::convert;
use crate::problem::Problem;
use crate::render;
use crate::reply::Reply;
use crate::table::Asked;
use lessor_core::license::{self, ChangeNote, NewNote};

/// `GET LicenseNote`: all of a code, oldest first.
pub async fn list(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, .. } = asked;
    let notes = app.read(&caller, move |tx, cx| {
        let code = find(tx, cx, &fields)?;
        license::notes(tx, cx, code.id)
    });
    let notes: Vec<_> = notes.await?.into_iter().map(render::note).collect();
    Ok(Reply::json(&notes))
}

/// `POST LicenseNote`.
pub async fn create(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let note = app.write(&caller, move |tx, cx| {
        let code = find(tx, cx, &fields)?;
        let kind = convert::note_kind(fields.need("type"));
        let note = license::add_note(tx, cx, code.id, &NewNote { kind, text: fields.need("description").to_owned() })?;
        Ok(note.number)
    });
    Ok(Reply::made(says, note.await?))
}

/// `PUT LicenseNote`: what is left out stays.
pub async fn change(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let changed = app.write(&caller, move |tx, cx| {
        let cmd = ChangeNote {
            license: find(tx, cx, &fields)?.id,
            number: fields.int("noteId").unwrap_or(0),
            kind: fields.text("type").map(convert::note_kind),
            text: fields.string("description"),
        };
        license::change_note(tx, cx, &cmd).map(|_| ())
    });
    changed.await?;
    Ok(Reply::message(says))
}

/// `DELETE LicenseNote`: one, or all of a code where none is named.
pub async fn remove(asked: Asked) -> Result<Reply, Problem> {
    let Asked { app, caller, fields, says } = asked;
    let removed = app.write(&caller, move |tx, cx| {
        let code = find(tx, cx, &fields)?;
        license::delete_notes(tx, cx, code.id, fields.int("noteId").filter(|number| *number != 0))
    });
    removed.await?;
    Ok(Reply::message(says))
}
