//! The servers of the section on connections. Each has a stream, and publishes to it what is
//! posted.

#[path = "../../sse-axum/examples/axum_many.rs"]
#[expect(dead_code, reason = "it is a program, of which the accept loop is used here")]
mod axum_many;

use crate::serve::until_stdin_ends;
use axum::Router;
use axum::extract::Path;
use axum::response::sse;
use axum::routing::{get, post};
use axum::serve::ListenerExt;
use clap::ValueEnum;
use futures_util::StreamExt;
use sse_axum::{Event, KeepAlive, Sse};
use sse_hub::Hub;
use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

/// Keep-alive takes its memory and sends nothing.
const NEVER: Duration = Duration::from_secs(60 * 60);

#[derive(Clone, Copy, ValueEnum)]
pub enum Variant {
    /// axum's `Sse` over `broadcast`, with `axum::serve`
    Axum,
    /// `Hub`, with `axum::serve`
    Hub,
    /// `Hub`, with the accept loop of `axum_many`
    HubLoop,
}

/// Serves on two threads, on a port that it prints, until its standard input ends.
///
/// # Errors
///
/// Returns an error when the server cannot run.
pub fn serve(variant: Variant) -> io::Result<()> {
    until_stdin_ends();
    runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        let app = match variant {
            Variant::Axum => axum(),
            Variant::Hub | Variant::HubLoop => hub(),
        };
        if let Variant::HubLoop = variant {
            axum_many::serve(listener, app, pending()).await;
            return Ok(());
        }
        let listener = listener.tap_io(|connection| {
            // It answers no worse without.
            connection.set_nodelay(true).ok();
        });
        axum::serve(listener, app).await
    })
}

fn axum() -> Router {
    let (sender, _) = broadcast::channel::<sse::Event>(1_024);
    let receivers = sender.clone();
    let subscribe = async move || {
        let events = BroadcastStream::new(receivers.subscribe());
        let events = events.filter_map(async |event| event.ok().map(Ok::<_, Infallible>));
        axum::response::Sse::new(events).keep_alive(sse::KeepAlive::new().interval(NEVER))
    };
    let publish = async move |Path(count): Path<usize>, data: String| {
        for _ in 0..count {
            // Without subscribers, this is an error.
            sender.send(sse::Event::default().data(&data)).ok();
        }
    };
    Router::new().route("/news", get(subscribe)).route("/news/{count}", post(publish))
}

fn hub() -> Router {
    let hub = Hub::new();
    let publisher = hub.clone();
    let subscribe =
        async move || Sse::new(hub.subscribe(["news"])).keep_alive(KeepAlive::new().interval(NEVER));
    let publish = async move |Path(count): Path<usize>, data: String| {
        for _ in 0..count {
            let published = publisher.publish("news", Event::new().data(&data)).await;
            published.expect("the client posts valid data");
        }
    };
    Router::new().route("/news", get(subscribe)).route("/news/{count}", post(publish))
}
