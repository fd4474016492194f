//! The body of a response: which chunks it consists of, and when they are sent.

#![cfg(all(feature = "http", feature = "tokio"))]

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FusedStream, Stream, StreamExt};
use http_body::Body;
use sse_core::{Clock, EncodedEvent, Event, KeepAlive, Sse};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Polls once.
fn poll<S: Stream>(stream: Pin<&mut S>) -> Poll<Option<S::Item>> {
    stream.poll_next(&mut Context::from_waker(Waker::noop()))
}

/// A stream that returns these, one per poll.
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
fn the_body_is_the_events_and_nothing_else() {
    let mut body = pin!(Sse::new(script([Poll::Pending, event("1"), Poll::Pending, Poll::Pending])));
    assert_eq!(poll(body.as_mut()), Poll::Pending);
    assert_eq!(poll(body.as_mut()), chunk("data: 1\n\n"));
    assert_eq!(poll(body.as_mut()), Poll::Pending);
    assert_eq!(poll(body.as_mut()), Poll::Ready(None));
}

#[test]
fn events_that_are_ready_together_are_sent_as_one_chunk() {
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
    while !body.is_terminated() {
        chunks.extend(run(body.as_mut()).0.into_iter().map(Result::unwrap));
    }
    assert!(chunks.iter().all(|chunk| chunk.len() <= 16 * 1024));
    assert_eq!(chunks.len(), 7, "sixteen of 1,008 bytes fit in a chunk");
    assert_eq!(chunks.concat(), format!("data: {text}\n\n").repeat(100).into_bytes());
}

#[test]
fn a_full_chunk_is_sent_without_polling_for_more() {
    let kibibyte = "x".repeat(1024 - "data: \n\n".len());
    let events = script((0..16).map(|_| event(&kibibyte)));
    let mut body = pin!(Sse::new(events.chain(stream::poll_fn(|_| panic!("the chunk was full")))));
    let Poll::Ready(Some(Ok(chunk))) = poll(body.as_mut()) else { panic!("no chunk") };
    assert_eq!(chunk.len(), 16 * 1024);
}

#[test]
fn an_event_larger_than_a_chunk_is_sent_alone_and_in_order() {
    let large = "x".repeat(20_000);
    let mut body = pin!(Sse::new(script([event("1"), event(&large), event("2"), event("3")])));
    assert_eq!(poll(body.as_mut()), chunk("data: 1\n\n"));
    assert_eq!(poll(body.as_mut()), chunk(&format!("data: {large}\n\n")));
    assert_eq!(poll(body.as_mut()), chunk("data: 2\n\ndata: 3\n\n"));
}

#[test]
fn a_lone_event_is_sent_without_a_copy() {
    let events = [1, 2].map(|n| EncodedEvent::from(Event::new().data(n.to_string())));
    let [first, second] = events.clone();
    let steps = [Poll::Ready(Ok::<_, ()>(first)), Poll::Pending, Poll::Ready(Ok(second)), Poll::Pending];
    let mut body = pin!(Sse::new(script(steps)));
    for event in events {
        let Poll::Ready(Some(Ok(chunk))) = poll(body.as_mut()) else { panic!("no chunk") };
        assert_eq!(chunk.as_ptr(), event.as_bytes().as_ptr());
    }
}

/// Returns what a body yields until it is `Pending`, and whether it has woken its task by then.
fn run<S>(mut body: Pin<&mut S>) -> (Vec<S::Item>, bool)
where
    S: Stream,
{
    struct Woken(AtomicBool);
    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let woken = Arc::new(Woken(AtomicBool::new(false)));
    let waker = Waker::from(woken.clone());
    let mut items = Vec::new();
    while let Poll::Ready(Some(item)) = body.as_mut().poll_next(&mut Context::from_waker(&waker)) {
        items.push(item);
    }
    (items, woken.0.load(Ordering::Relaxed))
}

#[test]
fn a_stream_that_is_always_ready_is_interrupted_after_64_events() {
    for size in [1, 1000, 20_000] {
        let wire = format!("data: {}\n\n", "x".repeat(size));
        let event = EncodedEvent::raw(wire.clone());
        let mut body = pin!(Sse::new(stream::repeat_with(|| Ok::<_, ()>(event.clone()))));
        for _ in 0..3 {
            let (chunks, woken) = run(body.as_mut());
            let chunks: Vec<_> = chunks.into_iter().map(Result::unwrap).collect();
            // The last event may be held for the next chunk.
            assert!((63..=64).contains(&(chunks.concat().len() / wire.len())), "{size}: {chunks:?}");
            assert!(woken, "the body wakes its task");
        }
    }
}

#[test]
fn a_stream_of_only_empty_events_is_interrupted_and_sends_no_chunk() {
    let mut body = pin!(Sse::new(stream::repeat_with(|| Ok::<_, ()>(EncodedEvent::raw("")))));
    assert_eq!(run(body.as_mut()), (vec![], true));
    let events = ["", "data: 1\n\n", ""].map(|wire| Ok::<_, ()>(EncodedEvent::raw(wire)));
    let mut body = pin!(Sse::new(stream::iter(events)));
    assert_eq!(run(body.as_mut()).0, [Ok(Bytes::from("data: 1\n\n"))]);
    assert!(body.is_terminated());
}

/// A clock that the test sets, and that counts its sleeps.
#[derive(Clone, Default)]
struct Manual(Arc<Mutex<(Duration, usize)>>);

impl Manual {
    fn advance(&self, duration: Duration) {
        self.0.lock().unwrap().0 += duration;
    }
}

impl Clock for Manual {
    type Sleep = BoxFuture<'static, ()>;

    fn now(&self) -> Duration {
        self.0.lock().unwrap().0
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        self.0.lock().unwrap().1 += 1;
        let (clock, due) = (self.clone(), self.now() + duration);
        Box::pin(poll_fn(move |_| if clock.now() >= due { Poll::Ready(()) } else { Poll::Pending }))
    }
}

#[test]
fn slow_events_are_sent_after_a_millisecond_of_joining() {
    let clock = Manual::default();
    let slow = |time| {
        let clock = clock.clone();
        stream::repeat_with(move || {
            clock.advance(time);
            Ok::<_, ()>(Event::new().data("x"))
        })
    };
    let mut body = pin!(Sse::new(slow(Duration::from_millis(20))).clock(clock.clone()));
    let (chunks, woken) = run(body.as_mut());
    assert_eq!(
        chunks,
        [Ok(Bytes::from("data: x\n\n".repeat(3)))],
        "the millisecond starts at the second event"
    );
    assert!(woken);

    let mut body = pin!(Sse::new(slow(Duration::from_micros(100))).clock(clock.clone()));
    assert_eq!(run(body.as_mut()).0, [Ok(Bytes::from("data: x\n\n".repeat(12)))]);
    assert_eq!(clock.0.lock().unwrap().1, 0, "events need no timer");
}

#[test]
fn an_error_is_held_back_for_100_milliseconds_of_the_bodys_clock() {
    let failed = || Poll::Ready(Err("failed"));
    for (steps, sent) in [
        (vec![event("1"), event("2"), failed(), event("3")], vec![Ok(Bytes::from("data: 1\n\ndata: 2\n\n"))]),
        (vec![failed(), event("1")], vec![]),
        (vec![event("1"), Poll::Pending, failed()], vec![Ok(Bytes::from("data: 1\n\n"))]),
        (vec![Poll::Pending, failed()], vec![]),
    ] {
        let clock = Manual::default();
        let pauses = steps.iter().filter(|step| step.is_pending()).count();
        let mut body = pin!(Sse::new(script(steps)).clock(clock.clone()));
        assert_eq!(run(body.as_mut()).0, sent);
        for _ in 0..pauses {
            assert_eq!(run(body.as_mut()).0, []);
        }
        clock.advance(Duration::from_millis(99));
        assert_eq!(run(body.as_mut()), (vec![], false), "the error waits for the clock");
        assert!(!body.is_terminated());
        clock.advance(Duration::from_millis(1));
        assert_eq!(run(body.as_mut()).0, [Err("failed")]);
        assert!(body.is_terminated(), "an error ends the body");
    }
}

#[test]
fn without_a_clock_an_error_is_held_back_for_a_turn_of_the_executor() {
    let failed = || Poll::Ready(Err("failed"));
    let mut body = pin!(Sse::new(script([event("1"), event("2"), failed(), event("3")])));
    assert_eq!(run(body.as_mut()), (vec![Ok(Bytes::from("data: 1\n\ndata: 2\n\n"))], true));
    assert_eq!(run(body.as_mut()), (vec![Err("failed")], false));
    assert_eq!(poll(body.as_mut()), Poll::Ready(None), "an error ends the body");
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

#[test]
fn debug_output_shows_the_state_and_not_the_events() {
    let body = Sse::new(stream::pending::<Result<Event, ()>>())
        .keep_alive(KeepAlive::new().interval(Duration::from_secs(7)));
    let shown = format!("{body:?}");
    assert!(shown.starts_with("Sse") && shown.contains("ended: false"), "{shown}");
    assert!(format!("{:?}", KeepAlive::new()).contains("15s"));
}
