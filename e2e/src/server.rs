//! The same routes in each framework.

use crate::{Answer, Lab, PAGE, SCRIPT, keep_alive};
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A free port, and what listens on it.
async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    (listener, address)
}

/// Serves the lab with axum.
pub async fn axum(lab: Lab) -> SocketAddr {
    use axum::Router;
    use axum::extract::{Path, State};
    use axum::http::{StatusCode, header::CONTENT_TYPE};
    use axum::response::{Html, IntoResponse, Response};
    use axum::routing::{get, post};
    use sse_axum::{LastEventId, Sse};

    async fn events(
        State(lab): State<Lab>,
        Path(scenario): Path<String>,
        LastEventId(id): LastEventId,
    ) -> Response {
        match lab.events(&scenario, &id) {
            Answer::Stop => StatusCode::NO_CONTENT.into_response(),
            Answer::Events(events) => Sse::new(events).keep_alive(keep_alive()).into_response(),
        }
    }

    let (listener, address) = listener().await;
    let app = Router::new()
        .route("/", get(Html(PAGE)))
        .route("/page.js", get(([(CONTENT_TYPE, "text/javascript")], SCRIPT)))
        .route("/events/{scenario}", get(events))
        .route("/report", post(async |State(lab): State<Lab>, body: String| lab.report(body)))
        .with_state(lab);
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

/// Serves the lab with Rocket.
///
/// # Panics
///
/// If Rocket does not launch.
pub async fn rocket(lab: Lab) -> SocketAddr {
    use futures_util::stream::BoxStream;
    use rocket::config::{Config, LogLevel};
    use rocket::fairing::AdHoc;
    use rocket::http::Status;
    use rocket::response::content::{RawHtml, RawJavaScript};
    use rocket::{State, get, post, routes};
    use sse_rocket::{Event, LastEventId, Sse};
    use std::convert::Infallible;

    type Events = Sse<BoxStream<'static, Result<Event, Infallible>>>;

    #[get("/")]
    fn page() -> RawHtml<&'static str> {
        RawHtml(PAGE)
    }

    #[get("/page.js")]
    fn script() -> RawJavaScript<&'static str> {
        RawJavaScript(SCRIPT)
    }

    #[get("/events/<scenario>")]
    fn events(lab: &State<Lab>, scenario: &str, id: LastEventId) -> Result<Events, Status> {
        match lab.events(scenario, &id) {
            Answer::Stop => Err(Status::NoContent),
            Answer::Events(events) => Ok(Sse::new(events).keep_alive(keep_alive())),
        }
    }

    #[post("/report", data = "<body>")]
    fn report(lab: &State<Lab>, body: String) {
        lab.report(body);
    }

    let (sender, address) = oneshot::channel();
    let config = Config { port: 0, log_level: LogLevel::Off, ..Config::debug_default() };
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
    use warp::http::{StatusCode, header::CONTENT_TYPE};
    use warp::reply::{Reply, Response, html, with_header};

    fn events(lab: &Lab, scenario: &str, id: &LastEventId) -> Response {
        match lab.events(scenario, id) {
            Answer::Stop => StatusCode::NO_CONTENT.into_response(),
            Answer::Events(events) => Sse::new(events).keep_alive(keep_alive()).into_response(),
        }
    }

    let (listener, address) = listener().await;
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
