//! The contract of all adapters, held by an axum server.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Router, serve};
use futures_util::StreamExt;
use sse_axum::{LastEventId, Sse};
use sse_test::{Probe, Server, keep_alive};
use tokio::net::TcpListener;

async fn start(probe: Probe) -> Server {
    let app = Router::new()
        .route("/script", get(async |State(probe): State<Probe>| Sse::new(probe.script())))
        .route("/live", get(live))
        .route("/resume", get(resume))
        .route("/once", get(once))
        .with_state(probe.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = serve(listener, app).with_graceful_shutdown(probe.stopped());
    Server { address, ended: tokio::spawn(async { server.await.unwrap() }) }
}

async fn live(State(probe): State<Probe>) -> impl IntoResponse {
    Sse::new(probe.live().take_until(Box::pin(probe.stopped()))).keep_alive(keep_alive())
}

async fn resume(State(probe): State<Probe>, LastEventId(id): LastEventId) -> impl IntoResponse {
    Sse::new(probe.after(&id))
}

async fn once(State(probe): State<Probe>, id: Option<LastEventId>) -> Result<impl IntoResponse, StatusCode> {
    if id.is_some() { Err(StatusCode::NO_CONTENT) } else { Ok(Sse::new(probe.script())) }
}

sse_test::contract!(start);
sse_test::contract!(start: a_last_event_id_that_is_not_utf8_is_a_400);
