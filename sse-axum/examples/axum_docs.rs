//! The handler in the documentation of axum's own `response::sse`, with only its `use` lines
//! changed.
//!
//! `cargo run -p sse-axum --example axum_docs`, then `curl -N http://127.0.0.1:3001/sse`.

use axum::{Router, routing::get};
use futures_util::stream::{self, Stream};
use sse_axum::{Event, KeepAlive, Sse};
use std::{convert::Infallible, time::Duration};
use tokio_stream::StreamExt as _;

async fn sse_handler() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A `Stream` that repeats an event every second
    let stream =
        stream::repeat_with(|| Event::default().data("hi!")).map(Ok).throttle(Duration::from_secs(1));

    Sse::new(stream).keep_alive(KeepAlive::default())
}

pub(crate) fn app() -> Router {
    Router::new().route("/sse", get(sse_handler))
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3001").await?;
    axum::serve(listener, app()).await
}
