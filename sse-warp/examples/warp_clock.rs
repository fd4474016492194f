//! A clock that ticks every second, and resumes counting where a client left off.
//!
//! `cargo run -p sse-warp --example warp_clock`, then `curl -N http://127.0.0.1:3002/ticks`.

use futures_util::stream::{self, StreamExt};
use sse_warp::{Event, KeepAlive, LastEventId, Sse, last_event_id};
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::wrappers::IntervalStream;
use warp::Filter;

#[tokio::main]
async fn main() {
    let ticks = warp::path("ticks").and(last_event_id()).map(|id: LastEventId| {
        let next = id.parse::<u64>().map_or(1, |seen| seen.saturating_add(1));
        let every_second = IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
        let events = stream::iter(next..=u64::MAX)
            .zip(every_second)
            .map(|(id, _)| Ok::<_, Infallible>(Event::new().event("tick").id(id.to_string()).data("tock")));
        Sse::new(events).keep_alive(KeepAlive::new())
    });
    warp::serve(ticks).run(([127, 0, 0, 1], 3002)).await;
}
