//! A hub in memory, seen by a client that reads when it is told to.

mod util;

use sse_core::{EncodedEvent, Event};
use sse_hub::{Hub, PublishError};
use util::{Client, poll, publish};

#[test]
fn a_subscription_without_a_cursor_begins_with_hello() {
    let hub = Hub::new();
    let before = publish(&hub, "news", "before");
    let mut client = Client::new(hub.subscribe(["news"]));
    let hello = client.next().expect("hello comes at once");
    assert_eq!((hello.event_type.as_str(), hello.data.as_str(), &hello.id), ("hub:hello", "{}", &before));
    assert_eq!(client.next(), None);
    let id = publish(&hub, "news", "after");
    let event = client.next().expect("the event was published");
    assert_eq!((event.data.as_str(), &event.id), ("after", &id));
}

#[test]
fn what_is_published_after_subscribing_is_delivered_though_nobody_polled() {
    let hub = Hub::new();
    let subscription = hub.subscribe(["news"]);
    publish(&hub, "news", "early");
    assert_eq!(Client::new(subscription).story(), ["hello", "early"]);
}

#[test]
fn a_cursor_resumes_and_is_told_when_it_has_caught_up() {
    let hub = Hub::new();
    let id = publish(&hub, "news", "1");
    publish(&hub, "news", "2");
    publish(&hub, "sport", "3");
    let mut client = Client::new(hub.subscribe(["news"]).after(&id));
    assert_eq!(client.story(), ["2", "at"]);
    assert_eq!(client.id(), hub.position().to_string());
    assert_eq!(client.next(), None);
}

#[test]
fn cursors_that_name_no_event_are_gaps() {
    let hub = Hub::new();
    publish(&hub, "news", "1");
    let position = hub.position();
    let other = Hub::new();
    let mut ahead = position;
    ahead.major += 1;
    let mut foreign = position;
    foreign.nonce = 1;
    for (cursor, cause) in [
        (other.position().to_string(), "epoch"),
        (ahead.to_string(), "ahead"),
        (foreign.to_string(), "malformed"),
        (format!("+{position}"), "malformed"),
        (position.to_string().to_uppercase() + "A", "malformed"),
        ("1".repeat(300), "malformed"),
        ("0:\u{7f}".to_string(), "malformed"),
        ("news\u{1F600}".to_string(), "malformed"),
    ] {
        let mut client = Client::new(hub.subscribe(["news"]).after(&cursor));
        let gap = client.next().expect("a gap comes at once");
        assert_eq!((gap.event_type.as_str(), &gap.id), ("hub:gap", &position.to_string()), "{cursor}");
        assert!(gap.data.starts_with(&format!("{{\"cause\":\"{cause}\",\"wait_ms\":")), "{}", gap.data);
        assert_eq!(client.next(), None);
    }
}

#[test]
fn invalid_topics_and_events_are_refused() {
    let hub = Hub::builder().max_event_size(64).build().expect("settings are valid");
    let long = "x".repeat(257);
    for topic in ["", "a\nb", "\u{85}", "hub:x", &long] {
        let error = hub.blocking_publish(topic, Event::new().data("")).expect_err(topic);
        assert!(matches!(error, PublishError::Invalid(_)), "{error}");
        assert_eq!(Client::new(hub.subscribe([topic])).story(), ["end"]);
    }
    for (block, reason) in [
        ("", "blank line"),
        ("\n", "no data"),
        ("data: x\n", "blank line"),
        ("\ndata: x\n\n", "no data"),
        (":\n\ndata: x\n\n", "no data"),
        ("event: x\n\n", "no data"),
        ("data: x\n\ndata: y\n\n", "behind"),
        ("data: x\n\n:", "behind"),
        ("data: x\n\n\n", "behind"),
        ("data: x\r\n\r\n\n", "behind"),
        ("id: 1\ndata: x\n\n", "ID"),
        ("id\ndata: x\n\n", "ID"),
        ("data: x\rid:\n\n", "ID"),
        ("event: hub:gap\ndata: x\n\n", "hub:"),
    ] {
        let error = hub.blocking_publish("news", EncodedEvent::raw(block)).expect_err(block);
        assert!(error.to_string().contains(reason), "{block:?}: {error}");
    }
    let error = hub.blocking_publish("news", Event::new().data("x".repeat(64))).expect_err("too large");
    assert!(matches!(error, PublishError::TooLarge { size: 72, limit: 64 }), "{error:?}");
    assert!(error.to_string().starts_with("the event has 72 bytes, but 64 are allowed"), "{error}");
    assert_eq!(hub.stats().published, 0);
    // The longest topic, and the largest event.
    publish(&hub, &"x".repeat(256), "x".repeat(56));
}

#[test]
fn events_of_one_topic_are_joined_up_to_16_kib() {
    let hub = Hub::new();
    let mut subscription = hub.subscribe(["news"]).after(hub.position());
    for _ in 0..500 {
        publish(&hub, "news", "x".repeat(100));
    }
    let items: Vec<_> = std::iter::from_fn(|| poll(&mut subscription)).collect();
    let sizes: Vec<_> = items.iter().map(|item| item.as_bytes().len()).collect();
    // The last one is `hub:at`, the one before it what is left.
    let full = &sizes[..sizes.len() - 2];
    assert!(full.iter().all(|size| (16_000..=16_384).contains(size)), "{sizes:?}");
    let events = items.iter().map(|item| item.to_string().matches("data: x").count());
    assert_eq!(events.sum::<usize>(), 500);
    // Two events that have it together.
    for _ in 0..2 {
        let line_of_id = format!("id: {}\n", hub.position());
        publish(&hub, "news", "x".repeat(8_192 - line_of_id.len() - "data: \n\n".len()));
    }
    assert_eq!(poll(&mut subscription).map(|item| item.as_bytes().len()), Some(16_384));
    // An event that is larger comes alone.
    let id = publish(&hub, "news", "x".repeat(20_000));
    publish(&hub, "news", "small");
    let large = poll(&mut subscription).expect("it was published");
    assert_eq!(large.to_string(), format!("id: {id}\ndata: {}\n\n", "x".repeat(20_000)));
    assert!(poll(&mut subscription).is_some_and(|item| item.to_string().contains("small")));
}

#[test]
fn blocks_of_every_line_end_are_published() {
    let hub = Hub::new();
    let mut client = Client::new(hub.subscribe(["news"]));
    client.all();
    for block in [
        "data: x\n\n",
        "data: x\r\r",
        "data: x\r\n\r\n",
        "data: x\n\r\n",
        "data: x\r\r\n",
        "\u{feff}:\ndata: x\n\n",
        ":c\nretry: 5\nevent: message\ndata: x\n\n",
        "data\ndata: \n\n",
    ] {
        hub.blocking_publish("news", EncodedEvent::raw(block)).expect(block);
        publish(&hub, "news", "next");
        let seen = client.data();
        assert_eq!(seen.len(), 2, "{block:?}: {seen:?}");
        assert_eq!(seen[1], "next");
    }
}
