//! Events out of a stream of chunks.

#![cfg(feature = "stream")]

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, FusedStream};
use sse_core::{Decoder, EventStream, EventStreamError, MessageEvent};
use std::error::Error;
use std::pin::pin;
use std::time::Duration;
use std::{fmt, io};

fn body(chunks: &[&'static str]) -> impl stream::Stream<Item = Result<&'static str, io::Error>> + use<> {
    stream::iter(chunks.to_vec()).map(Ok)
}

#[tokio::test]
async fn events_come_out_however_the_body_is_cut() {
    let chunks = [
        "data: 1\n\ndata: 2\n",
        "",
        "\nevent: e\r",
        "\ndata: 3\n\n:\n\nevent: f\nid: 4\ndata: 5\n\ndata: 6\n\ndata: lost",
    ];
    let events = EventStream::new(body(&chunks)).map(|event| {
        let MessageEvent { event_type, data, last_event_id } = event.unwrap();
        [event_type, data, last_event_id]
    });
    assert_eq!(
        events.collect::<Vec<_>>().await,
        [["message", "1", ""], ["message", "2", ""], ["e", "3", ""], ["f", "5", "4"], ["message", "6", "4"]]
    );
}

#[tokio::test]
async fn a_chunk_is_anything_that_is_bytes() {
    let chunks = [Bytes::from("data: 1\n"), Bytes::from("\n")].map(Ok::<_, ()>);
    assert_eq!(EventStream::new(stream::iter(chunks)).next().await.unwrap().unwrap().data, "1");
    let chunks = [Ok::<_, ()>(b"data: 1\n\n".to_vec())];
    assert_eq!(EventStream::new(stream::iter(chunks)).next().await.unwrap().unwrap().data, "1");
}

#[tokio::test]
async fn an_error_of_the_body_passes_through_and_ends_the_stream() {
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);
    let chunks = [Ok("data: 1\n\n"), Err(reset), Ok("data: 2\n\n")];
    let mut events = EventStream::new(stream::iter(chunks));
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    assert!(!events.is_terminated());
    match events.next().await {
        Some(Err(EventStreamError::Body(error))) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    assert!(events.is_terminated());
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn an_event_over_the_limit_is_an_error_between_the_others() {
    let decoder = Decoder::new().with_max_event_size(8);
    let chunks = body(&["data: 1\n\ndata: far too large\n\ndata: 2\n\n"]);
    let events = EventStream::with_decoder(chunks, decoder);
    let events: Vec<_> =
        events.map(|event| event.map(|event| event.data).map_err(|error| error.to_string())).collect().await;
    assert_eq!(events[0].as_deref(), Ok("1"));
    assert!(events[1].as_ref().unwrap_err().contains("limit of 8 bytes"));
    assert_eq!(events[2].as_deref(), Ok("2"));
}

#[tokio::test]
async fn the_decoder_carries_id_and_time_over_to_the_next_connection() {
    let mut first = pin!(EventStream::new(body(&["id: 7\nretry: 50\ndata: 1\n\ndata: unfinished"])));
    while first.next().await.is_some() {}
    assert_eq!(first.last_event_id(), "7");
    assert_eq!(first.reconnection_time(), Some(Duration::from_millis(50)));

    let mut first = EventStream::new(body(&["id: 7\ndata: 1\n\ndata: unfinished"]));
    while first.next().await.is_some() {}
    let mut decoder = first.into_decoder();
    decoder.reconnect();
    let event = EventStream::with_decoder(body(&["data: 2\n\n"]), decoder).next().await.unwrap().unwrap();
    assert_eq!((&*event.data, &*event.last_event_id), ("2", "7"));
}

#[tokio::test]
async fn the_stream_is_fused() {
    let mut polls = 0;
    let body = stream::poll_fn(move |_| {
        polls += 1;
        assert_eq!(polls, 1, "polled after its end");
        std::task::Poll::Ready(None::<Result<&str, ()>>)
    });
    let mut events = EventStream::new(body);
    assert!(events.next().await.is_none());
    assert!(events.next().await.is_none());
}

#[derive(Debug)]
struct Disconnected(io::Error);

impl fmt::Display for Disconnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("disconnected")
    }
}

impl Error for Disconnected {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

#[test]
fn an_error_of_the_body_shows_as_itself_and_keeps_its_source() {
    let error = EventStreamError::Body(Disconnected(io::Error::other("the cause")));
    assert_eq!(error.to_string(), "disconnected");
    assert_eq!(error.source().unwrap().to_string(), "the cause");
}

#[test]
fn debug_output_shows_the_decoder() {
    let decoder = Decoder::new().with_last_event_id("seven");
    let events = format!("{:?}", EventStream::with_decoder(body(&[]), decoder));
    assert!(events.starts_with("EventStream") && events.contains(r#"last_event_id: "seven""#), "{events}");
}
