//! The server that is measured, as a process of its own.

use crate::encoder;
use crate::fields::Fields;
use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use sse_core::EncodedEvent;
use std::convert::Infallible;
use std::io;
use std::process;
use std::task::{Poll, ready};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::{MissedTickBehavior, interval};

/// How many events of openai are ready at once.
pub const BURST: usize = 100;

/// From one burst to the next.
const INTERVAL: Duration = Duration::from_millis(2);

/// How many events are slow, and how much processor time each takes.
pub const SLOW_EVENTS: usize = 60;
pub const SLOW_EVENT: Duration = Duration::from_millis(20);

// The streams that the server has. Those of bursts take a number of bursts as the last segment of their path; those of tiny
// events take the size of a burst before it.
pub const SHARED: &str = "/shared";
pub const WRITTEN: &str = "/written";
pub const AXUM_SHARED: &str = "/axum/shared";
pub const AXUM_WRITTEN: &str = "/axum/written";
pub const IDLE: &str = "/idle";
pub const IDLE_KEEP_ALIVE: &str = "/idle/keep-alive";
pub const AFTER_EVENT: &str = "/after-event";
pub const AXUM_IDLE: &str = "/axum/idle";
pub const AXUM_IDLE_KEEP_ALIVE: &str = "/axum/idle/keep-alive";
pub const AXUM_AFTER_EVENT: &str = "/axum/after-event";
pub const ENDLESS: &str = "/endless";
pub const AXUM_ENDLESS: &str = "/axum/endless";
pub const SLOW: &str = "/slow";
pub const AXUM_SLOW: &str = "/axum/slow";
pub const TINY: &str = "/tiny";
pub const AXUM_TINY: &str = "/axum/tiny";
/// No stream, but a few bytes.
pub const PLAIN: &str = "/plain";

/// Serves on so many threads, on a port that it prints, until its standard input ends.
///
/// # Errors
///
/// When the server cannot run.
pub fn serve(threads: usize) -> io::Result<()> {
    thread::spawn(|| {
        _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    let mut runtime = match threads {
        1 => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    runtime.worker_threads(threads).enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app()).await
    })
}

fn app() -> Router {
    let fields = Fields::<&'static str>::of_first_event("openai");
    let (ours, axum) = (EncodedEvent::from(encoder::event(fields.clone())), encoder::axum(fields.clone()));
    let shared = move || ours.clone();
    let axum_shared = move || axum.clone();
    let for_axum = fields.clone();
    let (event, axum_event) = (shared.clone(), axum_shared.clone());
    let written = move || encoder::event(fields.clone());
    let axum_written = move || encoder::axum(for_axum.clone());

    let bursts = |path| format!("{path}/{{count}}");
    let tiny_bursts = |path| format!("{path}/{{size}}/{{count}}");
    Router::new()
        .route(
            &bursts(SHARED),
            get(|Path(count)| async move { sse_axum::Sse::new(in_bursts(count, BURST, shared)) }),
        )
        .route(
            &bursts(WRITTEN),
            get(|Path(count)| async move { sse_axum::Sse::new(in_bursts(count, BURST, written)) }),
        )
        .route(
            &bursts(AXUM_SHARED),
            get(|Path(count)| async move { axum::response::Sse::new(in_bursts(count, BURST, axum_shared)) }),
        )
        .route(
            &bursts(AXUM_WRITTEN),
            get(|Path(count)| async move { axum::response::Sse::new(in_bursts(count, BURST, axum_written)) }),
        )
        .route(IDLE, get(async || sse_axum::Sse::new(idle::<sse_axum::Event>())))
        .route(
            IDLE_KEEP_ALIVE,
            get(async || {
                sse_axum::Sse::new(idle::<sse_axum::Event>()).keep_alive(sse_axum::KeepAlive::new())
            }),
        )
        .route(AFTER_EVENT, get(async move || sse_axum::Sse::new(idle_after(event()))))
        .route(AXUM_AFTER_EVENT, get(async move || axum::response::Sse::new(idle_after(axum_event()))))
        .route(AXUM_IDLE, get(async || axum::response::Sse::new(idle())))
        .route(
            AXUM_IDLE_KEEP_ALIVE,
            get(async || axum::response::Sse::new(idle()).keep_alive(axum::response::sse::KeepAlive::new())),
        )
        .route(ENDLESS, get(async || sse_axum::Sse::new(endless(encoder::event))))
        .route(AXUM_ENDLESS, get(async || axum::response::Sse::new(endless(encoder::axum))))
        .route(SLOW, get(async || sse_axum::Sse::new(slow(encoder::event))))
        .route(AXUM_SLOW, get(async || axum::response::Sse::new(slow(encoder::axum))))
        .route(
            &tiny_bursts(TINY),
            get(|Path((size, count))| async move {
                sse_axum::Sse::new(in_bursts(count, size, each_tiny(encoder::event)))
            }),
        )
        .route(
            &tiny_bursts(AXUM_TINY),
            get(|Path((size, count))| async move {
                axum::response::Sse::new(in_bursts(count, size, each_tiny(encoder::axum)))
            }),
        )
        .route(PLAIN, get(async || "plain"))
}

fn in_bursts<T>(
    mut bursts: usize,
    size: usize,
    mut event: impl FnMut() -> T,
) -> impl Stream<Item = Result<T, Infallible>> {
    let mut interval = interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ready = 0;
    stream::poll_fn(move |cx| {
        if ready == 0 {
            if bursts == 0 {
                return Poll::Ready(None);
            }
            ready!(interval.poll_tick(cx));
            bursts -= 1;
            ready = size;
        }
        ready -= 1;
        Poll::Ready(Some(Ok(event())))
    })
}

fn idle<T>() -> impl Stream<Item = Result<T, Infallible>> {
    stream::pending()
}

fn idle_after<T>(event: T) -> impl Stream<Item = Result<T, Infallible>> {
    stream::iter([Ok(event)]).chain(idle())
}

/// An event of 1 to 8 bytes of data.
fn tiny(number: usize) -> Fields<&'static str> {
    Fields { event_type: None, id: None, data: &"12345678"[..1 + number % 8] }
}

fn each_tiny<T>(event: impl Fn(Fields<&'static str>) -> T) -> impl FnMut() -> T {
    let mut numbers = 0..;
    move || event(tiny(numbers.next().expect("the numbers do not end")))
}

/// A stream that is always ready and never ends.
fn endless<T>(event: impl Fn(Fields<&'static str>) -> T) -> impl Stream<Item = Result<T, Infallible>> {
    stream::iter((0..).map(move |number| Ok(event(tiny(number)))))
}

/// Events that are made on the spot, as by a model in the same process. Their data is the time at which they are ready.
fn slow<T>(event: impl Fn(Fields<String>) -> T) -> impl Stream<Item = Result<T, Infallible>> {
    stream::iter((0..SLOW_EVENTS).map(move |_| {
        let start = Instant::now();
        while start.elapsed() < SLOW_EVENT {}
        Ok(event(Fields { event_type: None, id: None, data: now().as_nanos().to_string() }))
    }))
}

/// The time by the clock that the server and its clients share.
pub fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().expect("the epoch is in the past")
}
