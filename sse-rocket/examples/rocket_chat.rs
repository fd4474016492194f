//! A chat: post to topics, listen to topics, resume after a reconnect.
//!
//! `cargo run -p sse-rocket --example rocket_chat`, then open `http://127.0.0.1:8000/`.

#[path = "../../sse-hub/examples/long_poll/mod.rs"]
mod long_poll;

use long_poll::Message;
use rocket::http::Status;
use rocket::response::content::RawHtml;
use rocket::serde::json::Json;
use rocket::{Build, Rocket, State, get, post, routes};
use serde::Deserialize;
use sse_hub::{Hub, Subscription};
use sse_rocket::{Event, LastEventId, Sse};
use std::time::Duration;

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
        Err(error) => Err((Status::new(error.status().as_u16()), error.to_string())),
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

#[get("/poll?<topics>")]
async fn poll(hub: &State<Hub>, topics: &str, id: LastEventId) -> Json<Vec<Message>> {
    let events = hub.subscribe(topics.split(',')).after(&id);
    Json(long_poll::batch(events, Duration::from_secs(25)).await)
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
