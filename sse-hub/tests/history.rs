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
fn the_hub_knows_as_many_forgotten_topics_as_it_has_positions() {
    let hub = Hub::builder().positions(40).history_events(4).max_topics(2).build().expect("valid");
    let start = hub.position();
    // Topics that never had an event take none of the room.
    for topic in 0..100 {
        drop(hub.subscribe([format!("empty-{topic}")]));
    }
    let resumes = || {
        publish(&hub, &format!("passing-{}", hub.position()), "");
        Client::new(hub.subscribe(["quiet"]).after(start)).story() == ["at"]
    };
    // The newest two topics have their events.
    assert_eq!((0..100).take_while(|_| resumes()).count(), 42);
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
    // So it does if its own event came before many others.
    publish(&hub, "quiet", "mine");
    (0..16).for_each(|_| drop(publish(&hub, "passing", "")));
    assert_eq!(client.story(), ["mine", "at"]);
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
fn what_comes_before_the_first_read_follows_hello_or_a_gap() {
    let hub = Hub::builder().history_events(1).build().expect("valid");
    let subscribe = || [hub.subscribe(["news"]), hub.subscribe(["news"]).after("x")].map(Client::new);
    let [mut newcomer, mut stranger] = subscribe();
    publish(&hub, "news", "1");
    assert_eq!(
        (newcomer.story(), stranger.story()),
        (vec!["hello".into(), "1".into()], vec!["gap".into(), "1".into()])
    );
    let [mut newcomer, _] = subscribe();
    (0..2).for_each(|_| drop(publish(&hub, "news", "")));
    assert_eq!(newcomer.story(), ["hello", "gap"]);
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

#[test]
fn over_the_bytes_in_all_topics_of_one_event_lose_it_but_never_the_newest() {
    let hub = Hub::builder().max_event_size(300).history_bytes(400).total_bytes(400).build().expect("valid");
    let has_events = |topic: &str| Client::new(hub.subscribe([topic]).last(1)).data().len() == 1;
    let topics = ["a", "b", "c", "d", "e", "f", "g", "h"];
    for topic in topics {
        publish(&hub, topic, "x".repeat(60));
        assert!(has_events(topic));
    }
    let kept = topics.into_iter().filter(|topic| has_events(topic)).count();
    assert!((2..=4).contains(&kept), "{kept} events are kept");
    publish(&hub, "large", "x".repeat(250));
    assert!(has_events("large"));
}

#[test]
fn the_bytes_of_all_topics_are_bounded() {
    let hub = Hub::builder().max_event_size(100).history_bytes(400).total_bytes(800).build().expect("valid");
    let topics = ["a", "b", "c", "d"];
    for number in 0..40 {
        publish(&hub, topics[number % 4], "x".repeat(60));
    }
    let kept = |topic: &str| Client::new(hub.subscribe([topic]).last(9)).data().len();
    let kept: usize = topics.into_iter().map(kept).sum();
    assert!((7..=9).contains(&kept), "{kept} events are kept");
}

#[test]
fn as_much_is_kept_as_is_allowed() {
    let kept = |hub: &Hub, topic: &str| Client::new(hub.subscribe([topic]).last(9)).data().len();
    let hub = Hub::builder().history_events(4).build().expect("valid");
    (0..9).for_each(|_| drop(publish(&hub, "a", "")));
    assert_eq!(kept(&hub, "a"), 4);

    // Of two events, each takes half of the bytes.
    let publish_half = |hub: &Hub, topic: &str| {
        let line_of_id = format!("id: {}\n", hub.position());
        publish(hub, topic, "x".repeat(200 - line_of_id.len() - "data: \n\n".len()));
    };
    let builder = || Hub::builder().max_event_size(300).history_bytes(400);
    let hub = builder().total_bytes(1_000).build().expect("valid");
    (0..2).for_each(|_| publish_half(&hub, "a"));
    assert_eq!(kept(&hub, "a"), 2);
    let hub = builder().total_bytes(400).build().expect("valid");
    ["a", "b"].into_iter().for_each(|topic| publish_half(&hub, topic));
    assert_eq!((kept(&hub, "a"), kept(&hub, "b")), (1, 1));
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
fn a_topic_that_is_there_has_room_for_subscribers() {
    let hub = Hub::builder().max_topics(2).build().expect("valid");
    let mut held = Vec::new();
    for topics in [["a", "b"], ["c", "d"]] {
        held.push(hub.subscribe(topics));
        topics.into_iter().for_each(|topic| drop(publish(&hub, topic, "")));
    }
    // All four lose their events.
    ["e", "f"].into_iter().for_each(|topic| drop(publish(&hub, topic, "")));
    assert_eq!(Client::new(hub.subscribe(["a", "b", "c", "d"])).story(), ["hello"]);
    assert_eq!(Client::new(hub.subscribe(["a", "g"])).story(), ["end"]);
}

#[test]
fn settings_that_contradict_each_other_say_so() {
    let builder = Hub::builder;
    for (result, reason) in [
        (builder().positions(0).build(), "`positions` is 0"),
        (builder().history_events(0).build(), "`history_events` is 0"),
        (builder().max_topics(0).build(), "`max_topics` is 0"),
        (builder().max_topics_per_subscription(0).build(), "`max_topics_per_subscription` is 0"),
        (builder().max_subscribers(0).build(), "`max_subscribers` is 0"),
        (builder().max_event_size(0).build(), "`max_event_size` is 0"),
        (builder().history_age(Duration::ZERO).build(), "age is 0"),
        (builder().max_age(Duration::ZERO).build(), "age is 0"),
        (builder().positions(10).build(), "`history_events` needs 1024, but `positions` is 10"),
        (builder().history_bytes(1_000).build(), "`max_event_size` needs"),
        (builder().total_bytes(300_000).build(), "`history_bytes` needs"),
    ] {
        let error = result.expect_err(reason).to_string();
        assert!(error.contains(reason), "{error}");
    }
    assert!(builder().positions(1_024).history_bytes(300_000).total_bytes(300_000).build().is_ok());
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
