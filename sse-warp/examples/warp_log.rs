//! A log that a client reads on from the line after the last one that it has seen.
//!
//! `cargo run -p sse-warp --example warp_log`, then `curl -N http://127.0.0.1:3002/log`.

use futures_util::stream::{self, Stream, StreamExt};
use sse_warp::{Event, LastEventId, Sse, last_event_id};
use std::convert::Infallible;
use warp::{Filter, Rejection, Reply};

fn log(id: LastEventId) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A client can send anything as its ID: no number, or the largest one.
    let next = id.parse::<u64>().map_or(0, |seen| seen.saturating_add(1));
    Sse::new(
        stream::iter(next..10).map(|line| Ok(Event::new().id(line.to_string()).data(format!("line {line}")))),
    )
}

pub(crate) fn app() -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    warp::path("log").and(last_event_id()).map(log)
}

#[tokio::main]
async fn main() {
    warp::serve(app()).run(([127, 0, 0, 1], 3002)).await;
}
