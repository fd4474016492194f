//! The laws, each named after what it holds.
#![allow(clippy::missing_panics_doc, reason = "to panic is how they fail")]
#![allow(missing_docs, reason = "their names say it")]

use crate::client::{BROKEN, PATIENCE, get, request};
use crate::{Probe, SCRIPT, Server};
use sse_core::Event;
use std::net::SocketAddr;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A server under test.
struct Test {
    address: SocketAddr,
    ended: JoinHandle<()>,
    stop: watch::Sender<bool>,
    live: mpsc::UnboundedReceiver<mpsc::UnboundedSender<Event>>,
}

impl Test {
    async fn start<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) -> Self {
        let (sender, live) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        let Server { address, ended } = start(Probe { live: sender, stopped }).await;
        Self { address, ended, stop, live }
    }

    /// The sender of the next live stream.
    async fn live(&mut self) -> mpsc::UnboundedSender<Event> {
        timeout(PATIENCE, self.live.recv()).await.expect("a live stream").unwrap()
    }
}

const OPENING: &str = ":\n\n";
const KEEP_ALIVE: &str = ":still here\n\n";

pub async fn the_head_is_that_of_an_event_stream<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Test::start(start).await;
    let response = get(test.address, "/script").await;
    assert_eq!(response.status, 200);
    let values = |name: &str| -> Vec<&str> {
        let values = response.headers.iter().map(|line| line.split_once(": ").unwrap());
        values.filter(|line| line.0 == name).map(|line| line.1).collect()
    };
    for (name, value) in sse_core::header::RESPONSE {
        assert_eq!(values(name), [value], "{name}");
    }
    assert_eq!(values("transfer-encoding"), ["chunked"]);
    assert_eq!(values("connection"), [""; 0]);
    assert_eq!(values("content-length"), [""; 0]);
}

pub async fn the_body_is_the_script_byte_for_byte<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Test::start(start).await;
    assert_eq!(get(test.address, "/script").await.rest().await.0, SCRIPT);
}

pub async fn the_opening_comment_comes_at_once<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Test::start(start).await;
    assert_eq!(get(test.address, "/live").await.chunk().await, Ok(Some(OPENING.to_owned())));
}

pub async fn each_event_is_a_chunk_as_it_is_sent<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let mut test = Test::start(start).await;
    let mut response = get(test.address, "/live").await;
    let live = test.live().await;
    for length in [1, 1000, 10_000, 3] {
        let data = "x".repeat(length);
        live.send(Event::new().data(&data)).unwrap();
        let mut event = String::new();
        while event.is_empty() {
            let chunk = response.chunk().await.unwrap().unwrap();
            // A keep-alive that comes due just before the event leaves with it.
            event = chunk.replace(KEEP_ALIVE, "").replace(OPENING, "");
        }
        assert_eq!(event, format!("data: {data}\n\n"));
    }
    drop(live);
    let (rest, end) = response.rest().await;
    assert_eq!((rest.replace(KEEP_ALIVE, ""), end), (String::new(), Ok(())));
}

pub async fn keep_alive_fills_the_pauses<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Test::start(start).await;
    let mut response = get(test.address, "/live").await;
    for chunk in [OPENING, KEEP_ALIVE, KEEP_ALIVE, KEEP_ALIVE] {
        assert_eq!(response.chunk().await, Ok(Some(chunk.to_owned())));
    }
}

fn resumed(next: u32) -> String {
    (next..next + 3).map(|id| format!("id: {id}\ndata: x\n\n")).collect()
}

pub async fn a_client_resumes_after_the_id_in_its_header<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Test::start(start).await;
    for (header, next) in [("", 1), ("Last-Event-ID: 41\r\n", 42), ("last-event-id: 7\r\n", 8)] {
        let mut response = request(test.address, "GET", "/resume", header.as_bytes()).await;
        assert_eq!(response.rest().await, (resumed(next), Ok(())), "{header}");
    }
}

pub async fn a_client_resumes_after_the_id_in_its_query<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Test::start(start).await;
    for (path, header, next) in [
        ("/resume?lastEventId=41", "", 42),
        ("/resume?a=b&lastEventId=%34%31", "", 42),
        ("/resume?lastEventId=41", "Last-Event-ID: 7\r\n", 8),
        ("/resume?lastEventId=", "", 1),
    ] {
        let mut response = request(test.address, "GET", path, header.as_bytes()).await;
        assert_eq!(response.rest().await, (resumed(next), Ok(())), "{path} {header}");
    }
}

pub async fn a_last_event_id_that_is_not_utf8_is_a_400<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Test::start(start).await;
    let response = request(test.address, "GET", "/resume", b"Last-Event-ID: \xFF\r\n").await;
    assert_eq!(response.status, 400);
    // UTF-8 that is not ASCII is fine.
    let response = request(test.address, "GET", "/resume", "Last-Event-ID: 셋\r\n".as_bytes()).await;
    assert_eq!(response.status, 200);
}

pub async fn a_last_event_id_that_no_event_can_have_is_a_400<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let test = Test::start(start).await;
    for id in ["%00", "%0A", "%FF"] {
        let response = get(test.address, &format!("/resume?lastEventId={id}")).await;
        assert_eq!(response.status, 400, "{id}");
    }
}

pub async fn a_204_ends_it<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Test::start(start).await;
    assert_eq!(get(test.address, "/once").await.status, 200);
    assert_eq!(request(test.address, "GET", "/once", b"Last-Event-ID: 1\r\n").await.status, 204);
}

pub async fn a_head_request_gets_the_head_alone<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let test = Test::start(start).await;
    let mut response = request(test.address, "HEAD", "/script", b"connection: close\r\n").await;
    assert_eq!(response.status, 200);
    assert!(response.headers.contains(&"content-type: text/event-stream".to_owned()));
    assert_eq!(response.chunk().await, Err(BROKEN));
}

pub async fn a_client_that_is_gone_has_its_stream_dropped<F: Future<Output = Server>>(
    start: impl FnOnce(Probe) -> F,
) {
    let mut test = Test::start(start).await;
    let mut response = get(test.address, "/live").await;
    let live = test.live().await;
    assert_eq!(response.chunk().await, Ok(Some(OPENING.to_owned())));
    assert!(!live.is_closed());
    drop(response);
    timeout(PATIENCE, live.closed()).await.expect("the stream to be dropped");
}

pub async fn shutdown_ends_open_streams_in_order<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) {
    let mut test = Test::start(start).await;
    let mut responses = [get(test.address, "/live").await, get(test.address, "/live").await];
    let live = [test.live().await, test.live().await];
    for response in &mut responses {
        assert_eq!(response.chunk().await, Ok(Some(OPENING.to_owned())));
    }
    test.stop.send_replace(true);
    for response in &mut responses {
        let (rest, end) = response.rest().await;
        assert_eq!((rest.replace(KEEP_ALIVE, ""), end), (String::new(), Ok(())));
    }
    timeout(PATIENCE, test.ended).await.expect("the server to end").unwrap();
    drop(live);
}
