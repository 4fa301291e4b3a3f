//! A server of a few lines: it answers from a script, in order, and keeps what it was asked.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use serde_json::Value;

pub enum Reply {
    Json(u16, Value),
    /// Status, extra header lines, body.
    Raw(u16, &'static str, String),
    /// Reads the request and hangs up.
    HangUp,
    /// Promises more than it sends.
    CutShort,
}

#[derive(Clone, Debug)]
pub struct Asked {
    pub line: String,
    pub headers: Vec<(String, String)>,
    pub body: Value,
}

impl Asked {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Script {
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Asked>>,
    stopped: AtomicBool,
}

pub struct Fake {
    script: Arc<Script>,
    address: SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let script = Arc::new(Script::default());
        let serving = Arc::clone(&script);
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if serving.stopped.load(Ordering::SeqCst) {
                    return; // The listener closes: connections are refused from here on.
                }
                // A client that goes away in the middle is its own business.
                let _ = serve(&serving, stream.unwrap());
            }
        });
        Self { script, address, thread: Some(thread) }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn will(&self, reply: Reply) -> &Self {
        self.script.replies.lock().unwrap().push_back(reply);
        self
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.script.asked.lock().unwrap().clone()
    }

    pub fn last(&self) -> Asked {
        self.asked().pop().expect("nothing was asked")
    }

    pub fn stop(&mut self) {
        self.script.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take() {
            let _ = TcpStream::connect(self.address);
            thread.join().unwrap();
        }
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.stop();
    }
}

fn serve(script: &Script, stream: TcpStream) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let asked = read(&mut reader)?;
    script.asked.lock().unwrap().push(asked);
    let reply = script.replies.lock().unwrap().pop_front();
    answer(stream, reply.unwrap_or(Reply::Raw(500, "", "the script is over".into())))
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let line = line.trim().trim_end_matches(" HTTP/1.1").to_owned();
    Ok(Asked { line, headers, body })
}

fn answer(mut stream: TcpStream, reply: Reply) -> std::io::Result<()> {
    let (status, headers, body, length) = match reply {
        Reply::HangUp => return Ok(()),
        Reply::Json(status, body) if status < 400 => {
            (status, "content-type: application/json\r\n", body.to_string(), None)
        }
        Reply::Json(status, body) => (status, "content-type: application/problem+json\r\n", body.to_string(), None),
        Reply::Raw(status, headers, body) => (status, headers, body, None),
        Reply::CutShort => (200, "", "{\"activation\":".to_owned(), Some(1_000)),
    };
    let length = length.unwrap_or(body.len());
    write!(stream, "HTTP/1.1 {status} X\r\n{headers}connection: close\r\ncontent-length: {length}\r\n\r\n{body}")
}
