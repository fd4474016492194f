//! Events out of a stream of chunks.

#![cfg(feature = "stream")]

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, FusedStream, Stream};
use sse_core::{Decoder, EventStream, EventStreamError, Frame, MessageEvent};
use std::error::Error;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use std::{fmt, io};

fn body(chunks: &[&'static str]) -> impl stream::Stream<Item = Result<&'static str, io::Error>> + use<> {
    stream::iter(chunks.to_vec()).map(Ok)
}

#[tokio::test]
async fn events_are_the_same_however_the_body_is_cut() {
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
    // A decoder that continued the old event would merge events of the two bodies.
    let decoder = first.into_decoder();
    let event = EventStream::with_decoder(body(&["data: 2\n\n"]), decoder).next().await.unwrap().unwrap();
    assert_eq!((&*event.data, &*event.last_event_id), ("2", "7"));
}

#[tokio::test]
async fn a_pinned_stream_continues_with_the_body_of_a_new_connection() {
    let first = body(&["id: 7\nretry: 50\ndata: 1\n\ndata: 2\n\ndata: unfinished"]);
    let mut events = pin!(EventStream::new(first));
    assert_eq!(events.next().await.unwrap().unwrap().data, "1");
    // The rest of the old chunk is dropped, even if it is a whole event.
    events.as_mut().reconnect(body(&["\u{FEFF}data: 3\n\n"]));
    assert_eq!(events.last_event_id_header(), Some(b"7".as_slice()));
    let event = events.next().await.unwrap().unwrap();
    assert_eq!((&*event.data, &*event.last_event_id), ("3", "7"));
    assert!(events.next().await.is_none());
    events.as_mut().reconnect(body(&["data: 4\n\n"]));
    assert!(!events.is_terminated());
    assert_eq!(events.next().await.unwrap().unwrap().data, "4");
}

#[tokio::test]
async fn an_id_can_be_replaced_between_two_events_that_came_in_one_chunk() {
    let chunks = ["id: 1\ndata: a\n\ndata: b\n\nid: 2\nda", "ta: c\n\n"];
    let mut events = pin!(EventStream::new(body(&chunks)));
    let mut ids = Vec::new();
    while let Some(event) = events.next().await {
        ids.push(event.unwrap().last_event_id.into_owned());
        if ids.len() == 1 {
            events.as_mut().set_last_event_id("mine");
            assert_eq!(events.last_event_id(), "mine");
        }
    }
    assert_eq!(ids, ["1", "mine", "2"]);
}

#[tokio::test]
async fn what_is_left_of_the_frames_are_events() {
    let mut frames = EventStream::new(body(&["retry: 1\n\ndata: a\n\ndata: b\n\n"])).frames();
    assert!(matches!(frames.next().await, Some(Ok(Frame::Retry(_)))));
    let mut events = frames.into_events();
    assert_eq!(events.next().await.unwrap().unwrap().data, "a");
    // A chunk that is taken from the body is not decoded.
    let mut events = EventStream::new(body(&["data: a\n\n", "data: b\n\n"]));
    assert_eq!(Pin::new(&mut events).body_mut().next().await.unwrap().unwrap(), "data: a\n\n");
    assert_eq!(events.next().await.unwrap().unwrap().data, "b");
}

#[tokio::test]
async fn a_body_that_ends_in_the_middle_of_an_event_can_be_detected() {
    for (chunk, incomplete) in [("data: a\n\ndata: b\n", true), ("data: a\n\ndata: b\n\n", false)] {
        let mut events = EventStream::new(body(&[chunk]));
        while events.next().await.is_some() {}
        assert_eq!(events.has_incomplete_event(), incomplete, "{chunk:?}");
    }
}

#[tokio::test]
async fn frames_include_comments_and_retries() {
    let chunks = [":a\n", "retry: 5\nevent: e\ndata: 1\n\ndata: far too large\n\n:b\n\nda", "ta: 2\n\n"];
    let decoder = Decoder::new().with_comments(true).with_max_event_size(10);
    let mut frames = EventStream::with_decoder(body(&chunks), decoder).frames();
    assert!(!frames.is_terminated());
    let mut seen = Vec::new();
    while let Some(frame) = frames.next().await {
        seen.push(match frame {
            Ok(Frame::Message(message)) => format!("{}|{}", message.event_type, message.data),
            Ok(Frame::Retry(time)) => format!("{time:?}"),
            Ok(Frame::Comment(text)) => format!(":{text}"),
            Err(error) => format!("{error:?}"),
        });
    }
    assert_eq!(seen, [":a", "5ms", "e|1", "TooLarge(EventTooLarge { limit: 10 })", ":b", "message|2"]);
    assert!(frames.is_terminated());
    assert_eq!(frames.events().reconnection_time(), Some(Duration::from_millis(5)));
    let mut frames = pin!(frames);
    frames.as_mut().events_mut().reconnect(body(&[":c\n"]));
    assert_eq!(frames.next().await.unwrap().unwrap(), Frame::Comment("c".into()));
}

#[test]
fn a_body_that_never_pauses_and_has_no_event_lets_other_tasks_run() {
    for chunk in [":comment\n\n", ""] {
        let mut polls = 0;
        let endless = stream::poll_fn(|_| {
            polls += 1;
            Poll::Ready(Some(Ok::<_, ()>(chunk)))
        });
        let mut events = pin!(EventStream::new(endless));
        assert!(events.as_mut().poll_next(&mut Context::from_waker(Waker::noop())).is_pending());
        assert_eq!(polls, 32);
    }
}

#[tokio::test]
async fn a_body_that_has_let_others_run_wakes_its_task() {
    let comments = stream::repeat(Ok::<_, ()>(":comment\n\n")).take(1000);
    let mut events = EventStream::new(comments.chain(stream::iter([Ok("data: x\n\n")])));
    assert_eq!(events.next().await.unwrap().unwrap().data, "x");
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
fn an_error_of_the_body_keeps_its_message_and_source() {
    let error = EventStreamError::Body(Disconnected(io::Error::other("the cause")));
    assert_eq!(error.to_string(), "disconnected");
    assert_eq!(error.source().unwrap().to_string(), "the cause");
}

#[test]
fn debug_output_shows_the_decoder() {
    let decoder = Decoder::new().with_last_event_id("seven");
    let events = format!("{:?}", EventStream::with_decoder(body(&[]), decoder));
    assert!(events.starts_with("EventStream") && events.contains(r#"last_event_id: "seven""#), "{events}");
    let frames = format!("{:?}", EventStream::new(body(&[])).frames());
    assert!(frames.starts_with("Frames") && frames.contains("EventStream"), "{frames}");
}
