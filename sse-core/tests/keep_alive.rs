//! Keep-alive: what is sent first and during pauses, and on which clock.

#![cfg(feature = "tokio")]

use bytes::Bytes;
use futures_util::future::{FutureExt, Map};
use futures_util::stream::{self, Stream, StreamExt};
use sse_core::{Clock, EncodedEvent, Event, KeepAlive, KeepAliveStream, Sse, TokioClock};
use std::time::{Duration, Instant as StdInstant};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Returns a body with keep-alive, and the sender of its events.
fn kept_alive(keep_alive: KeepAlive) -> (mpsc::UnboundedSender<Event>, impl Stream<Item = Bytes> + Unpin) {
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let events = stream::poll_fn(move |cx| receiver.poll_recv(cx)).map(Ok::<_, ()>);
    (sender, Box::pin(Sse::new(events).keep_alive(keep_alive).map(Result::unwrap)))
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_an_empty_comment_every_15_seconds_by_default() {
    let (_sender, mut body) = kept_alive(KeepAlive::new());
    let start = Instant::now();
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), seconds(0), "the response begins at once");
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), seconds(15));
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), seconds(30));
}

#[tokio::test(start_paused = true)]
async fn keep_alive_has_a_text_or_an_event_of_its_own() {
    let (_sender, mut body) = kept_alive(KeepAlive::new().interval(seconds(1)).text("still\nhere"));
    assert_eq!(body.next().await.unwrap(), ":still\n:here\n\n");
    let (_sender, mut body) = kept_alive(KeepAlive::new().event(Event::new().event("ping").data("1")));
    assert_eq!(body.next().await.unwrap(), "event: ping\ndata: 1\n\n");
    let (_sender, mut body) = kept_alive(KeepAlive::new().event(EncodedEvent::raw(":\n")));
    assert_eq!(
        body.next().await.unwrap(),
        ":\n",
        "without a blank line, for clients that take it for an event"
    );
}

#[tokio::test(start_paused = true)]
async fn no_keep_alive_comes_first_if_an_event_is_ready() {
    let (sender, mut body) = kept_alive(KeepAlive::new());
    let start = Instant::now();
    sender.send(Event::new().data("x")).unwrap();
    assert_eq!(body.next().await.unwrap(), "data: x\n\n");
    assert_eq!(body.next().await.unwrap(), ":\n\n");
    assert_eq!(start.elapsed(), seconds(15));
}

#[tokio::test(start_paused = true)]
async fn keep_alive_counts_from_the_last_event() {
    let (sender, mut body) = kept_alive(KeepAlive::new().interval(seconds(10)));
    // Events keep arriving in time, so the timer fires and is set again several times.
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
async fn keep_alive_never_panics_and_an_endless_interval_sends_only_the_first() {
    for interval in [Duration::MAX, Duration::MAX / 2, seconds(u64::MAX), seconds(1 << 40)] {
        let (sender, mut body) = kept_alive(KeepAlive::new().interval(interval));
        assert_eq!(body.next().await.unwrap(), ":\n\n");
        is_silent_for_a_year(&mut body).await;
        sender.send(Event::new().data("x")).unwrap();
        assert_eq!(body.next().await.unwrap(), "data: x\n\n");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_of_zero_sends_nothing() {
    let (sender, mut body) = kept_alive(KeepAlive::new().interval(Duration::ZERO));
    is_silent_for_a_year(&mut body).await;
    sender.send(Event::new().data("x")).unwrap();
    assert_eq!(body.next().await.unwrap(), "data: x\n\n");
}

async fn is_silent_for_a_year(body: &mut (impl Stream<Item = Bytes> + Unpin)) {
    tokio::select! {
        chunk = body.next() => panic!("{chunk:?}"),
        () = sleep(seconds(3600 * 24 * 365)) => {}
    }
}

#[tokio::test(start_paused = true)]
async fn the_shortest_keep_alive_comes_once_a_millisecond() {
    let (_sender, body) = kept_alive(KeepAlive::new().interval(Duration::from_nanos(1)));
    let start = Instant::now();
    assert_eq!(body.take(100).count().await, 100);
    assert!(start.elapsed() >= Duration::from_millis(99), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn keep_alive_ends_with_the_events() {
    let (sender, mut body) = kept_alive(KeepAlive::new());
    drop(sender);
    assert_eq!(body.next().await, None);
}

#[tokio::test(start_paused = true)]
async fn anything_that_converts_into_an_encoded_event_is_kept_alive() {
    struct Tick;
    impl From<Tick> for EncodedEvent {
        fn from(_: Tick) -> Self {
            Event::new().data("tick").into()
        }
    }
    let ticks = stream::iter([Ok::<_, ()>(Tick)]).chain(stream::pending());
    let mut body = Box::pin(Sse::new(ticks).keep_alive(KeepAlive::new()));
    assert_eq!(body.next().await, Some(Ok(Bytes::from("data: tick\n\n"))));
    assert_eq!(body.next().await, Some(Ok(Bytes::from(":\n\n"))));
}

/// The clock of smol, which needs no tokio.
#[derive(Clone)]
struct SmolClock(StdInstant);

impl Clock for SmolClock {
    type Sleep = Map<smol::Timer, fn(StdInstant)>;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        FutureExt::map(smol::Timer::after(duration), drop)
    }
}

#[test]
fn keep_alive_and_errors_run_on_the_clock_of_another_runtime() {
    smol::block_on(async {
        let (sender, receiver) = smol::channel::unbounded();
        let clock = SmolClock(StdInstant::now());
        let keep_alive = KeepAlive::new().interval(Duration::from_millis(10));
        let mut body = Box::pin(Sse::new(receiver).keep_alive_on(clock, keep_alive));
        for _ in 0..3 {
            assert_eq!(body.next().await, Some(Ok(Bytes::from(":\n\n"))));
        }
        sender.try_send(Ok(Event::new().data("x"))).unwrap();
        sender.try_send(Err("failed")).unwrap();
        let sent = StdInstant::now();
        assert_eq!(body.next().await, Some(Ok(Bytes::from("data: x\n\n"))));
        assert_eq!(body.next().await, Some(Err("failed")));
        assert!(sent.elapsed() >= Duration::from_millis(100), "{:?}", sent.elapsed());
    });
}

#[test]
fn debug_output_shows_what_keeps_a_stream_alive() {
    let stream = stream::pending::<Result<Event, ()>>();
    let stream = KeepAliveStream::new(stream, TokioClock::new(), KeepAlive::new());
    let shown = format!("{stream:?}");
    assert!(shown.starts_with("KeepAliveStream") && shown.contains("15s"), "{shown}");
}
