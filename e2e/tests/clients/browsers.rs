//! What each browser sees of each framework's server.

use e2e::browser::Browser;
use e2e::script::expect_npm;
use e2e::{Lab, Report, server};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// How long a browser may take for all scenarios; it usually takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(90);

/// What a page sees according to the standard, which is the same everywhere.
fn expected() -> Value {
    json!({
        "open": ["open"],
        "comments": ["open", "message|late|"],
        "fields": [
            "open",
            "message|plain|",
            "named|1",
            "message|several\nlines\n\nof data|",
            "message|안녕하세요 😀|",
            "message||",
            "message|with an ID|셋 3",
            "message| space |셋 3",
        ],
        "resume": [
            "open", "message|1|1", "message|2|2", "message|3|3", "connecting",
            "open", "message|4|4", "message|5|5", "connecting",
            "closed",
        ],
        "retry": ["open", "message|1|1", "connecting", "closed"],
        "close": ["open", "message|1|"],
    })
}

async fn check<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
    open: impl FnOnce(&str) -> Browser,
) {
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let _browser = open(&format!("http://{address}/"));
    let (mut seen, mut pause, mut dropped) = (None, None, false);
    let all = async {
        while seen.is_none() || pause.is_none() || !dropped {
            match reports.recv().await.expect("the server to run") {
                Report::Page(report) => seen = Some(report),
                Report::Reconnected(after) => pause = Some(after),
                Report::Dropped => dropped = true,
                Report::Returned { .. } | Report::Connected(_) => {}
            }
        }
    };
    let all = timeout(PATIENCE, all).await;
    assert!(
        all.is_ok(),
        "the page reported {seen:?} and a pause of {pause:?}; a stream was dropped: {dropped}"
    );

    let seen = seen.unwrap();
    let seen: Value = serde_json::from_str(&seen).unwrap_or_else(|_| panic!("the page failed: {seen}"));
    for (scenario, lines) in expected().as_object().unwrap() {
        assert_eq!(&seen[scenario], lines, "{scenario}");
    }
    // The server asked for 500 ms. By default, a browser waits for 3 seconds or more.
    let pause = pause.unwrap();
    assert!((Duration::from_millis(400)..Duration::from_millis(2500)).contains(&pause), "{pause:?}");
}

async fn chromium<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    check(serve, Browser::chromium).await;
}

async fn firefox<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    check(serve, Browser::firefox).await;
}

async fn webkit<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    check(serve, Browser::webkit).await;
}

e2e::each_framework!(chromium firefox webkit);

#[tokio::test(flavor = "multi_thread")]
async fn chromium_without_event_source_resumes_with_a_polyfill_through_the_query() {
    expect_npm();
    let (lab, mut reports) = Lab::new();
    let address = server::axum_without_last_event_id(lab).await;
    let _browser = Browser::chromium(&format!("http://{address}/?polyfill"));
    let report = timeout(PATIENCE, reports.recv()).await.expect("the page to report");
    let Some(Report::Page(seen)) = report else { panic!("{report:?}") };
    let seen: Value = serde_json::from_str(&seen).unwrap_or_else(|_| panic!("the page failed: {seen}"));
    assert_eq!(seen["native"], json!(false));
    for scenario in ["fields", "resume"] {
        assert_eq!(seen[scenario], expected()[scenario], "{scenario}");
    }
}
