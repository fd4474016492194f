//! A hub on a log that it shares, and that fails.

#[path = "util/shared_log.rs"]
#[allow(unreachable_pub, reason = "it is a part of this test")]
mod shared_log;

use shared_log::{Faults, SharedLog};
use sse_core::Event;
use sse_hub::{GapCause, Health, Hub, Position, PublishError, Start};
use sse_test::hub::{Client, publish};
use std::time::Duration;
use tokio::time::{sleep, timeout};

async fn hub(log: &SharedLog) -> Hub {
    Hub::connect(log.clone()).await.expect("the log is there")
}

async fn nodes() -> [Hub; 2] {
    let log = SharedLog::default();
    [hub(&log).await, hub(&log).await]
}

mod contract {
    sse_test::hub_contract!(super::nodes);
}

/// The same laws on a log whose answers are late and small.
mod contract_of_a_slow_log {
    use super::{Faults, Hub, SharedLog, hub};
    use std::time::Duration;

    async fn nodes() -> [Hub; 2] {
        let log = SharedLog::default();
        let nodes = [hub(&log).await, hub(&log).await];
        log.fail(Faults { late: Duration::from_millis(1), page: Some(3), ..Faults::default() });
        nodes
    }

    sse_test::hub_contract!(nodes);
}

/// Publishes, and waits until the hub has read it.
async fn published(hub: &Hub, data: &str) -> String {
    let position = publish(hub, "news", data).await;
    has_read(hub, position).await;
    position.to_string()
}

/// Waits until the hub has read up to this position.
async fn has_read(hub: &Hub, position: Position) {
    let reading = async {
        while hub.position() != position {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(60), reading).await.expect("the hub reads on");
}

async fn story(client: &mut Client, events: usize) -> Vec<String> {
    let mut story = Vec::new();
    while story.len() < events {
        let seen = client.next().await.expect("the stream goes on");
        story.push(seen.control().map_or(seen.data.clone(), Into::into));
    }
    story
}

#[tokio::test(start_paused = true)]
async fn what_a_node_does_not_have_comes_from_the_log_in_pages() {
    let log = SharedLog::default();
    let first = hub(&log).await;
    let start = first.position();
    for event in 0..600 {
        publish(&first, if event % 2 == 0 { "news" } else { "sport" }, event.to_string()).await;
    }
    // This node has read none of them.
    let second = hub(&log).await;
    let mut subscription = second.subscribe(["sport"]).after(start);
    assert_eq!(subscription.start().await, Start::Resumed);
    publish(&first, "sport", "live").await;
    let mut client = Client::of(subscription);
    for event in (1..600).step_by(2) {
        assert_eq!(client.published().await.data, event.to_string());
    }
    assert_eq!(client.published().await.data, "live");
    assert!(log.replays() >= 3, "{} pages", log.replays());
    let mut newcomer = Client::of(second.subscribe(["news"]).last(2));
    assert_eq!(story(&mut newcomer, 3).await, ["596", "598", "hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_falls_behind_gets_the_missing_pages() {
    let log = SharedLog::default();
    let hub = Hub::builder().history_events(4).connect(log.clone()).await.expect("the log is there");
    let mut client = Client::new(&hub, &["news"]);
    assert_eq!(story(&mut client, 1).await, ["hello"]);
    for event in 0..20 {
        published(&hub, &event.to_string()).await;
    }
    for event in 0..20 {
        assert_eq!(client.published().await.data, event.to_string());
    }
    assert_eq!(hub.stats().gaps_lagged, 0);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_ahead_of_a_slow_node_waits_for_it() {
    let log = SharedLog::default();
    let (fast, slow) = (hub(&log).await, hub(&log).await);
    let slow_client = Client::new(&slow, &["news"]);
    log.fail(Faults { late: Duration::from_secs(5), ..Faults::default() });
    sleep(Duration::from_secs(6)).await;
    // The slow node is in the middle of a read; the fast one has just begun another.
    let position = publish(&fast, "news", "1").await;
    let mut unknown = position;
    unknown.nonce ^= 1;
    let mut ahead = slow.subscribe(["news"]).after(position);
    let mut never = slow.subscribe(["news"]).after(unknown);
    assert_ne!(slow.position(), position, "the node is slow");
    assert_eq!((ahead.start().await, never.start().await), (Start::Resumed, Start::Resumed));
    publish(&fast, "news", "2").await;
    assert_eq!(Client::of(ahead).published().await.data, "2");
    assert_eq!(story(&mut Client::of(never), 1).await, ["gap"]);
    drop(slow_client);
}

#[tokio::test(start_paused = true)]
async fn what_the_log_has_trimmed_is_a_gap() {
    let log = SharedLog::default();
    let hub = Hub::builder().history_events(4).connect(log.clone()).await.expect("the log is there");
    let start = hub.position();
    let mut client = Client::new(&hub, &["news"]);
    assert_eq!(story(&mut client, 1).await, ["hello"]);
    log.keep(10);
    for event in 0..20 {
        published(&hub, &event.to_string()).await;
    }
    let gap = client.next().await.expect("it is told");
    assert_eq!((gap.control(), &*gap.id), (Some("gap"), &*hub.position().to_string()));
    let mut subscription = hub.subscribe(["news"]).after(start);
    assert_eq!(subscription.start().await, Start::Gap(GapCause::Trimmed));
    published(&hub, "20").await;
    assert_eq!(client.published().await.data, "20");
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_gone_keeps_its_subscribers_and_loses_nothing() {
    let log = SharedLog::default();
    let (first, second) = (hub(&log).await, hub(&log).await);
    let mut client = Client::new(&second, &["news"]);
    published(&first, "1").await;
    assert_eq!(story(&mut client, 2).await, ["hello", "1"]);
    assert_eq!(second.health(), Health::Reachable);

    log.fail(Faults { gone: true, ..Faults::default() });
    sleep(Duration::from_secs(10)).await;
    let error = first.publish("news", Event::new().data("x")).await.expect_err("the log is gone");
    assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    assert!(matches!(second.health(), Health::Unreachable(since) if since > Duration::from_secs(5)));
    assert!(second.stats().engine_errors > 1);
    let mut late = second.subscribe(["news"]).last(1);
    tokio::select! {
        start = late.start() => panic!("the log cannot know: {start:?}"),
        () = sleep(Duration::from_secs(10)) => {}
    }

    log.fail(Faults::default());
    published(&first, "2").await;
    assert_eq!(client.published().await.data, "2");
    assert_eq!(second.health(), Health::Reachable);
    assert_eq!(late.start().await, Start::Live);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_leaves_the_event_s_fate_unknown() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    let mut client = Client::new(&hub, &["news"]);
    log.fail(Faults { answers_lost: true, ..Faults::default() });
    let error = hub.publish("news", Event::new().data("1")).await.expect_err("no answer came");
    assert!(matches!(error, PublishError::Unknown(_)), "{error:?}");
    assert_eq!(client.published().await.data, "1");
}

#[tokio::test(start_paused = true)]
async fn another_log_is_a_gap_for_all() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    let mut client = Client::new(&hub, &["news"]);
    let mut labelled = Client::of(hub.subscribe(["news"]).label("ann"));
    let before = published(&hub, "1").await;
    assert_eq!(story(&mut client, 2).await, ["hello", "1"]);
    assert_eq!(story(&mut labelled, 2).await, ["hello", "1"]);
    let mut unread = Client::of(hub.subscribe(["news"]).label("ann"));
    log.replace(2);
    let gap = client.next().await.expect("it is told");
    assert_eq!(gap.control(), Some("gap"));
    assert!(gap.data.contains("epoch"), "{}", gap.data);
    // A record may be lost that was to end them.
    assert_eq!(story(&mut unread, 1).await, ["end"]);
    assert_eq!(story(&mut labelled, 1).await, ["end"]);
    published(&hub, "2").await;
    assert_eq!(client.published().await.data, "2");
    let mut resumed = hub.subscribe(["news"]).after(&before);
    assert_eq!(resumed.start().await, Start::Gap(GapCause::Epoch));

    // An epoch that comes again, with positions that name other events.
    log.replace(1);
    let gap = client.next().await.expect("it is told");
    assert_eq!(gap.control(), Some("gap"));
    published(&hub, "3").await;
    assert_eq!(client.published().await.data, "3");
}

#[tokio::test(start_paused = true)]
async fn the_gap_of_a_replay_does_not_hide_a_disconnect() {
    let log = SharedLog::default();
    let first = hub(&log).await;
    let before = published(&first, "1").await;
    for event in ["2", "3"] {
        published(&first, event).await;
    }
    let second = hub(&log).await;
    log.fail(Faults { late: Duration::from_secs(1), ..Faults::default() });
    let mut labelled = second.subscribe(["news"]).after(&before).label("ann");
    let asked = timeout(Duration::from_millis(1), labelled.start()).await;
    assert!(asked.is_err(), "its page is on its way");
    log.keep(1);
    first.disconnect("ann").await.expect("the log is there");
    sleep(Duration::from_secs(5)).await;
    assert_eq!(story(&mut Client::of(labelled), 1).await, ["end"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_ahead_of_a_log_that_is_lost_may_have_been_disconnected() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    published(&hub, "1").await;
    let ahead = Position { major: hub.position().major + 10, ..hub.position() };
    let mut labelled = Client::of(hub.subscribe(["news"]).after(ahead).label("ann"));
    assert!(timeout(Duration::from_secs(1), labelled.next()).await.is_err(), "it waits");
    log.replace(2);
    assert_eq!(story(&mut labelled, 1).await, ["end"]);
}

#[tokio::test(start_paused = true)]
async fn a_tail_that_panics_is_started_again_where_it_was() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    let mut client = Client::new(&hub, &["news"]);
    published(&hub, "1").await;
    for event in ["2", "3"] {
        // The read after this one panics.
        log.fail(Faults { panics: true, ..Faults::default() });
        published(&hub, event).await;
    }
    published(&hub, "4").await;
    assert_eq!(story(&mut client, 5).await, ["hello", "1", "2", "3", "4"]);
    assert_eq!(hub.stats().tail_panics, 2);
    // It ends with the hub nevertheless.
    drop(hub);
    drop(client);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(log.holders(), 1, "only this test holds the log");
}

#[tokio::test(start_paused = true)]
async fn a_position_that_the_log_cannot_have_is_a_gap_at_once() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    let mut ahead = publish(&hub, "news", "1").await;
    ahead.major += 1_001;
    let mut subscription = hub.subscribe(["news"]).after(ahead);
    assert_eq!(subscription.start().await, Start::Gap(GapCause::Ahead));
}

#[tokio::test(start_paused = true)]
async fn entries_that_no_hub_has_written_are_skipped_and_counted() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    let mut client = Client::new(&hub, &["news"]);
    log.append_foreign();
    published(&hub, "1").await;
    has_read(&hub, log.append_foreign()).await;
    assert_eq!(story(&mut client, 2).await, ["hello", "1"]);
    assert_eq!(hub.stats().skipped, 2);
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_is_dropped_stops_reading() {
    let log = SharedLog::default();
    let hub = hub(&log).await;
    let client = Client::new(&hub, &["news"]);
    sleep(Duration::from_secs(1)).await;
    drop(hub);
    drop(client);
    // Well before the read that is under way would end.
    sleep(Duration::from_secs(1)).await;
    assert_eq!(log.holders(), 1, "only this test holds the log");
}

#[tokio::test]
async fn a_log_that_is_not_there_is_an_error_at_connect() {
    let log = SharedLog::default();
    log.fail(Faults { gone: true, ..Faults::default() });
    let error = Hub::connect(log).await.expect_err("it is not there");
    assert_eq!(error.to_string(), "the log is gone");
}

#[test]
fn blocking_publish_waits_for_the_log() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let log = SharedLog::default();
    let hub = runtime.block_on(hub(&log));
    let position = hub.blocking_publish("news", Event::new().data("1")).expect("it is appended");
    assert_eq!(position.major, 1);
}
