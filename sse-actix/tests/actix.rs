//! What is specific to this adapter, over real TCP.

use actix_web::body::MessageBody;
use actix_web::middleware::Compress;
use actix_web::test::TestRequest;
use actix_web::web::{self, Data, ServiceConfig, to};
use actix_web::{App, Error, HttpServer, Responder};
use futures_util::future::{poll_fn, ready};
use futures_util::stream::{self, Stream, StreamExt};
use sse_actix::{EncodedEvent, Event, KeepAlive, LastEventId, Sse};
use sse_test::client::{BROKEN, PATIENCE, get, request};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};

fn serve(routes: impl FnOnce(&mut ServiceConfig) + Clone + Send + 'static) -> SocketAddr {
    let server = HttpServer::new(move || App::new().configure(routes.clone()));
    let server = server.workers(1).disable_signals().bind(("127.0.0.1", 0)).unwrap();
    let address = server.addrs()[0];
    tokio::spawn(server.run());
    address
}

/// Starts a server whose `/` answers each request with these events.
fn serve_events<const N: usize>(events: [Result<&'static str, &'static str>; N]) -> SocketAddr {
    let event = |data: Result<&'static str, &'static str>| data.map(|data| Event::new().data(data));
    let handler = move || ready(Sse::new(stream::iter(events).map(event)));
    serve(move |config| _ = config.route("/", to(handler)))
}

#[tokio::test]
async fn the_head_is_exactly_what_an_event_stream_needs() {
    let mut response = get(serve_events([Ok("1")]), "/").await;
    response.headers.retain(|line| !line.starts_with("date:"));
    assert_eq!(
        response.headers,
        [
            "cache-control: no-cache, no-transform",
            "content-encoding: identity",
            "content-type: text/event-stream",
            "transfer-encoding: chunked",
            "x-accel-buffering: no",
        ]
    );
}

#[tokio::test]
async fn over_http_1_0_there_are_no_chunks_and_the_body_ends_with_the_connection() {
    let address = serve_events([Ok("1"), Ok("2")]);
    for connection in ["close", "keep-alive"] {
        let mut client = TcpStream::connect(address).await.unwrap();
        let request = format!("GET / HTTP/1.0\r\nconnection: {connection}\r\n\r\n");
        client.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        let read = timeout(PATIENCE, client.read_to_string(&mut response)).await;
        read.expect("the end of the connection").unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(!head.contains("transfer-encoding:"), "{head}");
        assert_eq!(body, "data: 1\n\ndata: 2\n\n");
    }
}

#[tokio::test]
async fn events_before_an_error_arrive_and_then_the_connection_breaks() {
    let address = serve_events([Ok("1"), Ok("2"), Err("failed"), Ok("3")]);
    let (body, end) = get(address, "/").await.rest().await;
    assert_eq!(body, "data: 1\n\ndata: 2\n\n");
    assert_eq!(end, Err(BROKEN));
}

#[tokio::test]
async fn an_immediate_error_still_sends_the_head() {
    let mut response = get(serve_events([Err("failed")]), "/").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.chunk().await, Err(BROKEN));
}

#[tokio::test]
async fn a_stream_need_not_be_send_and_may_fail_with_an_error_of_the_framework() {
    async fn handler() -> Sse<impl Stream<Item = Result<EncodedEvent, Error>>> {
        let event = Rc::new(EncodedEvent::from(Event::new().data("shared")));
        Sse::new(stream::iter(0..2).map(move |_| Ok((*event).clone())))
    }
    let address = serve(|config| _ = config.route("/", to(handler)));
    assert_eq!(get(address, "/").await.rest().await, ("data: shared\n\n".repeat(2), Ok(())));
}

/// A stream that holds the receiver, whose sender learns when it is dropped.
fn held(events: mpsc::UnboundedReceiver<Event>) -> impl Stream<Item = Result<Event, Infallible>> {
    let mut events = events;
    stream::poll_fn(move |cx| events.poll_recv(cx).map(|event| event.map(Ok)))
}

/// Starts a server whose `/` answers each request with a stream without keep-alive, and sends the
/// stream's sender to the test.
fn serve_held() -> (SocketAddr, mpsc::UnboundedReceiver<mpsc::UnboundedSender<Event>>) {
    let (streams, opened) = mpsc::unbounded_channel();
    let handler = move || {
        let (sender, events) = mpsc::unbounded_channel();
        streams.send(sender).unwrap();
        ready(Sse::new(held(events)).keep_alive(KeepAlive::new().interval(Duration::ZERO)))
    };
    (serve(move |config| _ = config.route("/", to(handler))), opened)
}

#[tokio::test]
async fn a_client_that_is_gone_is_noticed_after_the_first_write() {
    let (address, mut opened) = serve_held();
    let response = get(address, "/").await;
    let events = opened.recv().await.unwrap();
    drop(response);
    let mut written = 0;
    let writes = async {
        while events.send(Event::new().data("x")).is_ok() {
            written += 1;
            // Long enough for what was written to be refused.
            sleep(Duration::from_millis(200)).await;
        }
    };
    timeout(PATIENCE, writes).await.expect("the stream to be dropped");
    assert!(written >= 2, "{written}");
}

#[tokio::test]
async fn a_head_request_does_not_keep_the_stream() {
    let (address, mut opened) = serve_held();
    let response = request(address, "HEAD", "/", b"").await;
    assert_eq!(response.status, 200);
    assert!(response.headers.contains(&"content-type: text/event-stream".to_owned()));
    let events = opened.recv().await.unwrap();
    timeout(PATIENCE, events.closed()).await.expect("the stream to be dropped");
    drop(response);
}

#[tokio::test]
async fn events_come_through_compress_at_once_and_as_they_are() {
    let (streams, mut opened) = mpsc::unbounded_channel();
    let handler = move || {
        let (sender, events) = mpsc::unbounded_channel();
        streams.send(sender).unwrap();
        ready(Sse::new(held(events)))
    };
    let address = serve(move |config| {
        let text = async || "text ".repeat(1000);
        let routes = web::scope("").wrap(Compress::default());
        config.service(routes.route("/events", to(handler)).route("/text", to(text)));
    });
    let accept = b"accept-encoding: gzip, br\r\n";
    let mut response = request(address, "GET", "/events", accept).await;
    assert!(response.headers.contains(&"content-encoding: identity".to_owned()), "{:?}", response.headers);
    assert_eq!(response.chunk().await, Ok(Some(":\n\n".to_owned())));
    let events = opened.recv().await.unwrap();
    for data in ["1".to_owned(), "2".repeat(10_000), "3".to_owned()] {
        events.send(Event::new().data(&data)).unwrap();
        assert_eq!(response.chunk().await, Ok(Some(format!("data: {data}\n\n"))));
    }

    // The control: other responses are compressed.
    let response = request(address, "GET", "/text", accept).await;
    assert!(response.headers.contains(&"content-encoding: gzip".to_owned()), "{:?}", response.headers);
}

fn serve_last_event_id() -> SocketAddr {
    serve(|config| {
        config
            .route("/", to(async |LastEventId(id): LastEventId| format!("<{id}>")))
            .route(
                "/non-empty",
                to(async |id: LastEventId| match id.non_empty() {
                    Some(id) => format!("{} {:?}", id, id.parse::<u64>().ok()),
                    None => "none".to_owned(),
                }),
            )
            .route("/option", to(async |id: Option<LastEventId>| format!("{:?}", id.map(String::from))))
            .route("/result", to(async |id: Result<LastEventId, Error>| id.unwrap_err().to_string()));
    })
}

#[tokio::test]
async fn the_last_event_id_comes_from_the_header_or_else_the_query() {
    let address = serve_last_event_id();
    for (path, header, expected) in [
        ("/", "", "<>"),
        ("/?lastEventId=", "", "<>"),
        ("/", "Last-Event-ID: 42\r\n", "<42>"),
        ("/", "Last-Event-ID: …한\r\n", "<…한>"),
        ("/?a=b&lastEventId=%ED%95%9C+1", "", "<한 1>"),
        ("/?lastEventId=query", "Last-Event-ID: header\r\n", "<header>"),
        ("/non-empty", "", "none"),
        ("/non-empty", "Last-Event-ID: 42\r\n", "42 Some(42)"),
    ] {
        let mut response = request(address, "GET", path, header.as_bytes()).await;
        assert_eq!((response.status, response.text().await.as_str()), (200, expected), "{path} {header}");
    }
}

#[tokio::test]
async fn an_invalid_last_event_id_is_a_400_that_says_why() {
    let address = serve_last_event_id();
    for path in ["/", "/non-empty"] {
        let mut response = request(address, "GET", path, b"Last-Event-ID: \xFF\r\n").await;
        assert_eq!(response.status, 400);
        let reason = "the `Last-Event-ID` header is not UTF-8; send the ID as it was received";
        assert_eq!(response.text().await, reason);
    }
    let mut response = get(address, "/result?lastEventId=%00").await;
    assert!(response.text().await.contains("has a line break or a NUL"));
}

#[test]
fn a_last_event_id_is_text() {
    let id = sse_actix::sse_core::LastEventId::from_request(Some(b"42"), None).unwrap();
    sse_test::laws::the_last_event_id_is_text(LastEventId(id));
}

#[tokio::test]
async fn an_option_hides_first_requests_and_invalid_ids_as_documented() {
    let address = serve_last_event_id();
    assert_eq!(get(address, "/option").await.text().await, r#"Some("")"#);
    assert_eq!(get(address, "/option?lastEventId=%00").await.text().await, "None");
}

#[tokio::test(start_paused = true)]
async fn keep_alive_is_on_by_default_every_15_seconds() {
    let silent = Sse::new(stream::pending::<Result<Event, Infallible>>());
    let mut body = silent.respond_to(&TestRequest::default().to_http_request()).into_body();
    let opened = Instant::now();
    for seconds in [0, 15, 30] {
        let chunk = poll_fn(|cx| Pin::new(&mut body).poll_next(cx)).await.unwrap().unwrap();
        assert_eq!(chunk, ":\n\n");
        assert_eq!(opened.elapsed(), Duration::from_secs(seconds));
    }
}

#[test]
fn debug_output_shows_the_keep_alive_and_not_the_stream() {
    let shown = format!("{:?}", Sse::new(stream::iter([Ok::<_, Infallible>(Event::new().data("hidden"))])));
    assert!(shown.starts_with("Sse") && shown.contains("15s") && !shown.contains("hidden"), "{shown}");
}

#[path = "../examples/actix_access.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod actix_access;
#[path = "../examples/actix_log.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod actix_log;

#[tokio::test]
async fn resuming_as_documented_survives_any_id() {
    let address = serve(actix_log::routes);
    for (id, expected) in sse_test::documented_log() {
        let header = format!("Last-Event-ID: {id}\r\n");
        let mut response = request(address, "GET", "/log", header.as_bytes()).await;
        assert_eq!(response.rest().await, (expected, Ok(())), "{id}");
    }
}

#[tokio::test]
async fn access_as_documented_needs_a_session_and_is_limited() {
    let slots = Data::new(Semaphore::new(1));
    let taken = slots.clone();
    let address = serve(move |config| {
        config.app_data(slots);
        actix_access::routes(config);
    });
    let events = async |cookie: &str| request(address, "GET", "/events", cookie.as_bytes()).await;
    let with_cors =
        |headers: &[String], line: &str| headers.contains(&format!("access-control-allow-{line}"));

    let refused = events("").await;
    assert_eq!(refused.status, 401);
    assert!(with_cors(&refused.headers, "origin: https://app.example"), "{:?}", refused.headers);
    let first = events("cookie: session=valid\r\n").await;
    assert_eq!(first.status, 200);
    assert!(with_cors(&first.headers, "origin: https://app.example"), "{:?}", first.headers);
    assert!(first.headers.contains(&"content-type: text/event-stream".to_owned()));
    assert_eq!(taken.available_permits(), 0);
    assert_eq!(events("cookie: session=valid\r\n").await.status, 503);

    let preflight = request(address, "OPTIONS", "/events", b"").await;
    assert_eq!(preflight.status, 204);
    assert!(with_cors(&preflight.headers, "headers: last-event-id"), "{:?}", preflight.headers);
}

/// The code of the README's section on charsets.
mod charset {
    use actix_web::{Responder, get};
    use futures_util::stream;
    use sse_actix::{Event, Sse};
    use std::convert::Infallible;

    #[get("/events")]
    pub(crate) async fn events() -> impl Responder {
        let events = stream::iter([Ok::<_, Infallible>(Event::new().data("안녕"))]);
        Sse::new(events).customize().insert_header(("content-type", "text/event-stream; charset=utf-8"))
    }
}

#[tokio::test]
async fn a_charset_replaces_the_content_type() {
    let address = serve(|config| _ = config.service(charset::events));
    let mut response = get(address, "/events").await;
    response.headers.retain(|line| line.starts_with("content-type:") || line.starts_with("x-"));
    let expected = ["content-type: text/event-stream; charset=utf-8", "x-accel-buffering: no"];
    assert_eq!(response.headers, expected);
    assert_eq!(response.rest().await, ("data: 안녕\n\n".to_owned(), Ok(())));
}

/// The code of the README's section on testing.
mod testing {
    use actix_web::body::MessageBody;
    use actix_web::test::{TestRequest, call_service, init_service};
    use actix_web::{App, get};
    use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
    use sse_actix::{Event, Sse, sse_core::EventStream};
    use std::{convert::Infallible, pin::Pin, time::Duration};
    use tokio_stream::wrappers::IntervalStream;

    #[get("/")]
    async fn hours() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
        let every_hour = IntervalStream::new(tokio::time::interval(Duration::from_secs(3600)));
        Sse::new(every_hour.map(|_| Ok(Event::new().data("tick"))))
    }

    #[tokio::test(start_paused = true)]
    async fn it_ticks_every_hour() {
        let app = init_service(App::new().service(hours)).await;
        let response = call_service(&app, TestRequest::get().to_request()).await;
        assert_eq!(response.headers().get("content-type").unwrap(), "text/event-stream");
        let mut body = response.into_body();
        let chunks = stream::poll_fn(move |cx| Pin::new(&mut body).poll_next(cx));
        let mut events = EventStream::new(chunks);
        for _ in 0..24 {
            let event = events.try_next().await.unwrap().unwrap();
            assert_eq!(event.data, "tick");
        }
    }
}

#[test]
fn the_readme_has_the_code_that_is_tested() {
    let readme = include_str!("../README.md");
    sse_test::assert_documented(readme, "Resuming", include_str!("../examples/actix_log.rs"));
    sse_test::assert_documented(
        readme,
        "Access, CORS and limits",
        include_str!("../examples/actix_access.rs"),
    );
    sse_test::assert_documented(readme, "Testing an endpoint", include_str!("actix.rs"));
    sse_test::assert_documented(readme, "Charset", include_str!("actix.rs"));
}
