//! A Redis that starts again, on all that it had or on less.

use crate::util::{self, Address, Pair, Server, hub, publish_soon, story, until};
use sse_hub::Hub;

async fn killed_and_restarted(arguments: &[&str]) {
    let mut server = Server::with(arguments);
    let mut pair = Pair::on(&server).await;
    let mut expected = Vec::new();
    for event in 0..6 {
        if event % 2 == 1 {
            server.written();
            server.kill();
            server.restart();
        }
        expected.push(event.to_string());
        publish_soon(&pair.hubs[event / 2 % 2], &event.to_string()).await;
    }
    let expected: Vec<_> = expected.iter().map(|event| &**event).collect();
    pair.both_see(&expected).await;
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_an_append_only_file_is_no_gap() {
    killed_and_restarted(&["--appendonly", "yes", "--appendfsync", "always"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_a_file_synced_each_second_is_no_gap() {
    killed_and_restarted(&["--appendonly", "yes", "--appendfsync", "everysec"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn debug_reload_is_no_gap() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    server.run("DEBUG RELOAD");
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_nothing_is_a_gap() {
    let mut server = Server::with(&["--appendonly", "no"]);
    let mut pair = Pair::on(&server).await;
    server.kill();
    server.restart();
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_an_old_snapshot_is_a_gap() {
    let mut server = Server::with(&["--appendonly", "no"]);
    let mut pair = Pair::on(&server).await;
    server.run("SAVE");
    publish_soon(&pair.hubs[0], "lost").await;
    pair.both_see(&["lost"]).await;
    server.kill();
    server.restart();
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_on_a_snapshot_of_everything_is_no_gap() {
    let mut server = Server::with(&["--appendonly", "no"]);
    let mut pair = Pair::on(&server).await;
    server.run("SAVE");
    server.kill();
    server.restart();
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
}

/// With a replica, the snapshot has a replication ID, and looks like that of a promoted server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_of_a_master_with_replicas_on_a_snapshot_is_a_gap() {
    let mut server = Server::with(&["--appendonly", "no"]);
    let mut pair = Pair::on(&server).await;
    let _replica = server.replica();
    until("the replica's snapshot is done", || server.info("rdb_bgsave_in_progress") == "0").await;
    server.run("SAVE");
    server.kill();
    server.restart();
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_reach("1").await;
}

/// The server starts again without an event that was acknowledged to the first node and that no tail
/// has read. This node comes back first, or last.
async fn lost_unread(first_node_first: bool) {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    let backup = server.back_up();
    pair.deafen(&server).await;
    publish_soon(&pair.hubs[0], "lost").await;
    server.kill();
    server.restore(backup);
    server.restart();
    let order = if first_node_first { [0, 1] } else { [1, 0] };
    for node in order {
        pair.addresses[node].open();
        publish_soon(&pair.hubs[node], "on").await;
        let hub = &pair.hubs[node];
        until("the tail is back", || hub.health() == sse_hub::Health::Reachable).await;
    }
    pair.both_reach("gap:epoch").await;
    publish_soon(&pair.hubs[1], "1").await;
    pair.both_reach("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledged_event_that_a_restart_lost_unread_is_a_gap() {
    lost_unread(true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_a_restart_lost_is_a_gap_though_another_node_came_first() {
    lost_unread(false).await;
}

/// Whoever was told that it is published is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_one_node_has_read_and_a_restart_lost_is_a_gap_on_all() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    let third = hub(&server).await;
    let backup = server.back_up();
    pair.addresses[1].deafen(&pair.hubs[1], &server).await;
    publish_soon(&third, "lost").await;
    drop(third);
    assert_eq!(story(&mut pair.clients[0], "lost").await, ["lost"]);
    server.kill();
    server.restore(backup);
    server.restart();
    pair.open();
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_reach("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_return_one_after_the_other_tell_of_one_gap() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    let backup = server.back_up();
    publish_soon(&pair.hubs[0], "lost").await;
    pair.both_see(&["lost"]).await;
    pair.addresses.iter().for_each(Address::close);
    server.kill();
    server.restore(backup);
    server.restart();
    // What the second one misses is covered by the gap that the first one has told of.
    for (address, client) in pair.addresses.iter().zip(&mut pair.clients) {
        address.open();
        assert_eq!(util::next(client).await, "gap:epoch");
    }
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_trimmed_or_deleted_before_a_restart_is_no_gap() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    // This node publishes so rarely that its last event is gone from the stream.
    publish_soon(&pair.hubs[1], "rare").await;
    for event in 1..20 {
        publish_soon(&pair.hubs[0], &event.to_string()).await;
    }
    let newest = publish_soon(&pair.hubs[0], "20").await;
    for client in &mut pair.clients {
        assert_eq!(story(client, "20").await.len(), 21);
    }
    server.run("XTRIM sse-hub MAXLEN 5");
    server.run(&format!("XDEL sse-hub {}-{}", newest.major, newest.minor));
    server.kill();
    server.restart();
    publish_soon(&pair.hubs[0], "21").await;
    publish_soon(&pair.hubs[1], "22").await;
    pair.both_see(&["21", "22"]).await;
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_begin_a_new_epoch() {
    let server = Server::start();
    let redis = Address::of(&server).builder().build();
    let hubs = [Hub::connect(redis.clone()).await.expect("it is there"), hub(&server).await];
    let _clients = hubs.each_ref().map(|hub| sse_test::hub::Client::new(hub, &["news"]));
    let before = hubs[0].position().epoch;
    redis.rotate().await.expect("the server is there");
    for hub in &hubs {
        until("the epoch is new", || hub.position().epoch != before).await;
    }
}

/// What the README says: nobody who has seen the lost event is left, so nothing tells of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_that_lost_what_no_living_node_has_seen_is_not_detected() {
    let mut server = Server::start();
    let first = hub(&server).await;
    let before = publish_soon(&first, "before").await;
    let backup = server.back_up();
    publish_soon(&first, "lost").await;
    drop(first);
    server.kill();
    server.restore(backup);
    server.restart();
    let redis = Address::of(&server).builder().build();
    let second = Hub::connect(redis.clone()).await.expect("the server is there");
    let mut client = sse_test::hub::Client::of(second.subscribe(["news"]).after(before));
    publish_soon(&second, "1").await;
    assert_eq!(story(&mut client, "1").await, ["1"], "`lost` is missing, and there is no gap");
    // An operator who knows of it can tell.
    redis.rotate().await.expect("the server is there");
    assert_eq!(util::next(&mut client).await, "gap:epoch");
}
