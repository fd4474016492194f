//! How much memory a hub and its subscriptions keep, counted by an allocator that counts for each
//! thread.

mod util;

use allocation_counter::measure;
use sse_core::Event;
use sse_hub::{Hub, Subscription};
use util::poll;

const KIB: i64 = 1024;

/// What is left of the memory that this takes, in bytes.
fn kept(run: impl FnOnce()) -> i64 {
    measure(run).bytes_current
}

fn publish(hub: &Hub, topic: &str, events: usize) {
    for _ in 0..events {
        hub.blocking_publish(topic, Event::new().data("0123456789")).unwrap();
    }
}

fn read_all(subscription: &mut Subscription) {
    while poll(subscription).is_some() {}
}

#[test]
fn a_million_events_leave_memory_flat() {
    let hub = Hub::builder().positions(4_096).history_events(64).build().unwrap();
    let mut readers = [hub.subscribe(["0"]), hub.subscribe(["0", "1", "2"])];
    let mut publish_all = |events: usize| {
        for number in 0..events {
            publish(&hub, ["0", "1", "2", "3"][number % 4], 1);
            if number % 100 == 0 {
                readers.iter_mut().for_each(read_all);
            }
        }
        readers.iter_mut().for_each(read_all);
    };
    publish_all(10_000);
    let kept = kept(|| publish_all(1_000_000));
    assert!(kept.abs() < KIB, "a million events left {kept} bytes");
}

#[test]
fn a_position_costs_4_bytes() {
    let with_positions = |positions: usize| {
        let mut held = None;
        let kept = kept(|| {
            let hub = Hub::builder().positions(positions).history_events(1).build().unwrap();
            publish(&hub, "news", 3 * positions);
            held = Some(hub);
        });
        drop(held);
        kept
    };
    assert_eq!(with_positions(65_536) - with_positions(32_768), 4 * 32_768);
}

#[test]
fn a_million_topics_that_came_and_went_leave_memory_flat() {
    let hub = Hub::builder().positions(1_024).history_events(4).max_topics(64).build().unwrap();
    let come_and_go = |topics: std::ops::Range<usize>| {
        for number in topics {
            let name = format!("topic {number:07}");
            let mut subscription = hub.subscribe([&*name]);
            // Every second topic has events, so that it is forgotten when it is the quietest one.
            publish(&hub, &name, number % 2);
            read_all(&mut subscription);
        }
    };
    // Hash tables grow for some time, to have room for what was removed.
    come_and_go(0..100_000);
    let kept = kept(|| come_and_go(100_000..1_100_000));
    assert!(kept.abs() < 4 * KIB, "a million topics left {kept} bytes");
    assert_eq!(hub.stats().topics, 64);
}

#[test]
fn labels_that_came_and_went_leave_no_memory() {
    let hub = Hub::new();
    let labelled = || hub.subscribe(["news"]).label("ann").label("bob");
    let come_and_go = || drop((0..1_000).map(|_| labelled()).collect::<Vec<_>>());
    come_and_go();
    assert_eq!(kept(come_and_go), 0);
}

#[test]
fn a_reader_that_never_reads_costs_a_constant() {
    let with_readers = |readers: usize, events: usize| {
        let mut held = None;
        let kept = kept(|| {
            let hub = Hub::builder().history_events(64).positions(1_024).build().unwrap();
            let readers: Vec<_> = (0..readers).map(|_| hub.subscribe(["news", "sport"])).collect();
            publish(&hub, "news", events);
            held = Some((hub, readers));
        });
        drop(held);
        kept
    };
    let cost = |events| with_readers(20, events) - with_readers(10, events);
    assert_eq!(cost(1_024), cost(100_000));
}

#[test]
fn an_idle_subscription_holds_no_heap_beyond_its_parts() {
    for topics in [&["a"][..], &["a", "b", "c"]] {
        let hub = Hub::builder().history_events(64).build().unwrap();
        let subscribe = || hub.subscribe(topics.iter().copied());
        let freed = |subscription: Subscription| -kept(|| drop(subscription));
        // The topics stay, whoever leaves.
        let (_stays, unused) = (subscribe(), subscribe());
        let mut used = subscribe().after(hub.position());
        for _ in 0..3 {
            topics.iter().for_each(|topic| publish(&hub, topic, 50));
            read_all(&mut used);
        }
        let parts = freed(unused);
        assert_eq!(freed(used), parts, "{topics:?}");
        assert!(parts <= 64 + 32 * topics.len() as i64, "{parts} bytes for {topics:?}");
    }
}
