//! The example program, run as a reader runs it. `cargo test` and `cargo nextest run` build it beside the tests.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::bench::{Bench, START, keys, problem, product_key};
use crate::fake::Reply;

struct Paint<'a> {
    bench: &'a Bench,
    offset: i64,
}

impl Paint<'_> {
    fn run(&self, words: &[&str]) -> Output {
        let tests = std::env::current_exe().unwrap();
        let program: PathBuf = tests.ancestors().nth(2).unwrap().join("examples/paint");
        Command::new(&program)
            .args(["--server", &self.bench.server.url(), "--product", "prd_1", "--device", "device-1", "--state"])
            .arg(self.bench.folder.path())
            .args(words)
            .env("LESSOR_CLOCK_OFFSET_SECONDS", self.offset.to_string())
            .output()
            .unwrap_or_else(|error| panic!("{}: {error}; build the examples first", program.display()))
    }

    fn json(&self, words: &[&str]) -> (i32, Value) {
        let output = self.run(&[words, &["--json"]].concat());
        let line = String::from_utf8(output.stdout).unwrap();
        assert_eq!(line.lines().count(), 1, "{line}");
        (output.status.code().unwrap(), serde_json::from_str(&line).unwrap())
    }
}

#[test]
fn paint_draws_while_its_lease_counts_and_says_why_not_otherwise() {
    let bench = Bench::new();
    let paint = Paint { bench: &bench, offset: 0 };
    let (exit, said) = paint.json(&["run"]);
    assert_eq!((exit, &said["error"], &said["status"]), (1, &json!("not_activated"), &json!("not_activated")));

    // The example goes by the computer's clock; a fresh lease tells it what time the test wants.
    bench.server.will(keys(&[&product_key()])).will(bench.grant(&bench.open(), |_| {}));
    let (exit, said) = paint.json(&["activate", "PAINT-0001"]);
    assert_eq!((exit, &said["status"], &said["expires_at"]), (0, &json!("valid"), &json!("2027-01-25T08:00:00Z")));
    assert_eq!(START, 1_800_000_000, "the date above is of ten days after it");

    let drawn = paint.run(&["run"]);
    assert_eq!(drawn.status.code(), Some(0));
    let text = String::from_utf8(drawn.stdout).unwrap();
    assert!(text.contains("/\\") && text.contains("FLOAT (floating, 5 in all)"), "{text}");

    let later = Paint { bench: &bench, offset: 11 * 86_400 };
    let (exit, said) = later.json(&["status"]);
    assert_eq!((exit, &said["error"], &said["may_run"]), (1, &json!("expired"), &json!(false)));
    let lapsed = later.run(&["run", "--no-renew"]);
    assert_eq!(lapsed.status.code(), Some(1));
    let text = String::from_utf8(lapsed.stdout).unwrap();
    assert_eq!(text, "not licensed: the lease ended at 2027-01-25T08:00:00Z\n");
}

#[test]
fn paint_exits_with_one_for_refusals_and_two_for_all_else() {
    let mut bench = Bench::new();
    let paint = |bench: &Bench, words: &[&str]| Paint { bench, offset: 0 }.json(words);
    bench.server.will(keys(&[&product_key()])).will(problem(409, "no_seat"));
    let (exit, said) = paint(&bench, &["activate", "PAINT-0001"]);
    assert_eq!((exit, &said["error"]), (1, &json!("no_seat")));

    for words in [&["activate"][..], &["fly"], &["seat", "A", "B"], &["draw", "F", "many"], &["run", "--fast"], &[]] {
        let (exit, said) = paint(&bench, words);
        assert_eq!((exit, &said["error"]), (2, &json!("usage")), "{words:?}");
    }
    bench.server.stop();
    let (exit, said) = paint(&bench, &["activate", "PAINT-0001"]);
    assert_eq!((exit, &said["error"]), (2, &json!("unreachable")));
}

#[test]
fn paint_works_with_a_seat_and_tokens_and_signs_in() {
    let bench = Bench::new();
    let paint = Paint { bench: &bench, offset: 0 };
    bench.server.will(bench.grant(&bench.open(), |_| {}));
    let (exit, said) = paint.json(&["--key", &product_key().public_key().to_hex(), "sign-in", "ann", "secret"]);
    assert_eq!((exit, &said["status"]), (0, &json!("valid")), "{said}");
    assert_eq!(bench.server.last().body["end_user"]["user_name"], "ann");
    drop(bench);

    let bench = Bench::new();
    let paint = Paint { bench: &bench, offset: 0 };
    let holding = || Reply::Json(200, json!({"feature": "F", "held": 1, "used": 1, "limit": 5}));
    bench.activated();
    for reply in [holding(), holding(), holding(), holding(), Reply::Json(200, json!({"results": []}))] {
        bench.server.will(reply);
    }
    let key = product_key().public_key().to_hex();
    let (exit, said) = paint.json(&["--key", &key, "work", "FLOAT", "TOKEN"]);
    assert_eq!((exit, &said["left"]), (0, &json!(1)), "{said}");
    let lines: Vec<String> = bench.server.asked().into_iter().map(|asked| asked.line).collect();
    let calls: Vec<&str> =
        lines[1..].iter().filter_map(|line| line.strip_prefix("POST /device/v1/activations/act_1")).collect();
    assert_eq!(calls, ["/seats", "/tokens", "/tokens", "/events"]);
    bench.server.will(Reply::Json(200, json!({})));
    assert_eq!(paint.json(&["--key", &key, "heartbeat"]).0, 0);
}
