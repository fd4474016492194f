//! A log that a client reads on from the line after the last one that it has seen.
//!
//! `cargo run -p sse-actix --example actix_log`, then `curl -N http://127.0.0.1:8080/log`.

use actix_web::get;
use actix_web::web::ServiceConfig;
use futures_util::stream::{self, Stream, StreamExt};
use sse_actix::{Event, LastEventId, Sse};
use std::convert::Infallible;

#[get("/log")]
async fn log(id: LastEventId) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    // A client can send anything as its ID: no number, or the largest one.
    let next = id.parse::<u64>().map_or(0, |seen| seen.saturating_add(1));
    Sse::new(
        stream::iter(next..10).map(|line| Ok(Event::new().id(line.to_string()).data(format!("line {line}")))),
    )
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config.service(log);
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    use actix_web::{App, HttpServer};

    HttpServer::new(|| App::new().configure(routes)).bind(("127.0.0.1", 8080))?.run().await
}
