//! HTTP/1.1 by hand: a client that knows when it does not know, messages that a proxy can change, and requests that can
//! be cut anywhere.

use serde_json::Value;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Most bytes of a head or a body; no answer here is that long.
const MOST: usize = 16 << 20;

/// One request.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: &'static str,
    /// Path and query.
    pub path: String,
    /// Token to send as `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// JSON body; `Null` for none.
    pub body: Value,
}

impl Call {
    /// A call without a body.
    pub fn new(method: &'static str, path: impl Into<String>, bearer: &str) -> Self {
        let bearer = (!bearer.is_empty()).then(|| bearer.to_owned());
        Self { method, path: path.into(), bearer, key: None, body: Value::Null }
    }

    /// The call with a body.
    pub fn with(self, body: Value) -> Self {
        Self { body, ..self }
    }

    /// The call under an idempotency key.
    pub fn once(self, key: Option<String>) -> Self {
        Self { key, ..self }
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let body = if self.body.is_null() { String::new() } else { self.body.to_string() };
        let mut text = format!("{} {} HTTP/1.1\r\nhost: lessor\r\n", self.method, self.path);
        text.extend(self.key.iter().map(|key| format!("idempotency-key: {key}\r\n")));
        text.extend(self.bearer.iter().map(|token| format!("authorization: Bearer {token}\r\n")));
        if !body.is_empty() {
            text.push_str("content-type: application/json\r\n");
        }
        text.push_str(&format!("content-length: {}\r\n\r\n{body}", body.len()));
        text.into_bytes()
    }
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, `Null` if there was none.
    pub body: Value,
}

impl Answer {
    /// Was it a success?
    pub fn is_ok(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Says the answer that the server did nothing and may be asked again?
    pub fn is_put_off(&self) -> bool {
        self.status == 429 || (self.status == 503 && matches!(self.code(), "busy" | "storage_away" | "read_only"))
    }

    /// Leaves the answer open whether the call had its effect?
    pub fn is_open(&self) -> bool {
        self.status >= 500 && !self.is_put_off() && self.status != 507
    }
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// An answer.
    Answered(Answer),
    /// Something was sent and nothing whole came back: it may have had its effect, or may still have.
    Unknown,
    /// Nothing was sent.
    Unsent,
}

impl Outcome {
    /// The answer of a server that is up; anything else is a fault of the harness.
    pub fn answer(self, call: &Call) -> anyhow::Result<Answer> {
        match self {
            Self::Answered(answer) => Ok(answer),
            other => anyhow::bail!("{} {}: {other:?}", call.method, call.path),
        }
    }
}

/// A client's connection, opened when it is needed and kept.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    patience: Duration,
    open: Option<BufReader<TcpStream>>,
}

impl Connection {
    /// To an address; `patience` is how long to wait for an answer.
    pub fn new(address: SocketAddr, patience: Duration) -> Self {
        Self { address, patience, open: None }
    }

    /// One call.
    pub fn call(&mut self, call: &Call) -> Outcome {
        if self.open.is_none() {
            match connect(self.address, self.patience) {
                Ok(stream) => self.open = Some(BufReader::new(stream)),
                Err(_) => return Outcome::Unsent,
            }
        }
        match self.open.as_mut().map(|stream| exchange(stream, &call.bytes())) {
            Some(Ok(answer)) => Outcome::Answered(answer),
            _ => {
                self.open = None;
                Outcome::Unknown
            }
        }
    }

    /// One call that must succeed.
    pub fn ok(&mut self, call: &Call) -> anyhow::Result<Value> {
        let answer = self.call(call).answer(call)?;
        anyhow::ensure!(answer.is_ok(), "{} {}: {} {}", call.method, call.path, answer.status, answer.body);
        Ok(answer.body)
    }
}

/// A connection that gives up after a while.
pub fn connect(address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn exchange(stream: &mut BufReader<TcpStream>, request: &[u8]) -> io::Result<Answer> {
    stream.get_mut().write_all(request)?;
    receive(stream)
}

/// Reads one answer.
pub fn receive(stream: &mut impl BufRead) -> io::Result<Answer> {
    let message = Message::read(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
    let status = message.first.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| io::Error::other("this is no answer"))?;
    let text = String::from_utf8_lossy(&message.body);
    let body = serde_json::from_str(&text).unwrap_or_else(|_| match text.is_empty() {
        true => Value::Null,
        false => Value::String(text.into_owned()),
    });
    Ok(Answer { status, body })
}

/// A request or an answer as a proxy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The first line.
    pub first: String,
    /// The other lines of the head.
    pub headers: Vec<String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads one; `None` when the other side is done.
    pub fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let Some(first) = line(stream)? else { return Ok(None) };
        let mut headers = Vec::new();
        loop {
            let header = line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
            if header.is_empty() {
                break;
            }
            headers.push(header);
        }
        let length = headers.iter().find_map(|header| header_value(header, "content-length")?.parse::<usize>().ok());
        let mut body = vec![0; length.unwrap_or(0).min(MOST)];
        stream.read_exact(&mut body)?;
        Ok(Some(Self { first, headers, body }))
    }

    /// As it goes over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let head: String = self.headers.iter().map(|header| format!("{header}\r\n")).collect();
        [format!("{}\r\n{head}\r\n", self.first).as_bytes(), &self.body].concat()
    }

    /// Takes a header away.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|header| header_value(header, name).is_none());
        self
    }
}

fn header_value<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (found, value) = header.split_once(':')?;
    found.eq_ignore_ascii_case(name).then_some(value.trim())
}

/// A line; `None` when there is nothing more.
fn line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut text = String::new();
    stream.take(MOST as u64).read_line(&mut text)?;
    match text.strip_suffix("\r\n") {
        Some(line) => Ok(Some(line.to_owned())),
        None if text.is_empty() => Ok(None),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_call_can_be_read_back_and_loses_a_header_when_told_to() {
        let call = Call::new("POST", "/x", "token").with(json!({"a": 1})).once(Some("k".into()));
        let bytes = call.bytes();
        let message = Message::read(&mut bytes.as_slice()).expect("readable").expect("a message");
        assert_eq!(message.bytes(), bytes);
        assert_eq!(message.body, br#"{"a":1}"#);
        let bare = message.without("Idempotency-Key");
        assert!(!bare.headers.iter().any(|header| header.contains("idempotency")));
        assert!(bare.headers.iter().any(|header| header.contains("Bearer token")));
    }

    #[test]
    fn half_an_answer_is_no_answer() {
        let whole = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(receive(&mut whole.as_slice()).expect("whole"), Answer { status: 200, body: json!({}) });
        for length in 0..whole.len() {
            assert!(receive(&mut &whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn only_a_clear_word_says_that_nothing_happened() {
        let answer = |status: u16, code: &str| Answer { status, body: json!({ "code": code }) };
        assert!(answer(503, "busy").is_put_off() && !answer(503, "busy").is_open());
        assert!(answer(503, "outcome_unknown").is_open());
        assert!(answer(500, "internal").is_open());
        assert!(!answer(409, "no_seat").is_open());
    }
}
