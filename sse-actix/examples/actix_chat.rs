//! A chat: post to topics, listen to topics, resume after a reconnect.
//!
//! `cargo run -p sse-actix --example actix_chat`, then open `http://127.0.0.1:8080/`.

#[path = "../../sse-hub/examples/long_poll/mod.rs"]
mod long_poll;

use actix_web::dev::Server;
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::web::{Html, Json, Query, ServiceConfig, ThinData};
use actix_web::{App, HttpServer, Result, get, post};
use long_poll::Message;
use serde::Deserialize;
use sse_actix::{Event, LastEventId, Sse};
use sse_hub::{Hub, PublishError, Subscription};
use std::net::TcpListener;
use std::{io, time::Duration};

#[derive(Deserialize)]
struct Topics {
    topics: String,
}

#[derive(Deserialize)]
struct Post {
    topic: String,
    text: String,
}

#[get("/stream")]
async fn stream(hub: ThinData<Hub>, query: Query<Topics>, id: LastEventId) -> Sse<Subscription> {
    Sse::new(hub.subscribe(query.topics.split(',')).after(&id))
}

#[post("/post")]
async fn publish(hub: ThinData<Hub>, post: Json<Post>) -> Result<String> {
    let data = serde_json::json!({ "text": post.text }).to_string();
    let published = hub.publish(&post.topic, Event::new().data(data)).await;
    Ok(published.map_err(with_status)?.to_string())
}

fn with_status(error: PublishError) -> InternalError<PublishError> {
    let status = StatusCode::from_u16(error.status().as_u16());
    InternalError::new(error, status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR))
}

#[get("/listeners")]
async fn listeners(hub: ThinData<Hub>, query: Query<Topics>) -> String {
    query.topics.split(',').map(|topic| hub.subscribers(topic)).sum::<usize>().to_string()
}

#[get("/poll")]
async fn poll(hub: ThinData<Hub>, query: Query<Topics>, id: LastEventId) -> Json<Vec<Message>> {
    let events = hub.subscribe(query.topics.split(',')).after(&id);
    Json(long_poll::batch(events, Duration::from_secs(25)).await)
}

#[get("/")]
async fn page() -> Html {
    Html::new(include_str!("../../sse-hub/examples/chat.html"))
}

fn routes(config: &mut ServiceConfig) {
    config.service(page).service(stream).service(publish).service(listeners).service(poll);
}

pub(crate) fn serve(
    listener: TcpListener,
    hub: Hub,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> io::Result<Server> {
    let shared = hub.clone();
    let server = HttpServer::new(move || App::new().app_data(ThinData(shared.clone())).configure(routes))
        .shutdown_signal(async move {
            stopped.await;
            hub.drain(Duration::from_secs(5)).await;
        })
        // Whoever is still there does not read.
        .shutdown_timeout(5)
        .listen(listener)?;
    Ok(server.run())
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let stopped = async {
        tokio::signal::ctrl_c().await.ok();
    };
    serve(TcpListener::bind("127.0.0.1:8080")?, Hub::new(), stopped)?.await
}
