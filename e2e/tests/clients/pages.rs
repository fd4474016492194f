//! What clients on pages in Chromium see of each framework's server.

use e2e::browser::Browser;
use e2e::script::expect_npm;
use e2e::{Lab, Report, server};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::timeout;

/// Opens a page with this many clients. Returns what they saw, once the server has dropped the
/// streams that they closed.
async fn open<F: Future<Output = SocketAddr>>(
    page: &str,
    clients: usize,
    serve: impl FnOnce(Lab) -> F,
) -> Value {
    expect_npm();
    let (lab, mut reports) = Lab::new();
    let address = serve(lab).await;
    let _browser = Browser::chromium(&format!("http://{address}/files/clients/{page}"));
    let (mut seen, mut dropped) = (Map::new(), 0);
    let all = async {
        while seen.len() < clients || dropped < clients {
            match reports.recv().await.expect("the server to run") {
                Report::Page(report) => {
                    let report: Map<_, _> =
                        serde_json::from_str(&report).unwrap_or_else(|_| panic!("the page failed: {report}"));
                    seen.extend(report);
                }
                Report::Dropped => dropped += 1,
                Report::Reconnected(_) | Report::Returned { .. } | Report::Connected(_) => {}
            }
        }
    };
    let all = timeout(Duration::from_secs(90), all).await;
    assert!(all.is_ok(), "the page reported {seen:?}, and {dropped} streams were dropped");
    Value::Object(seen)
}

async fn fetch_event_source_sees_no_phantoms_if_keep_alives_are_bare_lines<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
) {
    let seen = open("fetch-event-source.html", 1, serve).await;
    let seen = &seen["fetch-event-source"];
    for scenario in ["pauses.line", "pauses.quiet", "numbers.line", "numbers.quiet"] {
        assert_eq!(seen["read"][scenario], json!(["1", "2", "3"]), "{scenario}");
    }
    for scenario in ["pauses.line", "pauses.quiet"] {
        assert_eq!(seen["json"][scenario], json!({ "messages": [1, 2, 3], "connections": 1 }), "{scenario}");
    }
    assert_eq!(seen["resumed"], json!([200, "1|1", "2|2", "3|3", 200, "4|4", "5|5", 204]),);
    assert_eq!(seen["aborted"], json!(["1"]));

    // The controls: it takes the blank line after a comment for a message, and a `retry` without
    // data as well.
    for scenario in ["pauses", "numbers"] {
        let all = seen["read"][scenario].as_array().unwrap().iter();
        let (phantoms, messages): (Vec<&Value>, Vec<&Value>) = all.partition(|data| **data == "");
        assert!(!phantoms.is_empty() && messages == ["1", "2", "3"], "{scenario}: {seen}");
    }
    assert_eq!(seen["json"]["pauses"]["connections"], 3);
    assert_eq!(seen["read"]["resume.quiet"], json!(["", "1", "2", "3"]));
}

async fn htmx_and_turbo_show_html_of_several_lines<F: Future<Output = SocketAddr>>(
    serve: impl FnOnce(Lab) -> F,
) {
    let seen = open("rows.html", 3, serve).await;
    let rows = json!([1, 2, 3].map(|id| format!("\n  row {id},\n\n  <b>in several lines</b>\n")));
    assert_eq!(seen, json!({ "htmx 2": rows, "htmx 4": rows, "turbo": rows }));
}

/// Opens a page with a client of `/events/stop`, which answers every ID with status 204, and
/// returns the last event IDs of its first requests.
async fn last_event_ids<const N: usize>(page: &str) -> [String; N] {
    expect_npm();
    let (lab, mut reports) = Lab::new();
    let address = server::axum(lab).await;
    let _browser = Browser::chromium(&format!("http://{address}/files/clients/{page}"));
    let mut ids = [const { String::new() }; N];
    for id in &mut ids {
        let report = timeout(Duration::from_secs(60), reports.recv()).await.expect("another request");
        let Some(Report::Connected(seen)) = report else { panic!("{report:?}") };
        *id = seen;
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn htmx_2_starts_over_without_an_id_after_status_204() {
    // The control: `EventSource` closes at status 204, but htmx reconnects. It stops only at an
    // event that closes the stream, as in `rows.html`.
    assert_eq!(last_event_ids("htmx2-stop.html").await, ["", "1", "", "1", "", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn htmx_4_reconnects_with_its_id_after_status_204() {
    // The control: as above, but this version keeps its ID.
    assert_eq!(last_event_ids("htmx4-stop.html").await, ["", "1", "1", "1", "1", "1"]);
}

e2e::each_framework! {
    fetch_event_source_sees_no_phantoms_if_keep_alives_are_bare_lines
    htmx_and_turbo_show_html_of_several_lines
}
