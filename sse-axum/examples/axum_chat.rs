//! A chat: post to topics, listen to topics, resume after a reconnect.
//!
//! `cargo run -p sse-axum --example axum_chat`, then open `http://127.0.0.1:3001/`.

#[path = "../../sse-hub/examples/long_poll/mod.rs"]
mod long_poll;

use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::{get, post};
use axum::{Json, Router, http};
use long_poll::Message;
use serde::Deserialize;
use sse_axum::{Event, KeepAlive, KeepAliveStream, LastEventId, Sse};
use sse_hub::{Hub, Subscription};
use std::{io, time::Duration};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;

#[derive(Deserialize)]
struct Topics {
    topics: String,
}

#[derive(Deserialize)]
struct Post {
    topic: String,
    text: String,
}

async fn stream(
    State(hub): State<Hub>,
    Query(query): Query<Topics>,
    id: LastEventId,
) -> Sse<KeepAliveStream<Subscription>> {
    Sse::new(hub.subscribe(query.topics.split(',')).after(&id)).keep_alive(KeepAlive::new())
}

async fn publish(State(hub): State<Hub>, Json(post): Json<Post>) -> Result<String, http::Response<String>> {
    let data = serde_json::json!({ "text": post.text }).to_string();
    Ok(hub.publish(&post.topic, Event::new().data(data)).await?.to_string())
}

async fn listeners(State(hub): State<Hub>, Query(query): Query<Topics>) -> String {
    query.topics.split(',').map(|topic| hub.subscribers(topic)).sum::<usize>().to_string()
}

async fn poll(State(hub): State<Hub>, Query(query): Query<Topics>, id: LastEventId) -> Json<Vec<Message>> {
    let events = hub.subscribe(query.topics.split(',')).after(&id);
    Json(long_poll::batch(events, Duration::from_secs(25)).await)
}

fn app(hub: Hub) -> Router {
    Router::new()
        .route("/", get(async || Html(include_str!("../../sse-hub/examples/chat.html"))))
        .route("/stream", get(stream))
        .route("/post", post(publish))
        .route("/listeners", get(listeners))
        .route("/poll", get(poll))
        .with_state(hub)
}

pub(crate) async fn serve(
    listener: TcpListener,
    hub: Hub,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let (shut_down, drained) = oneshot::channel::<()>();
    let server = axum::serve(listener, app(hub.clone())).with_graceful_shutdown(async {
        drained.await.ok();
    });
    let server = tokio::spawn(server.into_future());
    stopped.await;
    hub.drain(Duration::from_secs(5)).await;
    drop(shut_down);
    // Whoever is still there does not read.
    timeout(Duration::from_secs(5), server).await.map_or(Ok(()), |server| server?)
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3001").await?;
    serve(listener, Hub::new(), async {
        tokio::signal::ctrl_c().await.ok();
    })
    .await
}
