//! A chat: post to topics, listen to topics, resume after a reconnect.
//!
//! `cargo run -p sse-rocket --example rocket_chat`, then open `http://127.0.0.1:8000/`.

use futures_util::{FutureExt, StreamExt};
use rocket::http::Status;
use rocket::response::content::RawHtml;
use rocket::serde::json::Json;
use rocket::{Build, Rocket, State, get, post, routes};
use serde::{Deserialize, Serialize};
use sse_hub::{Hub, PublishError, Subscription};
use sse_rocket::sse_core::{Decoder, Frame};
use sse_rocket::{Event, LastEventId, Sse};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

#[derive(Deserialize)]
struct Post {
    topic: String,
    text: String,
}

#[get("/stream?<topics>")]
fn stream(hub: &State<Hub>, topics: &str, id: LastEventId) -> Sse<Subscription> {
    Sse::new(hub.subscribe(topics.split(',')).after(&id))
}

#[post("/post", data = "<post>")]
async fn publish(hub: &State<Hub>, post: Json<Post>) -> Result<String, (Status, String)> {
    let data = serde_json::json!({ "text": post.text }).to_string();
    match hub.publish(&post.topic, Event::new().data(data)).await {
        Ok(position) => Ok(position.to_string()),
        Err(error) => {
            let status = match error {
                PublishError::Invalid(_) => Status::BadRequest,
                PublishError::TooLarge { .. } => Status::PayloadTooLarge,
                PublishError::Unknown(_) => Status::GatewayTimeout,
                _ => Status::ServiceUnavailable,
            };
            Err((status, error.to_string()))
        }
    }
}

#[get("/listeners?<topics>")]
fn listeners(hub: &State<Hub>, topics: &str) -> String {
    topics.split(',').map(|topic| hub.subscribers(topic)).sum::<usize>().to_string()
}

#[get("/")]
fn page() -> RawHtml<&'static str> {
    RawHtml(include_str!("../../sse-hub/examples/chat.html"))
}

#[derive(Serialize)]
struct Message {
    id: String,
    event: String,
    data: String,
}

#[get("/poll?<topics>")]
async fn poll(hub: &State<Hub>, topics: &str, id: LastEventId) -> Json<Vec<Message>> {
    let events = hub.subscribe(topics.split(',')).after(&id);
    Json(batch(events, Duration::from_secs(25)).await)
}

async fn batch(mut events: Subscription, wait: Duration) -> Vec<Message> {
    let mut batch = Vec::<Message>::new();
    let mut decoder = Decoder::new();
    let deadline = Instant::now() + wait;
    while batch.len() < 100 {
        // A replay ends with `hub:at`, even if nothing was missed.
        let next = if batch.iter().all(|message| message.event == "hub:at") {
            timeout_at(deadline, events.next()).await.ok()
        } else {
            events.next().now_or_never()
        };
        let Some(Some(Ok(block))) = next else { break };
        let mut bytes = block.as_bytes();
        while let Ok(Some(frame)) = decoder.decode(&mut bytes) {
            if let Frame::Message(message) = frame {
                batch.push(Message {
                    id: message.last_event_id.into(),
                    event: message.event_type.into(),
                    data: message.data.into(),
                });
            }
        }
    }
    batch
}

fn app(hub: Hub) -> Rocket<Build> {
    // Rocket ends all streams when it shuts down, so the hub is drained before that.
    let config = rocket::Config::figment().merge(("shutdown.ctrlc", false));
    rocket::custom(config).manage(hub).mount("/", routes![page, stream, publish, listeners, poll])
}

pub(crate) async fn serve(
    hub: Hub,
    configure: impl FnOnce(Rocket<Build>) -> Rocket<Build>,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> Result<(), rocket::Error> {
    let rocket = configure(app(hub.clone())).ignite().await?;
    let shutdown = rocket.shutdown();
    rocket::tokio::spawn(async move {
        stopped.await;
        hub.drain(Duration::from_secs(5)).await;
        shutdown.notify();
    });
    rocket.launch().await.map(drop)
}

#[rocket::main]
async fn main() -> Result<(), Box<rocket::Error>> {
    let stopped = async {
        tokio::signal::ctrl_c().await.ok();
    };
    serve(Hub::new(), |rocket| rocket, stopped).await.map_err(Box::new)
}
