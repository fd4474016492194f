//! What clients in Node and Python see of each framework's server.

use e2e::script::Script;
use e2e::{Lab, Report, server};
use serde_json::{Value, json};
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

async fn eventsource_in_node_resumes<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (mut script, _reports) = start(Script::node, "eventsource.mjs", serve).await;
    let first = ["open", "message|1|1", "message|2|2", "message|3|3", "connecting"];
    let second = ["open", "message|4|4", "message|5|5", "connecting", "closed"];
    assert_eq!(script.seen().await, json!([first, second].concat()));
}

async fn openai_in_node_reads_whole_answers<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (mut script, reports) = start(Script::node, "openai-node.mjs", serve).await;
    let answers = script.seen().await;
    for model in ["chat", "chat.line", "chat.quiet", "chat-ids", "chat-ids.line", "chat-ids.quiet"] {
        assert_eq!(answers[model], "One,\n둘, three.", "{model}");
    }
    assert_eq!(script.seen().await, "One,\n");
    dropped(reports).await;
}

async fn openai_in_python_reads_whole_answers_if_keep_alives_are_bare_lines<
    F: Future<Output = SocketAddr>,
>(
    serve: impl FnOnce(Lab) -> F,
) {
    let (mut script, reports) = start(Script::python, "openai-python.py", serve).await;
    let answers = script.seen().await;
    for model in ["chat", "chat.line", "chat.quiet", "chat-ids.line", "chat-ids.quiet"] {
        assert_eq!(answers[model], "One,\n둘, three.", "{model}");
    }
    // The control: after an event with an ID, it takes the blank line after a comment for an event,
    // and parses no data.
    let failed = answers["chat-ids"].as_str().is_some_and(|answer| answer.ends_with("JSONDecodeError"));
    assert!(failed, "{answers}");
    assert_eq!(script.seen().await, "One,\n");
    dropped(reports).await;
}

async fn httpx_sse_sees_no_phantoms_if_keep_alives_are_bare_lines<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
) {
    let (mut script, reports) = start(Script::python, "httpx-sse.py", serve).await;
    let streams = script.seen().await;
    for scenario in ["pauses", "pauses.line", "pauses.quiet", "numbers.line", "numbers.quiet"] {
        assert_eq!(streams[scenario], json!(["1", "2", "3"]), "{scenario}");
    }
    // The controls: after an event with an ID, it takes the blank line after a comment for an
    // event. A `retry` without data is always one.
    let all = streams["numbers"].as_array().unwrap().iter();
    let (phantoms, events): (Vec<&Value>, Vec<&Value>) = all.partition(|data| **data == "");
    assert!(!phantoms.is_empty() && events == ["1", "2", "3"], "{streams}");
    assert_eq!(streams["resume.quiet"], json!(["", "1", "2", "3"]));

    let resumed = json!([[["1", "1"], ["2", "2"], ["3", "3"]], [["4", "4"], ["5", "5"]], []]);
    assert_eq!(script.seen().await, resumed);
    assert_eq!(script.seen().await, "1");
    dropped(reports).await;
}

async fn mcp_calls_tools_and_resumes<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (mut script, reports) = start(Script::python, "mcp-python.py", serve).await;
    assert_eq!(script.seen().await, json!(["lab", ["count", "cut", "hang"]]));
    assert_eq!(script.seen().await, json!([1.0, 2.0, 3.0, "counted"]));
    // The request that calls `cut` has ID 4. The server ends its stream after the priming event,
    // and the client resumes.
    assert_eq!(script.seen().await, json!(["resumed 4"]));
    assert_eq!(script.seen().await, "left");
    dropped(reports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn genai_in_node_reads_whole_answers_of_axum_unless_keep_alives_are_bare_lines() {
    let (mut script, _reports) = start(Script::node, "genai-node.mjs", server::axum).await;
    let answers = script.seen().await;
    let whole = "One,\n둘, three.";
    for model in ["gemini", "gemini.quiet"] {
        assert_eq!(answers[model], whole, "{model}");
    }
    // The controls: it skips an event after a bare comment line, without an error. It takes an ID
    // after data for JSON.
    let text = answers["gemini.line"].as_str().expect("text");
    assert!(text.len() < whole.len() && !text.ends_with("Error"), "{answers}");
    assert_eq!(answers["gemini-ids.quiet"], "SyntaxError");
}

#[tokio::test(flavor = "multi_thread")]
async fn sseclient_py_follows_the_standard_with_axum() {
    let (mut script, reports) = start(Script::python, "sseclient-py.py", server::axum).await;
    let streams = script.seen().await;
    for (scenario, data) in streams.as_object().expect("streams") {
        assert_eq!(data, &json!(["1", "2", "3"]), "{scenario}");
    }
    let fields =
        ["plain", "1", "several\nlines\n\nof data", "안녕하세요 😀", "", "with an ID", " space ", "x"];
    assert_eq!(script.seen().await, json!(fields));
    assert_eq!(script.seen().await, "1");
    dropped(reports).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sseclient_sees_no_phantoms_of_axum_before_the_end_if_keep_alives_are_bare_lines() {
    let (mut script, mut reports) = start(Script::python, "sseclient-module.py", server::axum).await;
    let streams = script.seen().await;
    for scenario in ["pauses.line", "pauses.quiet", "numbers.line", "numbers.quiet"] {
        assert_eq!(streams[scenario], json!(["1", "2", "3"]), "{scenario}");
    }
    // The controls: it takes the blank line after a comment for an event, and a `retry` without
    // data as well.
    for scenario in ["pauses", "numbers"] {
        let all = streams[scenario].as_array().unwrap().iter();
        let (phantoms, events): (Vec<&Value>, Vec<&Value>) = all.partition(|data| **data == "");
        assert!(!phantoms.is_empty() && events == ["1", "2", "3"], "{scenario}: {streams}");
    }
    assert_eq!(streams["resume.quiet"], json!(["", "1", "2", "3"]));

    // It reads UTF-8 as Latin-1, and the byte 0x85 as the end of a line.
    let fields =
        ["plain", "1", "several\nlines\n\nof data", "ì\u{95}\u{88}ë", "", "with an ID", " space ", "x"];
    assert_eq!(script.seen().await, json!(fields));

    // It reads the chunks of HTTP/1.1 as text. The last one becomes an event, and does not end the
    // stream unless the server closes the connection.
    assert_eq!(script.seen().await, json!([["1", "2", "3", ""], "waits"]));
    assert_eq!(script.seen().await, json!(["1", "2", "3", "", "4", "5"]));
    // Status 204 does not stop it.
    for id in ["", "1", "1", "1"] {
        let report = timeout(Duration::from_secs(20), reports.recv()).await.expect("another request");
        assert!(matches!(&report, Some(Report::Connected(seen)) if seen == id), "{report:?}");
    }
}

e2e::each_framework! {
    eventsource_in_node_resumes
    openai_in_node_reads_whole_answers
    openai_in_python_reads_whole_answers_if_keep_alives_are_bare_lines
    httpx_sse_sees_no_phantoms_if_keep_alives_are_bare_lines
    mcp_calls_tools_and_resumes
}
