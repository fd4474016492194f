//! What a page sees when the server is killed and restarted.

use crate::util::{Server, free_port};
use e2e::browser::Browser;
use std::time::Duration;

async fn check(framework: &str, open: impl FnOnce(&str) -> Browser) {
    let port = free_port();
    let mut server = Server::start(framework, port).await;
    let _browser = open(&format!("http://127.0.0.1:{port}/?restart"));
    assert_eq!(server.report().await, "ready");
    server.process.kill().await.unwrap();
    // Long enough for the page to fail to reconnect.
    tokio::time::sleep(Duration::from_millis(500)).await;

    let lines = Server::start(framework, port).await.report().await;
    let lines: Vec<String> =
        serde_json::from_str(&lines).unwrap_or_else(|_| panic!("the page failed: {lines}"));
    let messages: Vec<&String> = lines.iter().filter(|line| line.starts_with("message")).collect();
    let consecutive: Vec<String> = (1..=messages.len()).map(|id| format!("message|{id}|{id}")).collect();
    assert_eq!(messages, consecutive.iter().collect::<Vec<_>>(), "no message is lost or repeated");
    assert_eq!(lines.iter().filter(|line| *line == "open").count(), 2, "{lines:?}");
    assert!(lines.contains(&"connecting".to_owned()) && !lines.contains(&"closed".to_owned()), "{lines:?}");
}

async fn chromium_resumes(framework: &str) {
    check(framework, Browser::chromium).await;
}

async fn firefox_resumes(framework: &str) {
    check(framework, Browser::firefox).await;
}

async fn webkit_resumes(framework: &str) {
    check(framework, Browser::webkit).await;
}

e2e::each_framework!(by name: chromium_resumes firefox_resumes webkit_resumes);
