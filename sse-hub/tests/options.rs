//! The options of a subscription, and what ends it.

mod util;

use futures_util::FutureExt;
use sse_core::{Decoder, Event, Frame};
use sse_hub::{GapCause, Hub, Position, Record, RefusedCause, Start, Subscription};
use std::time::Duration;
use tokio::time::advance;
use util::{Client, publish};

fn start(subscription: &mut Subscription) -> Start {
    subscription.start().now_or_never().expect("a hub in memory knows at once")
}

fn disconnect(hub: &Hub, label: &str) {
    hub.disconnect(label).now_or_never().expect("it is done at once").expect("it is appended");
}

/// What a record says to a decoder.
fn data(record: &Record) -> String {
    let mut bytes = record.as_bytes();
    let mut decoder = Decoder::new();
    match decoder.decode(&mut bytes) {
        Ok(Some(Frame::Message(message))) => message.data.into_owned(),
        other => panic!("it is not an event: {other:?}"),
    }
}

#[test]
fn the_start_is_told() {
    let hub = Hub::builder().history_events(1).max_subscribers(5).build().expect("settings are valid");
    let first = hub.position();
    publish(&hub, "news", "1");
    let second = hub.position();
    publish(&hub, "news", "2");
    let mut subscriptions = vec![
        (hub.subscribe(["news"]), Start::Live),
        (hub.subscribe(["news"]).after(""), Start::Live),
        (hub.subscribe(["news"]).after(second), Start::Resumed),
        (hub.subscribe(["news"]).after(first), Start::Gap(GapCause::Trimmed)),
        (hub.subscribe(["news"]).after("x"), Start::Gap(GapCause::Malformed)),
    ];
    subscriptions.push((hub.subscribe(["news"]), Start::Refused(RefusedCause::Subscribers)));
    subscriptions.push((hub.subscribe([""]), Start::Refused(RefusedCause::InvalidTopic)));
    for (mut subscription, expected) in subscriptions {
        assert_eq!(start(&mut subscription), expected);
        assert_eq!(start(&mut subscription), expected, "asked again");
    }
}

#[test]
fn a_cursor_resumes_any_subset_and_another_topic_begins_at_it() {
    let hub = Hub::new();
    let mut client = Client::new(hub.subscribe(["a", "b"]));
    publish(&hub, "c", "c1");
    publish(&hub, "a", "a1");
    client.all();
    let id = client.id().to_owned();
    for (topic, data) in [("a", "a2"), ("b", "b2"), ("c", "c2")] {
        publish(&hub, topic, data);
    }
    assert_eq!(Client::new(hub.subscribe(["b"]).after(&id)).story(), ["b2", "at"]);
    assert_eq!(Client::new(hub.subscribe(["c", "a"]).after(&id)).story(), ["a2", "c2", "at"]);
}

#[test]
fn a_snapshot_is_followed_without_a_hole() {
    let hub = Hub::new();
    publish(&hub, "news", "before");
    let position = hub.position();
    publish(&hub, "news", "while the snapshot is taken");
    let mut client = Client::new(hub.subscribe(["news"]).after(position));
    assert_eq!(client.story(), ["while the snapshot is taken", "at"]);
}

#[test]
fn a_topic_named_twice_counts_once() {
    let hub = Hub::new();
    let mut client = Client::new(hub.subscribe(["news", "news"]));
    assert_eq!(hub.subscribers("news"), 1);
    publish(&hub, "news", "1");
    assert_eq!(client.story(), ["hello", "1"]);
}

#[test]
fn the_newest_events_of_each_topic_come_before_hello() {
    let hub = Hub::new();
    for (topic, data) in [("a", "a1"), ("b", "b1"), ("a", "a2"), ("a", "a3")] {
        publish(&hub, topic, data);
    }
    let subscription = hub.subscribe(["a", "b", "c"]).last(2);
    publish(&hub, "a", "a4");
    let mut client = Client::new(subscription);
    assert_eq!(client.story(), ["b1", "a2", "a3", "hello", "a4"]);

    let id = client.id().to_owned();
    publish(&hub, "b", "b2");
    assert_eq!(Client::new(hub.subscribe(["a", "b"]).last(2).after(&id)).story(), ["b2", "at"]);
    assert_eq!(Client::new(hub.subscribe(["a", "b"]).last(2).after("x")).story(), ["gap"]);
}

#[test]
fn a_client_that_is_cut_among_the_newest_events_resumes_after_what_it_has() {
    let hub = Hub::new();
    for data in ["1", "2", "3"] {
        publish(&hub, "news", data);
    }
    let mut client = Client::new(hub.subscribe(["news"]).last(3));
    assert_eq!(client.next().expect("an event is there").data, "1");
    assert_eq!(Client::new(hub.subscribe(["news"]).after(client.id())).story(), ["2", "3", "at"]);
}

#[test]
fn nothing_of_a_topic_from_before_since_is_delivered_whatever_the_cursor_says() {
    let hub = Hub::new();
    let start = hub.position();
    for data in ["1", "2"] {
        publish(&hub, "secret", data);
        publish(&hub, "news", data);
    }
    let joined = hub.position();
    publish(&hub, "secret", "3");
    publish(&hub, "news", "3");
    let subscribe = || hub.subscribe(["secret", "news"]).since("secret", joined);
    assert_eq!(Client::new(subscribe().after(start)).story(), ["1", "2", "3", "3", "at"]);
    assert_eq!(
        Client::new(hub.subscribe(["secret"]).since("secret", joined).after(start)).story(),
        ["3", "at"]
    );
    assert_eq!(Client::new(subscribe().last(3)).story(), ["1", "2", "3", "3", "hello"]);
    // A position of the log before a restart is before all that is here.
    let old = Position { epoch: joined.epoch ^ 1, ..joined };
    assert_eq!(Client::new(hub.subscribe(["secret"]).since("secret", old).after(start)).data().len(), 3);
}

#[test]
fn what_was_evicted_from_before_since_is_no_gap() {
    let hub = Hub::builder().history_events(1).build().expect("settings are valid");
    let start = hub.position();
    publish(&hub, "secret", "1");
    publish(&hub, "secret", "2");
    let joined = hub.position();
    publish(&hub, "secret", "3");
    let subscription = hub.subscribe(["secret"]).since("secret", joined).after(start);
    assert_eq!(Client::new(subscription).story(), ["3", "at"]);
}

#[test]
fn a_permission_leaves_out_events_and_the_cursor_moves_over_them() {
    let hub = Hub::builder().history_events(8).build().expect("settings are valid");
    let subscribe = || hub.subscribe(["news"]).allow(|record| !data(record).starts_with("secret"));
    let mut client = Client::new(subscribe());
    publish(&hub, "news", "secret 1");
    publish(&hub, "news", "2");
    assert_eq!(client.story(), ["hello", "2"]);
    // A quarter of the history: without a new ID, the client would soon be told of a gap.
    publish(&hub, "news", "secret 3");
    assert_eq!(client.story(), ["at"; 0]);
    publish(&hub, "news", "secret 4");
    assert_eq!(client.story(), ["at"]);
    for _ in 0..8 {
        publish(&hub, "news", "secret");
        client.all();
    }
    assert_eq!(Client::new(subscribe().after(client.id())).story(), ["at"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_a_new_id_before_what_was_left_out_grows_old() {
    let hub = Hub::builder().history_age(Duration::from_secs(60)).build().expect("settings are valid");
    let mut client = Client::new(hub.subscribe(["news"]).allow(|_| false));
    publish(&hub, "news", "secret");
    assert_eq!(client.story(), ["hello"]);
    advance(Duration::from_secs(14)).await;
    assert_eq!(client.story(), [""; 0]);
    advance(Duration::from_secs(1)).await;
    assert_eq!(client.story(), ["at"]);
}

#[test]
fn a_long_run_of_events_that_are_left_out_lets_other_tasks_run() {
    let hub = Hub::new();
    let start = hub.position();
    for _ in 0..900 {
        publish(&hub, "news", "secret");
    }
    publish(&hub, "news", "public");
    let subscription = hub.subscribe(["news"]).allow(|record| data(record) == "public").after(start);
    let mut client = Client::new(subscription);
    let turns = (0..1_000).find(|_| client.next().is_some_and(|seen| seen.data == "public"));
    assert_eq!(turns, Some(1), "it gives way once");
    assert_eq!(client.story(), ["at"]);
}

#[test]
fn a_rendering_gets_the_id_of_its_event() {
    let hub = Hub::new();
    let render = |record: &Record| {
        let data = data(record);
        (data != "nothing").then(|| Event::new().event(record.topic()).data(data.to_uppercase()))
    };
    let mut client = Client::new(hub.subscribe(["a", "b"]).render(render));
    client.all();
    publish(&hub, "b", "nothing");
    let id = publish(&hub, "a", "one");
    let seen = client.next().expect("it is rendered");
    assert_eq!((seen.event_type.as_str(), seen.data.as_str(), seen.id.as_str()), ("a", "ONE", id.as_str()));
}

#[test]
fn a_label_ends_the_subscriptions_that_were_made_before_in_order_with_the_events() {
    let hub = Hub::new();
    let start = hub.position();
    let mut ann = Client::new(hub.subscribe(["news"]).label("ann"));
    let mut several = Client::new(hub.subscribe(["news", "sport"]).label("ann"));
    let mut bob = Client::new(hub.subscribe(["news"]).label("bob"));
    publish(&hub, "news", "1");
    disconnect(&hub, "ann");
    publish(&hub, "news", "2");
    assert_eq!(ann.story(), ["hello", "1", "end"]);
    assert_eq!(several.story(), ["hello", "1", "end"]);
    assert_eq!(bob.story(), ["hello", "1", "2"]);
    assert_eq!(hub.subscribers("news"), 1);
    // Whoever returns replays over the record.
    let mut ann = Client::new(hub.subscribe(["news"]).label("ann").after(start));
    assert_eq!(ann.story(), ["1", "2", "at"]);
    disconnect(&hub, "ann");
    assert_eq!(ann.story(), ["end"]);
}

#[test]
fn a_label_that_falls_1024_disconnects_behind_ends_the_subscription() {
    let hub = Hub::new();
    let mut clients = ["ann", "bob"].map(|label| Client::new(hub.subscribe(["news"]).label(label)));
    clients.iter_mut().for_each(|client| drop(client.all()));
    let [ann, bob] = &mut clients;
    (0..1_024).for_each(|_| disconnect(&hub, "carol"));
    assert_eq!(bob.story(), [""; 0]);
    disconnect(&hub, "carol");
    assert_eq!(ann.story(), ["end"]);
    assert!(!bob.is_ended());
}

#[test]
fn a_disconnect_among_lost_events_ends_a_subscription_that_begins_with_a_gap() {
    let hub = Hub::builder().history_events(1).build().expect("settings are valid");
    let start = hub.position();
    let publish_two = || (0..2).for_each(|_| drop(publish(&hub, "news", "")));
    publish_two();
    let subscribe = |label| Client::new(hub.subscribe(["news"]).label(label).after(start));
    let (mut ann, mut bob) = (subscribe("ann"), subscribe("bob"));
    disconnect(&hub, "ann");
    publish_two();
    assert_eq!(ann.story(), ["gap", "end"]);
    assert_eq!(bob.story(), ["gap"]);
    assert_eq!(bob.id(), hub.position().to_string());
}

#[test]
fn an_end_says_why_when_to_return_and_where_the_client_is() {
    let hub = Hub::new();
    let mut client = Client::new(hub.subscribe(["news"]).label("ann"));
    client.all();
    let mut times = Vec::new();
    for _ in 0..20 {
        let mut client = Client::new(hub.subscribe(["news"]).label("ann"));
        client.all();
        disconnect(&hub, "ann");
        let end = client.next().expect("it ends");
        assert_eq!((end.event_type.as_str(), end.data.as_str()), ("hub:end", "{\"cause\":\"disconnected\"}"));
        times.push(client.retry().expect("it says when to return"));
        assert!(client.is_ended());
    }
    let (least, most) = (times.iter().min().expect("20"), times.iter().max().expect("20"));
    assert!(*least >= Duration::from_secs(1) && *most <= Duration::from_secs(10) && least < most);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_at_its_age_and_resumes() {
    let hub = Hub::builder().max_age(Duration::from_secs(100)).build().expect("settings are valid");
    let mut clients: Vec<_> = (0..50).map(|_| Client::new(hub.subscribe(["news"]))).collect();
    for client in &mut clients {
        client.all();
    }
    advance(Duration::from_millis(79_900)).await;
    publish(&hub, "news", "1");
    for client in &mut clients {
        assert_eq!(client.story(), ["1"], "it is too early");
    }
    advance(Duration::from_secs(10)).await;
    let ended = clients.iter_mut().filter_map(|client| client.next()).count();
    assert!((1..50).contains(&ended), "{ended} of 50 ended after 90 percent");
    advance(Duration::from_secs(11)).await;
    for client in &mut clients {
        client.all();
        assert!(client.is_ended());
        assert_eq!(Client::new(hub.subscribe(["news"]).after(client.id())).story(), ["at"]);
    }
}

#[tokio::test(start_paused = true)]
async fn draining_ends_all_and_refuses_newcomers() {
    let hub = Hub::new();
    let mut client = Client::new(hub.subscribe(["news"]));
    let mut unread = Client::new(hub.subscribe(["news"]));
    assert_eq!(client.story(), ["hello"]);
    let drain = tokio::spawn({
        let hub = hub.clone();
        async move { hub.drain(Duration::from_secs(10)).await }
    });
    tokio::task::yield_now().await;
    assert_eq!(client.story(), ["end"]);
    assert!(!drain.is_finished());
    assert_eq!(unread.story(), ["end"]);
    drain.await.expect("draining does not panic");
    assert_eq!(Client::new(hub.subscribe(["news"])).story(), ["end"]);
    assert_eq!(start(&mut hub.subscribe(["news"])), Start::Refused(RefusedCause::Draining));
    assert_eq!(hub.stats().subscribers, 0);
}

#[tokio::test(start_paused = true)]
async fn draining_gives_up_at_its_deadline() {
    let hub = Hub::new();
    let _never_read = hub.subscribe(["news"]);
    let before = tokio::time::Instant::now();
    hub.drain(Duration::from_secs(10)).await;
    assert_eq!(before.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn draining_wakes_a_subscription_that_waits() {
    use futures_util::StreamExt;
    for label in [false, true] {
        let hub = Hub::new();
        let mut subscription = hub.subscribe(["news"]);
        if label {
            subscription = subscription.label("ann");
        }
        tokio::spawn(subscription.collect::<Vec<_>>());
        tokio::task::yield_now().await;
        let before = tokio::time::Instant::now();
        hub.drain(Duration::from_secs(10)).await;
        assert!(before.elapsed().is_zero(), "it waited for {:?}", before.elapsed());
    }
}

#[test]
fn debug_output_tells_what_matters() {
    let hub = Hub::default();
    let mut subscription = hub.subscribe(["news", "sport"]);
    assert_eq!(start(&mut subscription), Start::Live);
    let debug = format!("{subscription:?}");
    let position = hub.position();
    assert_eq!(debug, format!("Subscription {{ topics: 2, at: {position}, state: Live, .. }}"));
    let debug = format!("{hub:?}");
    assert!(debug.starts_with("Hub { stats: Stats { subscribers: 1, topics: 2,"), "{debug}");
    let record = Record::new("news", position, b"data: 1\n\n").expect("it is an event");
    let debug = format!("{record:?}");
    assert!(debug.contains(&format!("topic: \"news\", position: {position}, event: ")), "{debug}");
    assert!(debug.contains("data: 1"), "{debug}");
}

#[test]
fn a_hub_that_is_dropped_leaves_its_subscriptions_as_they_are() {
    let hub = Hub::new();
    let mut client = Client::new(hub.subscribe(["news"]));
    publish(&hub, "news", "1");
    drop(hub);
    assert_eq!(client.story(), ["hello", "1"]);
    assert!(!client.is_ended());
}
