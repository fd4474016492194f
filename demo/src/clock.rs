//! A clock, pushed to the page.

use crate::visit::{Visit, Way};
use crate::{Demo, stream, ticks};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use futures_util::Stream;
use sse_axum::{EncodedEvent, Event, LastEventId, Sse};
use sse_hub::Hub;
use std::convert::Infallible;
use std::time::Duration;

pub(crate) fn routes() -> Router<Demo> {
    Router::new().route("/events", get(events)).route("/drop", post(drop_connection))
}

/// Publishes the time about once a second.
pub(crate) fn start(hub: &Hub) {
    let about_a_second = || Duration::from_millis(fastrand::u64(700..1300));
    ticks::start(hub, "clock", about_a_second, || {
        let time = jiff::Timestamp::now();
        Event::new().event("ping").data(format!("{{\"time\":\"{time:.3}\"}}"))
    });
}

/// The stream: what the client has missed, then each tick as it happens.
async fn events(
    State(demo): State<Demo>,
    visit: Visit,
    id: LastEventId,
) -> Sse<impl Stream<Item = Result<EncodedEvent, Infallible>>> {
    visit.claim(Way::Events);
    stream::answer(&id, demo.hub.subscribe(["clock"]).after(&id).last(1))
}

/// Cuts the page's connection in the middle of the response, as a bad network would.
async fn drop_connection(visit: Visit) -> StatusCode {
    visit.page.cut();
    StatusCode::NO_CONTENT
}
