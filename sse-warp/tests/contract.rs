//! The contract of all adapters, fulfilled by a warp server.

use futures_util::stream::{Stream, StreamExt};
use sse_test::{End, Probe, Server, keep_alive};
use sse_warp::{Event, LastEventId, Sse, last_event_id};
use std::convert::Infallible;
use tokio::net::TcpListener;
use warp::Filter;
use warp::http::StatusCode;
use warp::reply::{Reply, Response};

async fn start(probe: Probe) -> Server {
    let with = |probe: &Probe| {
        let probe = probe.clone();
        warp::any().map(move || probe.clone())
    };
    let script = warp::path("script").and(with(&probe)).map(|probe: Probe| Sse::new(probe.script()));
    let live = warp::path("live").and(with(&probe)).map(|probe| events(&probe).keep_alive(keep_alive()));
    let quiet = warp::path("quiet").and(with(&probe)).map(|probe| events(&probe));
    let farewell = warp::path("farewell")
        .and(with(&probe))
        .map(|probe: Probe| Sse::new(probe.farewell(probe.stopped())).keep_alive(keep_alive()));
    let endless = warp::path("endless").and(with(&probe)).map(|probe: Probe| Sse::new(probe.endless()));
    let resume = warp::path("resume")
        .and(with(&probe))
        .and(last_event_id())
        .map(|probe: Probe, id: LastEventId| Sse::new(probe.after(&id)));
    let once = warp::path("once").and(with(&probe)).and(last_event_id()).map(once);

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // Connections inherit the options of their listener.
    #[cfg(target_os = "linux")]
    sse_test::close_stalled(&listener);
    let server = warp::serve(script.or(live).or(quiet).or(farewell).or(endless).or(resume).or(once))
        .incoming(listener);
    let ended = tokio::spawn(server.graceful(probe.stopped()).run());
    Server { address, ended, after_error: End::Broken }
}

fn events(probe: &Probe) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.live().take_until(probe.stopped()))
}

fn once(probe: Probe, id: LastEventId) -> Response {
    if id.is_empty() {
        Sse::new(probe.script()).into_response()
    } else {
        StatusCode::NO_CONTENT.into_response()
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
