//! The contract of all adapters, fulfilled by an axum server.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use axum::serve::ListenerExt;
use axum::{Router, serve};
use futures_util::stream::{Stream, StreamExt};
use sse_axum::{Event, LastEventId, Sse};
use sse_test::{End, Probe, Server, keep_alive};
use std::convert::Infallible;
use tokio::net::TcpListener;

fn app(probe: &Probe) -> Router {
    Router::new()
        .route("/script", get(async |State(probe): State<Probe>| Sse::new(probe.script())))
        .route("/live", get(async |State(probe): State<Probe>| live(&probe).keep_alive(keep_alive())))
        .route("/quiet", get(async |State(probe): State<Probe>| live(&probe)))
        .route("/farewell", get(farewell))
        .route("/endless", get(async |State(probe): State<Probe>| Sse::new(probe.endless())))
        .route("/resume", get(resume))
        .route("/once", get(once))
        .with_state(probe.clone())
}

async fn start(probe: Probe) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let listener = listener.tap_io(|connection| {
        #[cfg(target_os = "linux")]
        sse_test::close_stalled(connection);
    });
    let server = serve(listener, app(&probe)).with_graceful_shutdown(probe.stopped());
    let ended = tokio::spawn(async { server.await.unwrap() });
    Server { address, ended, after_error: End::Broken }
}

fn live(probe: &Probe) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.live().take_until(probe.stopped()))
}

async fn farewell(State(probe): State<Probe>) -> impl IntoResponse {
    Sse::new(probe.farewell(probe.stopped())).keep_alive(keep_alive())
}

async fn resume(State(probe): State<Probe>, LastEventId(id): LastEventId) -> impl IntoResponse {
    Sse::new(probe.after(&id))
}

async fn once(State(probe): State<Probe>, id: Option<LastEventId>) -> Result<impl IntoResponse, StatusCode> {
    if id.is_some() { Err(StatusCode::NO_CONTENT) } else { Ok(Sse::new(probe.script())) }
}

sse_test::contract!(start);
sse_test::contract!(start:
    events_before_an_error_arrive_over_http2
    a_last_event_id_that_is_not_utf8_is_a_400
    a_client_that_is_gone_has_its_quiet_stream_dropped
);

#[cfg(target_os = "linux")]
sse_test::contract!(start:
    a_client_that_does_not_read_has_its_stream_dropped
    a_client_that_reads_slowly_keeps_its_stream
);

#[path = "../examples/axum_many.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod accept_loop;

mod on_the_accept_loop {
    use super::{Probe, Server, accept_loop, app};
    use sse_test::End;
    use tokio::net::TcpListener;

    async fn start(probe: Probe) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let ended = tokio::spawn(accept_loop::serve(listener, app(&probe), probe.stopped()));
        Server { address, ended, after_error: End::Broken }
    }

    sse_test::contract!(start);
    sse_test::contract!(start: a_client_that_is_gone_has_its_quiet_stream_dropped);
}
