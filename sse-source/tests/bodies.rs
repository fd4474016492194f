//! What a source does with a response.

mod util;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::stream::{self, FusedStream, StreamExt};
use http::{HeaderMap, Response};
use http_body::Frame;
use sse_source::{BoxError, Error, EventSource, ReadyState, Signal, event_stream};
use std::future::pending;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};
use util::{chunks, data, ends, frames, holds, lost, refuses, source, unreachable, with_header};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_source_can_be_moved_and_shared_among_threads() {
    fn assert<T: Send + Sync + Unpin>() {}
    assert::<EventSource>();
    assert::<sse_source::Events>();
    assert::<Error>();
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_too_large_is_told_and_skipped() {
    let text = "id: 1\ndata: a\n\nid: 2\ndata: much too long\n\ndata: b\n\n";
    let (events, _) = source(move |_| holds(text));
    let mut events = events.max_event_size(10);
    assert_eq!(data(&mut events, 1).await, ["a"]);
    let Err(Error::TooLarge(error)) = events.message().await else { panic!() };
    assert_eq!(error.limit(), 10);
    let message = events.message().await.unwrap().unwrap();
    assert_eq!((&*message.data, &*message.last_event_id), ("b", "1"));

    let (events, _) = source(move |_| holds(text));
    let signals: Vec<_> =
        events.max_event_size(10).take(4).map(|signal| format!("{signal:?}")).collect().await;
    assert!(signals[2].starts_with("Ok(TooLarge("), "{signals:?}");
}

#[tokio::test(start_paused = true)]
async fn comments_are_shown_if_asked_for() {
    let (events, _) = source(|_| holds(":one\n: two\ndata: x\n\n"));
    let mut events = events.comments(true);
    events.opened().await.unwrap();
    let mut shown = Vec::new();
    for _ in 0..4 {
        shown.push(match events.next().await.unwrap().unwrap() {
            Signal::Open(_) => "open".to_owned(),
            Signal::Comment(text) => format!("comment {text}"),
            Signal::Message(message) => format!("message {}", message.data),
            signal => panic!("{signal:?}"),
        });
    }
    assert_eq!(shown, ["open", "comment one", "comment  two", "message x"]);
}

#[tokio::test(start_paused = true)]
async fn only_an_event_stream_opens() {
    let accepted = ["text/event-stream", "Text/Event-Stream; charset=x"];
    for content_type in accepted {
        let (mut events, _) = source(move |_| with_header(holds(""), "content-type", content_type));
        assert_eq!(events.opened().await.unwrap().headers()["content-type"], content_type);
    }
    let (mut events, _) =
        source(|_| with_header(ends("{\"error\": \"no\tkey\"}"), "content-type", "application/json"));
    let error = events.message().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the response has content type \"application/json\" instead of text/event-stream: \
         {\\\"error\\\": \\\"no\\tkey\\\"}"
    );
    let (mut events, _) = source(|_| {
        let mut response = ends("")?;
        response.headers_mut().clear();
        Ok(response)
    });
    let error = events.message().await.unwrap_err();
    assert_eq!(error.to_string(), "the response has no content type; it must be text/event-stream");
    let (mut events, _) = source(|_| refuses(404));
    let error = events.message().await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered with status 404 Not Found: why not");
}

#[tokio::test(start_paused = true)]
async fn a_compressed_stream_is_refused_with_a_reason() {
    for encoding in ["identity", "none", "", "Identity"] {
        let (mut events, _) =
            source(move |_| with_header(holds("data: x\n\n"), "content-encoding", encoding));
        assert_eq!(data(&mut events, 1).await, ["x"]);
    }
    for encoding in ["gzip", "br", "identity, gzip"] {
        let (mut events, _) =
            source(move |_| with_header(holds("data: x\n\n"), "content-encoding", encoding));
        let text = events.message().await.unwrap_err().to_string();
        assert!(text.contains(&format!("(content-encoding: {encoding})")), "{text}");
    }
}

/// Also if the body is always ready.
#[tokio::test(start_paused = true)]
async fn of_the_body_of_a_refusal_64_kib_are_read_for_5_seconds() {
    for chunk in ["x".repeat(1000), String::new()] {
        for wait in [Duration::ZERO, Duration::from_millis(1)] {
            let size = chunk.len();
            let body = stream::repeat(chunk.clone()).then(move |chunk| async move {
                if !wait.is_zero() {
                    sleep(wait).await;
                } else if chunk.is_empty() {
                    // A busy server of 5 seconds, on a paused clock.
                    tokio::time::advance(Duration::from_millis(10)).await;
                }
                chunk
            });
            let mut body = Some(body);
            let (events, _) = source(move |_| {
                let mut response = chunks(body.take().unwrap());
                *response.status_mut() = 500.try_into().unwrap();
                Ok(response)
            });
            // While that lasts, the idle timeout does not count.
            let mut events = events.idle_timeout(Duration::from_millis(500));
            let start = Instant::now();
            let error = timeout(20 * SECOND, events.message()).await.unwrap().unwrap_err();
            let read = error.response().unwrap().body().len();
            assert_eq!(read, if size == 0 { 0 } else { 64 * 1024 });
            assert!(start.elapsed() <= 5 * SECOND + Duration::from_millis(20), "{:?}", start.elapsed());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_says_nothing_is_told_after_5_seconds() {
    let (events, _) = source(|_| {
        let mut response = holds("half a rea")?;
        *response.status_mut() = 500.try_into().unwrap();
        Ok(response)
    });
    let mut events = events.idle_timeout(SECOND);
    let start = Instant::now();
    let error = events.message().await.unwrap_err();
    assert_eq!(error.response().unwrap().body(), "half a rea");
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_body_of_a_204_is_not_looked_at() {
    let (mut events, _) = source(|_| {
        let body = stream::once(async { panic!("it was looked at") });
        let mut response = frames(body);
        *response.status_mut() = 204.try_into().unwrap();
        Ok(response)
    });
    assert!(events.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_byte_for_the_idle_timeout_is_lost() {
    // Comments count as life, and so do trailers and pieces of a line.
    let alive = stream::iter([":\n", "da", "ta: x\n", "\n", ":", ":"]).then(async |chunk| {
        sleep(9 * SECOND).await;
        chunk.to_owned()
    });
    let mut body = Some(alive.chain(stream::pending()));
    let (events, _) = source(move |_| body.take().map_or_else(unreachable, |body| Ok(chunks(body))));
    let mut events = events.idle_timeout(10 * SECOND);
    let start = Instant::now();
    assert_eq!(data(&mut events, 1).await, ["x"]);
    let (cause, _) = lost(&mut events).await;
    assert!(matches!(cause, Error::Idle(time) if time == 10 * SECOND), "{cause}");
    assert_eq!(cause.to_string(), "nothing came from the server for 10s");
    assert_eq!(start.elapsed().as_millis() / 10, 100 * (6 * 9 + 10));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_answer_for_the_idle_timeout_is_asked_again() {
    let events = EventSource::new(|_| pending::<Result<Response<String>, BoxError>>());
    let start = Instant::now();
    let (cause, _) = lost(&mut events.idle_timeout(10 * SECOND)).await;
    assert!(matches!(cause, Error::Idle(_)), "{cause}");
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_no_idle_server() {
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    let mut body = Some(tokio_stream::wrappers::UnboundedReceiverStream::new(receiver));
    let (events, requests) = source(move |_| Ok(chunks(body.take().unwrap())));
    let mut events = events.idle_timeout(10 * SECOND);
    for _ in 0..3 {
        // The server talks while nobody reads.
        sleep(60 * SECOND).await;
        sender.send("data: x\n\n".to_owned()).unwrap();
        assert_eq!(data(&mut events, 1).await, ["x"]);
        // It is read for a moment, in vain.
        assert!(timeout(SECOND, events.next()).await.is_err());
    }
    assert_eq!(requests.count(), 1);
}

/// A process that did not run finds its timers expired before it has read what has arrived.
#[tokio::test(start_paused = true)]
async fn a_timer_that_fires_late_is_given_another_moment() {
    for (late, reading) in [(11, 50), (5000, 99)] {
        let answered = Arc::new(AtomicBool::new(false));
        let late = Duration::from_millis(late);
        let arrives = answered.clone();
        let (events, requests) = source(move |_| {
            let arrives = arrives.clone();
            let read = stream::once(async move {
                while !arrives.load(Ordering::Relaxed) {
                    sleep(Duration::from_millis(1)).await;
                }
                "data: x\n\n".to_owned()
            });
            Ok(chunks(read.chain(stream::pending())))
        });
        let mut events = events.idle_timeout(10 * SECOND);
        events.opened().await.unwrap();
        events.next().await;
        {
            let mut message = pin!(events.message());
            assert!(poll_once(message.as_mut()).is_pending());
            // The process stops, and so does its reading of sockets.
            tokio::time::advance(10 * SECOND + late).await;
            assert!(poll_once(message.as_mut()).is_pending(), "late by {late:?}");
            sleep(Duration::from_millis(reading)).await;
            answered.store(true, Ordering::Relaxed);
            assert_eq!(message.await.unwrap().unwrap().data, "x");
        }
        assert_eq!(requests.count(), 1);
    }
}

fn poll_once<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The row of frames never ends and is always ready.
#[tokio::test(start_paused = true)]
async fn other_tasks_get_a_turn_beside_a_body_that_is_always_ready() {
    let trailers = || Frame::<Bytes>::trailers(HeaderMap::new());
    let data = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
    type MakeFrame = Box<dyn Fn() -> Frame<Bytes> + Send + Sync>;
    let rows: [MakeFrame; 5] = [
        Box::new(trailers),
        Box::new(move || data("")),
        Box::new(move || data(":\n")),
        Box::new(move || data("retry: 1\n")),
        Box::new(move || data("data: x\n")),
    ];
    for (number, make_frame) in rows.into_iter().enumerate() {
        let make_frame = Arc::new(make_frame);
        for comments in [false, true] {
            for status in [200, 500] {
                let polled = Arc::new(AtomicUsize::new(0));
                let (make_frame, count) = (make_frame.clone(), polled.clone());
                let (events, _) = source(move |_| {
                    let (make_frame, count) = (make_frame.clone(), count.clone());
                    let mut response = frames(stream::repeat_with(move || {
                        count.fetch_add(1, Ordering::Relaxed);
                        Ok(make_frame())
                    }));
                    *response.status_mut() = status.try_into().unwrap();
                    Ok(response)
                });
                let mut events = events.comments(comments);
                let mut message = pin!(events.message());
                for turn in 1..10 {
                    assert!(poll_once(message.as_mut()).is_pending());
                    let polled = polled.load(Ordering::Relaxed);
                    assert!(polled <= turn * 40, "row {number}: {polled} frames in {turn} turns");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_one_shot_that_is_always_ready_gives_others_a_turn() {
    let response = frames(stream::repeat_with(|| Ok(Frame::data(Bytes::from_static(b":\n")))));
    let mut events = event_stream(response).await.unwrap();
    let mut message = pin!(events.message());
    assert!(poll_once(message.as_mut()).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_connect_function_closes_the_source() {
    let later = EventSource::new(async |_attempt| -> Result<Response<String>, BoxError> {
        tokio::task::yield_now().await;
        panic!("later")
    });
    let at_once =
        EventSource::new(|_| -> std::future::Ready<Result<Response<String>, BoxError>> { panic!("at once") });
    for mut events in [later, at_once] {
        assert!(AssertUnwindSafe(events.next()).catch_unwind().await.is_err());
        assert_eq!(events.ready_state(), ReadyState::Closed);
        assert!(events.next().await.is_none());
    }
}

#[test]
fn the_first_poll_panics_without_a_timer() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let panic = std::panic::catch_unwind(|| {
        let (mut events, _) = source(|_| holds("data: x\n\n"));
        runtime.block_on(async { _ = events.next().await });
    });
    assert!(panic.unwrap_err().downcast::<String>().is_ok_and(|text| text.contains("timers are disabled")));
}

#[tokio::test(start_paused = true)]
async fn opened_waits_for_the_first_response() {
    let (mut events, _) = source(|number| if number == 0 { unreachable() } else { holds("data: x\n\n") });
    assert!(matches!(events.opened().await, Err(Error::Connect(_))));
    assert_eq!(events.ready_state(), ReadyState::Connecting);
    for _ in 0..2 {
        assert_eq!(events.opened().await.unwrap().status(), 200);
        assert_eq!(events.ready_state(), ReadyState::Open);
    }
    assert!(matches!(events.next().await, Some(Ok(Signal::Open(_)))));
    assert_eq!(events.opened().await.unwrap().status(), 200);
    assert_eq!(data(&mut events, 1).await, ["x"]);
    events.close();
    assert!(matches!(events.opened().await, Err(Error::Ended)));

    let (mut events, _) = source(|_| refuses(404));
    assert!(matches!(events.opened().await, Err(Error::Response(_))));
    assert_eq!(events.ready_state(), ReadyState::Closed);
    let (mut events, _) = source(|_| refuses(204));
    assert!(matches!(events.opened().await, Err(Error::Ended)));
}

/// Counts the bodies and connect futures that are alive.
#[derive(Clone, Default)]
struct Alive(Arc<()>);

impl Alive {
    fn count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_that_is_dropped_closed_or_reconnected_drops_its_connection_at_once() {
    let alive = Alive::default();
    let body = |alive: &Alive| {
        let alive = alive.clone();
        chunks(stream::once(async { "data: x\n\n".to_owned() }).chain(stream::once(async move {
            _ = &alive;
            pending().await
        })))
    };
    for leave in [
        |_: EventSource| {},
        |mut events: EventSource| {
            events.close();
            std::mem::forget(events);
        },
    ] {
        let held = alive.clone();
        let (mut events, _) = source(move |_| Ok(body(&held)));
        data(&mut events, 1).await;
        assert_eq!(alive.count(), 2);
        leave(events);
        assert!(alive.count() <= 1, "the connect function may still be there");
    }

    let connecting = Alive::default();
    let held = connecting.clone();
    let mut events = EventSource::new(move |_| {
        let held = held.clone();
        async move {
            _ = &held;
            pending::<Result<Response<String>, BoxError>>().await
        }
    });
    assert!(poll_once(pin!(events.next())).is_pending());
    assert_eq!(connecting.count(), 2);
    events.reconnect();
    assert_eq!(connecting.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_dropped_before_the_delay() {
    let alive = Alive::default();
    let held = alive.clone();
    let (events, _) = source(move |_| {
        let held = held.clone();
        Ok(chunks(stream::once(async move {
            _ = &held;
            pending().await
        })))
    });
    let mut events = events.idle_timeout(SECOND);
    lost(&mut events).await;
    assert_eq!(alive.count(), 1);
}

/// A future of `message()`, `next()` or `opened()` is dropped each time it is pending.
#[tokio::test(start_paused = true)]
async fn nothing_is_lost_by_dropping_a_future() {
    let (mut events, requests) = source(|number| match number {
        0 => unreachable(),
        1 => refuses_slowly(),
        _ => {
            let text = format!(
                "id: {number}\ndata: one\n\n:\n\ndata: two\n\n{}",
                if number < 4 { "data: cut" } else { "" }
            );
            Ok(chunks(stream::iter(text.into_bytes()).then(async |byte| {
                sleep(Duration::from_millis(10)).await;
                char::from(byte).to_string()
            })))
        }
    });
    events = events.retry_when(|_, _| true);
    let mut messages = Vec::new();
    while messages.len() < 6 {
        // All three are dropped at a time when they wait for something.
        _ = timeout(Duration::from_millis(3), events.opened()).await;
        if let Ok(Ok(Some(message))) = timeout(Duration::from_millis(7), events.message()).await {
            messages.push(message.data.into_owned());
        }
        if let Ok(Some(Ok(Signal::Message(message)))) = timeout(Duration::from_millis(4), events.next()).await
        {
            messages.push(message.data.into_owned());
        }
    }
    assert_eq!(messages, ["one", "two", "one", "two", "one", "two"]);
    assert_eq!(requests.last_event_ids(), ["", "", "", "2", "3"]);
}

fn refuses_slowly() -> util::Answer {
    let mut response = chunks(stream::iter(["a", "b", "c"]).then(async |text| {
        sleep(Duration::from_millis(50)).await;
        text.to_owned()
    }));
    *response.status_mut() = 503.try_into().unwrap();
    Ok(response)
}

#[tokio::test(start_paused = true)]
async fn one_shot_reports_an_answer_that_was_cut_off() {
    let mut events = event_stream(ends("data: 1\n\nid: 7\ndata: 2\n\ndata: 3").unwrap()).await.unwrap();
    assert_eq!(events.message().await.unwrap().unwrap().data, "1");
    assert!(!events.is_terminated());
    assert_eq!(events.next().await.unwrap().unwrap().data, "2");
    assert_eq!(events.last_event_id(), "7");
    assert!(matches!(events.message().await, Err(Error::CutOff)));
    assert!(events.is_terminated());
    assert!(events.message().await.unwrap().is_none());

    let mut events = event_stream(util::breaks("data: 1\n\n").unwrap()).await.unwrap();
    assert_eq!(events.message().await.unwrap().unwrap().data, "1");
    assert_eq!(events.message().await.unwrap_err().to_string(), "the connection was lost: reset");
    assert!(events.next().await.is_none());

    let mut events = event_stream(ends("data: 1\n\n").unwrap()).await.unwrap();
    assert_eq!(events.message().await.unwrap().unwrap().data, "1");
    assert!(events.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn one_shot_checks_the_response_and_can_be_idle() {
    let error = event_stream(refuses(429).unwrap()).await.unwrap_err();
    assert_eq!(error.to_string(), "the server answered with status 429 Too Many Requests: why not");

    let mut events = event_stream(holds("data: 1\n\n").unwrap()).await.unwrap().idle_timeout(SECOND);
    assert_eq!(events.message().await.unwrap().unwrap().data, "1");
    assert!(matches!(events.message().await, Err(Error::Idle(time)) if time == SECOND));
    assert!(events.message().await.unwrap().is_none());

    // A time that no clock reaches.
    let mut events = event_stream(holds("").unwrap()).await.unwrap().idle_timeout(Duration::MAX);
    assert!(timeout(SECOND, events.message()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_source_shows_its_state_for_debugging() {
    let (mut events, _) = source(|_| holds("id: 7\ndata: 1\n\n"));
    assert!(format!("{events:?}").starts_with("EventSource { ready_state: Connecting, "), "{events:?}");
    events.message().await.unwrap();
    let shown = format!("{events:?}");
    assert!(shown.contains("ready_state: Open") && shown.contains("failures: 0"), "{shown}");
    let mut events = event_stream(holds("id: 7\ndata: 1\n\n").unwrap()).await.unwrap();
    events.message().await.unwrap();
    assert!(format!("{events:?}").starts_with("Events { events: EventStream"), "{events:?}");
}

/// Tokens live there.
#[test]
fn the_text_of_an_error_has_no_query_of_a_url() {
    for (text, shown) in [
        ("error for url (http://a/b?token=1&x=(2)): refused", "error for url (http://a/b): refused"),
        ("<https://a/?t=1> and \"http://b?t=2\"", "<https://a/> and \"http://b\""),
        ("(http://a/?t=1)2): no", "(http://a/): no"),
        ("(http://a/?t=1)2", "(http://a/"),
        ("is it http://a/b?", "is it http://a/b"),
        ("why? http://a/b", "why? http://a/b"),
    ] {
        let error = Error::Body(text.into());
        assert_eq!(error.to_string(), format!("the connection was lost: {shown}"));
        assert_eq!(format!("{error:?}"), format!("Body({:?})", error.to_string()));
    }
}
