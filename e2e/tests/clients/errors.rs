//! What a page sees of a stream that ends in an error right after its events.

use e2e::browser::Browser;
use e2e::{Lab, Report, server};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// How many times a page plays the stream.
const ROUNDS: usize = 40;

/// How many rounds may fail, because a browser that gets no processor time for 100 milliseconds
/// loses events anyway. If the server broke the connection at once, nearly all of them would fail.
const STALLED: usize = 20;

async fn check<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F, scheme: &str, end: &str) {
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let _browser = Browser::chromium(&format!("{scheme}://{address}/?breaking={ROUNDS}"));
    let report = timeout(Duration::from_secs(90), reports.recv()).await.expect("the page to report");
    let Some(Report::Page(seen)) = report else { panic!("{report:?}") };
    let seen: Value = serde_json::from_str(&seen).unwrap_or_else(|_| panic!("the page failed: {seen}"));
    let (sources, bodies) = (seen["sources"].as_array().unwrap(), seen["bodies"].as_array().unwrap());
    assert_eq!((sources.len(), bodies.len()), (ROUNDS, ROUNDS));

    let messages =
        ["message|1|1", "message|2|2", "message|3|3", "message|4|4", "message|5|5"].map(Value::from);
    for source in sources {
        let seen: Vec<&Value> =
            source.as_array().unwrap().iter().filter(|line| messages.contains(line)).collect();
        // Even a source that reconnects more often resumes where it left off.
        assert!(messages.iter().take(seen.len()).eq(seen), "{source}");
    }
    let source = json!([
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
    ]);
    let body: String = (1..=3).map(|id| format!("id: {id}\ndata: {id}\nretry: 10\n\n")).collect();
    for (rounds, expected) in [(sources, source), (bodies, json!(body + end))] {
        let failed: Vec<&Value> = rounds.iter().filter(|seen| **seen != expected).collect();
        assert!(failed.len() <= STALLED, "{} of {ROUNDS} rounds: {failed:#?}", failed.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sees_every_event_before_an_error_of_actix() {
    check(server::actix, "http", "broken").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sees_every_event_before_an_error_of_axum() {
    check(server::axum, "http", "broken").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sees_every_event_before_an_error_of_axum_over_http2() {
    check(server::axum_over_http2, "https", "broken").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sees_every_event_before_an_error_of_rocket_which_ends_in_order() {
    check(server::rocket, "http", "end").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_sees_every_event_before_an_error_of_warp() {
    check(server::warp, "http", "broken").await;
}
