//! What clients in Node see of each framework's server.

use e2e::script::Script;
use e2e::{Lab, Report, server};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// Runs a script against this server.
async fn start<F: Future<Output = SocketAddr>>(
    script: fn(&str, &str) -> Script,
    name: &str,
    serve: impl FnOnce(Lab) -> F,
) -> (Script, UnboundedReceiver<Report>) {
    let (lab, reports) = Lab::new();
    let address = serve(lab).await;
    (script(name, &format!("http://{address}")), reports)
}

/// Waits until the server drops the stream that the client aborted.
async fn dropped(mut reports: UnboundedReceiver<Report>) {
    let report = timeout(Duration::from_secs(20), reports.recv()).await.expect("the stream to be dropped");
    assert!(matches!(report, Some(Report::Dropped)), "{report:?}");
}

async fn eventsource<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (mut script, _reports) = start(Script::node, "eventsource.mjs", serve).await;
    let first = ["open", "message|1|1", "message|2|2", "message|3|3", "connecting"];
    let second = ["open", "message|4|4", "message|5|5", "connecting", "closed"];
    assert_eq!(script.seen().await, json!([first, second].concat()));
}

async fn openai_in_node<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (mut script, reports) = start(Script::node, "openai-node.mjs", serve).await;
    let answers = script.seen().await;
    for model in ["chat", "chat.line", "chat.quiet", "chat-ids", "chat-ids.line", "chat-ids.quiet"] {
        assert_eq!(answers[model], "One,\n둘, three.", "{model}");
    }
    assert_eq!(script.seen().await, "One,\n");
    dropped(reports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_in_node_resumes_with_axum() {
    eventsource(server::axum).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_in_node_resumes_with_rocket() {
    eventsource(server::rocket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn eventsource_in_node_resumes_with_warp() {
    eventsource(server::warp).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_in_node_reads_whole_answers_of_axum() {
    openai_in_node(server::axum).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_in_node_reads_whole_answers_of_rocket() {
    openai_in_node(server::rocket).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openai_in_node_reads_whole_answers_of_warp() {
    openai_in_node(server::warp).await;
}
