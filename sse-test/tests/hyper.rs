//! The contract of all adapters, fulfilled by the core itself on plain hyper, as served by its
//! example.

#[path = "../../sse-core/examples/hyper.rs"]
#[allow(dead_code, reason = "the test does not call `main`")]
mod hyper_example;

use crate::hyper_example::{Body, events, plain, serve};
use futures_util::stream::StreamExt;
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use sse_core::{KeepAlive, LastEventId};
use sse_test::{End, Probe, Server, keep_alive};
use std::time::Duration;
use tokio::net::TcpListener;

async fn start(probe: Probe) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    #[cfg(target_os = "linux")]
    sse_test::close_stalled(&listener);
    let stopped = probe.stopped();
    let ended = tokio::spawn(serve(listener, move |request| answer(&probe, request), stopped));
    Server { address, ended, after_error: End::Broken }
}

fn answer(probe: &Probe, request: &Request<Incoming>) -> Response<Body> {
    let id = match LastEventId::from_http(request.headers(), request.uri()) {
        Ok(id) => id,
        Err(error) => return plain(StatusCode::BAD_REQUEST, error.to_string()),
    };
    let quiet = KeepAlive::new().interval(Duration::ZERO);
    let live = || probe.live().take_until(probe.stopped());
    match request.uri().path() {
        "/script" => events(probe.script(), quiet),
        "/live" => events(live(), keep_alive()),
        "/quiet" => events(live(), quiet),
        "/farewell" => events(probe.farewell(probe.stopped()), keep_alive()),
        "/endless" => events(probe.endless(), quiet),
        "/resume" => events(probe.after(&id), quiet),
        "/once" if id.is_empty() => events(probe.script(), quiet),
        "/once" => plain(StatusCode::NO_CONTENT, ""),
        _ => plain(StatusCode::NOT_FOUND, ""),
    }
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
