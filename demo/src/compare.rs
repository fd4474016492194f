//! The same events by polling, long polling, Server-Sent Events and a WebSocket.

use crate::poll::{self, Message};
use crate::published::Published;
use crate::visit::{Visit, Way};
use crate::{Demo, Status, stream, ticks};
use axum::extract::ws::{self, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::http::{self, StatusCode};
use axum::response::Response;
use axum::routing::{any, get, post};
use axum::{Json, Router};
use futures_util::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sse_axum::sse_core::Decoder;
use sse_axum::{EncodedEvent, Event, LastEventId, Sse};
use sse_hub::{Hub, Subscription};
use std::convert::Infallible;
use std::time::Duration;

pub(crate) const TOPIC: &str = "compare";

pub(crate) fn routes() -> Router<Demo> {
    Router::new()
        .route("/compare/poll", get(poll))
        .route("/compare/long-poll", get(long_poll))
        .route("/compare/events", get(events))
        .route("/compare/socket", any(socket))
        .route("/compare/publish", post(publish))
        .route("/compare/cut", post(cut))
        .route("/compare/meter", get(meter))
}

/// Publishes an event a second, so that there is always something to see.
pub(crate) fn start(hub: &Hub) {
    // Processes that share a log rarely tick at the same time.
    ticks::start(hub, TOPIC, || Duration::from_millis(fastrand::u64(980..1020)), event);
}

/// An event that says when it was published.
fn event() -> Event {
    Event::new().data(format!("{{\"at\":{}}}", ticks::now()))
}

/// Polling: what is new, or nothing.
async fn poll(State(demo): State<Demo>, visit: Visit, id: LastEventId) -> Json<Vec<Message>> {
    visit.claim(Way::Polling);
    Json(poll::batch(demo.hub.subscribe([TOPIC]).after(&id), Duration::ZERO).await)
}

/// Long polling: what is new, as soon as there is something.
async fn long_poll(State(demo): State<Demo>, visit: Visit, id: LastEventId) -> Json<Vec<Message>> {
    visit.claim(Way::LongPolling);
    Json(poll::batch(demo.hub.subscribe([TOPIC]).after(&id), Duration::from_secs(25)).await)
}

/// Server-Sent Events: one response that never ends.
async fn events(
    State(demo): State<Demo>,
    visit: Visit,
    id: LastEventId,
) -> Sse<impl Stream<Item = Result<EncodedEvent, Infallible>>> {
    visit.claim(Way::Events);
    stream::answer(&id, demo.hub.subscribe([TOPIC]).after(&id))
}

/// A plain WebSocket: a message for each event. What is lost while it is closed stays lost.
async fn socket(State(demo): State<Demo>, visit: Visit, upgrade: WebSocketUpgrade) -> Response {
    visit.claim(Way::WebSocket);
    let events = demo.hub.subscribe([TOPIC]);
    upgrade.on_upgrade(|socket| send(socket, events))
}

async fn send(mut socket: WebSocket, mut events: Subscription) {
    let mut decoder = Decoder::new();
    loop {
        let event = tokio::select! {
            event = events.next() => event,
            message = socket.recv() => match message {
                Some(Ok(_)) => continue,
                _ => return,
            },
        };
        let Some(Ok(block)) = event else { break };
        let mut messages = Vec::new();
        poll::messages(&mut decoder, block.as_bytes(), |message| messages.push(message));
        for message in messages.iter().filter(|message| !message.event.starts_with("hub:")) {
            let text = serde_json::to_string(message).expect("strings are JSON");
            if socket.send(ws::Message::Text(text.into())).await.is_err() {
                return;
            }
        }
    }
    // The hub has ended the subscription. An error says that the client is gone already.
    socket.send(ws::Message::Close(None)).await.ok();
}

#[derive(Deserialize)]
struct Count {
    count: u32,
}

/// Publishes some events at once, 100 at most.
async fn publish(
    State(demo): State<Demo>,
    Query(Count { count }): Query<Count>,
) -> Result<StatusCode, http::Response<String>> {
    for _ in 0..count.min(100) {
        demo.hub.publish(TOPIC, event()).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// Cuts the connections of the page's four lanes, as a bad network would.
async fn cut(visit: Visit) -> StatusCode {
    visit.page.cut();
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct After {
    /// The number of the last published event that the page knows of.
    #[serde(default)]
    after: u64,
}

/// What the page cannot see by itself.
#[derive(Serialize)]
struct Meter {
    #[serde(flatten)]
    status: Status,
    /// The server's clock, and whether the page is on the same machine.
    now: i64,
    same_machine: bool,
    /// Since when this process counts what is published.
    since: i64,
    published: Vec<Published>,
    lanes: Lanes,
}

/// The requests, and the bytes up and down, of each lane.
#[derive(Serialize)]
struct Lanes {
    polling: [u64; 3],
    long_polling: [u64; 3],
    events: [u64; 3],
    socket: [u64; 3],
}

async fn meter(State(demo): State<Demo>, Query(After { after }): Query<After>, visit: Visit) -> Json<Meter> {
    let count = |way| visit.page.count(way);
    Json(Meter {
        status: demo.status(),
        now: ticks::now(),
        same_machine: visit.is_from_this_machine(),
        since: demo.published.since,
        published: demo.published.after(after),
        lanes: Lanes {
            polling: count(Way::Polling),
            long_polling: count(Way::LongPolling),
            events: count(Way::Events),
            socket: count(Way::WebSocket),
        },
    })
}
