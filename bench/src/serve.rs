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
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::{MissedTickBehavior, interval};

/// How many events are ready at once.
pub const BURST: usize = 100;

/// From one burst to the next.
const INTERVAL: Duration = Duration::from_millis(2);

// The streams that the server has. Those of bursts take a number of bursts as the next segment of their path.
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

/// Serves on one thread, on a port that it prints, until its standard input ends.
///
/// # Errors
///
/// When the server cannot run.
pub fn serve() -> io::Result<()> {
    thread::spawn(|| {
        _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
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
    Router::new()
        .route(
            &bursts(SHARED),
            get(|Path(count)| async move { sse_axum::Sse::new(in_bursts(count, shared)) }),
        )
        .route(
            &bursts(WRITTEN),
            get(|Path(count)| async move { sse_axum::Sse::new(in_bursts(count, written)) }),
        )
        .route(
            &bursts(AXUM_SHARED),
            get(|Path(count)| async move { axum::response::Sse::new(in_bursts(count, axum_shared)) }),
        )
        .route(
            &bursts(AXUM_WRITTEN),
            get(|Path(count)| async move { axum::response::Sse::new(in_bursts(count, axum_written)) }),
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
}

fn in_bursts<T>(
    mut bursts: usize,
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
            ready = BURST;
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
