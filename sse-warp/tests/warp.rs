//! What is specific to this adapter: the code of its README.

use sse_test::client::request;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use warp::{Filter, Rejection, Reply};

async fn serve(
    app: impl Filter<Extract = (impl Reply + 'static,), Error = Rejection> + Clone + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(warp::serve(app).incoming(listener).run());
    address
}

#[path = "../examples/warp_access.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod warp_access;
#[path = "../examples/warp_log.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod warp_log;

#[tokio::test]
async fn resuming_as_documented_survives_any_id() {
    let address = serve(warp_log::app()).await;
    for (id, expected) in sse_test::documented_log() {
        let header = format!("Last-Event-ID: {id}\r\n");
        let mut response = request(address, "GET", "/log", header.as_bytes()).await;
        assert_eq!(response.rest().await, (expected, Ok(())), "{id}");
    }
}

const ORIGIN: &str = "origin: https://app.example\r\n";

fn allows(headers: &[String], line: &str) -> bool {
    headers.contains(&format!("access-control-allow-{line}"))
}

#[tokio::test]
async fn access_as_documented_needs_a_session_and_is_limited() {
    let address = serve(warp_access::app(1)).await;
    let events =
        async |cookie: &str| request(address, "GET", "/events", format!("{ORIGIN}{cookie}").as_bytes()).await;
    let with_cors = |headers: &[String]| {
        allows(headers, "origin: https://app.example") && allows(headers, "credentials: true")
    };

    let stranger = events("").await;
    assert_eq!(stranger.status, 401);
    assert!(with_cors(&stranger.headers), "{:?}", stranger.headers);
    let first = events("cookie: session=valid\r\n").await;
    assert_eq!(first.status, 200);
    assert!(with_cors(&first.headers), "{:?}", first.headers);
    assert!(first.headers.contains(&"content-type: text/event-stream".to_owned()));
    let late = events("cookie: session=valid\r\n").await;
    assert_eq!(late.status, 503);
    assert!(with_cors(&late.headers), "{:?}", late.headers);
    drop(first);
    while events("cookie: session=valid\r\n").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let elsewhere = b"origin: https://elsewhere.example\r\ncookie: session=valid\r\n";
    assert_eq!(request(address, "GET", "/events", elsewhere).await.status, 403);
}

#[tokio::test]
async fn a_preflight_for_the_last_event_id_needs_the_header_allowed() {
    let preflight = format!(
        "{ORIGIN}access-control-request-method: GET\r\naccess-control-request-headers: last-event-id\r\n"
    );
    let address = serve(warp_access::app(1)).await;
    let response = request(address, "OPTIONS", "/events", preflight.as_bytes()).await;
    assert_eq!(response.status, 200);
    assert!(allows(&response.headers, "headers: last-event-id"), "{:?}", response.headers);

    let cors = warp::cors().allow_origin("https://app.example").allow_methods(["GET"]);
    let address = serve(warp::any().map(warp::reply).with(cors)).await;
    assert_eq!(request(address, "OPTIONS", "/events", preflight.as_bytes()).await.status, 403);
}

/// The code of the README's section on charsets.
mod charset {
    use futures_util::stream;
    use sse_warp::{Event, Sse};
    use std::convert::Infallible;
    use warp::Reply;

    fn events() -> impl Reply {
        let events = stream::iter([Ok::<_, Infallible>(Event::new().data("안녕"))]);
        warp::reply::with_header(Sse::new(events), "content-type", "text/event-stream; charset=utf-8")
    }

    #[test]
    fn a_charset_replaces_the_content_type() {
        let response = events().into_response();
        let types: Vec<_> = response.headers().get_all("content-type").iter().collect();
        assert_eq!(types, ["text/event-stream; charset=utf-8"]);
        assert_eq!(response.headers()["x-accel-buffering"], "no");
    }
}

/// The code of the README's section on testing.
mod testing {
    use futures_util::stream::{StreamExt, TryStreamExt};
    use http_body_util::BodyExt;
    use sse_warp::{Event, KeepAlive, Sse, sse_core::EventStream};
    use std::{convert::Infallible, time::Duration};
    use tokio_stream::wrappers::IntervalStream;
    use warp::{Filter, Rejection, Reply};

    fn app() -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
        warp::path::end().map(|| {
            let every_hour = IntervalStream::new(tokio::time::interval(Duration::from_secs(3600)));
            let events = every_hour.map(|_| Ok::<_, Infallible>(Event::new().data("tick")));
            Sse::new(events).keep_alive(KeepAlive::new())
        })
    }

    #[tokio::test(start_paused = true)]
    async fn it_ticks_every_hour() {
        let reply = warp::test::request().filter(&app()).await.unwrap();
        let response = reply.into_response();
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
    sse_test::assert_documented(readme, "Resuming", include_str!("../examples/warp_log.rs"));
    sse_test::assert_documented(
        readme,
        "Access, CORS and limits",
        include_str!("../examples/warp_access.rs"),
    );
    sse_test::assert_documented(readme, "Testing an endpoint", include_str!("warp.rs"));
    sse_test::assert_documented(readme, "Charset", include_str!("warp.rs"));
}
