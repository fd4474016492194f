//! The demo's chat, as visitors see it.

use crate::util::{Server, free_port};
use demo::Engine;
use e2e::browser::Browser;
use serde_json::{Value, json};
use sse_test::redis::{self, LASTING};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

/// How long a visit may take; it usually takes some ten seconds.
const PATIENCE: Duration = Duration::from_secs(120);

async fn report(reports: &mut UnboundedReceiver<String>) -> Value {
    let report = timeout(PATIENCE, reports.recv()).await.expect("the page to report").expect("a server");
    let value = serde_json::from_str(&report).unwrap_or_else(|_| panic!("the page reported {report}"));
    assert!(!matches!(value, Value::String(_)), "the page failed: {value}");
    value
}

/// A page says something, is reloaded, and sees everything once, with the IDs of the stream.
async fn reload(open: impl FnOnce(&str) -> Browser, options: &str) -> String {
    let (sender, mut reports) = unbounded_channel();
    let server = e2e::demo::serve(0, Engine::memory(), sender).await;
    let _browser = open(&format!("http://{server}/chat?play=chat{options}"));
    let seen = report(&mut reports).await;
    let items = seen["items"].as_array().unwrap();
    let texts: Vec<&Value> = items.iter().map(|item| &item["text"]).collect();
    assert_eq!(texts, ["<b>one</b>", "two", "three"], "{seen}");
    let ids: Vec<&Value> = items.iter().map(|item| &item["id"]).collect();
    assert_eq!(json!(ids), seen["ids"]);
    seen["how"].as_str().unwrap().to_owned()
}

async fn a_reloaded_page_has_everything_once(open: impl FnOnce(&str) -> Browser) {
    assert_eq!(reload(open, "").await, "Over Server-Sent Events:");
}

async fn without_event_source_long_polling_has_the_same_ids(open: impl FnOnce(&str) -> Browser) {
    assert!(reload(open, "&without-event-source").await.starts_with("Over long polling"));
}

e2e::each_browser! {
    a_reloaded_page_has_everything_once
    without_event_source_long_polling_has_the_same_ids
}

/// A demo of its own process.
async fn node(port: u16, redis: &redis::Server, sender: UnboundedSender<String>) -> Child {
    let Server { process, mut reports } = Server::start_with("demo", port, &[&redis.url()]).await;
    tokio::spawn(async move {
        while let Ok(Some(line)) = reports.next_line().await {
            sender.send(line).ok();
        }
    });
    process
}

/// Three pages on two nodes talk while Redis and a node are killed and started again.
#[tokio::test(flavor = "multi_thread")]
async fn every_message_is_on_every_page_once_through_kills_of_redis_and_of_a_node() {
    let mut redis = redis::Server::start(&LASTING);
    let (sender, mut reports) = unbounded_channel();
    let ports = [free_port(), free_port()];
    let mut first = node(ports[0], &redis, sender.clone()).await;
    let _second = node(ports[1], &redis, sender.clone()).await;
    let page = |port: u16, name: &str| format!("http://127.0.0.1:{port}/chat?play=talk&name={name}");
    let _chromium = Browser::chromium(&page(ports[0], "chromium"));
    let _firefox = Browser::firefox(&page(ports[1], "firefox"));
    let _webkit = Browser::webkit(&page(ports[0], "webkit"));
    for _ in 0..3 {
        let ready = report(&mut reports).await;
        assert!(ready["ready"].is_string(), "{ready}");
    }

    redis.kill();
    sleep(Duration::from_secs(4)).await;
    redis.restart();
    sleep(Duration::from_secs(4)).await;
    first.kill().await.unwrap();
    sleep(Duration::from_secs(4)).await;
    let _first = node(ports[0], &redis, sender).await;
    sleep(Duration::from_secs(6)).await;
    let body = r#"{"event": "message", "data": {"name": "test", "text": "stop"}}"#;
    let url = format!("http://127.0.0.1:{}/post", ports[1]);
    let stop = Command::new("curl")
        .args(["-sSf", "-H", "content-type: application/json", "-d", body, &url])
        .stdout(Stdio::null())
        .status();
    assert!(stop.await.unwrap().success());

    let mut pages = Vec::new();
    for _ in 0..3 {
        pages.push(report(&mut reports).await);
    }
    let shown = |page: &Value| page["shown"].as_array().unwrap().clone();
    // A page begins with the last messages, so the one that began first has the most.
    let all = pages.iter().map(shown).max_by_key(Vec::len).unwrap();
    let texts: Vec<&str> = all.iter().map(|item| item["text"].as_str().unwrap()).collect();
    let mut once = texts.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), texts.len(), "a message is shown twice: {texts:?}");
    // A loss would be told: Redis has kept what it had acknowledged, so nothing is lost.
    assert!(!texts.iter().any(|text| text.contains("missing")), "{texts:?}");
    for page in &pages {
        assert!(all.ends_with(&shown(page)), "all pages show the same, in the same order: {pages:?}");
        let said: Vec<&str> =
            page["said"].as_array().unwrap().iter().map(|text| text.as_str().unwrap()).collect();
        assert!(said.len() >= 10, "{page}");
        for text in said {
            assert!(texts.contains(&text), "{text} is lost: {texts:?}");
        }
        let servers = page["servers"].to_string();
        assert!(servers.contains("cannot be reached (for some s)"), "{servers}");
        let on_first = page["name"] != "firefox";
        assert_eq!(servers.contains("The server is gone"), on_first, "{servers}");
    }
}
