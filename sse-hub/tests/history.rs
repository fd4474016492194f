//! What a hub keeps, for how long, and what it says when it does not.

mod util;

use sse_core::Event;
use sse_hub::Hub;
use std::time::Duration;
use tokio::time::advance;
use util::{Client, publish};

#[test]
fn a_quiet_topic_is_resumed_while_others_come_and_go() {
    let hub = Hub::builder().positions(40).history_events(4).max_topics(2).build().expect("valid");
    let mut client = Client::new(hub.subscribe(["quiet"]));
    client.all();
    let id = client.id().to_owned();
    drop(client);
    for topic in 0..19 {
        publish(&hub, &format!("passing-{topic}"), "");
    }
    assert_eq!(Client::new(hub.subscribe(["quiet"]).after(&id)).story(), ["at"]);
    for topic in 19..60 {
        publish(&hub, &format!("passing-{topic}"), "");
    }
    // Now the hub cannot know.
    assert_eq!(Client::new(hub.subscribe(["quiet"]).after(&id)).story(), ["gap"]);
}

#[test]
fn a_quiet_client_gets_new_ids_so_that_it_is_not_told_of_a_gap() {
    let hub = Hub::builder().positions(64).history_events(4).max_topics(2).build().expect("valid");
    let mut client = Client::new(hub.subscribe(["quiet"]));
    assert_eq!(client.story(), ["hello"]);
    for round in 0..20 {
        for topic in 0..16 {
            publish(&hub, &format!("passing-{round}-{topic}"), "");
        }
        // As keep-alive polls it, whatever wakes it.
        assert_eq!(client.story(), ["at"]);
        assert_eq!(client.story(), ["at"; 0]);
        assert_eq!(Client::new(hub.subscribe(["quiet"]).after(client.id())).story(), ["at"]);
    }
}

#[test]
fn a_reader_that_falls_behind_is_told_and_goes_on() {
    let hub = Hub::builder().history_events(4).build().expect("valid");
    let mut client = Client::new(hub.subscribe(["news"]));
    let mut several = Client::new(hub.subscribe(["news", "sport"]));
    client.all();
    several.all();
    for number in 0..5 {
        publish(&hub, "news", number.to_string());
    }
    let gap = client.next().expect("it is told");
    assert_eq!((gap.event_type.as_str(), &gap.id), ("hub:gap", &hub.position().to_string()));
    assert_eq!(gap.data, "{\"cause\":\"lagged\",\"wait_ms\":0}");
    assert_eq!(several.story(), ["gap"]);
    publish(&hub, "news", "5");
    assert_eq!((client.story(), several.story()), (vec!["5".into()], vec!["5".into()]));
    assert_eq!(hub.stats().gaps_lagged, 2);
}

#[test]
fn what_is_lost_before_the_first_read_is_one_gap() {
    let hub = Hub::builder().history_events(1).build().expect("valid");
    let id = publish(&hub, "news", "0");
    let mut several = Client::new(hub.subscribe(["news", "sport"]).after(&id));
    publish(&hub, "news", "1");
    let mut client = Client::new(hub.subscribe(["news"]).after(&id));
    publish(&hub, "news", "2");
    publish(&hub, "news", "3");
    assert_eq!((client.story(), several.story()), (vec!["gap".into()], vec!["gap".into()]));
    assert_eq!(client.id(), hub.position().to_string());
}

#[test]
fn after_a_restart_clients_are_spread_over_some_seconds() {
    let hub = Hub::new();
    let old = Hub::new().position();
    let mut waits: Vec<u64> = (0..50)
        .map(|_| {
            let gap = Client::new(hub.subscribe(["news"]).after(old)).next().expect("it is told");
            let wait =
                gap.data.strip_prefix("{\"cause\":\"epoch\",\"wait_ms\":").expect("the cause is first");
            wait.trim_end_matches('}').parse().expect("it is a number")
        })
        .collect();
    waits.sort_unstable();
    waits.dedup();
    assert!(waits.len() > 25 && waits.iter().all(|wait| *wait < 5_000), "{waits:?}");
}

#[test]
fn the_bytes_of_a_topic_are_bounded() {
    let hub = Hub::builder().max_event_size(100).history_bytes(400).build().expect("valid");
    let start = hub.position();
    publish(&hub, "news", "x".repeat(90));
    assert_eq!(Client::new(hub.subscribe(["news"]).after(start)).data().len(), 1);
    for _ in 0..10 {
        publish(&hub, "news", "x".repeat(90));
    }
    let kept = Client::new(hub.subscribe(["news"]).last(100)).data().len();
    assert!((2..4).contains(&kept), "{kept} events are kept");
}

#[test]
fn over_the_bytes_in_all_the_largest_topic_gives_up_its_oldest() {
    let hub =
        Hub::builder().max_event_size(100).history_bytes(2_000).total_bytes(2_000).build().expect("valid");
    publish(&hub, "quiet", "1");
    let start = hub.position();
    for number in 0..50 {
        publish(&hub, "noisy", format!("{number:050}"));
    }
    assert_eq!(Client::new(hub.subscribe(["quiet"]).last(1)).data(), ["1"]);
    let noisy = Client::new(hub.subscribe(["noisy"]).last(100)).data().len();
    assert!((15..25).contains(&noisy), "{noisy} events are kept");
    assert_eq!(Client::new(hub.subscribe(["noisy"]).after(start)).story(), ["gap"]);
    assert_eq!(Client::new(hub.subscribe(["quiet"]).after(start)).story(), ["at"]);
}

#[tokio::test(start_paused = true)]
async fn events_grow_old() {
    let hub = Hub::builder().history_age(Duration::from_secs(60)).build().expect("valid");
    let start = hub.position();
    publish(&hub, "news", "1");
    publish(&hub, "quiet", "1");
    advance(Duration::from_secs(59)).await;
    publish(&hub, "news", "2");
    assert_eq!(Client::new(hub.subscribe(["news", "quiet"]).after(start)).story(), ["1", "1", "2", "at"]);
    advance(Duration::from_secs(1)).await;
    publish(&hub, "news", "3");
    assert_eq!(hub.stats().topics, 1, "the quiet topic is forgotten");
    assert_eq!(Client::new(hub.subscribe(["news"]).last(9)).data(), ["2", "3"]);
    assert_eq!(Client::new(hub.subscribe(["quiet"]).after(start)).story(), ["gap"]);
}

#[test]
fn over_the_number_of_topics_the_quietest_loses_its_events() {
    let hub = Hub::builder().max_topics(2).build().expect("valid");
    let start = hub.position();
    for topic in ["a", "b", "a", "c"] {
        publish(&hub, topic, topic);
    }
    for (topic, story) in [("a", vec!["a", "a", "at"]), ("b", vec!["gap"]), ("c", vec!["c", "at"])] {
        assert_eq!(Client::new(hub.subscribe([topic]).after(start)).story(), story, "{topic}");
    }
    assert_eq!(hub.stats().topics, 2);
}

#[test]
fn subscribers_cannot_take_the_topics_of_publishers() {
    let hub = Hub::builder().max_topics(2).max_topics_per_subscription(2).build().expect("valid");
    let held = hub.subscribe(["a", "b"]);
    assert_eq!(Client::new(hub.subscribe(["c"])).story(), ["end"]);
    assert_eq!(Client::new(hub.subscribe(["a"])).story(), ["hello"], "the topic is there");
    for topic in ["c", "d", "e"] {
        publish(&hub, topic, topic);
    }
    assert_eq!(Client::new(hub.subscribe(["e"]).last(1)).story(), ["e", "hello"]);
    drop(held);
    assert_eq!(Client::new(hub.subscribe(["f", "g"])).story(), ["hello"]);
    assert_eq!(Client::new(hub.subscribe(["a", "b", "c"])).story(), ["end"], "too many for one");
}

#[test]
fn settings_that_contradict_each_other_say_so() {
    let builder = Hub::builder;
    for (result, reason) in [
        (builder().positions(0).build(), "`positions` is 0"),
        (builder().history_events(0).build(), "`history_events` is 0"),
        (builder().max_subscribers(0).build(), "`max_subscribers` is 0"),
        (builder().history_age(Duration::ZERO).build(), "age is 0"),
        (builder().max_age(Duration::ZERO).build(), "age is 0"),
        (builder().positions(10).build(), "`history_events` needs 1024, but `positions` is 10"),
        (builder().history_bytes(1_000).build(), "`max_event_size` needs"),
        (builder().total_bytes(300_000).build(), "`history_bytes` needs"),
    ] {
        let error = result.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn what_is_counted_is_told() {
    let hub = Hub::new();
    let mut clients: Vec<_> = (0..3).map(|_| Client::new(hub.subscribe(["a"]))).collect();
    let mut several = Client::new(hub.subscribe(["a", "b"]));
    publish(&hub, "a", "1");
    publish(&hub, "a", "2");
    assert!(hub.blocking_publish("", Event::new().data("")).is_err());
    clients.iter_mut().chain([&mut several]).for_each(|client| drop(client.all()));
    let stats = hub.stats();
    assert_eq!((stats.subscribers, stats.topics, stats.published, stats.delivered), (4, 2, 2, 8));
    assert_eq!((hub.subscribers("a"), hub.subscribers("b"), hub.subscribers("c")), (4, 1, 0));
    drop(clients);
    assert_eq!((hub.stats().subscribers, hub.subscribers("a")), (1, 1));
}
