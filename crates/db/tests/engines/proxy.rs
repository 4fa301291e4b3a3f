//! Stands between us and a PostgreSQL server: counts round trips, and cuts the way when told to.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};

/// Where the way is cut, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Cut {
    /// What holds the next COMMIT does not reach the server.
    BeforeCommit = 1,
    /// It does, but its answer does not come back.
    AfterCommit = 2,
}

/// Lives as long as the test's process.
pub struct Proxy {
    url: String,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// How often something was asked whose answer is waited for.
    turns: AtomicUsize,
    cut: AtomicU8,
}

impl Proxy {
    /// Listens in front of the server that a URL names.
    pub fn start(url: &str) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = listener.local_addr().expect("an address").to_string();
        let server = url.split(['@', '/']).nth(3).expect("host and port").to_owned();
        let shared = Arc::new(Shared::default());
        let there = Arc::clone(&shared);
        let target = server.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let server = TcpStream::connect(&target).expect("the server");
                client.set_nodelay(true).expect("an option");
                server.set_nodelay(true).expect("an option");
                join(client, server, &there);
            }
        });
        Proxy { url: url.replacen(&server, &own, 1), shared }
    }

    pub fn url(&self) -> String {
        self.url.clone()
    }

    /// Round trips so far, on all connections.
    pub fn turns(&self) -> usize {
        self.shared.turns.load(Ordering::SeqCst)
    }

    /// Cuts the connection on which COMMIT comes by next.
    pub fn cut(&self, cut: Cut) {
        self.shared.cut.store(cut as u8, Ordering::SeqCst);
    }
}

fn join(client: TcpStream, server: TcpStream, shared: &Arc<Shared>) {
    let muted = Arc::new(AtomicBool::new(false));
    let (from, to) = (client.try_clone().expect("a socket"), server.try_clone().expect("a socket"));
    let (counted, mute) = (Arc::clone(shared), Arc::clone(&muted));
    std::thread::spawn(move || {
        pass(from, to, |bytes| {
            let count = |word: &[u8]| bytes.windows(word.len()).filter(|found| found == &word).count();
            // Each ends what is sent together. Nobody waits for the answer when a ROLLBACK is run.
            counted.turns.fetch_add(count(b"S\0\0\0\x04") - count(b"\0ROLLBACK\0\0\x01"), Ordering::SeqCst);
            let cut = if count(b"\0COMMIT\0\0\x01") > 0 { counted.cut.swap(0, Ordering::SeqCst) } else { 0 };
            mute.store(cut == Cut::AfterCommit as u8, Ordering::SeqCst);
            cut != Cut::BeforeCommit as u8
        });
    });
    std::thread::spawn(move || pass(server, client, |_| !muted.load(Ordering::SeqCst)));
}

/// Passes bytes on for as long as `look` agrees.
fn pass(mut from: TcpStream, mut to: TcpStream, mut look: impl FnMut(&[u8]) -> bool) {
    let mut bytes = vec![0; 1 << 16];
    while let Some(length) = from.read(&mut bytes).ok().filter(|length| *length > 0) {
        if !look(&bytes[..length]) || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    for socket in [from, to] {
        let _ = socket.shutdown(Shutdown::Both);
    }
}
