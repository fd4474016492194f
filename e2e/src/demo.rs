//! The demo, with a script in each page that plays a visitor and posts what it saw.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, post};
use demo::Engine;
use std::future::pending;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::mpsc::UnboundedSender;

/// Serves the demo on this port, and sends what its pages report.
///
/// # Panics
///
/// Panics if the port is taken.
pub async fn serve(port: u16, engine: Engine, reports: UnboundedSender<String>) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let visitor = Router::new()
        .route("/visitor.js", get(([(CONTENT_TYPE, "text/javascript")], include_str!("demo.js"))))
        .route("/report", post(report))
        .with_state(reports);
    let app = demo::app(&engine).merge(visitor).layer(map_response(with_visitor));
    tokio::spawn(demo::serve(listener, app, engine, pending()));
    address
}

async fn report(State(reports): State<UnboundedSender<String>>, report: String) {
    reports.send(report).ok();
}

/// Puts the script into a page, before the scripts of the page itself.
async fn with_visitor(response: Response) -> Response {
    let is_page =
        response.headers().get(CONTENT_TYPE).is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    if !is_page {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let page = to_bytes(body, usize::MAX).await.expect("a page");
    let page =
        String::from_utf8_lossy(&page).replacen("<head>", "<head><script src=/visitor.js></script>", 1);
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(page))
}
