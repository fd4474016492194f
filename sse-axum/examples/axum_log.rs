//! A log that a client reads on from the line after the last one that it has seen.
//!
//! `cargo run -p sse-axum --example axum_log`, then `curl -N http://127.0.0.1:3001/log`.

use axum::{Router, routing::get};
use futures_util::stream::{self, Stream, StreamExt};
use sse_axum::{Event, LastEventId, Sse};
use std::convert::Infallible;

async fn log(id: LastEventId) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A client can send anything as its ID: no number, or the largest one.
    let next = id.parse::<u64>().map_or(0, |seen| seen.saturating_add(1));
    Sse::new(
        stream::iter(next..10).map(|line| Ok(Event::new().id(line.to_string()).data(format!("line {line}")))),
    )
}

pub(crate) fn app() -> Router {
    Router::new().route("/log", get(log))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3001").await?;
    axum::serve(listener, app()).await
}
