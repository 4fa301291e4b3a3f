//! The load: one thread, a fixed number of kept-alive connections, each asking again as soon as it was answered.
//!
//! It shares two cores with what it measures, so it does as little as can be: one write and one read for a request, and
//! of an answer it looks at status and length alone.

use crate::process::Cpu;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long nothing may come back before the load gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long to wait while the socket's buffer is full.
const FULL: Duration = Duration::from_micros(50);

/// What is asked, and what becomes of the answers.
pub trait Work {
    /// Writes the next request of a connection; `false` when that connection has nothing more to ask.
    fn ask(&mut self, connection: usize, request: &mut Vec<u8>) -> bool;
    /// Takes the answer to it.
    fn take(&mut self, connection: usize, body: &[u8]);
}

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    /// Before anything counts.
    pub warm: Duration,
    /// What counts.
    pub time: Duration,
}

/// What one measurement gave.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Requests answered well, a second.
    pub rate: f64,
    /// Half of the answers took at most this, in microseconds.
    pub p50: u32,
    /// All but one in a hundred took at most this, in microseconds.
    pub p99: u32,
    /// Processor time of the server for one answer, in microseconds.
    pub cpu: f64,
    /// By how much the server's anonymous memory was above that before, at most, in bytes.
    pub above_idle: u64,
    /// Answers that were refusals.
    pub refused: u64,
    /// The first of them.
    pub example: Option<String>,
}

/// Asks until the time is over.
pub fn measure(
    addresses: &[SocketAddr],
    connections: usize,
    work: &mut dyn Work,
    span: Span,
    cpu: &Cpu,
) -> io::Result<Sample> {
    let begin = Instant::now() + span.warm;
    let end = begin + span.time;
    let mut tally = Tally { begin, latencies: Vec::with_capacity(1 << 18), cpu_begin: None, refused: 0, example: None };
    let ended = run(addresses, connections, work, &mut |outcome, now, asked| {
        tally.note(outcome, now, asked, cpu);
        now < end
    })?;
    Ok(tally.sample(ended, cpu))
}

/// Asks until the work is done, and gives how many answers were refusals, with the first of them.
pub fn exhaust(addresses: &[SocketAddr], connections: usize, work: &mut dyn Work) -> io::Result<(u64, Option<String>)> {
    let (mut refused, mut example) = (0, None);
    run(addresses, connections, work, &mut |outcome, _, _| {
        if let Outcome::Refused(text) = outcome {
            refused += 1;
            example.get_or_insert(text);
        }
        true
    })?;
    Ok((refused, example))
}

/// How a request ended.
enum Outcome {
    Answered,
    Refused(String),
}

struct Tally {
    begin: Instant,
    latencies: Vec<u32>,
    cpu_begin: Option<(Instant, Duration)>,
    refused: u64,
    example: Option<String>,
}

impl Tally {
    fn note(&mut self, outcome: Outcome, now: Instant, asked: Instant, cpu: &Cpu) {
        if let Outcome::Refused(text) = outcome {
            self.refused += 1;
            self.example.get_or_insert(text);
            return;
        }
        if now < self.begin {
            return;
        }
        if self.cpu_begin.is_none() {
            self.cpu_begin = Some((now, cpu.used()));
        }
        self.latencies.push(u32::try_from((now - asked).as_micros()).unwrap_or(u32::MAX));
    }

    fn sample(mut self, ended: Instant, cpu: &Cpu) -> Sample {
        let (begin, used) = self.cpu_begin.unwrap_or((ended, Duration::ZERO));
        let count = self.latencies.len();
        let seconds = (ended - begin).as_secs_f64();
        self.latencies.sort_unstable();
        let rank = |share: f64| {
            let at = (count as f64 * share) as usize;
            self.latencies.get(at.min(count.saturating_sub(1))).copied().unwrap_or_default()
        };
        let spent = cpu.used().saturating_sub(used);
        Sample {
            rate: if seconds > 0.0 { count as f64 / seconds } else { 0.0 },
            p50: rank(0.5),
            p99: rank(0.99),
            cpu: spent.as_secs_f64() * 1e6 / (count.max(1) as f64),
            above_idle: 0,
            refused: self.refused,
            example: self.example,
        }
    }
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    answer: Vec<u8>,
    filled: usize,
    asked: Instant,
}

/// Runs the work. `done` hears of each answer and tells whether that connection goes on; gives when the last one stopped.
fn run(
    addresses: &[SocketAddr],
    count: usize,
    work: &mut dyn Work,
    done: &mut dyn FnMut(Outcome, Instant, Instant) -> bool,
) -> io::Result<Instant> {
    let mut poll = Poll::new()?;
    let mut connections = Vec::with_capacity(count);
    let mut open = 0;
    for index in 0..count {
        let stream = std::net::TcpStream::connect(addresses[index % addresses.len()])?;
        stream.set_nodelay(true)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
        let mut connection =
            Connection { stream, request: Vec::new(), answer: vec![0; 16 << 10], filled: 0, asked: Instant::now() };
        open += usize::from(connection.ask(index, work)?);
        connections.push(connection);
    }
    let mut events = Events::with_capacity(count);
    let mut last = Instant::now();
    while open > 0 {
        poll.poll(&mut events, Some(PATIENCE))?;
        if events.is_empty() {
            return Err(io::Error::new(ErrorKind::TimedOut, "no answer came"));
        }
        for event in &events {
            let index = event.token().0;
            let connection = &mut connections[index];
            let Some((status, body)) = connection.receive()? else { continue };
            let now = Instant::now();
            last = now;
            let bytes = &connection.answer[body..connection.filled];
            let outcome = match status {
                200..=299 => {
                    work.take(index, bytes);
                    Outcome::Answered
                }
                _ => Outcome::Refused(format!("{status}: {}", String::from_utf8_lossy(&bytes[..bytes.len().min(160)]))),
            };
            connection.filled = 0;
            if !(done(outcome, now, connection.asked) && connection.ask(index, work)?) {
                open -= 1;
            }
        }
    }
    Ok(last)
}

impl Connection {
    /// Sends the next request, if there is one.
    fn ask(&mut self, index: usize, work: &mut dyn Work) -> io::Result<bool> {
        self.request.clear();
        if !work.ask(index, &mut self.request) {
            return Ok(false);
        }
        self.asked = Instant::now();
        let mut sent = 0;
        while sent < self.request.len() {
            match self.stream.write(&self.request[sent..]) {
                Ok(0) => return Err(io::Error::new(ErrorKind::WriteZero, "the server hung up")),
                Ok(more) => sent += more,
                // Only a batch of records is larger than the socket's buffer, and the server takes it in at once.
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(FULL),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Reads what is there. With the answer complete: its status, and where its body begins.
    fn receive(&mut self) -> io::Result<Option<(u16, usize)>> {
        loop {
            if self.filled == self.answer.len() {
                self.answer.resize(self.filled * 2, 0);
            }
            match self.stream.read(&mut self.answer[self.filled..]) {
                Ok(0) => return Err(io::Error::new(ErrorKind::UnexpectedEof, "the server hung up")),
                Ok(read) => {
                    self.filled += read;
                    if let Some(found) = complete(&self.answer[..self.filled]) {
                        return found.map(Some);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// Status and start of the body of an answer that is all there.
fn complete(answer: &[u8]) -> Option<io::Result<(u16, usize)>> {
    let body = answer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
    let status =
        answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()).and_then(|text| text.parse().ok());
    let Some(status) = status else {
        return Some(Err(io::Error::new(ErrorKind::InvalidData, "no status line")));
    };
    let is_whole = match length(&answer[..body]) {
        Some(length) => answer.len() >= body + length,
        None => answer.ends_with(b"\r\n0\r\n\r\n"),
    };
    is_whole.then_some(Ok((status, body)))
}

/// What the head says about the body's length; nothing of a body in chunks.
fn length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    let line = head
        .split(|byte| *byte == b'\n')
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))?;
    std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_complete_with_its_last_byte() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello";
        assert!(complete(&answer[..answer.len() - 1]).is_none());
        let (status, body) = complete(answer).expect("complete").expect("well formed");
        assert_eq!((status, &answer[body..]), (201, &b"hello"[..]));
    }

    #[test]
    fn chunks_end_with_an_empty_one() {
        let answer = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
        assert!(complete(&answer[..answer.len() - 2]).is_none());
        assert_eq!(complete(answer).expect("complete").expect("well formed").0, 200);
    }
}
