//! When an epoch goes on, and when another one begins.

use crate::util;
use crate::util::{Address, Pair, Server, hub, publish_soon, story, until};
use sse_hub::{GapCause, Hub, Position, Start};
use sse_hub_redis::Redis;
use sse_test::hub::Client;
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_published_while_epochs_begin_is_in_one_of_them() {
    let server = Server::start();
    let redis = Redis::new(server.url()).expect("the URL is right");
    let hub = Hub::connect(redis.clone()).await.expect("the server is there");
    let publishers: Vec<_> = (0..4)
        .map(|_| {
            let hub = hub.clone();
            tokio::spawn(async move {
                let mut epochs = Vec::new();
                for _ in 0..500 {
                    epochs.push(publish_soon(&hub, "news").await.epoch);
                }
                epochs
            })
        })
        .collect();
    let mut marks = vec![mark(&server)];
    while publishers.iter().any(|publisher| !publisher.is_finished()) {
        redis.rotate().await.expect("the server is there");
        marks.push(mark(&server));
    }
    for publisher in publishers {
        for epoch in publisher.await.expect("no panic") {
            let prefix = format!("sse-hub:{epoch:016x}:");
            assert!(marks.iter().any(|mark| mark.starts_with(&prefix)), "{epoch:x} was never an epoch");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_group_that_sorts_first_is_none_of_our_business() {
    let mut server = Server::start();
    server.run("XGROUP CREATE sse-hub aaa $ MKSTREAM");
    let mut pair = Pair::on(&server).await;
    server.run("XGROUP CREATE sse-hub aab 0");
    server.run("XREADGROUP GROUP aab someone COUNT 1 STREAMS sse-hub >");
    publish_soon(&pair.hubs[0], "1").await;
    server.kill();
    server.restart();
    server.run("XGROUP DESTROY sse-hub aaa");
    publish_soon(&pair.hubs[1], "2").await;
    pair.both_see(&["1", "2"]).await;
    assert_eq!(pair.gaps(), 0);
}

/// The name of the mark.
fn mark(server: &Server) -> String {
    let mut groups = redis::cmd("XINFO");
    groups.arg("GROUPS").arg("sse-hub");
    let groups: Vec<std::collections::HashMap<String, redis::Value>> =
        groups.query(&mut server.connection()).expect("there is a stream");
    let names = groups.into_iter().map(|mut group| {
        redis::from_redis_value::<String>(group.remove("name").expect("a name")).expect("text")
    });
    names.into_iter().find(|name| name.starts_with("sse-hub:")).expect("there is a mark")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_mark_a_stream_begins_a_new_epoch_on_all_nodes() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    server.run(&format!("XGROUP DESTROY sse-hub {}", mark(&server)));
    // It may be behind the gap or before it.
    publish_soon(&pair.hubs[0], "perhaps").await;
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[1], "1").await;
    pair.both_reach("1").await;
}

/// Replaces the stream, and asserts that both nodes tell of it, whether or not someone publishes.
async fn replaced(publish_at_once: bool, replace: impl AsyncFn(&Server)) {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    replace(&server).await;
    let mut published = None;
    if publish_at_once {
        // Without a second attempt.
        let result = pair.hubs[0].publish("news", util::event("1")).await;
        published = Some(result.expect("the stream is made again"));
    }
    pair.both_see(&["gap:epoch"]).await;
    if let Some(position) = published {
        assert_eq!(position.epoch, pair.hubs[1].position().epoch, "it is in the new stream");
    }
    publish_soon(&pair.hubs[1], "2").await;
    pair.both_reach("2").await;
    sleep(Duration::from_millis(200)).await;
    assert_eq!(pair.gaps(), 2, "one for each client");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushall_is_a_gap() {
    replaced(false, async |server| drop(server.run("FLUSHALL"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flushall_under_a_publisher_is_a_gap() {
    replaced(true, async |server| drop(server.run("FLUSHALL"))).await;
}

/// A client comes to a node whose tail is gone, with an epoch that the node has not noticed.
async fn moved(has_replayed: bool) {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    if has_replayed {
        // So that its connection for replays is older than the epoch.
        assert_eq!(pair.hubs[1].subscribe(["news"]).last(1).start().await, Start::Live);
    }
    pair.addresses[1].deafen(&pair.hubs[1], &server).await;
    server.run("FLUSHALL");
    let gap = loop {
        let seen = pair.clients[0].next().await.expect("the stream goes on");
        if seen.control() == Some("gap") {
            break seen;
        }
    };
    publish_soon(&pair.hubs[0], "1").await;

    let mut moved = Client::of(pair.hubs[1].subscribe(["news"]).after(&gap.id));
    assert!(timeout(Duration::from_millis(200), moved.next()).await.is_err(), "the node cannot tell yet");
    pair.addresses[1].open();
    assert_eq!(util::next(&mut moved).await, "1");
    publish_soon(&pair.hubs[1], "2").await;
    assert_eq!(util::next(&mut moved).await, "2");
    let other = Position { epoch: !pair.hubs[1].position().epoch, ..pair.hubs[1].position() };
    let mut foreign = Client::of(pair.hubs[1].subscribe(["news"]).after(other));
    assert_eq!(util::next(&mut foreign).await, "gap:epoch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_new_epoch_is_no_gap_to_a_node_that_has_not_noticed_it() {
    moved(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_of_a_new_epoch_is_no_gap_to_a_node_that_replays_over_an_older_connection() {
    moved(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn del_is_a_gap() {
    replaced(true, async |server| drop(server.run("DEL sse-hub"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_renamed_over_ours_is_a_gap() {
    replaced(false, async |server| {
        let builder = Address::of(server).builder().key("other");
        let other = Hub::connect(builder.build()).await.expect("the server is there");
        publish_soon(&other, "of another hub").await;
        drop(other);
        server.run("RENAME other sse-hub");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_that_was_renamed_away_and_back_is_no_gap() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    let mut both = redis::pipe();
    both.atomic().cmd("RENAME").arg("sse-hub").arg("away").cmd("RENAME").arg("away").arg("sse-hub");
    both.exec(&mut server.connection()).expect("it is renamed");
    publish_soon(&pair.hubs[1], "1").await;
    pair.both_see(&["1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_promoted_without_events_that_no_tail_had_read_is_a_gap() {
    let mut master = Server::start();
    let mut pair = Pair::on(&master).await;
    let replica = master.replica();
    replica.cut_off();
    pair.deafen(&master).await;
    publish_soon(&pair.hubs[0], "lost").await;
    master.kill();
    replica.promote();
    pair.lead_to(&replica);
    pair.open();
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[1], "2").await;
    pair.both_reach("2").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_promotions_between_two_connections_are_a_gap() {
    let mut master = Server::start();
    let mut pair = Pair::on(&master).await;
    let third = hub(&master).await;
    let mut first = master.replica();
    first.cut_off();
    pair.deafen(&master).await;
    publish_soon(&third, "lost").await;
    // Nobody is left who could miss it.
    drop(third);
    master.kill();
    first.promote();
    let second = first.replica();
    first.kill();
    second.promote();
    pair.lead_to(&second);
    pair.open();
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_epoch_that_was_left_does_not_come_back() {
    let mut master = Server::start();
    let mut pair = Pair::on(&master).await;
    let old = pair.hubs[0].position();
    let mut replica = master.replica();
    master.kill();
    replica.promote();
    pair.lead_to(&replica);
    // Nothing is published there that the nodes could miss.
    pair.both_see(&["gap:epoch"]).await;
    let second = pair.hubs[0].position();
    // The first master returns as it was.
    replica.kill();
    master.restart();
    pair.lead_to(&master);
    let third = publish_soon(&pair.hubs[0], "2").await;
    pair.both_reach("gap:epoch").await;
    assert!(third.epoch != second.epoch && third.epoch != old.epoch);
    let mut resumed = pair.hubs[1].subscribe(["news"]).after(old);
    assert_eq!(resumed.start().await, Start::Gap(GapCause::Epoch));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_leave_a_master_that_was_demoted() {
    let master = Server::start();
    let mut pair = Pair::on(&master).await;
    let replica = master.replica();
    replica.promote();
    pair.lead_to(&replica);
    // Nobody publishes, so that the tails must find out by themselves.
    master.follow(&replica);
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
    assert_eq!(master.info("blocked_clients"), "0", "the tails are elsewhere");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_publisher_follows_its_tail_to_another_master() {
    let master = Server::start();
    let mut pair = Pair::on(&master).await;
    let old = publish_soon(&pair.hubs[1], "1").await.epoch;
    pair.both_see(&["1"]).await;
    let replica = master.replica();
    replica.cut_off();
    replica.promote();
    // The old master goes on, and the publishers' connections with it.
    pair.lead_to(&replica);
    let moved = || pair.hubs.iter().all(|hub| hub.position().epoch != old);
    master.cut_tails_until(moved).await;
    pair.both_see(&["gap:epoch"]).await;
    for (hub, event) in pair.hubs.iter().zip(["2", "3"]) {
        hub.publish("news", util::event(event)).await.expect("the new master is there");
    }
    pair.both_see(&["2", "3"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stays_with_the_old_master_for_a_while_tells_of_one_gap() {
    let master = Server::start();
    let mut pair = Pair::on(&master).await;
    let replica = master.replica();
    replica.cut_off();
    let old = publish_soon(&pair.hubs[0], "lost").await.epoch;
    pair.both_see(&["lost"]).await;
    replica.promote();
    for (node, address) in pair.addresses.iter().enumerate() {
        address.lead_to(&replica);
        let moved = || pair.hubs[node].position().epoch != old;
        master.cut_tails_until(moved).await;
        assert_eq!(util::next(&mut pair.clients[node]).await, "gap:epoch");
        // The second one looks at the old stream, where nothing is missing, some times more.
        sleep(Duration::from_secs(2)).await;
    }
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_split_brain_that_heals_is_a_gap_on_both_sides() {
    let master = Server::start();
    let mut pair = Pair::on(&master).await;
    let replica = master.replica();
    replica.cut_off();
    replica.promote();
    pair.addresses[1].lead_to(&replica);
    master.run("CLIENT KILL TYPE normal");
    // The first node writes to the old master, the second one to the new one.
    assert_eq!(story(&mut pair.clients[1], "gap:epoch").await, ["gap:epoch"]);
    publish_soon(&pair.hubs[1], "right").await;
    assert_eq!(story(&mut pair.clients[1], "right").await, ["right"]);
    publish_soon(&pair.hubs[0], "lost").await;
    assert_eq!(story(&mut pair.clients[0], "lost").await, ["lost"]);

    pair.addresses[0].lead_to(&replica);
    master.follow(&replica);
    // The second node's client misses an event that was acknowledged after its gap.
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_reach("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_was_issued_again_names_another_event() {
    // Its clock is set right when it starts again, so that times repeat.
    let mut master = Server::ahead(30);
    let mut pair = Pair::on(&master).await;
    master.kill();
    master.correct_clock();
    master.restart();
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
    let replica = master.replica();
    replica.cut_off();
    let lost = publish_soon(&pair.hubs[0], "lost").await;
    pair.both_see(&["lost"]).await;
    master.kill();
    replica.promote();
    // A new node comes first, which makes the epoch; its events get the IDs of those that are lost.
    let third = hub(&replica).await;
    let mut again = publish_soon(&third, "1").await;
    while (again.major, again.minor) < (lost.major, lost.minor) {
        again = publish_soon(&third, "1").await;
    }
    let of_lost = |id: &str| id.starts_with(&format!("{}-{}", lost.major, lost.minor));
    let range = format!("XRANGE sse-hub {0}-{1} {0}-{1}", lost.major, lost.minor);
    let entries: Vec<(String, Vec<String>)> =
        redis::from_redis_value(replica.run(&range)).expect("they are entries");
    assert!(entries.iter().any(|(id, _)| of_lost(id)), "the ID was issued again: {entries:?}");
    pair.lead_to(&replica);
    let mut resumed = Client::of(third.subscribe(["news"]).after(lost));
    assert_eq!(util::next(&mut resumed).await, "gap:epoch");
    // Even if the epoch were the same.
    until("its event is read", || third.position() == again).await;
    let mut same_epoch = lost;
    same_epoch.epoch = again.epoch;
    let mut resumed = Client::of(third.subscribe(["news"]).after(same_epoch));
    assert_eq!(util::next(&mut resumed).await, "gap:epoch");
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&third, "2").await;
    pair.both_reach("2").await;
}
