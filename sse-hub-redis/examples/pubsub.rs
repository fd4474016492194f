//! Publish and subscribe on many machines: what `/post` takes on one node, `/stream` sends on all.
//!
//! `cargo run -p sse-hub-redis --example pubsub -- redis://127.0.0.1/ 127.0.0.1:3000`, and on another
//! port once more. Then `curl -N http://127.0.0.1:3000/stream`, and
//! `curl -d 'hello' http://127.0.0.1:3001/post`.

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Router, http};
use sse_axum::{Event, KeepAlive, KeepAliveStream, LastEventId, Sse};
use sse_hub::{Hub, Subscription};
use sse_hub_redis::Redis;
use std::{error::Error, time::Duration};
use tokio::net::TcpListener;

async fn stream(State(hub): State<Hub>, id: LastEventId) -> Sse<KeepAliveStream<Subscription>> {
    Sse::new(hub.subscribe(["news"]).after(&id)).keep_alive(KeepAlive::new())
}

async fn publish(State(hub): State<Hub>, text: String) -> Result<String, http::Response<String>> {
    Ok(hub.publish("news", Event::new().data(text)).await?.to_string())
}

pub(crate) async fn node(redis: &str) -> Result<Router, Box<dyn Error + Send + Sync>> {
    let redis = Redis::builder(redis)?.publish_wait(Duration::from_secs(2)).build();
    let hub = Hub::connect(redis).await?;
    Ok(Router::new().route("/stream", get(stream)).route("/post", post(publish)).with_state(hub))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(redis), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err("usage: pubsub REDIS_URL ADDRESS, such as redis://127.0.0.1/ 127.0.0.1:3000".into());
    };
    let listener = TcpListener::bind(address).await?;
    axum::serve(listener, node(&redis).await?).await?;
    Ok(())
}
