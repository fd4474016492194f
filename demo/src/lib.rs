//! A clock that the server pushes to the page: a minimal but complete application of Server-Sent
//! Events.

mod clock;

use crate::clock::Clock;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::Html;
use axum::routing::{get, post};
use futures_util::stream::{self, Stream, StreamExt};
use sse_axum::{EncodedEvent, Event, KeepAlive, LastEventId, Sse};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::watch;

#[derive(Clone)]
struct Demo {
    clock: Clock,
    /// Changes when all streams must end.
    drops: watch::Sender<()>,
    /// Becomes true when the server stops.
    stopping: watch::Receiver<bool>,
}

/// Serves the page, its stream, and the button that drops all streams. Streams also end when
/// `stopping` becomes true.
///
/// # Panics
///
/// Panics outside a tokio runtime, because the clock needs one.
pub fn app(stopping: watch::Receiver<bool>) -> Router {
    let demo = Demo { clock: Clock::start(), drops: watch::Sender::new(()), stopping };
    Router::new()
        .route("/", get(Html(include_str!("page/index.html"))))
        .route("/style.css", get(([(header::CONTENT_TYPE, "text/css")], include_str!("page/style.css"))))
        .route("/app.js", get(([(header::CONTENT_TYPE, "text/javascript")], include_str!("page/app.js"))))
        .route("/events", get(events))
        .route("/drop", post(drop_streams))
        .fallback((StatusCode::NOT_FOUND, "There is only the page at / and the stream at /events.\n"))
        .with_state(demo)
}

async fn events(
    State(demo): State<Demo>,
    id: LastEventId,
) -> Sse<impl Stream<Item = Result<EncodedEvent, Infallible>>> {
    let reconnect_soon = EncodedEvent::from(Event::new().retry(Duration::from_secs(2)));
    let ticks = demo.clock.after(id.parse().ok());
    let (mut drops, mut stopping) = (demo.drops.subscribe(), demo.stopping);
    let ended = async move {
        tokio::select! {
            _ = drops.changed() => {}
            _ = stopping.wait_for(|&stopping| stopping) => {}
        }
    };
    let events = stream::once(async { reconnect_soon }).chain(ticks).take_until(ended);
    Sse::new(events.map(Ok)).keep_alive(KeepAlive::new())
}

async fn drop_streams(State(demo): State<Demo>) -> StatusCode {
    demo.drops.send_replace(());
    StatusCode::NO_CONTENT
}

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
