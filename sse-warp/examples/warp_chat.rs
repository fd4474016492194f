//! A chat: post to topics, listen to topics, resume after a reconnect.
//!
//! `cargo run -p sse-warp --example warp_chat`, then open `http://127.0.0.1:3002/`.

#[path = "../../sse-hub/examples/long_poll/mod.rs"]
mod long_poll;

use serde::Deserialize;
use sse_hub::Hub;
use sse_warp::{Event, KeepAlive, LastEventId, Sse, last_event_id};
use std::{convert::Infallible, io, time::Duration};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::time::timeout;
use warp::{Filter, Rejection, Reply, http};

#[derive(Deserialize)]
struct Topics {
    topics: String,
}

#[derive(Deserialize)]
struct Post {
    topic: String,
    text: String,
}

fn stream(hub: Hub, query: Topics, id: LastEventId) -> impl Reply {
    Sse::new(hub.subscribe(query.topics.split(',')).after(&id)).keep_alive(KeepAlive::new())
}

async fn publish(hub: Hub, post: Post) -> Result<http::Response<String>, Infallible> {
    let data = serde_json::json!({ "text": post.text }).to_string();
    Ok(match hub.publish(&post.topic, Event::new().data(data)).await {
        Ok(position) => http::Response::new(position.to_string()),
        Err(error) => error.into(),
    })
}

fn listeners(hub: Hub, query: Topics) -> String {
    query.topics.split(',').map(|topic| hub.subscribers(topic)).sum::<usize>().to_string()
}

async fn poll(hub: Hub, query: Topics, id: LastEventId) -> Result<impl Reply, Infallible> {
    let events = hub.subscribe(query.topics.split(',')).after(&id);
    Ok(warp::reply::json(&long_poll::batch(events, Duration::from_secs(25)).await))
}

fn app(hub: Hub) -> impl Filter<Extract = (impl Reply,), Error = Rejection> + Clone {
    let hub = warp::any().map(move || hub.clone());
    let topics = || warp::get().and(hub.clone()).and(warp::query::<Topics>());
    let page = warp::get().map(|| warp::reply::html(include_str!("../../sse-hub/examples/chat.html")));
    let post = warp::post().and(hub.clone()).and(warp::body::json()).and_then(publish);
    warp::path::end()
        .and(page)
        .or(warp::path!("stream").and(topics()).and(last_event_id()).map(stream))
        .or(warp::path!("listeners").and(topics()).map(listeners))
        .or(warp::path!("poll").and(topics()).and(last_event_id()).and_then(poll))
        .or(warp::path!("post").and(post))
}

pub(crate) async fn serve(listener: TcpListener, hub: Hub, stopped: impl Future<Output = ()>) {
    let (shut_down, drained) = oneshot::channel::<()>();
    let server = warp::serve(app(hub.clone())).incoming(listener).graceful(async {
        drained.await.ok();
    });
    let server = tokio::spawn(server.run());
    stopped.await;
    hub.drain(Duration::from_secs(5)).await;
    drop(shut_down);
    // Whoever is still there does not read.
    timeout(Duration::from_secs(5), server).await.ok();
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3002").await?;
    serve(listener, Hub::new(), async {
        tokio::signal::ctrl_c().await.ok();
    })
    .await;
    Ok(())
}
