//! What pages of the demo show when it is killed and started again, with events that were in memory.

use crate::util::{PATIENCE, Server, free_port};
use e2e::browser::Browser;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::timeout;

/// What the page reports of its time before the restart, and after it.
async fn restart(open: impl FnOnce(&str) -> Browser, page: &str) -> Value {
    let port = free_port();
    let mut server = Server::start("demo", port).await;
    // The page cannot tell the server that the server is gone.
    let told = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tell = told.local_addr().unwrap();
    let _browser = open(&format!("http://127.0.0.1:{port}{page}?play=restart&tell=http://{tell}/"));
    assert_eq!(server.report().await, r#""ready""#);
    server.process.kill().await.unwrap();
    timeout(PATIENCE, told.accept()).await.expect("the page to notice").unwrap();
    let seen = Server::start("demo", port).await.report().await;
    let seen: Value = serde_json::from_str(&seen).expect("JSON");
    assert!(seen.is_object(), "the page failed: {seen}");
    let told = [
        "Events are kept in the memory of this process.",
        "The server is gone. This page comes back by itself when the server does.",
        "Events are kept in the memory of this process.",
    ];
    assert_eq!(seen["servers"], json!(told), "{seen}");
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clock_tells_of_a_gap_and_goes_on() {
    let seen = restart(Browser::chromium, "/").await;
    let story = seen["story"].as_str().unwrap();
    assert!(story.contains("Events are missing here (epoch)"), "{story}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_comparison_begins_anew() {
    let seen = restart(Browser::firefox, "/compare").await;
    for lane in ["polling", "long_polling", "events", "socket"] {
        assert_eq!(seen["last"][lane]["missed"], 0, "{lane}: {seen}");
    }
    // The new server counts one connection each, whatever the page had before.
    for lane in ["events", "socket"] {
        assert_eq!(seen["last"][lane]["requests"], 1, "{lane}: {seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chat_shows_a_gap_between_what_was_said_before_and_after() {
    let seen = restart(Browser::webkit, "/chat").await;
    let items = seen["items"].as_array().unwrap();
    let texts: Vec<&str> = items.iter().map(|item| item["text"].as_str().unwrap()).collect();
    let [before, gap, after] = texts[..] else { panic!("{seen}") };
    assert_eq!([before, after], ["before", "after"]);
    assert!(gap.starts_with("Messages may be missing here") && gap.ends_with("(epoch)."), "{gap}");
}
