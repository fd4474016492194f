//! What is specific to this adapter.

use futures_util::stream::{self, Stream, StreamExt};
use rocket::http::{Cookie, Header, Status};
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

#[get("/always-ready")]
fn always_ready() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(stream::repeat_with(|| Ok(Event::new().data("x"))))
}

#[get("/pausing")]
fn pausing() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let pause = stream::once(tokio::time::sleep(Duration::from_millis(1)));
    let events = stream::iter(["before"]).chain(pause.map(|()| "after"));
    Sse::new(events.map(|data| Ok(Event::new().data(data))))
}

#[get("/macro")]
fn from_macro() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    Sse::new(rocket::response::stream::stream! {
        for n in 1..=2 {
            tokio::task::yield_now().await;
            yield Ok::<_, Infallible>(Event::new().data(n.to_string()));
        }
    })
}

#[get("/id")]
fn id(id: Result<LastEventId, sse_rocket::InvalidLastEventId>) -> String {
    id.map_or_else(|error| error.to_string(), |id| id.to_string())
}

async fn client() -> Client {
    let rocket =
        rocket::custom(rocket::Config { log_level: rocket::config::LogLevel::Off, ..Default::default() });
    let routes = routes![borrowed, from_macro, silent, always_ready, pausing, id];
    Client::untracked(rocket.mount("/", routes)).await.unwrap()
}

#[tokio::test]
async fn a_stream_may_borrow_from_the_request() {
    let client = client().await;
    let response = client.get("/borrowed/name").dispatch().await;
    assert_eq!(response.into_string().await.unwrap(), "data: name\n\n");
}

#[tokio::test]
async fn rockets_macro_makes_a_stream_of_events() {
    let client = client().await;
    let response = client.get("/macro").dispatch().await;
    assert_eq!(response.into_string().await.unwrap(), ":\n\ndata: 1\n\ndata: 2\n\n");
}

#[test]
fn a_last_event_id_is_text() {
    let id = sse_rocket::sse_core::LastEventId::from_request(Some(b"42"), None).unwrap();
    sse_test::laws::the_last_event_id_is_text(LastEventId(id));
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
async fn after_shutdown_a_stream_sends_what_it_has_ready_up_to_64_events() {
    let client = client().await;
    client.rocket().shutdown().notify();
    let rest = async |path| client.get(path).dispatch().await.into_string().await.unwrap();
    assert_eq!(rest("/always-ready").await, "data: x\n\n".repeat(64));
    assert_eq!(rest("/pausing").await, "data: before\n\n");
}

#[tokio::test]
async fn the_guard_says_why_an_id_is_invalid() {
    let client = client().await;
    let answer = async |path| client.get(path).dispatch().await.into_string().await.unwrap();
    assert_eq!(answer("/id?lastEventId=41").await, "41");
    assert!(answer("/id?lastEventId=%00").await.contains("has a line break or a NUL"));
}

#[test]
fn debug_output_shows_the_keep_alive_and_not_the_stream() {
    let shown = format!("{:?}", Sse::new(stream::iter([Ok::<_, Infallible>(Event::new().data("hidden"))])));
    assert!(shown.starts_with("Sse") && shown.contains("15s") && !shown.contains("hidden"), "{shown}");
}

#[path = "../examples/rocket_access.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod rocket_access;
#[path = "../examples/rocket_log.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod rocket_log;

#[tokio::test]
async fn resuming_as_documented_survives_any_id() {
    let client = Client::untracked(rocket_log::app()).await.unwrap();
    for (id, expected) in sse_test::documented_log() {
        let response = client.get("/log").header(Header::new("Last-Event-ID", id)).dispatch().await;
        assert_eq!(response.into_string().await.unwrap_or_default(), expected, "{id}");
    }
}

#[tokio::test]
async fn access_as_documented_needs_a_session_and_is_limited() {
    let client = Client::untracked(rocket_access::app(1)).await.unwrap();
    let events = async |session: &'static str| {
        let response = client.get("/events").cookie(Cookie::new("session", session)).dispatch().await;
        let header = |name| response.headers().get_one(name);
        assert_eq!(header("access-control-allow-origin"), Some("https://app.example"));
        assert_eq!(header("access-control-allow-credentials"), Some("true"));
        response
    };

    assert_eq!(events("none").await.status(), Status::Unauthorized);
    let first = events("valid").await;
    assert_eq!(first.status(), Status::Ok);
    assert_eq!(first.headers().get_one("content-type"), Some("text/event-stream"));
    assert_eq!(events("valid").await.status(), Status::ServiceUnavailable);
    drop(first);
    assert_eq!(events("valid").await.status(), Status::Ok);

    let preflight = client.options("/events").dispatch().await;
    assert_eq!(preflight.status(), Status::NoContent);
    assert_eq!(preflight.headers().get_one("access-control-allow-headers"), Some("last-event-id"));
}

#[tokio::test]
async fn a_preflight_without_a_route_is_a_404() {
    let client = Client::untracked(rocket_log::app()).await.unwrap();
    assert_eq!(client.options("/log").dispatch().await.status(), Status::NotFound);
}

/// The code of the README's section on shutting down.
mod farewell {
    use futures_util::stream::{self, Stream, StreamExt};
    use rocket::{Shutdown, get};
    use sse_rocket::{Event, Sse};
    use std::convert::Infallible;

    #[get("/events")]
    pub(crate) fn events(shutdown: Shutdown) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        let events = stream::pending().take_until(shutdown);
        let goodbye = Event::new().event("goodbye").data("back in a minute");
        Sse::new(events.chain(stream::iter([Ok(goodbye)])))
    }
}

#[tokio::test]
async fn a_stream_says_goodbye_as_documented() {
    let app = rocket::build().mount("/", routes![farewell::events]);
    let client = Client::untracked(app).await.unwrap();
    let mut response = client.get("/events").dispatch().await;
    response.read_exact(&mut [0; 3]).await.unwrap();
    client.rocket().shutdown().notify();
    let goodbye = "event: goodbye\ndata: back in a minute\n\n";
    assert_eq!(response.into_string().await.unwrap(), goodbye);
}

/// The code of the README's section on charsets.
mod charset {
    use futures_util::stream::{self, Stream};
    use rocket::{get, http::ContentType};
    use sse_rocket::{Event, Sse};
    use std::convert::Infallible;

    #[get("/events")]
    pub(crate) fn events() -> (ContentType, Sse<impl Stream<Item = Result<Event, Infallible>>>) {
        let events = stream::iter([Ok(Event::new().data("안녕"))]);
        let content_type = ContentType::new("text", "event-stream").with_params(("charset", "utf-8"));
        (content_type, Sse::new(events))
    }
}

#[tokio::test]
async fn a_charset_replaces_the_content_type() {
    let app = rocket::build().mount("/", routes![charset::events]);
    let client = Client::untracked(app).await.unwrap();
    let response = client.get("/events").dispatch().await;
    let types: Vec<_> = response.headers().get("content-type").collect();
    assert_eq!(types, ["text/event-stream; charset=utf-8"]);
    assert_eq!(response.headers().get_one("x-accel-buffering"), Some("no"));
}

/// The code of the README's section on testing.
mod testing {
    use futures_util::stream::{Stream, StreamExt, TryStreamExt};
    use rocket::http::ContentType;
    use rocket::local::asynchronous::Client;
    use rocket::{Build, Rocket, get, routes};
    use sse_rocket::{Event, Sse, sse_core::EventStream};
    use std::{convert::Infallible, time::Duration};
    use tokio_stream::wrappers::IntervalStream;
    use tokio_util::io::ReaderStream;

    #[get("/")]
    fn hours() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        let every_hour = IntervalStream::new(tokio::time::interval(Duration::from_secs(3600)));
        Sse::new(every_hour.map(|_| Ok(Event::new().data("tick"))))
    }

    fn app() -> Rocket<Build> {
        rocket::build().mount("/", routes![hours])
    }

    #[tokio::test(start_paused = true)]
    async fn it_ticks_every_hour() {
        let client = Client::untracked(app()).await.unwrap();
        let response = client.get("/").dispatch().await;
        assert_eq!(response.content_type(), Some(ContentType::EventStream));
        let mut events = EventStream::new(ReaderStream::new(response));
        for _ in 0..24 {
            let event = events.try_next().await.unwrap().unwrap();
            assert_eq!(event.data, "tick");
        }
    }
}

#[test]
fn the_readme_has_the_code_that_is_tested() {
    let readme = include_str!("../README.md");
    sse_test::assert_documented(readme, "Resuming", include_str!("../examples/rocket_log.rs"));
    sse_test::assert_documented(readme, "Shutting down", include_str!("rocket.rs"));
    sse_test::assert_documented(
        readme,
        "Access, CORS and limits",
        include_str!("../examples/rocket_access.rs"),
    );
    sse_test::assert_documented(readme, "Testing an endpoint", include_str!("rocket.rs"));
    sse_test::assert_documented(readme, "Charset", include_str!("rocket.rs"));
}
