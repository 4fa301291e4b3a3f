//! Requests good and bad, on sockets.

use crate::harness::{PATIENCE, Running, brisk, read_to_end, read_until};
use lessor_server::settings::Limits;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};

fn post(length: usize, body: &str) -> String {
    format!(
        "POST /v1/length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn chunked(chunks: &[&str]) -> String {
    let mut request = String::from(
        "POST /v1/length HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n",
    );
    for chunk in chunks {
        request.push_str(&format!("{:x}\r\n{chunk}\r\n", chunk.len()));
    }
    request + "0\r\n\r\n"
}

fn assert_status(answer: &str, status: u16) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "wanted {status}, got {answer}");
}

#[tokio::test]
async fn every_answer_carries_a_request_id() {
    let server = Running::start(brisk()).await;
    for path in ["/v1/hello", "/v1/unknown", "/nowhere"] {
        let answer = server.get(path).await;
        assert!(answer.contains("x-request-id: req_00000000000000000000000000001234\r\n"), "{answer}");
    }
}

#[tokio::test]
async fn unknown_addresses_and_verbs_are_problems_outside_dialects() {
    let server = Running::start(brisk()).await;
    for path in ["/nowhere", "/v1/unknown"] {
        let answer = server.get(path).await;
        assert_status(&answer, 404);
        assert!(answer.contains("application/problem+json") && answer.contains("\"code\":\"not_found\""), "{answer}");
    }
    let answer = server.exchange("DELETE /v1/hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_status(&answer, 405);
    assert!(answer.contains("\"code\":\"wrong_verb\"") && answer.to_lowercase().contains("allow: get"), "{answer}");
    let answer = server.exchange("BREW /v1/hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_status(&answer, 405);
}

#[tokio::test]
async fn a_dialect_words_refusals_in_its_own_way() {
    let server = Running::start(brisk()).await;
    let answer = server.get("/API//v2/%ff").await;
    assert_status(&answer, 400);
    assert!(answer.ends_with("\r\n\r\n\"Error: Incorrect Data. Handling Request Failed\""), "{answer}");
}

#[tokio::test]
async fn a_client_that_dribbles_its_headers_is_cut_off() {
    let server = Running::start(brisk()).await;
    let mut stream = server.connect().await;
    let started = Instant::now();
    let dribble = async {
        for _ in 0..100 {
            if stream.write_all(b"X").await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, dribble).await.expect("in time");
    assert!(started.elapsed() < Duration::from_secs(4), "cut off after {:?}", started.elapsed());
    assert_status(&server.get("/v1/hello").await, 200);
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Running::start(brisk()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /v1/hello HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("sent");
    let answer = read_to_end(&mut stream).await;
    assert_status(&answer, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_its_client_hears_so() {
    let server = Running::start(brisk()).await;
    let limit = 64 << 10;
    let answer = server.exchange(post(limit, &"x".repeat(limit))).await;
    assert_status(&answer, 200);
    assert!(answer.ends_with("\r\n\r\n65536"), "{answer}");
    for extra in [1, 1 << 20] {
        let answer = server.exchange(post(limit + extra, &"x".repeat(limit + extra))).await;
        assert_status(&answer, 413);
        assert!(answer.contains("\"code\":\"body_too_large\""), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_asks_first_hears_no_before_it_sends() {
    let server = Running::start(brisk()).await;
    let request = "POST /v1/length HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 999999999\r\n\r\n";
    let mut stream = server.connect().await;
    stream.write_all(request.as_bytes()).await.expect("sent");
    assert_status(&read_until(&mut stream, "body_too_large").await, 413);
}

#[tokio::test]
async fn chunks_are_counted_as_they_come() {
    let server = Running::start(brisk()).await;
    let answer = server.exchange(chunked(&["abc", "defg"])).await;
    assert!(answer.ends_with("\r\n\r\n7"), "{answer}");
    let chunk = "x".repeat(10 << 10);
    let answer = server.exchange(chunked(&[chunk.as_str(); 10])).await;
    assert_status(&answer, 413);
}

#[tokio::test]
async fn broken_framing_is_refused() {
    let server = Running::start(brisk()).await;
    let head = "POST /v1/length HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_status(&server.exchange(format!("{head}zz\r\nabc\r\n0\r\n\r\n")).await, 400);
    assert_status(&server.exchange("POST /v1/length HTTP/1.1\r\nContent-Length: -1\r\n\r\n").await, 400);
    assert_status(&server.exchange("nonsense\r\n\r\n").await, 400);
}

#[tokio::test]
async fn a_content_length_that_promises_more_than_comes_is_refused() {
    let server = Running::start(brisk()).await;
    // The rest never comes.
    let answer = server.exchange(post(100, "only this")).await;
    assert_status(&answer, 408);
    assert!(answer.contains("connection: close"), "{answer}");
    // The client ends its side.
    let mut stream = server.connect().await;
    stream.write_all(post(100, "only this").as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("half closed");
    let answer = read_to_end(&mut stream).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert_status(&server.get("/v1/hello").await, 200);
}

#[tokio::test]
async fn paths_must_be_utf8() {
    let server = Running::start(brisk()).await;
    for path in ["/v1/%ff", "/v1/%C3%28", "/v1/%", "/v1/%00", "/v1/x?code=%00"] {
        let answer = server.get(path).await;
        assert_status(&answer, 400);
        assert!(answer.contains("\"code\":\"path_malformed\""), "{answer}");
    }
    let answer = server.exchange(b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").await;
    assert_status(&answer, 400);
}

#[tokio::test]
async fn uris_and_headers_have_limits() {
    let server = Running::start(brisk()).await;
    for length in [9 << 10, 60 << 10, 70 << 10] {
        let answer = server.get(&format!("/v1/hello?{}", "q".repeat(length))).await;
        assert_status(&answer, 414);
    }
    let header = |bytes: usize| {
        format!("GET /v1/hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Long: {}\r\n\r\n", "h".repeat(bytes))
    };
    assert_status(&server.exchange(header(8 << 10)).await, 200);
    let answer = server.exchange(header(20 << 10)).await;
    assert_status(&answer, 431);
    assert!(answer.contains("\"code\":\"headers_too_large\""), "{answer}");
    let many = "X-Many: 1\r\n".repeat(200);
    let answer = server.exchange(format!("GET /v1/hello HTTP/1.1\r\nHost: h\r\n{many}\r\n")).await;
    assert_status(&answer, 431);
}

#[tokio::test]
async fn a_handler_that_never_answers_gives_503() {
    let server = Running::start(brisk()).await;
    let answer = server.get("/v1/stuck").await;
    assert_status(&answer, 503);
    assert!(answer.contains("\"code\":\"handler_late\""), "{answer}");
}

#[tokio::test]
async fn a_panic_is_one_500_and_the_server_lives_on() {
    let server = Running::start(brisk()).await;
    let answer = server.get("/v1/panic").await;
    assert_status(&answer, 500);
    assert!(answer.contains("\"code\":\"internal\"") && !answer.contains("planted"), "{answer}");
    assert_status(&server.get("/v1/hello").await, 200);
    let metrics = server.get("/metrics").await;
    let counted = metrics.lines().find_map(|line| line.strip_prefix("lessor_http_panics_total "));
    assert_ne!(counted.expect("a line for panics"), "0");
}

#[tokio::test]
async fn a_full_house_lets_nobody_in_until_somebody_leaves() {
    let server = Running::start(Limits { connections: 2, header_time: PATIENCE, ..brisk() }).await;
    let mut first = server.connect().await;
    let mut second = server.connect().await;
    for stream in [&mut first, &mut second] {
        stream.write_all(b"GET /v1/hello HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("sent");
        read_until(stream, "hello").await;
    }
    let mut third = server.connect().await;
    third.write_all(b"GET /v1/hello HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("sent");
    let mut byte = [0; 1];
    let waited = timeout(Duration::from_millis(200), tokio::io::AsyncReadExt::read(&mut third, &mut byte)).await;
    assert!(waited.is_err(), "the third was let in");
    drop(first);
    read_until(&mut third, "hello").await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_dropped() {
    let limits = Limits { connections: 1, write_time: Duration::from_millis(200), ..brisk() };
    let server = Running::start(limits).await;
    let mut greedy = server.connect().await;
    greedy.write_all(b"GET /v1/large HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("sent");
    // The only seat comes free although the client holds on.
    assert_status(&server.get("/v1/hello").await, 200);
    drop(greedy);
}

#[tokio::test]
async fn draining_finishes_what_was_received_and_lets_nobody_new_in() {
    let server = Running::start(brisk()).await;
    let address = server.address;
    let mut slow = server.connect().await;
    let mut idle = server.connect().await;
    slow.write_all(b"GET /v1/slow HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let served = server.stop();
    let answer = read_to_end(&mut slow).await;
    assert_status(&answer, 200);
    assert!(answer.contains("connection: close"), "{answer}");
    assert_eq!(read_to_end(&mut idle).await, "");
    timeout(PATIENCE, served).await.expect("in time").expect("no panic");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn draining_has_an_end_whatever_still_runs() {
    let limits = Limits { handler_time: PATIENCE, drain_time: Duration::from_millis(600), ..brisk() };
    let server = Running::start(limits).await;
    let mut stuck = server.connect().await;
    stuck.write_all(b"GET /v1/stuck HTTP/1.1\r\nHost: h\r\n\r\n").await.expect("sent");
    tokio::time::sleep(Duration::from_millis(50)).await;
    timeout(Duration::from_secs(5), server.stop()).await.expect("in time").expect("no panic");
}
