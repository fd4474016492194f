//! The contract of all adapters, fulfilled by an Actix Web server.

use actix_web::web::{ThinData, to};
use actix_web::{App, Either, HttpResponse, HttpServer, Responder};
use futures_util::stream::{Stream, StreamExt};
use sse_actix::{Event, KeepAlive, LastEventId, Sse};
use sse_test::{End, Probe, Server, keep_alive};
use std::convert::Infallible;
use std::net::TcpListener;
use std::time::Duration;

type Lab = ThinData<Probe>;

fn live(probe: &Probe) -> Sse<impl Stream<Item = Result<Event, Infallible>> + use<>> {
    Sse::new(probe.live().take_until(probe.stopped()))
}

fn without_keep_alive<S>(events: Sse<S>) -> Sse<S> {
    events.keep_alive(KeepAlive::new().interval(Duration::ZERO))
}

async fn once(probe: Lab, id: LastEventId) -> impl Responder {
    match id.non_empty() {
        None => Either::Left(Sse::new(probe.script())),
        Some(_) => Either::Right(HttpResponse::NoContent()),
    }
}

/// Starts a server of two threads.
fn serve(probe: Probe, allow_half_closed: bool) -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Connections inherit the options of their listener.
    #[cfg(target_os = "linux")]
    sse_test::close_stalled(&listener);
    let stopped = probe.stopped();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(ThinData(probe.clone()))
            .route("/script", to(async |probe: Lab| Sse::new(probe.script())))
            .route("/live", to(async |probe: Lab| live(&probe).keep_alive(keep_alive())))
            .route("/quiet", to(async |probe: Lab| without_keep_alive(live(&probe))))
            .route(
                "/farewell",
                to(async |probe: Lab| Sse::new(probe.farewell(probe.stopped())).keep_alive(keep_alive())),
            )
            .route("/endless", to(async |probe: Lab| without_keep_alive(Sse::new(probe.endless()))))
            .route("/resume", to(async |probe: Lab, id: LastEventId| Sse::new(probe.after(&id))))
            .route("/once", to(once))
    });
    let server = server
        .workers(2)
        .h1_allow_half_closed(allow_half_closed)
        .shutdown_signal(stopped)
        .listen_auto_h2c(listener)
        .unwrap()
        .run();
    Server { address, ended: tokio::spawn(async { server.await.unwrap() }), after_error: End::Broken }
}

async fn start(probe: Probe) -> Server {
    serve(probe, true)
}

sse_test::contract!(start);
sse_test::contract!(start:
    events_before_an_error_arrive_over_http2
    a_last_event_id_that_is_not_utf8_is_a_400
);

#[cfg(target_os = "linux")]
sse_test::contract!(start:
    a_client_that_does_not_read_has_its_stream_dropped
    a_client_that_reads_slowly_keeps_its_stream
);

mod if_no_client_may_close_its_half {
    use super::{Probe, Server, serve};

    async fn start(probe: Probe) -> Server {
        serve(probe, false)
    }

    sse_test::contract!(start);
    sse_test::contract!(start: a_client_that_is_gone_has_its_quiet_stream_dropped);
}
