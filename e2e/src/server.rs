//! The same routes in each framework.

use crate::{Answer, Events, Lab, PAGE, SCRIPT};
use axum::Router;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::map_request;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// What listens on the lab's port, and where that is.
async fn listener(lab: &Lab) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", lab.port)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Serves the lab with axum, over HTTP/1.1.
pub async fn axum(lab: Lab) -> SocketAddr {
    let (listener, address) = listener(&lab).await;
    tokio::spawn(axum::serve(listener, axum_router(lab)).into_future());
    address
}

/// Serves the lab with axum over TLS, which is where browsers speak HTTP/2. The certificate is made on the spot.
///
/// # Panics
///
/// If there is no port or no certificate.
pub async fn axum_over_http2(lab: Lab) -> SocketAddr {
    rustls::crypto::ring::default_provider().install_default().ok();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let (certificate, key) = (made.cert.der().to_vec(), made.signing_key.serialize_der());
    let tls = RustlsConfig::from_der(vec![certificate], key).await.expect("a configuration");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.set_nonblocking(true).expect("a socket");
    let address = listener.local_addr().expect("an address");
    let server = axum_server::from_tcp_rustls(listener, tls).expect("a listener");
    tokio::spawn(server.serve(axum_router(lab).into_make_service()));
    address
}

/// Serves the lab with axum, and the polyfill from npm. The `Last-Event-ID` header is taken away, so that a client can resume
/// through the query only.
///
/// # Panics
///
/// If `npm ci` has not been run.
pub async fn axum_with_polyfill(lab: Lab) -> SocketAddr {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/node_modules/event-source-polyfill/src/eventsource.js");
    let polyfill = std::fs::read_to_string(path).expect("the polyfill: run `npm ci` in the directory e2e");
    let (listener, address) = listener(&lab).await;
    let app = axum_router(lab)
        .route("/polyfill.js", get(([(CONTENT_TYPE, "text/javascript")], polyfill)))
        .layer(map_request(async |mut request: Request| {
            request.headers_mut().remove(sse_core::header::LAST_EVENT_ID);
            request
        }));
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

fn axum_router(lab: Lab) -> Router {
    use axum::extract::{Path, State};
    use axum::http::StatusCode;
    use axum::response::{Html, IntoResponse, Response};
    use axum::routing::post;
    use sse_axum::{LastEventId, Sse};

    async fn events(
        State(lab): State<Lab>,
        Path(scenario): Path<String>,
        LastEventId(id): LastEventId,
    ) -> Response {
        match lab.events(&scenario, &id) {
            Answer::Stop => StatusCode::NO_CONTENT.into_response(),
            Answer::Events(events, None) => Sse::new(events).into_response(),
            Answer::Events(events, Some(keep_alive)) => {
                Sse::new(events).keep_alive(keep_alive).into_response()
            }
        }
    }

    Router::new()
        .route("/", get(Html(PAGE)))
        .route("/page.js", get(([(CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/events/{scenario}", get(events))
        .route("/report", post(async |State(lab): State<Lab>, body: String| lab.report(body)))
        .with_state(lab)
}

/// Serves the lab with Rocket.
///
/// # Panics
///
/// If Rocket does not launch.
pub async fn rocket(lab: Lab) -> SocketAddr {
    use rocket::config::{Config, LogLevel};
    use rocket::data::{Limits, ToByteUnit};
    use rocket::fairing::AdHoc;
    use rocket::http::Status;
    use rocket::response::content::{RawHtml, RawJavaScript};
    use rocket::{State, post, routes};
    use sse_rocket::{KeepAlive, LastEventId, Sse};
    use std::time::Duration;

    #[rocket::get("/")]
    fn page() -> RawHtml<&'static str> {
        RawHtml(PAGE)
    }

    #[rocket::get("/page.js")]
    fn script() -> RawJavaScript<&'static str> {
        RawJavaScript(SCRIPT)
    }

    #[rocket::get("/events/<scenario>")]
    fn events(lab: &State<Lab>, scenario: &str, id: LastEventId) -> Result<Sse<Events>, Status> {
        match lab.events(scenario, &id) {
            Answer::Stop => Err(Status::NoContent),
            Answer::Events(events, keep_alive) => {
                Ok(Sse::new(events)
                    .keep_alive(keep_alive.unwrap_or(KeepAlive::new().interval(Duration::ZERO))))
            }
        }
    }

    #[post("/report", data = "<body>")]
    fn report(lab: &State<Lab>, body: String) {
        lab.report(body);
    }

    let (sender, address) = oneshot::channel();
    // A report may be longer than the 8 KiB that Rocket allows a string.
    let limits = Limits::default().limit("string", 1.mebibytes());
    let config = Config { port: lab.port, limits, log_level: LogLevel::Off, ..Config::debug_default() };
    let rocket = rocket::custom(config).manage(lab).mount("/", routes![page, script, events, report]).attach(
        AdHoc::on_liftoff("address", |rocket| {
            Box::pin(async move {
                sender.send((rocket.config().address, rocket.config().port).into()).ok();
            })
        }),
    );
    tokio::spawn(rocket.launch());
    address.await.expect("Rocket to launch")
}

/// Serves the lab with warp.
pub async fn warp(lab: Lab) -> SocketAddr {
    use sse_warp::{LastEventId, Sse, last_event_id};
    use warp::Filter;
    use warp::http::StatusCode;
    use warp::reply::{Reply, Response, html, with_header};

    fn events(lab: &Lab, scenario: &str, id: &LastEventId) -> Response {
        match lab.events(scenario, id) {
            Answer::Stop => StatusCode::NO_CONTENT.into_response(),
            Answer::Events(events, None) => Sse::new(events).into_response(),
            Answer::Events(events, Some(keep_alive)) => {
                Sse::new(events).keep_alive(keep_alive).into_response()
            }
        }
    }

    let (listener, address) = listener(&lab).await;
    let lab = warp::any().map(move || lab.clone());
    let page = warp::path::end().map(|| html(PAGE));
    let script = warp::path!("page.js").map(|| with_header(SCRIPT, CONTENT_TYPE, "text/javascript"));
    let events = warp::path!("events" / String)
        .and(lab.clone())
        .and(last_event_id())
        .map(|scenario: String, lab: Lab, id: LastEventId| events(&lab, &scenario, &id));
    let report = warp::path!("report").and(lab).and(warp::body::bytes()).map(
        |lab: Lab, body: warp::hyper::body::Bytes| {
            lab.report(String::from_utf8_lossy(&body).into_owned());
            StatusCode::OK
        },
    );
    tokio::spawn(warp::serve(page.or(script).or(events).or(report)).incoming(listener).run());
    address
}
