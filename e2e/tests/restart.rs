//! What a page sees when the server is killed and restarted.

use e2e::browser::Browser;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

struct Server {
    process: Child,
    reports: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(framework: &str, port: u16) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_e2e"))
            .args([framework, &port.to_string()])
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let reports = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, reports }
    }

    async fn report(&mut self) -> String {
        let line = timeout(Duration::from_secs(90), self.reports.next_line()).await;
        line.expect("the page to report").unwrap().expect("the server to run")
    }
}

async fn check(framework: &str, open: impl FnOnce(&str) -> Browser) {
    // This port was just free, and the server binds it at once.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut server = Server::start(framework, port);
    while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let _browser = open(&format!("http://127.0.0.1:{port}/?restart"));
    assert_eq!(server.report().await, "ready");
    server.process.kill().await.unwrap();
    // Long enough for the page to fail to reconnect.
    tokio::time::sleep(Duration::from_millis(500)).await;

    let lines = Server::start(framework, port).report().await;
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
