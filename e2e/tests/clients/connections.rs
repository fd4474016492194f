//! How many streams from one origin a browser keeps open at once.

use e2e::browser::Browser;
use e2e::{Lab, Report, server};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Opens this many streams, and returns what the page reports.
async fn open<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
    browser: impl FnOnce(&str) -> Browser,
    scheme: &str,
    count: u32,
) -> Value {
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let _browser = browser(&format!("{scheme}://{address}/?connections={count}"));
    match timeout(Duration::from_secs(90), reports.recv()).await.expect("the page to report") {
        Some(Report::Page(report)) => {
            serde_json::from_str(&report).unwrap_or_else(|_| panic!("the page failed: {report}"))
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http1_the_seventh_stream_waits_for_one_of_six_in_chromium() {
    let seven = open(server::axum, Browser::chromium, "http", 7).await;
    assert_eq!(seven, json!({ "together": 6, "later": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http1_the_seventh_stream_waits_for_one_of_six_in_firefox() {
    let seven = open(server::axum, Browser::firefox, "http", 7).await;
    assert_eq!(seven, json!({ "together": 6, "later": 1 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http2_twenty_streams_are_open_together_in_chromium() {
    let twenty = open(server::axum_over_http2, Browser::chromium, "https", 20).await;
    assert_eq!(twenty, json!({ "together": 20, "later": 0 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http1_the_seventh_stream_waits_for_one_of_six_in_webkit() {
    let seven = open(server::axum, Browser::webkit, "http", 7).await;
    assert_eq!(seven, json!({ "together": 6, "later": 1 }));
}
