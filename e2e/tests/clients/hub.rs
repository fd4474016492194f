//! What browsers and other clients see of a hub.

use crate::util::{PATIENCE, Server, free_port};
use e2e::browser::Browser;
use e2e::script::{Script, expect_npm};
use e2e::{Lab, Report, server};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// Waits until a client has reported what it saw and has come back after `hub:end`, and checks that
/// it came back when the hub had asked it to.
async fn seen(reports: &mut UnboundedReceiver<Report>) -> Value {
    let (mut seen, mut returned) = (None, None);
    let all = async {
        while seen.is_none() || returned.is_none() {
            match reports.recv().await.expect("the server to run") {
                Report::Page(report) => seen = Some(report),
                Report::Returned { retry, pause } => returned = Some((retry, pause)),
                other => panic!("{other:?}"),
            }
        }
    };
    let all = timeout(PATIENCE, all).await;
    assert!(all.is_ok(), "the page has reported {seen:?}, and come back: {returned:?}");
    let (retry, pause) = returned.unwrap();
    let range = retry.mul_f64(0.9)..retry + Duration::from_millis(1500);
    assert!(range.contains(&pause), "the client came back after {pause:?}, and was asked to after {retry:?}");
    let seen = seen.unwrap();
    serde_json::from_str(&seen).unwrap_or_else(|_| panic!("the page has failed: {seen}"))
}

async fn check<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
    open: impl FnOnce(&str) -> Browser,
) {
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let _browser = open(&format!("http://{address}/?hub"));
    let seen = seen(&mut reports).await;
    assert_eq!(seen["first"], json!(["hub:hello|{}", r#"message|{"n":1}"#, r#"message|{"n":2}"#]));
    // What was published while the page was reloaded.
    let reloaded = [r#"message|{"n":3}"#, r#"message|{"n":4}"#, "hub:at|{}"];
    assert_eq!(seen["reloaded"], json!(reloaded));
    // After the first message, which was of another topic.
    let other_topics = [r#"message|{"n":2}"#, r#"message|{"n":4}"#, "hub:at|{}"];
    assert_eq!(seen["otherTopics"], json!(other_topics));
    let disconnected = [
        "hub:hello|{}",
        r#"hub:end|{"cause":"disconnected"}"#,
        "connecting",
        r#"message|{"n":5}"#,
        "hub:at|{}",
    ];
    assert_eq!(seen["disconnected"], json!(disconnected));
}

async fn chromium_misses_nothing<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    check(serve, Browser::chromium).await;
}

async fn firefox_misses_nothing<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    check(serve, Browser::firefox).await;
}

async fn webkit_misses_nothing<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    check(serve, Browser::webkit).await;
}

/// The script in the README of sse-hub resumes after a reload, loads the state at first and after a
/// gap, and comes back after `hub:end`.
async fn listen(open: impl FnOnce(&str) -> Browser) {
    let (lab, mut reports) = Lab::new();
    let address = server::axum(lab).await;
    let _browser = open(&format!("http://{address}/files/clients/hub-listen.html"));
    let first = json!(["load", 1, "nothing is stored", 2]);
    let reloaded = json!([3]);
    let gap_and_end = json!(["load", 4, "nothing is stored", 5, 6]);
    let expected: Vec<_> =
        [first, reloaded, gap_and_end].iter().flat_map(|part| part.as_array().unwrap()).cloned().collect();
    assert_eq!(seen(&mut reports).await, json!(expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_script_misses_nothing_in_chromium() {
    listen(Browser::chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_script_misses_nothing_in_firefox() {
    listen(Browser::firefox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_script_misses_nothing_in_webkit() {
    listen(Browser::webkit).await;
}

async fn fetch_event_source_parses_every_message<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
) {
    expect_npm();
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let _browser = Browser::chromium(&format!("http://{address}/files/clients/hub.html"));
    let expected = json!([
        200,
        ["hub:hello", {}],
        ["", { "n": 1 }],
        ["hub:end", { "cause": "disconnected" }],
        "the hub has ended the stream",
        200,
        ["", { "n": 2 }],
        ["hub:at", {}],
    ]);
    assert_eq!(seen(&mut reports).await, expected);
}

async fn httpx_sse_parses_every_event<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let mut script = Script::python("hub-httpx-sse.py", &format!("http://{address}"));
    let ended = json!([
        ["hub:hello", {}],
        ["message", { "n": 1 }],
        ["hub:end", { "cause": "disconnected" }],
    ]);
    assert_eq!(script.seen().await, ended);
    let resumed = json!([["message", { "n": 2 }], ["message", { "n": 3 }], ["hub:at", {}]]);
    assert_eq!(script.seen().await, resumed);
    assert_eq!(script.seen().await, json!(["hub:gap", { "cause": "epoch" }]));
    let report = reports.recv().await;
    assert!(matches!(report, Some(Report::Returned { .. })), "{report:?}");
}

e2e::each_framework! {
    chromium_misses_nothing
    firefox_misses_nothing
    webkit_misses_nothing
    fetch_event_source_parses_every_message
    httpx_sse_parses_every_event
}

/// A restarted server has another epoch, so the client is told of a gap and continues after it.
async fn restart(framework: &str, open: impl FnOnce(&str) -> Browser) {
    let port = free_port();
    let mut server = Server::start(framework, port).await;
    let _browser = open(&format!("http://127.0.0.1:{port}/?hub-restart"));
    assert_eq!(server.report().await, "ready");
    server.process.kill().await.unwrap();
    let lines = Server::start(framework, port).await.report().await;
    let lines: Vec<String> =
        serde_json::from_str(&lines).unwrap_or_else(|_| panic!("the page has failed: {lines}"));
    let (connecting, events): (Vec<&str>, Vec<&str>) =
        lines.iter().map(String::as_str).partition(|line| *line == "connecting");
    assert!(!connecting.is_empty(), "{lines:?}");
    let expected =
        ["hub:hello|{}", r#"message|{"n":1}"#, r#"hub:gap|{"cause":"epoch"}"#, r#"message|{"n":2}"#];
    assert_eq!(events, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_is_told_of_a_restart_of_axum() {
    restart("axum", Browser::chromium).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn firefox_is_told_of_a_restart_of_rocket() {
    restart("rocket", Browser::firefox).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn webkit_is_told_of_a_restart_of_warp() {
    restart("warp", Browser::webkit).await;
}
