//! What is specific to this adapter, over real TCP.

use axum::Router;
use axum::routing::get as on_get;
use futures_util::stream::{self, Stream};
use sse_axum::{EncodedEvent, Event, LastEventId, Sse};
use sse_test::client::{BROKEN, get, request};
use std::convert::Infallible;
use std::net::SocketAddr;
use tokio::net::TcpListener;

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

type Events = Vec<Result<Event, &'static str>>;

/// Starts a server whose `/` answers each request with these events.
async fn serve_events(events: impl Fn() -> Events + Clone + Send + Sync + 'static) -> SocketAddr {
    serve(Router::new().route("/", on_get(async move || Sse::new(stream::iter(events()))))).await
}

fn event(data: &str) -> Result<Event, &'static str> {
    Ok(Event::new().data(data))
}

#[tokio::test]
async fn the_head_is_exactly_what_an_event_stream_needs() {
    let address = serve_events(|| vec![event("1")]).await;
    let mut response = get(address, "/").await;
    response.headers.retain(|line| !line.starts_with("date:"));
    assert_eq!(
        response.headers,
        [
            "cache-control: no-cache, no-transform",
            "content-type: text/event-stream",
            "transfer-encoding: chunked",
            "x-accel-buffering: no",
        ]
    );
}

#[tokio::test]
async fn events_before_an_error_arrive_and_then_the_connection_breaks() {
    let address = serve_events(|| vec![event("1"), event("2"), Err("failed"), event("3")]).await;
    let (body, end) = get(address, "/").await.rest().await;
    assert_eq!(body, "data: 1\n\ndata: 2\n\n");
    assert_eq!(end, Err(BROKEN));
}

#[tokio::test]
async fn many_events_before_an_error_arrive() {
    let data = "x".repeat(1000);
    let expected = format!("data: {data}\n\n").repeat(1000);
    let address =
        serve_events(move || (0..1000).map(|_| event(&data)).chain([Err("failed")]).collect()).await;
    let (body, end) = get(address, "/").await.rest().await;
    assert_eq!(body.len(), expected.len());
    assert!(body == expected);
    assert_eq!(end, Err(BROKEN));
}

#[tokio::test]
async fn an_immediate_error_still_sends_the_head() {
    let address = serve_events(|| vec![Err("failed")]).await;
    let mut response = get(address, "/").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.chunk().await, Err(BROKEN));
}

#[tokio::test]
async fn encoded_events_are_a_response_too() {
    async fn handler() -> Sse<impl Stream<Item = Result<EncodedEvent, Infallible>>> {
        let event = EncodedEvent::from(Event::new().data("shared"));
        Sse::new(stream::iter([Ok(event.clone()), Ok(event)]))
    }
    let address = serve(Router::new().route("/", on_get(handler))).await;
    let shared = "data: shared\n\n".repeat(2);
    assert_eq!(get(address, "/").await.rest().await, (shared, Ok(())));
}

#[test]
fn a_last_event_id_is_text() {
    let id = sse_axum::sse_core::LastEventId::from_request(Some(b"42"), None).unwrap();
    sse_test::laws::the_last_event_id_is_text(LastEventId(id));
}

async fn serve_last_event_id() -> SocketAddr {
    let app = Router::new().route("/", on_get(async |LastEventId(id): LastEventId| format!("<{id}>"))).route(
        "/optional",
        on_get(async |id: Option<LastEventId>| match id {
            Some(id) => format!("{} {:?}", id, id.parse::<u64>().ok()),
            None => "none".to_owned(),
        }),
    );
    serve(app).await
}

#[tokio::test]
async fn the_last_event_id_comes_from_the_header_or_else_the_query() {
    let address = serve_last_event_id().await;
    for (path, header, expected) in [
        ("/", "", "<>"),
        ("/?lastEventId=", "", "<>"),
        ("/", "Last-Event-ID: 42\r\n", "<42>"),
        ("/", "Last-Event-ID: …한\r\n", "<…한>"),
        ("/?a=b&lastEventId=%ED%95%9C+1", "", "<한 1>"),
        ("/?lastEventId=query", "Last-Event-ID: header\r\n", "<header>"),
        ("/optional", "", "none"),
        ("/optional", "Last-Event-ID: 42\r\n", "42 Some(42)"),
    ] {
        let mut response = request(address, "GET", path, header.as_bytes()).await;
        assert_eq!((response.status, response.text().await.as_str()), (200, expected), "{path} {header}");
    }
}

#[tokio::test]
async fn a_last_event_id_that_is_not_utf8_is_a_400_that_says_so() {
    let address = serve_last_event_id().await;
    for path in ["/", "/optional"] {
        let mut response = request(address, "GET", path, b"Last-Event-ID: \xFF\r\n").await;
        assert_eq!(response.status, 400);
        let reason = "the `Last-Event-ID` header is not UTF-8; send the ID as it was received";
        assert_eq!(response.text().await, reason);
    }
}

#[path = "../examples/axum_access.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod axum_access;
#[path = "../examples/axum_docs.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod axum_docs;
#[path = "../examples/axum_log.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod axum_log;

#[tokio::test]
async fn the_handler_of_axums_documentation_works() {
    let mut response = get(serve(axum_docs::app()).await, "/sse").await;
    assert_eq!(response.chunk().await, Ok(Some("data: hi!\n\n".to_owned())));
    assert_eq!(response.chunk().await, Ok(Some("data: hi!\n\n".to_owned())));
}

#[tokio::test]
async fn resuming_as_documented_survives_any_id() {
    let address = serve(axum_log::app()).await;
    for (id, expected) in sse_test::documented_log() {
        let header = format!("Last-Event-ID: {id}\r\n");
        let mut response = request(address, "GET", "/log", header.as_bytes()).await;
        assert_eq!(response.rest().await, (expected, Ok(())), "{id}");
    }
}

#[tokio::test]
async fn access_as_documented_needs_a_session_and_is_limited() {
    let address = serve(axum_access::app(1)).await;
    let events = async |cookie: &str| request(address, "GET", "/events", cookie.as_bytes()).await;
    let with_cors =
        |headers: &[String], line: &str| headers.contains(&format!("access-control-allow-{line}"));

    assert_eq!(events("").await.status, 401);
    let first = events("cookie: session=valid\r\n").await;
    assert_eq!(first.status, 200);
    assert!(with_cors(&first.headers, "origin: https://app.example"), "{:?}", first.headers);
    assert!(first.headers.contains(&"content-type: text/event-stream".to_owned()));
    assert_eq!(events("cookie: session=valid\r\n").await.status, 503);
    drop(first);
    while events("cookie: session=valid\r\n").await.status != 200 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }

    let preflight = request(address, "OPTIONS", "/events", b"").await;
    assert_eq!(preflight.status, 204);
    assert!(with_cors(&preflight.headers, "headers: last-event-id"), "{:?}", preflight.headers);
}

/// The code of the README's section on testing.
mod testing {
    use axum::{Router, body::Body, http::Request, routing::get};
    use futures_util::stream::{StreamExt, TryStreamExt};
    use sse_axum::{Event, KeepAlive, Sse, sse_core::EventStream};
    use std::{convert::Infallible, time::Duration};
    use tokio_stream::wrappers::IntervalStream;
    use tower::ServiceExt;

    fn app() -> Router {
        let every_hour = || IntervalStream::new(tokio::time::interval(Duration::from_secs(3600)));
        let events = move || every_hour().map(|_| Ok::<_, Infallible>(Event::new().data("tick")));
        Router::new().route("/", get(async move || Sse::new(events()).keep_alive(KeepAlive::new())))
    }

    #[tokio::test(start_paused = true)]
    async fn it_ticks_every_hour() {
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = app().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut events = EventStream::new(response.into_body().into_data_stream());
        for _ in 0..24 {
            let event = events.try_next().await.unwrap().unwrap();
            assert_eq!(event.data, "tick");
        }
    }
}

#[test]
fn the_readme_has_the_code_that_is_tested() {
    let readme = include_str!("../README.md");
    sse_test::assert_documented(readme, "Resuming", include_str!("../examples/axum_log.rs"));
    sse_test::assert_documented(
        readme,
        "Access, CORS and limits",
        include_str!("../examples/axum_access.rs"),
    );
    sse_test::assert_documented(readme, "Testing an endpoint", include_str!("axum.rs"));
}
