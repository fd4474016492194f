//! Who may listen: those with a session, from one other origin, and no more than there are slots.
//!
//! `cargo run -p sse-axum --example axum_access`, then
//! `curl -N --cookie session=valid http://127.0.0.1:3001/events`.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::{Router, routing::get};
use futures_util::stream::{self, StreamExt};
use sse_axum::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Semaphore;

const CORS: AppendHeaders<[(header::HeaderName, &str); 2]> = AppendHeaders([
    (header::ACCESS_CONTROL_ALLOW_ORIGIN, "https://app.example"),
    (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
]);

async fn events(State(slots): State<Arc<Semaphore>>, headers: HeaderMap) -> Response {
    if !headers.get(header::COOKIE).is_some_and(|cookie| is_session(cookie.as_bytes())) {
        return (StatusCode::UNAUTHORIZED, CORS).into_response();
    }
    let Ok(slot) = slots.try_acquire_owned() else {
        return (StatusCode::SERVICE_UNAVAILABLE, CORS).into_response();
    };
    let events = stream::pending::<Event>().map(move |event| {
        // The stream owns its slot, and frees it when it is dropped.
        let _ = &slot;
        Ok::<_, Infallible>(event)
    });
    (CORS, Sse::new(events).keep_alive(KeepAlive::new())).into_response()
}

async fn preflight() -> impl IntoResponse {
    (StatusCode::NO_CONTENT, CORS, [(header::ACCESS_CONTROL_ALLOW_HEADERS, "last-event-id")])
}

pub(crate) fn app(slots: usize) -> Router {
    Router::new().route("/events", get(events).options(preflight)).with_state(Arc::new(Semaphore::new(slots)))
}

fn is_session(cookie: &[u8]) -> bool {
    cookie == b"session=valid" // Yours looks it up.
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3001").await?;
    axum::serve(listener, app(1000)).await
}
