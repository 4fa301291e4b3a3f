//! The least durable writing can cost: one thread takes the updates that wait, makes them in one transaction, and
//! answers them when it is on the disk. One statement an update, nothing read, nothing checked.

use super::http;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use http::answer;
use rusqlite::{Connection, params};
use serde::Deserialize;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use tokio::sync::oneshot;

/// Most updates in one commit, as in Lessor.
const MOST: usize = 256;

/// An update, and whom to tell.
pub struct Update {
    id: i64,
    number: i64,
    done: oneshot::Sender<()>,
}

/// What a POST asks.
#[derive(Deserialize)]
struct Question {
    id: i64,
    number: i64,
}

/// Makes the table and starts the writer.
pub fn start(folder: &Path, rows: u32) -> rusqlite::Result<SyncSender<Update>> {
    let connection = Connection::open(folder.join("bare.db"))?;
    connection.execute_batch(
        "PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE leases (id BLOB NOT NULL PRIMARY KEY, number INTEGER NOT NULL, end_at INTEGER NOT NULL, note TEXT NOT NULL);
         BEGIN;",
    )?;
    let note = "x".repeat(200);
    {
        let mut insert = connection.prepare("INSERT INTO leases VALUES (?1, 0, 0, ?2)")?;
        for id in 0..rows {
            insert.execute(params![key(i64::from(id)), note])?;
        }
    }
    connection.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);")?;
    let (sender, receiver) = sync_channel(1024);
    std::thread::spawn(move || {
        if let Err(error) = write(&connection, &receiver) {
            eprintln!("the writer stopped: {error}");
        }
    });
    Ok(sender)
}

/// 16 bytes, as ids are.
fn key(id: i64) -> [u8; 16] {
    (u128::from(id.unsigned_abs()).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)).to_be_bytes()
}

fn write(connection: &Connection, receiver: &Receiver<Update>) -> rusqlite::Result<()> {
    let mut update = connection.prepare("UPDATE leases SET number = ?2, end_at = ?3 WHERE id = ?1")?;
    let mut batch = Vec::with_capacity(MOST);
    while let Ok(first) = receiver.recv() {
        batch.push(first);
        batch.extend(receiver.try_iter().take(MOST - 1));
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for one in &batch {
            update.execute(params![key(one.id), one.number, one.number + 604_800])?;
        }
        connection.execute_batch("COMMIT")?;
        for one in batch.drain(..) {
            // A client that went away does not wait.
            let _ = one.done.send(());
        }
    }
    Ok(())
}

/// `POST /`.
pub fn router(writer: SyncSender<Update>) -> Router {
    Router::new().route("/", post(renew)).with_state(writer)
}

async fn renew(State(writer): State<SyncSender<Update>>, Json(question): Json<Question>) -> Response {
    let (done, durable) = oneshot::channel();
    // There is room for more updates than there are connections.
    let queued = writer.try_send(Update { id: question.id, number: question.number, done });
    match (queued, durable.await) {
        (Ok(()), Ok(())) => answer(),
        _ => axum::response::IntoResponse::into_response(axum::http::StatusCode::SERVICE_UNAVAILABLE),
    }
}
