//! Who may listen: those with a session, from one other origin, and no more than there are slots.
//!
//! `cargo run -p sse-warp --example warp_access`, then
//! `curl -N --cookie session=valid http://127.0.0.1:3002/events`.

use futures_util::stream::{self, StreamExt};
use sse_warp::{Event, KeepAlive, Sse};
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::Semaphore;
use warp::http::StatusCode;
use warp::reply::Response;
use warp::{Filter, Rejection, Reply};

fn events(session: Option<String>, slots: Arc<Semaphore>) -> Response {
    if !session.is_some_and(|session| is_session(&session)) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let Ok(slot) = slots.try_acquire_owned() else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let events = stream::pending::<Event>().map(move |event| {
        // The stream owns its slot, and frees it when it is dropped.
        let _ = &slot;
        Ok::<_, Infallible>(event)
    });
    Sse::new(events).keep_alive(KeepAlive::new()).into_response()
}

pub(crate) fn app(slots: usize) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let slots = Arc::new(Semaphore::new(slots));
    let cors = warp::cors()
        .allow_origin("https://app.example")
        .allow_credentials(true)
        .allow_methods(["GET"])
        .allow_headers(["last-event-id"]);
    warp::path("events")
        .and(warp::get())
        .and(warp::cookie::optional("session"))
        .map(move |session| events(session, slots.clone()))
        .with(cors)
}

fn is_session(session: &str) -> bool {
    session == "valid" // Yours looks it up.
}

#[tokio::main]
async fn main() {
    warp::serve(app(1000)).run(([127, 0, 0, 1], 3002)).await;
}
