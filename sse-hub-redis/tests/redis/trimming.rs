//! What is gone from the stream, or not in a node's memory.

use crate::util::{self, Address, Pair, Server, hub, publish_soon, story};
use futures_util::future::join_all;
use sse_hub::{GapCause, Hub, Start};
use sse_test::hub::{Client, publish};

/// Appends many entries in one step, so that no tail can read in between.
fn append_many(server: &Server, entries: usize, max_len: usize) {
    let mut append = redis::pipe();
    append.atomic();
    for entry in 0..entries {
        append.cmd("XADD").arg("sse-hub").arg("MAXLEN").arg(max_len).arg("*");
        append.arg("n").arg(format!("{:08x}", entry + 1)).arg("t").arg("news");
        append.arg("b").arg(format!("data: many {entry}\n\n"));
    }
    append.exec(&mut server.connection()).expect("they are appended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_keeps_1024_events_however_low_its_limit_is() {
    let server = Server::start();
    let redis = Address::of(&server).builder().max_len(0).build();
    let hub = Hub::connect(redis).await.expect("the server is there");
    join_all((0..2_000).map(|_| publish(&hub, "news", "x"))).await;
    let length: usize = redis::from_redis_value(server.run("XLEN sse-hub")).expect("a number");
    assert!((1_024..2_000).contains(&length), "{length}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entries_that_were_trimmed_unread_are_a_gap() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    let before = pair.hubs[0].position();
    append_many(&server, 400, 100);
    pair.both_see(&["gap:trimmed"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_reach("1").await;
    let mut resumed = pair.hubs[1].subscribe(["news"]).after(before);
    assert_eq!(resumed.start().await, Start::Gap(GapCause::Trimmed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_before_does_not_hide_that_entries_were_trimmed() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    let doomed = publish_soon(&pair.hubs[0], "doomed").await;
    pair.both_see(&["doomed"]).await;
    // The tails read on after an entry that is not there, and below the highest that was deleted.
    server.run(&format!("XDEL sse-hub {}-{}", doomed.major, doomed.minor));
    append_many(&server, 400, 100);
    pair.both_see(&["gap:trimmed"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_deletion_of_the_entry_that_was_read_last_is_no_gap() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    for event in ["1", "2", "3"] {
        let position = publish_soon(&pair.hubs[0], event).await;
        pair.both_see(&[event]).await;
        server.run(&format!("XDEL sse-hub {}-{}", position.major, position.minor));
    }
    let deleted = pair.hubs[1].position();
    publish_soon(&pair.hubs[1], "4").await;
    pair.both_see(&["4"]).await;
    // Nor to a client whose last event it was.
    for newcomer in [&hub(&server).await, &pair.hubs[0]] {
        let mut resumed = newcomer.subscribe(["news"]).after(deleted);
        assert_eq!(resumed.start().await, Start::Resumed);
        assert_eq!(story(&mut Client::of(resumed), "4").await, ["4"]);
    }
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_connects_though_the_newest_entry_was_deleted() {
    let server = Server::start();
    let first = hub(&server).await;
    publish_soon(&first, "0").await;
    let newest = publish_soon(&first, "1").await;
    server.run(&format!("XDEL sse-hub {}-{}", newest.major, newest.minor));
    let second = hub(&server).await;
    let mut resumed = Client::of(second.subscribe(["news"]).after(newest));
    let mut client = Client::of(second.subscribe(["news"]).after(second.position()));
    publish_soon(&first, "2").await;
    assert_eq!(story(&mut client, "2").await, ["2"]);
    assert_eq!(story(&mut resumed, "2").await, ["2"]);
    assert_eq!(first.stats().skipped, 0, "the second node's entry is none of a stranger");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_vouches_only_for_the_positions_that_it_has() {
    let server = Server::start();
    let first = hub(&server).await;
    let mut positions = Vec::new();
    for event in 0..4 {
        positions.push(publish_soon(&first, &event.to_string()).await);
    }
    let second = hub(&server).await;
    publish_soon(&first, "4").await;
    // This node has read only the last event; Redis has them all.
    let mut resumed = second.subscribe(["news"]).after(positions[1]);
    assert_eq!(resumed.start().await, Start::Resumed);
    assert_eq!(story(&mut Client::of(resumed), "4").await, ["2", "3", "4"]);
    for hub in [&first, &second] {
        // The same place, which another event may have had.
        let mut other = positions[2];
        other.nonce ^= 1;
        let mut resumed = hub.subscribe(["news"]).after(other);
        assert_eq!(resumed.start().await, Start::Gap(GapCause::Epoch));
        // A place that no event has, between two that are in memory.
        let mut nowhere = positions[2];
        nowhere.minor += 1;
        let mut resumed = hub.subscribe(["news"]).after(nowhere);
        assert!(matches!(resumed.start().await, Start::Gap(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_ahead_of_a_slow_node_waits_for_it() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    // The second node hears nothing.
    pair.addresses[1].deafen(&pair.hubs[1], &server).await;
    publish_soon(&pair.hubs[0], "1").await;
    let position = publish_soon(&pair.hubs[0], "2").await;
    let mut ahead = pair.hubs[1].subscribe(["news"]).after(position);
    assert_eq!(ahead.start().await, Start::Resumed);
    // More than any node can be.
    let mut far = position;
    far.major += 61_000;
    let mut impossible = pair.hubs[1].subscribe(["news"]).after(far);
    assert_eq!(impossible.start().await, Start::Gap(GapCause::Ahead));
    let mut near = position;
    near.minor += 1;
    let mut never = pair.hubs[1].subscribe(["news"]).after(near);
    assert_eq!(never.start().await, Start::Resumed);
    pair.addresses[1].open();
    publish_soon(&pair.hubs[0], "3").await;
    assert_eq!(story(&mut Client::of(ahead), "3").await, ["3"]);
    assert_eq!(util::next(&mut Client::of(never)).await, "gap:ahead");
    pair.both_see(&["1", "2", "3"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_may_be_ahead_of_a_node_that_has_heard_nothing_for_years() {
    let server = Server::start();
    server.run("XADD sse-hub 1-1 n 00000001");
    let (first, address) = (hub(&server).await, Address::of(&server));
    let second = address.hub().await;
    address.deafen(&second, &server).await;
    let position = publish_soon(&first, "1").await;
    let mut ahead = second.subscribe(["news"]).after(position);
    assert_eq!(ahead.start().await, Start::Resumed);
    address.open();
    publish_soon(&first, "2").await;
    assert_eq!(story(&mut Client::of(ahead), "2").await, ["2"]);
}
