//! A server with the planted bug: it counts the places, and then takes one, without a lock in between.

use crate::http::Message;
use postgres::{Client, NoTls};
use serde_json::{Value, json};
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Starts it on a database; every license has `limit` places. It ends with the process.
pub fn start(database: &str, limit: i64) -> anyhow::Result<SocketAddr> {
    let mut client = Client::connect(database, NoTls)?;
    client.batch_execute("CREATE TABLE taken (id TEXT PRIMARY KEY, license TEXT NOT NULL)")?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    let database = database.to_owned();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let database = database.clone();
            std::thread::spawn(move || {
                // A client that goes away ends its connection; there is nobody to tell.
                let _ = serve(&database, limit, stream);
            });
        }
    });
    Ok(address)
}

fn serve(database: &str, limit: i64, stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut client = Client::connect(database, NoTls)?;
    let mut stream = BufReader::new(stream);
    while let Some(request) = Message::read(&mut stream)? {
        let (status, body) = answer(&mut client, limit, &request)?;
        send(stream.get_mut(), status, &body)?;
    }
    Ok(())
}

fn answer(client: &mut Client, limit: i64, request: &Message) -> anyhow::Result<(u16, Value)> {
    let path = request.first.split(' ').nth(1).unwrap_or_default();
    if request.first.starts_with("DELETE ") {
        let id = path.rsplit('/').next().unwrap_or_default();
        client.execute("DELETE FROM taken WHERE id = $1", &[&id])?;
        return Ok((200, json!({})));
    }
    let body: Value = serde_json::from_slice(&request.body)?;
    let license = body["code"].as_str().unwrap_or_default();
    let id = format!("{license}-{}", body["device"]["id"].as_str().unwrap_or_default());
    let taken: i64 = client.query_one("SELECT count(*) FROM taken WHERE license = $1", &[&license])?.get(0);
    if taken >= limit {
        return Ok((409, json!({"code": "no_seat"})));
    }
    // As long as another request may take in between.
    std::thread::sleep(Duration::from_millis(3));
    client.execute("INSERT INTO taken (id, license) VALUES ($1, $2) ON CONFLICT DO NOTHING", &[&id, &license])?;
    Ok((201, json!({"activation": id, "secret": "none"})))
}

fn send(stream: &mut TcpStream, status: u16, body: &Value) -> io::Result<()> {
    let text = body.to_string();
    let head = format!("HTTP/1.1 {status} Answer\r\ncontent-length: {}\r\n\r\n", text.len());
    stream.write_all(format!("{head}{text}").as_bytes())
}
