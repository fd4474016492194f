//! A chat: what `/post` takes, `/stream` delivers to everyone.

use crate::poll::{self, Message};
use crate::{Demo, stream};
use axum::extract::State;
use axum::http::{Response, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::Stream;
use serde::Deserialize;
use serde_json::Value;
use sse_axum::{EncodedEvent, Event, LastEventId, Sse};
use sse_hub::Subscription;
use std::convert::Infallible;
use std::fmt::Display;
use std::time::Duration;

#[derive(Deserialize)]
struct Post {
    /// The event type.
    event: String,
    /// The data, any JSON.
    data: Value,
}

pub(crate) fn routes() -> Router<Demo> {
    Router::new().route("/stream", get(stream)).route("/poll", get(poll)).route("/post", post(publish))
}

/// What was said last or, after a reconnect, all that was missed; then each message as it comes.
fn subscribe(demo: &Demo, id: &LastEventId) -> Subscription {
    demo.hub.subscribe(["chat"]).after(id).last(20)
}

async fn stream(
    State(demo): State<Demo>,
    id: LastEventId,
) -> Sse<impl Stream<Item = Result<EncodedEvent, Infallible>>> {
    stream::answer(&id, subscribe(&demo, &id))
}

/// The same for a browser without `EventSource`: long polling, with the same IDs.
async fn poll(State(demo): State<Demo>, id: LastEventId) -> Json<Vec<Message>> {
    Json(poll::batch(subscribe(&demo, &id), Duration::from_secs(25)).await)
}

/// Publishes an event, and answers with its ID.
async fn publish(State(demo): State<Demo>, Json(post): Json<Post>) -> Result<String, Response<String>> {
    let event = Event::new().try_event(&post.event).map_err(bad_request)?;
    let event = event.json_data(&post.data).map_err(bad_request)?;
    Ok(demo.hub.publish("chat", event).await?.to_string())
}

fn bad_request(error: impl Display) -> Response<String> {
    let mut response = Response::new(error.to_string());
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}
