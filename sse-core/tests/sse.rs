//! The body of a response: what leaves as which chunk, and when.

#![cfg(all(feature = "http", feature = "tokio"))]

use bytes::Bytes;
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use http_body::Body;
use sse_core::{EncodedEvent, Event, KeepAlive, Sse};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Polls once.
fn poll<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A stream that gives these, one a poll.
fn script<T>(steps: impl IntoIterator<Item = Poll<T>>) -> impl Stream<Item = T> {
    let mut steps = steps.into_iter();
    stream::poll_fn(move |_| match steps.next() {
        Some(Poll::Ready(item)) => Poll::Ready(Some(item)),
        Some(Poll::Pending) => Poll::Pending,
        None => Poll::Ready(None),
    })
}

fn event(data: &str) -> Poll<Result<Event, &'static str>> {
    Poll::Ready(Ok(Event::new().data(data)))
}

fn chunk(text: &str) -> Poll<Option<Result<Bytes, &'static str>>> {
    Poll::Ready(Some(Ok(Bytes::copy_from_slice(text.as_bytes()))))
}

#[test]
fn an_opening_comment_goes_out_when_nothing_is_ready_at_first() {
    let mut body = pin!(Sse::new(script([Poll::Pending, Poll::Pending, event("1"), Poll::Pending])));
    assert_eq!(poll(body.as_mut()), chunk(":\n\n"));
    assert_eq!(poll(body.as_mut()), Poll::Pending);
    assert_eq!(poll(body.as_mut()), chunk("data: 1\n\n"));
}

#[test]
fn an_event_that_is_ready_at_first_needs_no_opening_comment() {
    let mut body = pin!(Sse::new(script([event("1"), Poll::Pending, Poll::Pending])));
    assert_eq!(poll(body.as_mut()), chunk("data: 1\n\n"));
    assert_eq!(poll(body.as_mut()), Poll::Pending);
}

#[test]
fn events_that_are_ready_together_leave_as_one_chunk() {
    let mut body = pin!(Sse::new(script([event("1"), event("2"), event("3"), Poll::Pending, event("4")])));
    assert_eq!(poll(body.as_mut()), chunk("data: 1\n\ndata: 2\n\ndata: 3\n\n"));
    assert_eq!(poll(body.as_mut()), chunk("data: 4\n\n"));
    assert_eq!(poll(body.as_mut()), Poll::Ready(None));
}

#[test]
fn a_chunk_of_joined_events_is_at_most_16_kib_and_loses_none() {
    let text = "x".repeat(1000);
    let mut body = pin!(Sse::new(script((0..100).map(|_| event(&text)))));
    let mut chunks = Vec::new();
    while let Poll::Ready(Some(chunk)) = poll(body.as_mut()) {
        chunks.push(chunk.unwrap());
    }
    assert!(chunks.iter().all(|chunk| chunk.len() <= 16 * 1024));
    assert_eq!(chunks.len(), 7, "sixteen of 1,008 bytes fit in a chunk");
    assert_eq!(chunks.concat(), format!("data: {text}\n\n").repeat(100).into_bytes());
}

#[test]
fn a_full_chunk_leaves_without_a_look_at_what_comes_after_it() {
    let kibibyte = "x".repeat(1024 - "data: \n\n".len());
    let events = script((0..16).map(|_| event(&kibibyte)));
    let mut body = pin!(Sse::new(events.chain(stream::poll_fn(|_| panic!("the chunk was full")))));
    let Poll::Ready(Some(Ok(chunk))) = poll(body.as_mut()) else { panic!("no chunk") };
    assert_eq!(chunk.len(), 16 * 1024);
}

#[test]
fn an_event_larger_than_a_chunk_leaves_alone_and_in_order() {
    let large = "x".repeat(20_000);
    let mut body = pin!(Sse::new(script([event("1"), event(&large), event("2"), event("3")])));
    assert_eq!(poll(body.as_mut()), chunk("data: 1\n\n"));
    assert_eq!(poll(body.as_mut()), chunk(&format!("data: {large}\n\n")));
    assert_eq!(poll(body.as_mut()), chunk("data: 2\n\ndata: 3\n\n"));
}

#[test]
fn an_event_alone_leaves_uncopied() {
    let events = [1, 2].map(|n| EncodedEvent::from(Event::new().data(n.to_string())));
    let [first, second] = events.clone();
    let steps = [Poll::Ready(Ok::<_, ()>(first)), Poll::Pending, Poll::Ready(Ok(second)), Poll::Pending];
    let mut body = pin!(Sse::new(script(steps)));
    for event in events {
        let Poll::Ready(Some(Ok(chunk))) = poll(body.as_mut()) else { panic!("no chunk") };
        assert_eq!(chunk.as_ptr(), event.as_bytes().as_ptr());
    }
}

#[test]
fn what_came_before_an_error_has_a_turn_to_be_sent() {
    let failed = || Poll::Ready(Err("failed"));
    for steps in [
        vec![event("1"), event("2"), failed(), event("3")],
        vec![event("1"), event("2"), Poll::Pending, failed(), event("3")],
    ] {
        let mut body = pin!(Sse::new(script(steps)));
        assert_eq!(poll(body.as_mut()), chunk("data: 1\n\ndata: 2\n\n"));
        assert_eq!(poll(body.as_mut()), Poll::Pending);
        assert_eq!(poll(body.as_mut()), Poll::Ready(Some(Err("failed"))));
        assert_eq!(poll(body.as_mut()), Poll::Ready(None), "an error ends the body");
    }
}

#[test]
fn an_error_at_first_has_the_head_sent_and_comes_at_once_after_a_pause() {
    let failed = || Poll::Ready(Err::<Event, _>("failed"));
    let mut body = pin!(Sse::new(script([failed()])));
    assert_eq!(poll(body.as_mut()), Poll::Pending);
    assert_eq!(poll(body.as_mut()), Poll::Ready(Some(Err("failed"))));

    let mut body = pin!(Sse::new(script([Poll::Pending, Poll::Pending, failed()])));
    assert_eq!(poll(body.as_mut()), chunk(":\n\n"));
    assert_eq!(poll(body.as_mut()), Poll::Pending);
    assert_eq!(poll(body.as_mut()), Poll::Ready(Some(Err("failed"))));
}

#[tokio::test]
async fn the_turn_before_an_error_wakes_the_task() {
    let body = Sse::new(script([event("1"), Poll::Ready(Err("failed"))]));
    assert_eq!(body.collect::<Vec<_>>().await, [Ok(Bytes::from("data: 1\n\n")), Err("failed")]);
}

#[test]
fn a_body_that_has_ended_stays_ended_and_does_not_poll_on() {
    let events = stream::once(async { Ok::<_, ()>(Event::new().data("1")) });
    let mut body = pin!(Sse::new(events));
    assert!(!body.is_terminated());
    assert_eq!(poll(body.as_mut()), Poll::Ready(Some(Ok(Bytes::from("data: 1\n\n")))));
    assert!(body.is_terminated());
    // A second poll of `once` after its end would panic.
    assert_eq!(poll(body.as_mut()), Poll::Ready(None));
    assert_eq!(poll(body.as_mut()), Poll::Ready(None));
}

#[tokio::test]
async fn the_response_has_the_headers_and_the_body() {
    let response = Sse::new(script([event("1")])).into_response();
    assert_eq!(response.status(), 200);
    let headers: Vec<_> =
        response.headers().iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    assert_eq!(headers, sse_core::header::RESPONSE);
    let mut body = pin!(response.into_body());
    assert!(!body.is_end_stream());
    let frame = poll_fn(|cx| body.as_mut().poll_frame(cx)).await.unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), "data: 1\n\n");
    assert!(body.is_end_stream());
    assert!(poll_fn(|cx| body.as_mut().poll_frame(cx)).await.is_none());
}

/// A body with keep-alive of events that are sent by hand; the opening comment is already taken.
async fn kept_alive(
    keep_alive: KeepAlive,
) -> (mpsc::UnboundedSender<Event>, impl Stream<Item = Bytes> + Unpin) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let events = stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok::<_, ()>);
    let mut body = Box::pin(Sse::new(events).keep_alive(keep_alive).map(Result::unwrap));
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    (sender, body)
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_an_empty_comment_every_15_seconds_unless_told_otherwise() {
    let (_sender, mut body) = kept_alive(KeepAlive::new()).await;
    let start = Instant::now();
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), seconds(15));
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), seconds(30));
}

#[tokio::test(start_paused = true)]
async fn keep_alive_has_a_text_or_an_event_of_its_own() {
    let (_sender, mut body) = kept_alive(KeepAlive::new().interval(seconds(1)).text("still\nhere")).await;
    assert_eq!(body.next().await.unwrap(), ":still\n:here\n\n");
    let (_sender, mut body) = kept_alive(KeepAlive::new().event(Event::new().event("ping").data("1"))).await;
    assert_eq!(body.next().await.unwrap(), "event: ping\ndata: 1\n\n");
}

#[tokio::test(start_paused = true)]
async fn keep_alive_counts_from_the_last_event() {
    let (sender, mut body) = kept_alive(KeepAlive::new().interval(seconds(10))).await;
    // Long activity, each event in time, so that the timer fires and is set again several times.
    for _ in 0..20 {
        sleep(seconds(9)).await;
        sender.send(Event::new().data("x")).unwrap();
        assert_eq!(body.next().await.unwrap(), "data: x\n\n");
    }
    let last_event = Instant::now();
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(last_event.elapsed(), seconds(10));
}

#[tokio::test(start_paused = true)]
async fn keep_alive_never_panics_and_zero_or_no_end_sends_none() {
    for interval in [Duration::ZERO, Duration::MAX, Duration::MAX / 2, seconds(u64::MAX), seconds(1 << 40)] {
        let (sender, mut body) = kept_alive(KeepAlive::new().interval(interval)).await;
        tokio::select! {
            chunk = body.next() => panic!("{chunk:?} with {interval:?}"),
            () = sleep(seconds(3600 * 24 * 365)) => {}
        }
        sender.send(Event::new().data("x")).unwrap();
        assert_eq!(body.next().await.unwrap(), "data: x\n\n");
    }
}

#[tokio::test(start_paused = true)]
async fn the_shortest_keep_alive_comes_once_a_millisecond() {
    let (_sender, body) = kept_alive(KeepAlive::new().interval(Duration::from_nanos(1))).await;
    let start = Instant::now();
    assert_eq!(body.take(100).count().await, 100);
    assert!(start.elapsed() >= Duration::from_millis(99), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn keep_alive_ends_with_the_events() {
    let (sender, mut body) = kept_alive(KeepAlive::new()).await;
    drop(sender);
    assert_eq!(body.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn keep_alive_works_for_encoded_events() {
    let mut body =
        Box::pin(Sse::new(stream::pending::<Result<EncodedEvent, ()>>()).keep_alive(KeepAlive::new()));
    assert_eq!(body.next().await, Some(Ok(Bytes::from(":\n\n"))));
    assert_eq!(body.next().await, Some(Ok(Bytes::from(":\n\n"))));
}

#[test]
fn debug_output_shows_the_state_and_not_the_events() {
    let body =
        Sse::new(stream::pending::<Result<Event, ()>>()).keep_alive(KeepAlive::new().interval(seconds(7)));
    let shown = format!("{body:?}");
    assert!(shown.starts_with("Sse") && shown.contains("opened: false"), "{shown}");
    assert!(format!("{:?}", KeepAlive::new()).contains("15s"));
}
