//! Many clients that return at once.

use crate::util::{Proxy, Server, event, hub, publish_soon, until};
use futures_util::FutureExt;
use futures_util::future::join_all;
use sse_hub::{Hub, Start};
use sse_hub_redis::Redis;
use sse_test::hub::{Client, publish};
use std::future::ready;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::time::sleep;

const CLIENTS: usize = 200;
const EVENTS: usize = 600;

async fn hub_through_a_proxy(server: &Server) -> (Proxy, Hub) {
    let proxy = Proxy::to(server).await;
    let hub = Hub::connect(Redis::new(proxy.url()).expect("the URL is right")).await;
    (proxy, hub.expect("the server is there"))
}

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
        positions.extend(join_all(publishes).await);
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
async fn replays_have_four_pages_in_flight_at_most() {
    let server = Server::start();
    let first = hub(&server).await;
    let mut positions = Vec::new();
    for event in 0..=CLIENTS {
        positions.push(publish(&first, "news", event.to_string()).await);
    }
    let (proxy, second) = hub_through_a_proxy(&server).await;
    // So that the connection for replays is there, too.
    let mut client = Client::of(second.subscribe(["news"]).after(positions[CLIENTS - 1]));
    assert_eq!(client.published().await.data, CLIENTS.to_string());

    proxy.hold(true);
    let before = proxy.asked("XRANGE");
    let clients = positions[..CLIENTS].iter().enumerate().map(|(number, position)| {
        let mut client = Client::of(second.subscribe(["news"]).after(*position));
        tokio::spawn(async move {
            for event in number + 1..=CLIENTS {
                assert_eq!(client.published().await.data, event.to_string());
            }
        })
    });
    let clients: Vec<_> = clients.collect();
    until("some ask for their pages", || proxy.asked("XRANGE") >= before + 4).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(proxy.asked("XRANGE"), before + 4, "the others wait for an answer");
    proxy.hold(false);
    for client in clients {
        client.await.expect("it is served");
    }
    assert_eq!(proxy.asked("XRANGE"), before + CLIENTS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_notices_a_new_epoch_while_replays_wait_for_their_pages() {
    let server = Server::start();
    let first = hub(&server).await;
    let mut positions = Vec::new();
    for event in ["0", "1", "2", "3", "4"] {
        positions.push(publish(&first, "news", event).await);
    }
    // Only its first connection, which is that of the tail, leads to the server directly.
    let proxy = Proxy::to(&server).await;
    let (urls, connections) = ([server.url(), proxy.url()], AtomicUsize::new(0));
    let redis = Redis::builder_with(move || {
        let connection = connections.fetch_add(1, Ordering::SeqCst);
        ready(redis::Client::open(&*urls[connection.min(1)]))
    });
    let second = Hub::connect(redis.build()).await.expect("the server is there");
    assert_eq!(second.subscribe(["news"]).last(1).start().await, Start::Live);
    proxy.hold(true);
    for position in &positions[..4] {
        let mut replay = second.subscribe(["news"]).after(*position);
        tokio::spawn(async move { replay.start().await });
    }
    until("they have asked for them", || proxy.asked("XRANGE") == 4).await;
    server.run("FLUSHALL");
    publish_soon(&first, "5").await;
    until("the epoch is noticed", || second.position().epoch != positions[0].epoch).await;
    assert_eq!(second.stats().engine_errors, 0, "no replay has given up");
}

/// Publishes events, which a client then replays. Returns how many it got before it was told that
/// it has fallen behind, in how many pages, and its next event.
async fn replayed(events: usize, data: &str) -> (usize, usize, String) {
    let server = Server::with(&["--appendonly", "no"]);
    let first = hub(&server).await;
    let start = publish(&first, "news", "0").await;
    let data: Vec<_> = vec![data; events];
    for batch in data.chunks(500) {
        join_all(batch.iter().map(|data| publish(&first, "news", data))).await;
    }
    let (proxy, second) = hub_through_a_proxy(&server).await;
    let mut client = Client::of(second.subscribe(["news"]).after(start));
    let mut replayed = 0;
    loop {
        let seen = client.next().await.expect("the stream goes on");
        match seen.control() {
            None => replayed += 1,
            Some("gap") => {
                assert!(seen.data.contains("lagged"), "{seen:?}");
                break;
            }
            Some(control) => panic!("hub:{control} after {replayed}"),
        }
    }
    publish(&first, "news", "after").await;
    (replayed, proxy.asked("XRANGE"), client.published().await.data)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_too_many_events_ends_with_a_gap() {
    let (replayed, pages, next) = replayed(16_384 + 300, "x").await;
    assert!((16_384 - 256..=16_384).contains(&replayed), "up to a page fewer: {replayed}");
    assert!((64..=68).contains(&pages), "of 256 events: {pages}");
    assert_eq!(next, "after");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_of_too_many_bytes_ends_with_a_gap() {
    let data = "x".repeat(32 * 1024);
    let (replayed, pages, next) = replayed(600, &data).await;
    let most = 16 * 1024 * 1024 / data.len();
    assert!((most - 256..=most).contains(&replayed), "up to a page fewer: {replayed}");
    // A page is to be 256 KiB, once it is known how large events are.
    assert!((16..=64).contains(&pages), "{pages}");
    assert_eq!(next, "after");
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
