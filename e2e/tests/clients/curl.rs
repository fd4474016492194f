//! What `curl -N` shows of each framework's server.

use e2e::Lab;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;
use tokio::time::timeout;

async fn curl_shows_events_as_they_come<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (lab, _reports) = Lab::new();
    let url = format!("http://{}/events/fields", serve(lab).await);
    let mut curl = Command::new("curl")
        .args(["-sN", &url])
        .kill_on_drop(true)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("curl: {error}; install the package curl"));
    let mut lines = BufReader::new(curl.stdout.take().unwrap()).lines();
    // The stream stays open, so each line must arrive before the response ends.
    for expected in [
        "data: plain",
        "",
        "event: named",
        "data: 1",
        "",
        "data: several",
        "data: lines",
        "data: ",
        "data: of data",
    ] {
        let line = timeout(Duration::from_secs(20), lines.next_line()).await.expect("a line");
        assert_eq!(line.unwrap().as_deref(), Some(expected));
    }
}

e2e::each_framework!(curl_shows_events_as_they_come);
