//! The laws, each named after the fact that it holds.
#![allow(clippy::missing_panics_doc, reason = "laws fail by panicking")]
#![allow(missing_docs, reason = "each is named after what it holds")]

use crate::client::{BROKEN, PATIENCE, Response, get, request};
use crate::{End, FAREWELL, KEEP_ALIVE_INTERVAL, Probe, Running, SCRIPT, STALLED, Server};
use futures_util::future::join_all;
use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sse_core::Event;
use std::fmt::Display;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

const KEEP_ALIVE: &str = ":still here\n\n";

/// Returns the rest of the body without keep-alives, and how it ended.
async fn rest(response: &mut Response) -> (String, End) {
    let (rest, end) = response.rest().await;
    (rest.replace(KEEP_ALIVE, ""), if end.is_ok() { End::InOrder } else { End::Broken })
}

pub async fn the_head_declares_an_event_stream<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Running::start(start).await;
    let response = get(test.server.address, "/script").await;
    assert_eq!(response.status, 200);
    let values = |name: &str| -> Vec<&str> {
        let values = response.headers.iter().map(|line| line.split_once(": ").unwrap());
        values.filter(|line| line.0 == name).map(|line| line.1).collect()
    };
    for &(name, value) in sse_core::header::RESPONSE {
        assert_eq!(values(name), [value], "{name}");
    }
    assert_eq!(values("transfer-encoding"), ["chunked"]);
    assert_eq!(values("connection"), [""; 0]);
    assert_eq!(values("content-length"), [""; 0]);
}

pub async fn the_body_is_the_script_byte_for_byte_and_ends_as_declared<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Running::start(start).await;
    let mut response = get(test.server.address, "/script").await;
    assert_eq!(rest(&mut response).await, (SCRIPT.to_owned(), test.server.after_error));
}

pub async fn the_response_begins_at_once<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let mut test = Running::start(start).await;
    // The head has arrived before any event was sent.
    assert_eq!(get(test.server.address, "/quiet").await.status, 200);
    test.live().await;
}

pub async fn each_event_arrives_whole_before_the_next_is_sent<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let mut test = Running::start(start).await;
    let mut response = get(test.server.address, "/live").await;
    let live = test.live().await;
    for length in [1, 1000, 10_000, 3] {
        let event = Event::new().data("x".repeat(length));
        live.send(event.clone()).unwrap();
        let mut arrived = String::new();
        while arrived.len() < event.to_string().len() {
            arrived += &response.chunk().await.unwrap().unwrap().replace(KEEP_ALIVE, "");
        }
        assert_eq!(arrived, event.to_string());
    }
    drop(live);
    assert_eq!(rest(&mut response).await, (String::new(), End::InOrder));
}

pub async fn keep_alive_comes_first_and_fills_the_pauses<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let mut test = Running::start(start).await;
    let mut response = get(test.server.address, "/live").await;
    let live = test.live().await;
    for _ in 0..4 {
        assert_eq!(response.chunk().await, Ok(Some(KEEP_ALIVE.to_owned())));
    }
    drop(live);
}

pub async fn without_keep_alive_the_body_is_the_events_and_nothing_else<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let mut test = Running::start(start).await;
    let mut response = get(test.server.address, "/quiet").await;
    let live = test.live().await;
    // Long enough for several keep-alives, if there were any.
    sleep(5 * KEEP_ALIVE_INTERVAL).await;
    live.send(Event::new().data("x")).unwrap();
    drop(live);
    assert_eq!(response.rest().await, ("data: x\n\n".to_owned(), Ok(())));
}

/// How many concurrent requests a law makes to catch a rare failure.
const ROUNDS: usize = 300;

pub async fn events_before_an_error_arrive<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Running::start(start).await;
    let Server { address, after_error, .. } = test.server;
    let bodies = (0..ROUNDS).map(async |_| rest(&mut get(address, "/script").await).await);
    for body in join_all(bodies).await {
        assert_eq!(body, (SCRIPT.to_owned(), after_error));
    }
}

pub async fn events_before_an_error_arrive_over_http2<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    const CONNECTIONS: usize = 10;

    let test = Running::start(start).await;
    let Server { address, after_error, .. } = test.server;
    let connections = (0..CONNECTIONS).map(async |_| {
        let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
        let (client, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
        tokio::spawn(connection);
        join_all((0..ROUNDS / CONNECTIONS).map(|_| over_http2(client.clone(), address))).await
    });
    for body in join_all(connections).await.concat() {
        assert_eq!(body, (SCRIPT.to_owned(), after_error));
    }
}

/// Returns the script over HTTP/2, and how it ended.
async fn over_http2(mut client: http2::SendRequest<Empty<Bytes>>, address: SocketAddr) -> (String, End) {
    let request = hyper::Request::get(format!("http://{address}/script")).body(Empty::new()).unwrap();
    let response = client.send_request(request).await.expect("the head of a response");
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert!(!response.headers().contains_key("connection"));
    let (mut body, mut read) = (response.into_body(), Vec::new());
    while let Some(frame) = timeout(PATIENCE, body.frame()).await.expect("more of the body") {
        match frame {
            Ok(frame) => read.extend(frame.into_data().expect("no trailers")),
            Err(_) => return (String::from_utf8(read).unwrap(), End::Broken),
        }
    }
    (String::from_utf8(read).unwrap(), End::InOrder)
}

fn resumed(next: u32) -> String {
    (next..next + 3).map(|id| format!("id: {id}\ndata: x\n\n")).collect()
}

pub async fn a_client_resumes_after_the_id_in_its_header<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Running::start(start).await;
    for (header, next) in [("", 1), ("Last-Event-ID: 41\r\n", 42), ("last-event-id: 7\r\n", 8)] {
        let mut response = request(test.server.address, "GET", "/resume", header.as_bytes()).await;
        assert_eq!(response.rest().await, (resumed(next), Ok(())), "{header}");
    }
}

pub async fn a_client_resumes_after_the_id_in_its_query<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Running::start(start).await;
    for (path, header, next) in [
        ("/resume?lastEventId=41", "", 42),
        ("/resume?a=b&lastEventId=%34%31", "", 42),
        ("/resume?lastEventId=41", "Last-Event-ID: 7\r\n", 8),
        ("/resume?lastEventId=", "", 1),
    ] {
        let mut response = request(test.server.address, "GET", path, header.as_bytes()).await;
        assert_eq!(response.rest().await, (resumed(next), Ok(())), "{path} {header}");
    }
}

pub async fn a_last_event_id_that_is_not_utf8_is_a_400<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Running::start(start).await;
    let response = request(test.server.address, "GET", "/resume", b"Last-Event-ID: \xFF\r\n").await;
    assert_eq!(response.status, 400);
    // UTF-8 that is not ASCII is fine.
    let response = request(test.server.address, "GET", "/resume", "Last-Event-ID: 셋\r\n".as_bytes()).await;
    assert_eq!(response.status, 200);
}

pub async fn a_last_event_id_that_no_event_can_have_is_a_400<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Running::start(start).await;
    for id in ["%00", "%0A", "%FF"] {
        let response = get(test.server.address, &format!("/resume?lastEventId={id}")).await;
        assert_eq!(response.status, 400, "{id}");
    }
}

pub async fn a_204_tells_the_client_to_stop<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Running::start(start).await;
    assert_eq!(get(test.server.address, "/once").await.status, 200);
    assert_eq!(request(test.server.address, "GET", "/once", b"Last-Event-ID: 1\r\n").await.status, 204);
}

pub async fn a_head_request_gets_the_head_alone<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Running::start(start).await;
    let mut response = request(test.server.address, "HEAD", "/script", b"connection: close\r\n").await;
    assert_eq!(response.status, 200);
    assert!(response.headers.contains(&"content-type: text/event-stream".to_owned()));
    assert_eq!(response.chunk().await, Err(BROKEN));
}

pub async fn a_client_that_is_gone_has_its_kept_alive_stream_dropped<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    a_client_that_is_gone_has_its_stream_dropped(start, "/live").await;
}

pub async fn a_client_that_is_gone_has_its_quiet_stream_dropped<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    a_client_that_is_gone_has_its_stream_dropped(start, "/quiet").await;
}

async fn a_client_that_is_gone_has_its_stream_dropped<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
    path: &str,
) {
    let mut test = Running::start(start).await;
    let response = get(test.server.address, path).await;
    let live = test.live().await;
    assert!(!live.is_closed());
    drop(response);
    timeout(PATIENCE, live.closed()).await.expect("the stream to be dropped");
}

pub async fn a_client_that_does_not_read_has_its_stream_dropped<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let mut test = Running::start(start).await;
    let response = get(test.server.address, "/endless").await;
    let live = test.live().await;
    timeout(PATIENCE, live.closed()).await.expect("the stream to be dropped");
    drop(response);
}

pub async fn a_client_that_reads_slowly_keeps_its_stream<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let mut test = Running::start(start).await;
    let mut response = get(test.server.address, "/endless").await;
    let live = test.live().await;
    let start = Instant::now();
    while start.elapsed() < 3 * STALLED {
        let mut read = 0;
        while read < 64 * 1024 {
            read += response.chunk().await.unwrap().unwrap().len();
        }
        sleep(Duration::from_millis(100)).await;
    }
    assert!(!live.is_closed());
}

pub async fn shutdown_ends_open_streams_in_order<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let mut test = Running::start(start).await;
    let address = test.server.address;
    let mut responses = [get(address, "/live").await, get(address, "/quiet").await];
    let live = [test.live().await, test.live().await];
    test.stop();
    for response in &mut responses {
        assert_eq!(rest(response).await, (String::new(), End::InOrder));
    }
    timeout(PATIENCE, test.server.ended).await.expect("the server to end").unwrap();
    drop(live);
}

pub async fn a_last_event_arrives_at_shutdown<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Running::start(start).await;
    let address = test.server.address;
    let mut responses = join_all((0..20).map(|_| get(address, "/farewell"))).await;
    test.stop();
    for response in &mut responses {
        assert_eq!(rest(response).await, (FAREWELL.to_owned(), End::InOrder));
    }
    timeout(PATIENCE, test.server.ended).await.expect("the server to end").unwrap();
}

/// What an adapter makes of the last event ID `42` can be used as text.
pub fn the_last_event_id_is_text<T>(id: T)
where
    T: AsRef<str> + PartialEq<str> + PartialEq<&'static str> + Display + Into<String>,
{
    assert!(id == "42" && id == *"42" && id != "41" && id != *"41");
    assert_eq!(id.as_ref(), "42");
    assert_eq!(id.to_string(), "42");
    assert_eq!(id.into(), "42");
}
