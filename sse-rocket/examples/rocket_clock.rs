//! A clock that ticks every second, and resumes counting where a client left off.
//!
//! `cargo run -p sse-rocket --example rocket_clock`, then `curl -N http://127.0.0.1:8000/ticks`.

use futures_util::stream::{self, Stream, StreamExt};
use rocket::{get, launch, routes};
use sse_rocket::{Event, LastEventId, Sse};
use std::convert::Infallible;
use std::time::Duration;
use tokio_stream::wrappers::IntervalStream;

#[get("/ticks")]
fn ticks(id: LastEventId) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let next = id.parse::<u64>().map_or(1, |seen| seen.saturating_add(1));
    let every_second = IntervalStream::new(tokio::time::interval(Duration::from_secs(1)));
    Sse::new(
        stream::iter(next..=u64::MAX)
            .zip(every_second)
            .map(|(id, _)| Ok(Event::new().event("tick").id(id.to_string()).data("tock"))),
    )
}

#[launch]
fn rocket() -> _ {
    rocket::build().mount("/", routes![ticks])
}
