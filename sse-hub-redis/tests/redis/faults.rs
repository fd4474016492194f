//! A Redis that is gone, late, or no master.

use crate::util::{self, Address, Pair, Proxy, Server, event, hub, publish_soon, story, until};
use sse_hub::{Health, Hub, Position, PublishError, Start};
use sse_test::hub::Client;
use std::time::Duration;
use tokio::time::{Instant, sleep};

async fn connect_error(server: &Server) -> String {
    let hub = Hub::connect(Address::of(server).builder().build()).await;
    hub.expect_err("it is no master").to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_is_neither_read_nor_written() {
    let master = Server::start();
    let mut pair = Pair::on(&master).await;
    master.run("REPLICAOF 127.0.0.1 1");
    for hub in &pair.hubs {
        until("it is known", || matches!(hub.health(), Health::Unreachable(_))).await;
        let error = hub.publish("news", event("x")).await.expect_err("it is a replica");
        assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    }
    let error = connect_error(&master).await;
    assert!(error.contains("this server is a replica"), "{error}");
    master.run("CONFIG SET replica-serve-stale-data no");
    let error = connect_error(&master).await;
    assert!(error.contains("Link with MASTER is down"), "{error}");
    let error = pair.hubs[0].publish("news", event("x")).await.expect_err("it is a replica");
    assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    master.promote();
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_reach("1").await;
    assert_eq!(pair.hubs[1].health(), Health::Reachable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_publish_fails_at_once_or_waits() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    let patient = Address::of(&server).builder().publish_wait(util::PATIENCE).build();
    let patient = Hub::connect(patient).await.expect("the server is there");
    server.kill();
    for hub in &pair.hubs {
        until("it is known", || matches!(hub.health(), Health::Unreachable(_))).await;
    }
    let start = Instant::now();
    let error = pair.hubs[0].publish("news", event("x")).await.expect_err("nobody is there");
    assert!(matches!(error, PublishError::Refused(_)), "{error:?}");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    let publish = tokio::spawn(async move { patient.publish("news", event("1")).await });
    sleep(Duration::from_millis(300)).await;
    let since = |hub: &Hub| match hub.health() {
        Health::Unreachable(since) => since,
        Health::Reachable => Duration::ZERO,
    };
    assert!(since(&pair.hubs[1]) >= Duration::from_millis(300), "{:?}", pair.hubs[1].health());
    assert!(!publish.is_finished(), "it waits");
    server.restart();
    publish.await.expect("no panic").expect("Redis is back in time");
    pair.both_see(&["1"]).await;
    assert_eq!(pair.gaps(), 0);
    for hub in &pair.hubs {
        until("it is known", || hub.health() == Health::Reachable).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_is_not_a_failure_for_ever() {
    // 4,000 keys at half a millisecond each, while the server answers that it is loading.
    let slow = ["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"];
    let mut server = Server::with(&[&["--appendonly", "yes", "--appendfsync", "no"], &slow[..]].concat());
    let mut pair = Pair::on(&server).await;
    let patient = Address::of(&server).builder().publish_wait(util::PATIENCE).build();
    let patient = Hub::connect(patient).await.expect("the server is there");
    let mut fill = redis::pipe();
    for key in 0..4_000 {
        fill.cmd("SET").arg(key).arg("some text that fills the file");
    }
    fill.exec(&mut server.connection()).expect("they are set");
    server.kill();
    for hub in &pair.hubs {
        until("it is known", || matches!(hub.health(), Health::Unreachable(_))).await;
    }
    server.launch();
    let mut refused = String::new();
    while !refused.contains("loading") {
        match pair.hubs[0].publish("news", event("0")).await {
            Err(PublishError::Refused(error)) => refused = error.to_string(),
            other => panic!("the server does not say that it is loading: {other:?}, {refused}"),
        }
    }
    patient.publish("news", event("1")).await.expect("it has loaded in time");
    publish_soon(&pair.hubs[1], "2").await;
    pair.both_see(&["1", "2"]).await;
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_hangs_nobody() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    server.signal("STOP");
    let start = Instant::now();
    // They are more than one batch of each node.
    let publishers = 600;
    let publishes = (0..publishers).map(|number| {
        let hub = pair.hubs[number % 2].clone();
        tokio::spawn(async move { hub.publish("news", event("stopped")).await })
    });
    for publish in publishes.collect::<Vec<_>>() {
        publish.await.expect("no panic").expect_err("nobody answers");
    }
    // Three seconds for an answer, and as many for another connection.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    server.signal("CONT");
    publish_soon(&pair.hubs[0], "1").await;
    for client in &mut pair.clients {
        let story = story(client, "1").await;
        let stopped = story.iter().filter(|told| *told == "stopped").count();
        assert!(stopped <= publishers && stopped + 1 == story.len(), "{story:?}");
    }
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_only_delays() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    for (pause, event) in [("CLIENT PAUSE 700 ALL", "1"), ("CLIENT PAUSE 700 WRITE", "2")] {
        server.run(pause);
        publish_soon(&pair.hubs[0], event).await;
        pair.both_see(&[event]).await;
    }
    assert_eq!(pair.gaps(), 0);
}

/// What a publisher whose answers get lost is told, and where its event is. If the publisher is
/// patient, the server cannot be reached when it looks for the event, and something happens there.
async fn publish_unheard(
    wait: Duration,
    meanwhile: impl FnOnce(&Server, Position),
) -> (Result<Position, PublishError>, Position) {
    let server = Server::start();
    let proxy = Proxy::to(&server).await;
    let address = Address::of(&server);
    address.lead_through(&proxy);
    let unheard =
        Hub::connect(address.builder().publish_wait(wait).build()).await.expect("the server is there");
    let other = hub(&server).await;
    let mut client = Client::new(&other, &["news"]);
    publish_soon(&unheard, "0").await;
    assert_eq!(story(&mut client, "0").await, ["0"]);
    proxy.mute(true);
    let publish = tokio::spawn(async move { unheard.publish("news", event("1")).await });
    // It has arrived when another node delivers it.
    assert_eq!(story(&mut client, "1").await, ["1"]);
    let position = other.position();
    if !wait.is_zero() {
        address.close();
        // It gives up the answer after three seconds.
        sleep(Duration::from_millis(3500)).await;
        meanwhile(&server, position);
        address.open();
        proxy.mute(false);
    }
    let result = publish.await.expect("no panic");
    publish_soon(&other, "2").await;
    assert_eq!(story(&mut client, "2").await, ["2"], "it comes once");
    (result, position)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_whose_answer_was_lost_is_found_by_its_nonce() {
    let (result, position) = publish_unheard(util::PATIENCE, |_, _| {}).await;
    assert_eq!(result.expect("the event is found"), position);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_whose_event_is_not_found_has_an_unknown_outcome() {
    let delete = |server: &Server, Position { major, minor, .. }| {
        server.run(&format!("XDEL sse-hub {major}-{minor}"));
    };
    let (result, _) = publish_unheard(util::PATIENCE, delete).await;
    let error = result.expect_err("another event is none of its business");
    assert!(matches!(error, PublishError::Unknown(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publish_without_any_answer_has_an_unknown_outcome() {
    let (result, _) = publish_unheard(Duration::ZERO, |_, _| {}).await;
    let error = result.expect_err("there is no answer");
    assert!(matches!(error, PublishError::Unknown(_)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_cut_lose_nothing() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    let mut acknowledged = Vec::new();
    for number in 0..20 {
        server.run("CLIENT KILL TYPE normal");
        let data = number.to_string();
        match pair.hubs[number % 2].publish("news", event(&data)).await {
            Ok(_) => acknowledged.push(data),
            // The connection was cut while the event was on its way.
            Err(PublishError::Unknown(_)) => {}
            Err(error) => panic!("Redis is there: {error:?}"),
        }
    }
    publish_soon(&pair.hubs[0], "last").await;
    acknowledged.push("last".into());
    for client in &mut pair.clients {
        let mut seen = story(client, "last").await;
        seen.retain(|seen| acknowledged.contains(seen));
        assert_eq!(seen, acknowledged);
    }
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_waits_for_a_redis_that_is_gone() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    let before = pair.hubs[0].position();
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
    let late = hub(&server).await;
    server.kill();
    let mut resumed = late.subscribe(["news"]).after(before);
    let start = tokio::spawn(async move { (resumed.start().await, resumed) });
    sleep(Duration::from_millis(300)).await;
    assert!(!start.is_finished(), "nobody can know");
    server.restart();
    let (start, resumed) = start.await.expect("no panic");
    assert_eq!(start, Start::Resumed);
    assert_eq!(story(&mut Client::of(resumed), "1").await, ["1"]);
}
