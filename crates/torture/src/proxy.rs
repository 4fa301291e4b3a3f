//! A proxy between clients and server that plants a bug.

use crate::http::{Message, connect};
use serde_json::{Value, json};
use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long the proxy waits for the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// The bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// Changes that need no number from the server are acknowledged before the server hears of them.
    AckFirst,
    /// The server never sees an idempotency key.
    DropKey,
}

/// A proxy. It ends with the process; its connections end with either side.
#[derive(Debug)]
pub struct Proxy {
    /// Where clients connect.
    pub address: SocketAddr,
    server: Arc<Mutex<SocketAddr>>,
}

impl Proxy {
    /// In front of a server.
    pub fn start(bug: Bug, server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let server = Arc::new(Mutex::new(server));
        let shared = Arc::clone(&server);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || {
                    let server = *shared.lock().unwrap_or_else(|poison| poison.into_inner());
                    // An end of either side ends both; that is all there is to say.
                    let _ = relay(bug, client, server);
                });
            }
        });
        Ok(Self { address, server })
    }

    /// In front of another server from now on.
    pub fn turn_to(&self, server: SocketAddr) {
        *self.server.lock().unwrap_or_else(|poison| poison.into_inner()) = server;
    }
}

fn relay(bug: Bug, client: TcpStream, server: SocketAddr) -> io::Result<()> {
    client.set_nodelay(true)?;
    let mut client = BufReader::new(client);
    let mut server = BufReader::new(connect(server, PATIENCE)?);
    while let Some(request) = Message::read(&mut client)? {
        match bug {
            Bug::DropKey => {
                server.get_mut().write_all(&request.without("idempotency-key").bytes())?;
                let answer = Message::read(&mut server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                client.get_mut().write_all(&answer.bytes())?;
            }
            Bug::AckFirst => {
                let promised = promise(&request);
                if let Some(promised) = &promised {
                    client.get_mut().write_all(promised)?;
                }
                server.get_mut().write_all(&request.bytes())?;
                let answer = Message::read(&mut server)?.ok_or(io::ErrorKind::UnexpectedEof)?;
                if promised.is_none() {
                    client.get_mut().write_all(&answer.bytes())?;
                }
            }
        }
    }
    Ok(())
}

/// The answer that a change of seats, a return and records of use would get if all goes well.
fn promise(request: &Message) -> Option<Vec<u8>> {
    let mut words = request.first.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let answer = match method {
        "POST" if path.ends_with("/seats") => json!({"feature": body["feature"], "held": body["seats"]}),
        "POST" if path == "/v1/usage" => {
            let records = body["records"].as_array().map(Vec::as_slice).unwrap_or_default();
            let results: Vec<Value> =
                records.iter().map(|record| json!({"id": record["id"], "outcome": "counted"})).collect();
            json!({ "results": results })
        }
        "DELETE" if path.starts_with("/device/v1/activations/") => json!({"returned_at": null}),
        _ => return None,
    };
    let text = answer.to_string();
    Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{text}", text.len()).into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Call;

    fn request(call: &Call) -> Message {
        Message::read(&mut call.bytes().as_slice()).expect("readable").expect("a request")
    }

    #[test]
    fn only_what_can_be_told_without_the_server_is_promised() {
        let call = |method, path: &str| Call::new(method, path, "secret").with(json!({"feature": "F", "seats": 2}));
        let promised = promise(&request(&call("POST", "/device/v1/activations/a/seats"))).expect("a promise");
        assert!(String::from_utf8_lossy(&promised).ends_with(r#"{"feature":"F","held":2}"#));
        assert!(promise(&request(&call("DELETE", "/device/v1/activations/a"))).is_some());
        assert!(promise(&request(&call("POST", "/device/v1/activations"))).is_none());
        assert!(promise(&request(&call("GET", "/v1/me"))).is_none());
    }
}
