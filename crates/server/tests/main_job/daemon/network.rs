//! A network of the test's own: a namespace for the server and the clients, one for each daemon, and between them two links,
//! of which the one to the server can be cut. It takes `unshare` and `nsenter` (util-linux), `ip` (iproute2), and either root
//! or a system that lets anybody have a user namespace.

use crate::program::{Ending, lessor};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Set in the process that runs inside.
const INSIDE: &str = "LESSOR_TEST_INSIDE_A_NETWORK";

/// Runs the test of that name again inside a network of its own, unless it runs there already. `true` inside.
pub fn is_inside(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"]);
        return true;
    }
    let ways: [&[&str]; 2] = [&["--user", "--map-root-user", "--net"], &["--net"]];
    let works = |way: &&&[&str]| {
        let tried = Command::new("unshare").args(**way).args(["--", "ip", "link", "set", "lo", "up"]).output();
        tried.is_ok_and(|output| output.status.success())
    };
    let way = ways.iter().find(works).expect("a network namespace: install util-linux and iproute2, or run as root");
    let program = std::env::current_exe().expect("a program");
    let output = Command::new("unshare")
        .args(*way)
        .arg("--")
        .arg(program)
        .args([test, "--exact", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .expect("unshare runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "no test ran inside: {said}");
    println!("{said}");
    false
}

#[track_caller]
fn run(program: &str, args: &[&str]) {
    let output = Command::new(program).args(args).output().expect("it runs");
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A daemon in a namespace of its own.
pub struct Apart {
    process: Ending,
    /// Where clients reach it, whether it is cut off or not.
    pub url: String,
}

impl Apart {
    /// Starts a program that serves, in a network namespace with a link to the server (at `10.9.N.1`) and one to its clients
    /// (at `10.8.N.1`). `link` numbers the pair; none is used twice.
    pub fn start(link: u8, folder: &Path, args: &[String], cut: bool) -> Self {
        // It waits for a line before it becomes the program, so that its network is there when it begins.
        let program = lessor();
        let mut command = Command::new("unshare");
        command.args(["--net", "--", "sh", "-c", "read go && exec \"$0\" \"$@\""]);
        command.arg(program.get_program()).args(args).arg("--data").arg(folder);
        command.args(["--listen", &format!("10.8.{link}.2:7000"), "--insecure-http"]);
        command.env_clear().stdin(Stdio::piped()).stdout(Stdio::piped());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let mut process = Ending(command.spawn().expect("unshare runs"));
        let pid = process.0.id().to_string();
        let own = std::fs::read_link("/proc/self/ns/net").expect("a namespace");
        super::until("it has a namespace of its own", || {
            std::fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|other| other != own)
        });
        for (name, net) in [("wan", 9), ("lan", 8)] {
            let outside = format!("{name}{link}");
            run("ip", &["link", "add", &outside, "type", "veth", "peer", "name", name, "netns", &pid]);
            run("ip", &["addr", "add", &format!("10.{net}.{link}.1/24"), "dev", &outside]);
            run("ip", &["link", "set", &outside, "up"]);
            within(&pid, &["addr", "add", &format!("10.{net}.{link}.2/24"), "dev", name]);
            if name == "lan" || !cut {
                within(&pid, &["link", "set", name, "up"]);
            }
        }
        process.0.stdin.take().expect("standard input").write_all(b"go\n").expect("it waits");
        let mut out = BufReader::new(process.0.stdout.take().expect("standard output"));
        let mut line = String::new();
        assert_ne!(out.read_line(&mut line).expect("readable"), 0, "it ended before it listened");
        let url = line.trim().strip_prefix("listening on ").expect("the first line tells the address").to_owned();
        std::thread::spawn(move || std::io::copy(&mut out, &mut std::io::sink()));
        Self { process, url }
    }

    /// Cuts the link to the server.
    pub fn cut(&self) {
        within(&self.pid(), &["link", "set", "wan", "down"]);
    }

    /// Joins it again.
    pub fn join(&self) {
        within(&self.pid(), &["link", "set", "wan", "up"]);
    }

    fn pid(&self) -> String {
        self.process.0.id().to_string()
    }
}

fn within(pid: &str, args: &[&str]) {
    let all: Vec<&str> = ["--target", pid, "--net", "--", "ip"].into_iter().chain(args.iter().copied()).collect();
    run("nsenter", &all);
}
