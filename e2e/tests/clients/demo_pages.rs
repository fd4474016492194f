//! The demo's clock and comparison, as visitors see them.

use demo::Engine;
use e2e::browser::Browser;
use e2e::tap::{Count, Tap};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep, timeout};

/// How long a visit may take; the longest usually takes half a minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Opens a page of a new demo, behind a proxy.
struct Visit {
    tap: Tap,
    reports: UnboundedReceiver<String>,
    _browser: Browser,
}

impl Visit {
    async fn start(open: impl FnOnce(&str) -> Browser, page: &str) -> Self {
        let (sender, reports) = unbounded_channel();
        let server = e2e::demo::serve(0, Engine::memory(), sender).await;
        let tap = Tap::start(server).await;
        let browser = open(&format!("http://{}{page}", tap.address));
        Self { tap, reports, _browser: browser }
    }

    async fn report(&mut self) -> Value {
        let report = timeout(PATIENCE, self.reports.recv()).await.expect("the page to report");
        let report: Value = serde_json::from_str(&report.expect("the server to run")).expect("JSON");
        assert!(!report.as_str().is_some_and(|text| text.contains("Error")), "the page failed: {report}");
        report
    }
}

async fn the_clock_comes_back_and_says_with_which_id(open: impl FnOnce(&str) -> Browser) {
    let seen = Visit::start(open, "/?play=clock").await.report().await;
    let [story, wire] = ["story", "wire"].map(|name| seen[name].as_str().unwrap());
    assert!(story.contains("as the server had told it"), "{story}");
    let (_, id) = story.split_once("Last-Event-ID: ").unwrap();
    let (id, after) = id.split_once('”').unwrap();
    assert!(after.contains("Nothing is lost") || after.contains("missed nothing"), "{story}");
    assert!(wire.contains(&format!("id: {id}\n")) && wire.contains("event: hub:at\n"), "{wire}");
    assert!(seen["clock"].as_str().unwrap().contains(':'));
    assert_eq!(seen["server"], "Events are kept in the memory of this process.");
}

/// The delay that a lane shows, in seconds.
fn seconds(delay: &Value) -> f64 {
    let delay = delay.as_str().unwrap();
    match delay.split_once(' ').unwrap() {
        (number, "s") => number.parse().unwrap(),
        ("under", _) => 0.0,
        (number, "ms") => number.parse::<f64>().unwrap() / 1000.0,
        _ => panic!("{delay}"),
    }
}

async fn the_figures_are_what_a_proxy_counts(open: impl FnOnce(&str) -> Browser) {
    let mut visit = Visit::start(open, "/compare?play=figures").await;
    let seen = visit.report().await;
    // An event a second, asked for every five.
    let polling = seconds(&seen["slow"]["polling"]["median"]);
    assert!((1.0..=4.0).contains(&polling), "{seen}");
    for lane in ["long_polling", "events", "socket"] {
        let pushed = seconds(&seen["slow"][lane]["median"]);
        assert!(pushed < polling / 2.0, "{lane}: {seen}");
    }
    // Polling asks on when there is nothing new; a stream does not.
    let [slow, last] = ["slow", "last"].map(|when| seen[when]["polling"]["requests"].as_u64().unwrap());
    assert!(last >= slow + 4, "{seen}");
    assert_eq!(seen["last"]["events"]["requests"], 1);
    assert_eq!(seen["last"]["socket"]["requests"], 1);

    let paths = ["poll", "long-poll", "events", "socket"].map(|name| format!("/compare/{name}"));
    for (lane, path) in ["polling", "long_polling", "events", "socket"].into_iter().zip(paths) {
        let counts: Vec<Count> = visit.tap.counts(&path).into_values().collect();
        let [count] = counts[..] else { panic!("one page was open: {counts:?}") };
        assert_eq!(count.open, 0, "{lane}");
        let shown = ["requests", "up", "down"].map(|name| seen["last"][lane][name].as_u64().unwrap());
        assert_eq!(shown, [count.requests, count.up, count.down], "{lane}");
        assert_eq!(seen["last"][lane]["missed"], 0, "{lane}");
    }
}

async fn after_a_cut_the_stream_has_missed_nothing_and_the_socket_has(open: impl FnOnce(&str) -> Browser) {
    let seen = Visit::start(open, "/compare?play=cut").await.report().await;
    for lane in ["polling", "long_polling", "events"] {
        for when in ["closed", "last"] {
            assert_eq!(seen[when][lane]["missed"], 0, "{lane}: {seen}");
        }
    }
    let published: Vec<String> = serde_json::from_value(seen["published"].clone()).unwrap();
    // What came after the first event of a lane, up to its last one.
    let missed = |lane: &str| {
        let received: Vec<String> = serde_json::from_value(seen["received"][lane].clone()).unwrap();
        let mut positions: Vec<usize> = Vec::new();
        positions.extend(received.iter().map(|id| published.iter().position(|known| known == id).unwrap()));
        assert!(positions.is_sorted(), "{lane}: {seen}");
        positions.dedup();
        assert_eq!(positions.len(), received.len(), "{lane} has an event twice: {seen}");
        positions.last().unwrap() - positions[0] + 1 - positions.len()
    };
    assert_eq!(missed("events"), 0, "{seen}");
    assert!(seen["last"]["events"]["requests"].as_u64() >= Some(2), "{seen}");
    assert!(missed("socket") >= 3, "{seen}");
    assert_eq!(seen["last"]["socket"]["missed"], json!(missed("socket")));
}

async fn a_hidden_page_holds_no_connection(open: impl Fn(&str) -> Browser) {
    for (page, streams) in [("/?play=hidden", 1), ("/compare?play=hidden&lanes", 4), ("/chat?play=hidden", 1)]
    {
        let mut visit = Visit::start(&open, page).await;
        assert_eq!(visit.report().await, "open");
        assert_eq!(visit.report().await, "hidden");
        let gone = async {
            while !visit.tap.open().is_empty() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        assert!(timeout(Duration::from_secs(1), gone).await.is_ok(), "{page}: {:?}", visit.tap.open());
        assert_eq!(visit.report().await, json!({ "hidden": "closed while the page is hidden" }));
        // Seen again, it has its streams again.
        let back = async {
            let held = |paths: &[String]| {
                let held = ["/events", "/stream", "/compare/events", "/compare/long-poll", "/compare/socket"];
                paths.iter().filter(|path| held.contains(&path.as_str())).count()
            };
            while held(&visit.tap.open()) < streams.min(3) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, back).await.unwrap_or_else(|_| panic!("{page}: {:?}", visit.tap.open()));
    }
}

e2e::each_browser! {
    the_clock_comes_back_and_says_with_which_id
    the_figures_are_what_a_proxy_counts
    after_a_cut_the_stream_has_missed_nothing_and_the_socket_has
    a_hidden_page_holds_no_connection
}
