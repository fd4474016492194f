//! Many publishers of one node at once.

use crate::util::{Address, Proxy, Server, event, hub, publish_soon, until};
use futures_util::future::join_all;
use sse_hub::{Hub, PublishError};
use sse_hub_redis::Redis;
use sse_test::hub::publish;
use std::collections::HashMap;
use std::thread;
use std::time::Duration;

const EVENTS: usize = 300;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_event_of_a_batch_is_at_the_position_that_its_publisher_was_told() {
    let server = Server::start();
    let hub = hub(&server).await;
    publish(&hub, "news", "the connection is there").await;
    let positions = join_all((0..EVENTS).map(|event| publish(&hub, "news", event.to_string()))).await;
    let entries: Vec<(String, Vec<String>)> =
        redis::from_redis_value(server.run("XRANGE sse-hub - +")).expect("they are entries");
    let blocks: HashMap<_, _> = entries.iter().map(|(id, fields)| (id.as_str(), fields)).collect();
    for (event, position) in positions.iter().enumerate() {
        let fields = blocks[format!("{}-{}", position.major, position.minor).as_str()];
        assert_eq!(fields[1], format!("{:08x}", position.nonce));
        assert_eq!(fields[5], format!("data: {event}\n\n"));
    }
    assert_eq!(blocks.len(), EVENTS + 2, "with the opening and the first event");
}

/// How many batches so many events of a size are, that are published while Redis has yet to answer.
async fn batches(events: usize, size: usize) -> usize {
    let server = Server::start();
    let proxy = Proxy::to(&server).await;
    let hub = Hub::builder()
        .max_event_size(1_000_000)
        .connect(Redis::new(proxy.url()).expect("a URL"))
        .await
        .expect("the server is there");
    publish(&hub, "news", "the connection is there").await;
    let asked = || proxy.asked("CONSUMERS");
    let before = asked();
    proxy.hold(true);
    let first = publish(&hub, "news", "first");
    let others = async {
        until("the first batch is sent", || asked() == before + 1).await;
        let others = join_all((0..events).map(|_| publish(&hub, "news", "x".repeat(size))));
        let release = async {
            // All of them are polled for the first time.
            for _ in 0..events {
                tokio::task::yield_now().await;
            }
            proxy.hold(false);
        };
        tokio::join!(others, release)
    };
    tokio::join!(first, others);
    asked() - before - 1
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_are_bounded_by_events_and_by_bytes() {
    assert_eq!(batches(300, 10).await, 3, "of 128 events");
    assert_eq!(batches(20, 32_000).await, 3, "of 256 KiB");
    assert_eq!(batches(2, 300_000).await, 2, "of an event, however large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_that_is_dropped_takes_no_event_of_others_with_it() {
    let server = Server::start();
    let hub = hub(&server).await;
    publish(&hub, "news", "the connection is there").await;
    server.signal("STOP");
    let first = tokio::spawn({
        let hub = hub.clone();
        async move { hub.publish("news", event("dropped")).await }
    });
    let others: Vec<_> = (0..10)
        .map(|number| {
            let hub = hub.clone();
            tokio::spawn(async move { hub.publish("news", event(&number.to_string())).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    first.abort();
    assert!(first.await.is_err(), "it was waiting");
    server.signal("CONT");
    for other in join_all(others).await {
        other.expect("no panic").expect("it is published");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_runtime_that_ends_keeps_nobody_from_publishing() {
    let server = Server::start();
    let builder = Address::of(&server).builder().publish_wait(Duration::from_secs(10));
    let hub = Hub::connect(builder.build()).await.expect("the server is there");
    // The connection and whatever sends belong to this publisher's runtime.
    let other = hub.clone();
    let short_lived = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        runtime.block_on(publish(&other, "news", "the connection is there"));
        runtime
    });
    let runtime = short_lived.join().expect("no panic");
    server.signal("STOP");
    let sent = runtime.spawn({
        let hub = hub.clone();
        async move { hub.publish("news", event("sent")).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let waits = tokio::spawn({
        let hub = hub.clone();
        async move { hub.publish("news", event("waits")).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    runtime.shutdown_background();
    assert!(sent.await.is_err(), "its runtime has ended");
    server.signal("CONT");
    // It may have been sent before the other runtime's connection was closed.
    let outcome = waits.await.expect("no panic");
    assert!(matches!(outcome, Ok(_) | Err(PublishError::Unknown(_))), "{outcome:?}");
    publish_soon(&hub, "after").await;
}
