//! What `sse-source` sees of our servers.

use crate::nginx::Nginx;
use crate::util::{PATIENCE, Server, free_port};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use e2e::{Lab, Report, server};
use futures_util::stream::{self, StreamExt};
use http::Request;
use sse_axum::{EncodedEvent, LastEventId, Sse};
use sse_hub::Hub;
use sse_source::{EventSource, MessageEvent, Signal};
use std::fs;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use tower::ServiceExt;

fn source(address: SocketAddr, path: &str) -> EventSource {
    with_client(reqwest::Client::new(), format!("http://{address}{path}"))
}

fn with_client(client: reqwest::Client, url: String) -> EventSource {
    EventSource::new(move |attempt| client.get(&url).headers(attempt.headers).send())
        .retry_when(|error, _| error.is_temporary())
}

async fn message(events: &mut EventSource) -> MessageEvent<'static> {
    timeout(PATIENCE, events.message()).await.expect("a message").unwrap().unwrap()
}

/// Reads consecutive messages while the server is killed and started again, twice.
async fn read_over_restarts(framework: &str, port: u16, mut events: EventSource) {
    let mut server = Server::start(framework, port).await;
    let mut id = 0;
    for restart in 0..3 {
        if restart > 0 {
            server.process.kill().await.unwrap();
            drop(server);
            // It fails to connect in the meantime.
            _ = timeout(Duration::from_secs(1), async { while events.next().await.is_some() {} }).await;
            server = Server::start(framework, port).await;
        }
        for _ in 0..10 {
            id += 1;
            assert_eq!(message(&mut events).await.last_event_id, id.to_string());
        }
    }
}

async fn it_resumes_over_restarts(framework: &str) {
    let port = free_port();
    let events = source(SocketAddr::from(([127, 0, 0, 1], port)), "/events/restart");
    read_over_restarts(framework, port, events).await;
}

/// While the server is down, nginx answers with status 502.
async fn it_resumes_through_nginx(framework: &str) {
    let port = free_port();
    let nginx = Nginx::start(SocketAddr::from(([127, 0, 0, 1], port)), "").await;
    read_over_restarts(framework, port, source(nginx.address, "/events/restart")).await;
}

/// A hub that was restarted has forgotten what it sent.
async fn it_is_told_of_a_gap(framework: &str) {
    let port = free_port();
    let mut server = Server::start(framework, port).await;
    let mut events = source(SocketAddr::from(([127, 0, 0, 1], port)), "/events/hub-news");
    assert_eq!(message(&mut events).await.event_type, "hub:hello");
    server.process.kill().await.unwrap();
    drop(server);
    let _server = Server::start(framework, port).await;
    assert_eq!(message(&mut events).await.event_type, "hub:gap");
}

e2e::each_framework!(by name: it_resumes_over_restarts it_resumes_through_nginx it_is_told_of_a_gap);

async fn a_source_that_is_closed_or_dropped_frees_its_connection<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
) {
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    for close in [true, false] {
        let mut events = source(address, "/events/close");
        assert_eq!(message(&mut events).await.data, "1");
        if close {
            events.close();
        } else {
            drop(events);
        }
        let report = timeout(PATIENCE, reports.recv()).await.expect("the stream to be dropped");
        assert!(matches!(report, Some(Report::Dropped)), "{report:?}");
    }
}

/// The server ends the stream after three events, and after two, and then answers 204.
async fn it_reads_to_the_end<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (lab, _reports) = Lab::new();
    let mut events = source(serve(lab).await, "/events/resume");
    for id in ["1", "2", "3", "4", "5"] {
        assert_eq!(message(&mut events).await.last_event_id, id);
    }
    assert!(timeout(PATIENCE, events.message()).await.unwrap().unwrap().is_none());
}

e2e::each_framework!(a_source_that_is_closed_or_dropped_frees_its_connection it_reads_to_the_end);

#[tokio::test(flavor = "multi_thread")]
async fn it_resumes_over_http_2() {
    let (lab, _reports) = Lab::new();
    let address = server::axum(lab).await;
    let client = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let mut events = with_client(client, format!("http://{address}/events/resume"));
    assert_eq!(events.opened().await.unwrap().version(), http::Version::HTTP_2);
    for id in ["1", "2", "3", "4", "5"] {
        assert_eq!(message(&mut events).await.last_event_id, id);
    }
}

fn open_files() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn resident_kib() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_reconnects_leak_nothing() {
    let (lab, _reports) = Lab::new();
    let mut events = source(server::axum(lab).await, "/events/fields");
    let mut warm = 0;
    for number in 0..10_000 {
        assert_eq!(message(&mut events).await.data, "plain");
        events.reconnect();
        if number == 2_000 {
            warm = resident_kib();
        }
    }
    // Connections that were just left may not be closed yet.
    assert!(open_files() < 200, "{} open files", open_files());
    let grown = resident_kib().saturating_sub(warm);
    assert!(grown < 4096, "{grown} KiB more than after 2,000");
}

/// It sends `hub:hello` with a new ID and breaks the connection, each time.
#[tokio::test(start_paused = true)]
async fn a_hub_that_greets_and_crashes_is_not_hammered() {
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = connections.clone();
    let stream = async move |State(hub): State<Hub>, id: LastEventId| {
        counted.fetch_add(1, Ordering::Relaxed);
        let greeting = hub.subscribe(["news"]).after(&id).take(1);
        let events = greeting.map(|event| Ok::<EncodedEvent, &str>(event.unwrap()));
        Sse::new(events.chain(stream::iter([Err("crash")])))
    };
    let app = Router::new().route("/stream", get(stream)).with_state(Hub::new());
    let mut events = EventSource::new(move |attempt| {
        let mut request = Request::get("/stream").body(Body::empty()).unwrap();
        request.headers_mut().extend(attempt.headers);
        app.clone().oneshot(request)
    });
    let (mut hellos, mut losses) = (0, 0);
    let ten_minutes = timeout(Duration::from_secs(600), async {
        loop {
            match events.next().await.unwrap().unwrap() {
                Signal::Message(message) if message.event_type.starts_with("hub:") => hellos += 1,
                Signal::Reconnecting { .. } => losses += 1,
                _ => {}
            }
        }
    });
    assert!(ten_minutes.await.is_err());
    let connections = connections.load(Ordering::Relaxed);
    assert!((15..=30).contains(&connections), "{connections} connections");
    assert!(hellos >= losses && losses + 1 >= connections, "{hellos} greetings, {losses} losses");
}
