//! What Node's `eventsource`, from npm, sees of each framework's server.

use e2e::{Lab, server};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

async fn check<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert!(directory.join("node_modules/eventsource").exists(), "run `npm ci` in the directory e2e");
    let (lab, _reports) = Lab::new();
    let url = format!("http://{}/events/resume", serve(lab).await);
    let node =
        Command::new("node").arg("node.mjs").arg(url).current_dir(directory).kill_on_drop(true).output();
    // Node ends by itself once the 204 has closed the source.
    let output = timeout(Duration::from_secs(60), node).await.expect("node to end");
    let output = output.unwrap_or_else(|error| panic!("node: {error}; install Node.js 18 or newer"));
    let seen = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        seen.lines().collect::<Vec<_>>(),
        [
            "open",
            "message|1|1",
            "message|2|2",
            "message|3|3",
            "connecting",
            "open",
            "message|4|4",
            "message|5|5",
            "connecting",
            "closed",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn node_resumes_with_axum() {
    check(server::axum).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_resumes_with_rocket() {
    check(server::rocket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn node_resumes_with_warp() {
    check(server::warp).await;
}
