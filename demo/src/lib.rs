//! Server-Sent Events to look at: a clock, a comparison with other ways of getting news from a
//! server, and a chat.

mod chat;
mod clock;
mod compare;
mod count;
mod engine;
mod files;
mod poll;
mod published;
mod serve;
mod stream;
mod ticks;
mod visit;

pub use crate::engine::Engine;
pub use crate::serve::serve;

use crate::published::Record;
use crate::visit::Pages;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;
use sse_hub::{Health, Hub};
use std::sync::Arc;

#[derive(Clone)]
struct Demo {
    hub: Hub,
    engine: Arc<str>,
    pages: Pages,
    published: Record,
}

/// Returns the routes of the demo, for [`serve`], and starts what publishes to the hub.
///
/// # Panics
///
/// Panics outside a tokio runtime.
pub fn app(engine: &Engine) -> Router {
    let hub = engine.hub.clone();
    let published = Record::start(&hub);
    clock::start(&hub);
    compare::start(&hub);
    let demo = Demo { hub, engine: engine.name.as_str().into(), pages: Pages::default(), published };
    Router::new()
        .merge(files::routes())
        .merge(clock::routes())
        .merge(compare::routes())
        .merge(chat::routes())
        .route("/status", get(status))
        .with_state(demo)
}

/// How the server is.
#[derive(Serialize)]
struct Status {
    engine: String,
    /// For how many seconds the engine could not be reached, if it cannot.
    unreachable: Option<u64>,
}

impl Demo {
    fn status(&self) -> Status {
        let unreachable = match self.hub.health() {
            Health::Reachable => None,
            Health::Unreachable(since) => Some(since.as_secs()),
        };
        Status { engine: self.engine.to_string(), unreachable }
    }
}

async fn status(State(demo): State<Demo>) -> Json<Status> {
    Json(demo.status())
}
