//! The laws of a hub. Each takes two nodes.
#![allow(clippy::missing_panics_doc, reason = "to panic is how they fail")]

use super::{Client, Seen, publish};
use sse_hub::{GapCause, Hub, Position, Start};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::sleep;

const PUBLISHERS: usize = 4;
const EVENTS: usize = 150;
const TOPICS: [&str; 3] = ["news", "sport", "weather"];

/// Publishes from several tasks to both nodes, and returns the topic and data of each event by its
/// ID.
async fn publish_many(nodes: &[Hub], pause: Duration) -> HashMap<String, (&'static str, String)> {
    let tasks: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let hub = nodes[publisher % nodes.len()].clone();
            tokio::spawn(async move {
                let mut published = Vec::new();
                for event in 0..EVENTS {
                    let topic = TOPICS[(publisher + event) % TOPICS.len()];
                    let data = format!("{publisher}:{event}");
                    let position = publish(&hub, topic, &data).await;
                    published.push((position.to_string(), (topic, data)));
                    sleep(pause).await;
                }
                published
            })
        })
        .collect();
    let mut published = HashMap::new();
    for task in tasks {
        published.extend(task.await.expect("the publisher does not panic"));
    }
    assert_eq!(published.len(), PUBLISHERS * EVENTS, "each event has an ID of its own");
    published
}

/// Reads this many events, and asserts that each comes once.
async fn read(client: &mut Client, count: usize) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    while seen.len() < count {
        let next = client.published().await;
        assert!(seen.iter().all(|before| before.id != next.id), "{next:?} came twice");
        seen.push(next);
    }
    seen
}

fn of_topics(published: &HashMap<String, (&'static str, String)>, topics: &[&str]) -> usize {
    published.values().filter(|(topic, _)| topics.contains(topic)).count()
}

/// Every subscriber of every node gets each acknowledged event of its topics once, and all see them
/// in one order.
pub async fn acknowledged_events_come_once_in_one_order_on_all_nodes(nodes: &[Hub]) {
    let sets: [&[&str]; 4] = [&TOPICS, &["news"], &["sport", "weather"], &TOPICS];
    let clients: Vec<_> =
        (0..8).map(|client| (sets[client % 4], Client::new(&nodes[client / 4], sets[client % 4]))).collect();
    let published = publish_many(nodes, Duration::ZERO).await;
    let mut order: Option<HashMap<String, usize>> = None;
    for (topics, mut client) in clients {
        let seen = read(&mut client, of_topics(&published, topics)).await;
        for event in &seen {
            let (topic, data) = &published[&event.id];
            assert!(topics.contains(topic) && *data == event.data, "{event:?}");
        }
        // The first client has all topics.
        let order = order.get_or_insert_with(|| {
            seen.iter().enumerate().map(|(place, event)| (event.id.clone(), place)).collect()
        });
        assert!(seen.is_sorted_by_key(|event| order[&event.id]), "{topics:?} came in another order");
    }
}

/// What one publisher published one after the other comes in this order.
pub async fn a_publisher_s_events_keep_their_order(nodes: &[Hub]) {
    let mut client = Client::new(&nodes[1], &TOPICS);
    publish_many(nodes, Duration::ZERO).await;
    let mut next = [0; PUBLISHERS];
    for event in read(&mut client, PUBLISHERS * EVENTS).await {
        let (publisher, number) = event.data.split_once(':').expect("it was published so");
        let next = &mut next[publisher.parse::<usize>().expect("it is a number")];
        assert_eq!(number, next.to_string());
        *next += 1;
    }
}

/// A client that is cut continues on another node, with any subset of its topics.
pub async fn a_client_resumes_on_another_node(nodes: &[Hub]) {
    let mut client = Client::new(&nodes[0], &["news", "sport"]);
    publish(&nodes[1], "news", "1").await;
    assert_eq!(client.published().await.data, "1");
    for (topic, data) in [("sport", "2"), ("news", "3"), ("weather", "4"), ("sport", "5")] {
        publish(&nodes[0], topic, data).await;
    }
    client.connect(&nodes[1], &["sport"]);
    assert_eq!(client.published().await.data, "2");
    assert_eq!(client.published().await.data, "5");
    publish(&nodes[0], "sport", "6").await;
    assert_eq!(client.published().await.data, "6");
}

/// Clients that are cut again and again, at random, end with every event.
pub async fn clients_that_are_cut_and_move_between_nodes_miss_nothing(nodes: &[Hub]) {
    let clients: Vec<_> = (0..6)
        .map(|number| {
            let nodes = nodes.to_vec();
            let mut client = Client::new(&nodes[number % 2], &TOPICS);
            tokio::spawn(async move {
                let mut seen: Vec<Seen> = Vec::new();
                let mut cuts = 0;
                while seen.len() < PUBLISHERS * EVENTS {
                    let next = client.published().await;
                    assert!(seen.iter().all(|before| before.id != next.id), "{next:?} came twice");
                    seen.push(next);
                    // What it has read of its connection and not looked at comes again.
                    if (seen.len() * 7 + number) % 11 == 0 {
                        let topics = TOPICS;
                        let id = seen.last().map_or(String::new(), |last| last.id.clone());
                        let node = &nodes[cuts % 2];
                        client = Client::of(node.subscribe(topics).after(&id));
                        cuts += 1;
                    }
                }
                assert!(cuts > 10);
            })
        })
        .collect();
    publish_many(nodes, Duration::from_millis(1)).await;
    for client in clients {
        client.await.expect("the client misses nothing");
    }
}

/// What `publish` returns is the ID that clients see, and a cursor on all nodes.
pub async fn a_position_is_the_id_of_its_event(nodes: &[Hub]) {
    let mut client = Client::new(&nodes[1], &["news"]);
    let first = publish(&nodes[0], "news", "1").await;
    assert_eq!(client.published().await.id, first.to_string());
    let second = publish(&nodes[1], "news", "2").await;
    assert!(second.is_after(&first));
    assert_eq!(client.published().await.id, second.to_string());
    let mut resumed = Client::of(nodes[0].subscribe(["news"]).after(first));
    assert_eq!(resumed.published().await.id, second.to_string());
}

/// After a position that was taken before a snapshot, nothing is missing.
pub async fn a_snapshot_is_followed_without_a_hole(nodes: &[Hub]) {
    publish(&nodes[0], "news", "before").await;
    let mut client = Client::new(&nodes[1], &["news"]);
    let publisher = tokio::spawn({
        let hub = nodes[0].clone();
        async move {
            for event in 0..50 {
                publish(&hub, "news", event.to_string()).await;
            }
        }
    });
    let position = nodes[1].position();
    let mut late = Client::of(nodes[1].subscribe(["news"]).after(position));
    publisher.await.expect("the publisher does not panic");
    publish(&nodes[0], "news", "last").await;
    // The first client has seen them all; the other one those after its position.
    let mut all = Vec::new();
    while all.last() != Some(&"last".to_owned()) {
        all.push(client.published().await.data);
    }
    let mut after = Vec::new();
    while after.last() != Some(&"last".to_owned()) {
        after.push(late.published().await.data);
    }
    assert!(all.ends_with(&after) || after.ends_with(&all), "{after:?} of {all:?}");
}

/// A newcomer gets the newest events of each topic, in order, then hello, then what is new.
pub async fn newcomers_get_the_newest_events(nodes: &[Hub]) {
    let mut client = Client::new(&nodes[1], &TOPICS);
    for event in 0..4 {
        publish(&nodes[0], "news", format!("news {event}")).await;
        publish(&nodes[0], "sport", format!("sport {event}")).await;
    }
    // The other node has them, too, when one of its clients has.
    for _ in 0..8 {
        client.published().await;
    }
    for node in nodes {
        let mut newcomer = Client::of(node.subscribe(TOPICS).last(2));
        let mut seen = Vec::new();
        for _ in 0..5 {
            let next = newcomer.next().await.expect("the stream goes on");
            seen.push(next.control().map_or(next.data.clone(), Into::into));
        }
        assert_eq!(seen, ["news 2", "sport 2", "news 3", "sport 3", "hello"]);
    }
}

/// A label ends the subscriptions that were made before, after the events before it.
pub async fn a_label_ends_subscriptions_on_all_nodes_in_order(nodes: &[Hub]) {
    let mut ended: Vec<_> =
        nodes.iter().map(|node| Client::of(node.subscribe(["news"]).label("ann"))).collect();
    let mut other = Client::of(nodes[1].subscribe(["news"]).label("bob"));
    let first = publish(&nodes[0], "news", "1").await;
    nodes[0].disconnect("ann").await.expect("the record is appended");
    publish(&nodes[1], "news", "2").await;
    for client in &mut ended {
        assert_eq!(client.published().await.data, "1");
        let end = client.next().await.expect("it is told");
        assert_eq!((end.control(), end.data.as_str()), (Some("end"), "{\"cause\":\"disconnected\"}"));
        assert_eq!(client.next().await, None);
    }
    assert_eq!(other.published().await.data, "1");
    assert_eq!(other.published().await.data, "2");
    // Both nodes have read the record by now, and whoever returns replays over it.
    for node in nodes {
        let mut client = Client::of(node.subscribe(["news"]).label("ann").after(first));
        assert_eq!(client.published().await.data, "2");
    }
}

/// A cursor of another log is a gap, after which the client goes on.
pub async fn what_cannot_be_resumed_is_a_gap(nodes: &[Hub]) {
    let position = publish(&nodes[0], "news", "1").await;
    let other = Position { epoch: position.epoch ^ 1, ..position };
    for (cursor, cause) in [(other.to_string(), GapCause::Epoch), ("x".into(), GapCause::Malformed)] {
        let mut subscription = nodes[0].subscribe(["news"]).after(&cursor);
        assert_eq!(subscription.start().await, Start::Gap(cause));
        let mut client = Client::of(subscription);
        let gap = client.next().await.expect("it is told");
        assert_eq!(gap.control(), Some("gap"));
        let id = publish(&nodes[1], "news", "2").await.to_string();
        // A node may not have read the first event when the client came.
        while client.published().await.id != id {}
    }
}

/// A permission is asked once for each event.
pub async fn filters_see_every_event_once(nodes: &[Hub]) {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    let mut client = Client::of(nodes[1].subscribe(TOPICS).allow(move |record| {
        count.fetch_add(1, Ordering::Relaxed);
        record.topic() != "sport"
    }));
    let published = publish_many(nodes, Duration::ZERO).await;
    read(&mut client, of_topics(&published, &["news", "weather"])).await;
    // The last event may be one that is left out.
    publish(&nodes[0], "news", "last").await;
    assert_eq!(client.published().await.data, "last");
    assert_eq!(asked.load(Ordering::Relaxed), published.len() + 1);
}
