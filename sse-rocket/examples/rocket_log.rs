//! A log that a client reads on from the line after the last one that it has seen.
//!
//! `cargo run -p sse-rocket --example rocket_log`, then `curl -N http://127.0.0.1:8000/log`.

use futures_util::stream::{self, Stream, StreamExt};
use rocket::{Build, Rocket, get, routes};
use sse_rocket::{Event, LastEventId, Sse};
use std::convert::Infallible;

#[get("/log")]
fn log(id: LastEventId) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A client can send anything as its ID: no number, or the largest one.
    let next = id.parse::<u64>().map_or(0, |seen| seen.saturating_add(1));
    Sse::new(
        stream::iter(next..10).map(|line| Ok(Event::new().id(line.to_string()).data(format!("line {line}")))),
    )
}

pub(crate) fn app() -> Rocket<Build> {
    rocket::build().mount("/", routes![log])
}

#[rocket::launch]
fn rocket() -> _ {
    app()
}
