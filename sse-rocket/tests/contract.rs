//! The contract of all adapters, fulfilled by a Rocket server.

use futures_util::stream::Stream;
use rocket::config::{Config, LogLevel};
use rocket::fairing::AdHoc;
use rocket::http::Status;
use rocket::{Shutdown, State, get, routes};
use sse_rocket::{Event, KeepAlive, LastEventId, Sse};
use sse_test::{End, Probe, ScriptError, Server, keep_alive};
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::oneshot;

#[get("/script")]
fn script(probe: &State<Probe>) -> Sse<impl Stream<Item = Result<Event, ScriptError>> + use<>> {
    Sse::new(probe.script())
}

#[get("/live")]
fn live(probe: &State<Probe>) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.live()).keep_alive(keep_alive())
}

#[get("/quiet")]
fn quiet(probe: &State<Probe>) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.live()).keep_alive(KeepAlive::new().interval(Duration::ZERO))
}

#[get("/farewell")]
fn farewell(
    probe: &State<Probe>,
    shutdown: Shutdown,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.farewell(shutdown)).keep_alive(keep_alive())
}

#[get("/resume")]
fn resume(
    probe: &State<Probe>,
    id: LastEventId,
) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.after(&id))
}

#[get("/once")]
fn once(
    probe: &State<Probe>,
    id: LastEventId,
) -> Result<Sse<impl Stream<Item = Result<Event, ScriptError>> + use<>>, Status> {
    if id.is_empty() { Ok(Sse::new(probe.script())) } else { Err(Status::NoContent) }
}

async fn start(probe: Probe) -> Server {
    let (sender, address) = oneshot::channel();
    let stopped = probe.stopped();
    let config = Config { port: 0, log_level: LogLevel::Off, ..Config::debug_default() };
    let on_liftoff = AdHoc::on_liftoff("address", |rocket| {
        Box::pin(async move {
            sender.send((rocket.config().address, rocket.config().port).into()).ok();
        })
    });
    let rocket = rocket::custom(config)
        .manage(probe)
        .mount("/", routes![script, live, quiet, farewell, resume, once])
        .attach(on_liftoff)
        .ignite()
        .await
        .unwrap();
    let shutdown = rocket.shutdown();
    tokio::spawn(async move {
        stopped.await;
        shutdown.notify();
    });
    let ended = tokio::spawn(async {
        rocket.launch().await.unwrap();
    });
    Server { address: address.await.unwrap(), ended, after_error: End::InOrder }
}

sse_test::contract!(start);
