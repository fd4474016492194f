//! Many clients that return at once.

use crate::util::{Server, event, hub};
use futures_util::FutureExt;
use sse_hub::Hub;
use sse_test::hub::{Client, publish};
use std::time::{Duration, Instant};

const CLIENTS: usize = 200;
const EVENTS: usize = 600;

/// Publishes one event after the other, and returns how long one takes at the median.
async fn median(hub: &Hub, mut goes_on: impl FnMut(usize) -> bool) -> (Duration, usize) {
    let mut times = Vec::new();
    while goes_on(times.len()) {
        let start = Instant::now();
        hub.publish("noise", event("x")).await.expect("it is published");
        times.push(start.elapsed());
    }
    times.sort_unstable();
    (times[times.len() / 2], times.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quiet_clients_that_replay_leave_room_for_publishers() {
    let server = Server::with(&["--appendonly", "no"]);
    let first = hub(&server).await;
    let mut positions = Vec::new();
    for batch in 0..EVENTS / 100 {
        let publishes = (0..100).map(|event| publish(&first, "noise", format!("{batch}:{event}")));
        positions.extend(futures_util::future::join_all(publishes).await);
    }
    // A node that has none of this in memory, and clients to whom almost none of it is of interest.
    let second = hub(&server).await;
    let (usual, _) = median(&second, |published| published < 200).await;
    let clients = (0..CLIENTS).map(|client| {
        let subscription = second.subscribe([format!("quiet {client}")]).after(positions[client]);
        tokio::spawn(async move {
            let mut client = Client::of(subscription);
            let caught_up = client.next().await.expect("the stream goes on");
            assert_eq!(caught_up.control(), Some("at"), "{caught_up:?}");
        })
    });
    let clients: Vec<_> = clients.collect();
    let start = Instant::now();
    let (busy, published) = median(&second, |_| clients.iter().any(|client| !client.is_finished())).await;
    let took = start.elapsed();
    for client in clients {
        client.await.expect("it is served");
    }
    let ratio = busy.as_secs_f64() / usual.as_secs_f64();
    println!("ratio {ratio:.1}: {usual:?}, then {busy:?} of {published} publishes in {took:?}");
    assert!(published >= 10, "the replays take long enough to tell: {published}");
    assert!(ratio <= 5.0, "{usual:?} became {busy:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_do_not_read_on_keep_nobody_from_replaying() {
    let server = Server::start();
    let first = hub(&server).await;
    let mut positions = Vec::new();
    for event in 0..20 {
        positions.push(publish(&first, "news", event.to_string()).await);
    }
    let second = hub(&server).await;
    // They ask for a page each, and are not polled again.
    let mut stuck = Vec::new();
    for position in &positions[1..19] {
        let mut subscription = second.subscribe(["news"]).after(*position);
        assert!(subscription.start().now_or_never().is_none(), "the page is not there yet");
        stuck.push(subscription);
    }
    let mut client = Client::of(second.subscribe(["news"]).after(positions[0]));
    assert_eq!(client.published().await.data, "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_that_a_client_does_not_take_keeps_nobody_from_replaying() {
    let mut server = Server::start();
    let first = hub(&server).await;
    let position = publish(&first, "news", "0").await;
    publish(&first, "news", "1").await;
    let second = hub(&server).await;
    server.kill();
    let mut stuck = second.subscribe(["news"]).after(position);
    assert!(stuck.start().now_or_never().is_none(), "Redis is gone");
    let mut other = Client::of(second.subscribe(["news"]).after(position));
    // Both have asked for the page; only one of them learns that it cannot be read.
    assert!(tokio::time::timeout(Duration::from_millis(200), other.next()).await.is_err());
    server.restart();
    assert_eq!(other.published().await.data, "1");
    drop(stuck);
}
