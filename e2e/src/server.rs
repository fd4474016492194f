//! The same routes in each framework, except that only axum serves the Gemini API.

mod actix;

pub use self::actix::actix;

use crate::{Answer, Events, Lab, PAGE, SCRIPT};
use axum::Router;
use axum::extract::Request;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::map_request;
use axum::routing::get;
use axum_server::tls_rustls::RustlsConfig;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// Binds the lab's port, and returns the listener and its address.
async fn listener(lab: &Lab) -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind(("127.0.0.1", lab.port)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Reads a page in `clients`, or a file that it loads from `node_modules`, or the script for a page
/// in the README of sse-hub. Returns the content type and the text. Imports may omit `.js`.
fn file(path: &str) -> Option<(&'static str, String)> {
    if path == "sse-hub/README.js" {
        let (_, script) = include_str!("../../sse-hub/README.md").split_once("```js\n")?;
        return Some(("text/javascript", script.split_once("```\n")?.0.to_owned()));
    }
    if path.contains("..") {
        return None;
    }
    let mut path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if path.extension().is_none() {
        path.set_extension("js");
    }
    let html = path.extension().is_some_and(|extension| extension == "html");
    Some((if html { "text/html" } else { "text/javascript" }, fs::read_to_string(path).ok()?))
}

/// Serves the lab with axum, over HTTP/1.1.
pub async fn axum(lab: Lab) -> SocketAddr {
    let (listener, address) = listener(&lab).await;
    tokio::spawn(axum::serve(listener, axum_router(lab)).into_future());
    address
}

/// Serves the lab with axum over TLS, since browsers speak HTTP/2 only there. The certificate is
/// generated for each server.
///
/// # Panics
///
/// Panics if there is no free port, or if the certificate cannot be generated.
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

/// Serves the lab with axum, and removes the `Last-Event-ID` header of each request, so that
/// clients can resume only through the query.
pub async fn axum_without_last_event_id(lab: Lab) -> SocketAddr {
    let (listener, address) = listener(&lab).await;
    let app = axum_router(lab).layer(map_request(async |mut request: Request| {
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

    fn answer(answer: Answer) -> Response {
        match answer {
            Answer::Accepted => StatusCode::ACCEPTED.into_response(),
            Answer::Stop => StatusCode::NO_CONTENT.into_response(),
            Answer::Events(events, None) => Sse::new(events).into_response(),
            Answer::Events(events, Some(keep_alive)) => {
                Sse::new(events).keep_alive(keep_alive).into_response()
            }
        }
    }

    async fn events(
        State(lab): State<Lab>,
        Path(scenario): Path<String>,
        LastEventId(id): LastEventId,
    ) -> Response {
        answer(lab.events(&scenario, &id))
    }

    async fn chat(State(lab): State<Lab>, request: String) -> Response {
        answer(lab.chat(&request))
    }

    async fn gemini(State(lab): State<Lab>, Path(call): Path<String>) -> Response {
        answer(lab.gemini(&call))
    }

    async fn mcp(State(lab): State<Lab>, message: String) -> Response {
        answer(lab.mcp(&message))
    }

    async fn mcp_resumed(State(lab): State<Lab>, LastEventId(id): LastEventId) -> Response {
        answer(lab.mcp_resumed(&id))
    }

    async fn files(Path(path): Path<String>) -> Result<Response, StatusCode> {
        let (content_type, text) = file(&path).ok_or(StatusCode::NOT_FOUND)?;
        Ok(([(CONTENT_TYPE, content_type)], text).into_response())
    }

    Router::new()
        .route("/", get(Html(PAGE)))
        .route("/page.js", get(([(CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/files/{*path}", get(files))
        .route("/events/{scenario}", get(events))
        .route("/v1/chat/completions", post(chat))
        .route("/v1beta/models/{call}", post(gemini))
        .route("/mcp", post(mcp).get(mcp_resumed))
        .route("/report", post(async |State(lab): State<Lab>, body: String| lab.report(body)))
        .with_state(lab)
}

/// Serves the lab with Rocket.
///
/// # Panics
///
/// Panics if Rocket does not launch.
pub async fn rocket(lab: Lab) -> SocketAddr {
    use rocket::config::{Config, LogLevel};
    use rocket::data::{Limits, ToByteUnit};
    use rocket::fairing::AdHoc;
    use rocket::http::{ContentType, Status};
    use rocket::response::content::{RawHtml, RawJavaScript};
    use rocket::{State, post, routes};
    use sse_rocket::{KeepAlive, LastEventId, Sse};
    use std::path::PathBuf;
    use std::time::Duration;

    fn answer(answer: Answer) -> Result<Sse<Events>, Status> {
        match answer {
            Answer::Accepted => Err(Status::Accepted),
            Answer::Stop => Err(Status::NoContent),
            Answer::Events(events, keep_alive) => {
                let none = KeepAlive::new().interval(Duration::ZERO);
                Ok(Sse::new(events).keep_alive(keep_alive.unwrap_or(none)))
            }
        }
    }

    #[rocket::get("/")]
    fn page() -> RawHtml<&'static str> {
        RawHtml(PAGE)
    }

    #[rocket::get("/page.js")]
    fn script() -> RawJavaScript<&'static str> {
        RawJavaScript(SCRIPT)
    }

    #[rocket::get("/files/<path..>")]
    fn files(path: PathBuf) -> Option<(ContentType, String)> {
        let (content_type, text) = file(path.to_str()?)?;
        Some((content_type.parse().ok()?, text))
    }

    #[rocket::get("/events/<scenario>")]
    fn events(lab: &State<Lab>, scenario: &str, id: LastEventId) -> Result<Sse<Events>, Status> {
        answer(lab.events(scenario, &id))
    }

    #[post("/v1/chat/completions", data = "<request>")]
    fn chat(lab: &State<Lab>, request: String) -> Result<Sse<Events>, Status> {
        answer(lab.chat(&request))
    }

    #[post("/mcp", data = "<message>")]
    fn mcp(lab: &State<Lab>, message: String) -> Result<Sse<Events>, Status> {
        answer(lab.mcp(&message))
    }

    #[rocket::get("/mcp")]
    fn mcp_resumed(lab: &State<Lab>, id: LastEventId) -> Result<Sse<Events>, Status> {
        answer(lab.mcp_resumed(&id))
    }

    #[post("/report", data = "<body>")]
    fn report(lab: &State<Lab>, body: String) {
        lab.report(body);
    }

    let (sender, address) = oneshot::channel();
    // A report may be longer than the 8 KiB that Rocket allows a string.
    let limits = Limits::default().limit("string", 1.mebibytes());
    let config = Config { port: lab.port, limits, log_level: LogLevel::Off, ..Config::debug_default() };
    let routes = routes![page, script, files, events, chat, mcp, mcp_resumed, report];
    let rocket = rocket::custom(config).manage(lab).mount("/", routes).attach(AdHoc::on_liftoff(
        "address",
        |rocket| {
            Box::pin(async move {
                sender.send((rocket.config().address, rocket.config().port).into()).ok();
            })
        },
    ));
    tokio::spawn(rocket.launch());
    address.await.expect("Rocket to launch")
}

/// Serves the lab with warp.
pub async fn warp(lab: Lab) -> SocketAddr {
    use sse_warp::{LastEventId, Sse, last_event_id};
    use warp::Filter;
    use warp::http::StatusCode;
    use warp::path::Tail;
    use warp::reply::{Reply, Response, html, with_header};

    fn answer(answer: Answer) -> Response {
        match answer {
            Answer::Accepted => StatusCode::ACCEPTED.into_response(),
            Answer::Stop => StatusCode::NO_CONTENT.into_response(),
            Answer::Events(events, None) => Sse::new(events).into_response(),
            Answer::Events(events, Some(keep_alive)) => {
                Sse::new(events).keep_alive(keep_alive).into_response()
            }
        }
    }

    fn files(path: &Tail) -> Response {
        match file(path.as_str()) {
            Some((content_type, text)) => with_header(text, CONTENT_TYPE, content_type).into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        }
    }

    let (listener, address) = listener(&lab).await;
    let lab = warp::any().map(move || lab.clone());
    let body =
        warp::body::bytes().map(|body: warp::hyper::body::Bytes| String::from_utf8_lossy(&body).into_owned());
    let page = warp::path::end().map(|| html(PAGE));
    let script = warp::path!("page.js").map(|| with_header(SCRIPT, CONTENT_TYPE, "text/javascript"));
    let files = warp::path("files").and(warp::path::tail()).map(|path: Tail| files(&path));
    let events = warp::path!("events" / String)
        .and(lab.clone())
        .and(last_event_id())
        .map(|scenario: String, lab: Lab, id: LastEventId| answer(lab.events(&scenario, &id)));
    let chat = warp::path!("v1" / "chat" / "completions")
        .and(lab.clone())
        .and(body)
        .map(|lab: Lab, request: String| answer(lab.chat(&request)));
    let mcp = warp::path!("mcp")
        .and(warp::post())
        .and(lab.clone())
        .and(body)
        .map(|lab: Lab, message: String| answer(lab.mcp(&message)));
    let mcp_resumed = warp::path!("mcp")
        .and(warp::get())
        .and(lab.clone())
        .and(last_event_id())
        .map(|lab: Lab, id: LastEventId| answer(lab.mcp_resumed(&id)));
    let report = warp::path!("report").and(lab).and(body).map(|lab: Lab, body: String| {
        lab.report(body);
        StatusCode::OK
    });
    let routes = page.or(script).or(files).or(events).or(chat).or(mcp).or(mcp_resumed).or(report);
    tokio::spawn(warp::serve(routes).incoming(listener).run());
    address
}
