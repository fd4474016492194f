//! Entries that no hub has written.

use crate::util::{self, Address, Pair, Server, hub, publish_soon, story};
use sse_hub::{Hub, Position, Start};
use sse_test::hub::Client;

const STRANGERS: usize = 8;

/// Appends what no hub would write, each in a way of its own.
fn append_strangers(server: &Server) {
    let entries: [&[(&str, &[u8])]; STRANGERS] = [
        &[("some", b"thing")],
        &[("n", b"hello")],
        &[("n", b"00000001"), ("t", b"news")],
        &[("n", b"+0000001"), ("t", b"news"), ("b", b"data: without a nonce\n\n")],
        &[("n", b"00000001"), ("t", b"ne\xffws"), ("b", b"data: its topic is not UTF-8\n\n")],
        &[("n", b"00000001"), ("t", b"news"), ("b", b"id: 7\ndata: it has an ID\n\n")],
        &[("n", b"00000001"), ("t", b"hub:news"), ("b", b"data: its topic is the hub's own\n\n")],
        &[("t", b"news"), ("b", b"data: without a nonce\n\n"), ("b", b"data: twice\n\n")],
    ];
    for entry in entries {
        let mut add = redis::cmd("XADD");
        add.arg("sse-hub").arg("*");
        for (name, value) in entry {
            add.arg(name).arg(value);
        }
        add.exec(&mut server.connection()).expect("it is appended");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_entries_of_strangers_are_skipped_and_counted() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    let before = pair.hubs[0].position();
    append_strangers(&server);
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_see(&["1"]).await;
    for hub in &pair.hubs {
        assert_eq!(hub.stats().skipped, STRANGERS as u64);
    }
    // A stranger's entry is the newest one when a node connects, and when it connects again.
    append_strangers(&server);
    let third = hub(&server).await;
    server.kill();
    server.restart();
    publish_soon(&third, "2").await;
    pair.both_see(&["2"]).await;
    let mut resumed = Client::of(third.subscribe(["news"]).after(before));
    assert_eq!(story(&mut resumed, "2").await, ["1", "2"]);
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_strangers_can_be_read_after_a_restart() {
    let mut server = Server::start();
    let mut pair = Pair::on(&server).await;
    for round in 1..=2 {
        append_strangers(&server);
        let skipped = || pair.hubs.iter().all(|hub| hub.stats().skipped == round * STRANGERS as u64);
        util::until("they are read", skipped).await;
        server.kill();
        server.restart();
    }
    publish_soon(&pair.hubs[1], "1").await;
    pair.both_see(&["1"]).await;
    assert_eq!(pair.gaps(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_that_is_not_utf_8_harms_nobody() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    let mut add = redis::cmd("XADD");
    add.arg("sse-hub").arg("*").arg("n").arg("00000001").arg("t").arg("news");
    add.arg("b").arg(b"data: \xff\n\n").exec(&mut server.connection()).expect("it is appended");
    publish_soon(&pair.hubs[0], "1").await;
    // As browsers read it, and as a hub in memory delivers it.
    pair.both_see(&["\u{fffd}", "1"]).await;
    let hub = Hub::new();
    let mut client = Client::new(&hub, &["news"]);
    let event = sse_core::EncodedEvent::raw(&b"data: \xff\n\n"[..]);
    hub.publish("news", event).await.expect("it is an event");
    assert_eq!(story(&mut client, "\u{fffd}").await, ["\u{fffd}"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_holds_something_else_is_an_error() {
    let server = Server::start();
    server.run("SET sse-hub text");
    let error = Hub::connect(Address::of(&server).builder().build()).await.expect_err("it is no stream");
    let text = error.to_string();
    assert!(text.contains("WRONGTYPE") && text.ends_with("choose another one with `key`"), "{text}");
    let source = error.source().and_then(|source| source.downcast_ref::<redis::RedisError>());
    assert_eq!(source.and_then(redis::RedisError::code), Some("WRONGTYPE"));
    server.run("DEL sse-hub");
    let mut pair = Pair::on(&server).await;
    server.run("SET sse-hub text");
    let error = pair.hubs[0].publish("news", util::event("x")).await.expect_err("it is no stream");
    assert!(matches!(error, sse_hub::PublishError::Refused(_)), "{error:?}");
    server.run("DEL sse-hub");
    pair.both_see(&["gap:epoch"]).await;
    publish_soon(&pair.hubs[0], "1").await;
    pair.both_reach("1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_of_the_last_millisecond_that_an_id_can_name_harms_nobody() {
    let server = Server::start();
    let mut pair = Pair::on(&server).await;
    server.run(&format!("XADD sse-hub {}-1 some thing", u64::MAX));
    util::until("it is read", || pair.hubs.iter().all(|hub| hub.stats().skipped == 1)).await;
    let hub = &pair.hubs[0];
    let ahead = Position { minor: 2, nonce: 1, ..hub.position() };
    let start = hub.subscribe(["news"]).after(ahead).start().await;
    assert_eq!(start, Start::Resumed, "another node may have been faster");
    publish_soon(hub, "1").await;
    pair.both_see(&["1"]).await;
}
