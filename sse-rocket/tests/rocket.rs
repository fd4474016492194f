//! What only this adapter has to show.

use futures_util::stream::{self, Stream, StreamExt};
use rocket::local::asynchronous::Client;
use rocket::{get, routes};
use sse_rocket::{Event, LastEventId, Sse};
use std::convert::Infallible;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

#[get("/borrowed/<name>")]
fn borrowed<'r>(name: &'r str) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<'r>> {
    Sse::new(stream::iter([name]).map(|name| Ok(Event::new().data(name))))
}

#[get("/silent")]
fn silent() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::pending())
}

#[get("/id")]
fn id(id: Result<LastEventId, sse_rocket::InvalidLastEventId>) -> String {
    id.map_or_else(|error| error.to_string(), |id| id.to_string())
}

async fn client() -> Client {
    let rocket =
        rocket::custom(rocket::Config { log_level: rocket::config::LogLevel::Off, ..Default::default() });
    Client::untracked(rocket.mount("/", routes![borrowed, silent, id])).await.unwrap()
}

#[tokio::test]
async fn a_stream_may_borrow_from_the_request() {
    let client = client().await;
    let response = client.get("/borrowed/name").dispatch().await;
    assert_eq!(response.into_string().await.unwrap(), "data: name\n\n");
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_on_by_default_every_15_seconds() {
    let client = client().await;
    let mut response = client.get("/silent").dispatch().await;
    let mut chunk = [0; 3];
    response.read_exact(&mut chunk).await.unwrap();
    let opened = Instant::now();
    for seconds in [15, 30] {
        response.read_exact(&mut chunk).await.unwrap();
        assert_eq!(&chunk, b":\n\n");
        assert_eq!(opened.elapsed(), Duration::from_secs(seconds));
    }
}

#[tokio::test]
async fn the_guard_says_why_an_id_is_invalid() {
    let client = client().await;
    let answer = async |path| client.get(path).dispatch().await.into_string().await.unwrap();
    assert_eq!(answer("/id?lastEventId=41").await, "41");
    assert!(answer("/id?lastEventId=%00").await.contains("has a line break or a NUL"));
}

#[test]
fn debug_output_says_what_keeps_it_alive_and_not_what_is_in_the_stream() {
    let shown = format!("{:?}", Sse::new(stream::iter([Ok::<_, Infallible>(Event::new().data("hidden"))])));
    assert!(shown.starts_with("Sse") && shown.contains("15s") && !shown.contains("hidden"), "{shown}");
}
