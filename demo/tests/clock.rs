//! The clock's stream.

mod util;

use serde_json::Value;
use std::time::Duration;
use util::Demo;

#[test]
fn the_stream_is_pings_with_the_time_and_an_id() {
    let demo = Demo::start();
    let mut events = demo.events("/events", "");
    assert_eq!(events.until("connected")[1], r#"{"lastEventId":"","retry":2000}"#);
    let [first, data] = events.until("ping");
    let data: Value = serde_json::from_str(&data).unwrap();
    assert!(data["time"].as_str().unwrap().starts_with("20"), "{data}");
    let [second, _] = events.until("ping");
    assert!(!first.is_empty() && first != second);
    assert_eq!(events.reconnection_time(), Some(Duration::from_secs(2)));
}

#[test]
fn a_client_that_was_dropped_resumes_without_a_gap() {
    let demo = Demo::start();
    let mut other = demo.events("/events?page=other", "");
    let mut events = demo.events("/events?page=mine", "");
    events.until("ping");
    assert!(demo.request("POST", "/drop?page=mine", "").0.starts_with("HTTP/1.1 204"));
    let seen = events.last_event_id();
    // The other page's connection stays, and sees what this one misses.
    other.until("ping");
    let missed: Vec<_> = [other.until("ping"), other.until("ping")].to_vec();

    let mut again = demo.events("/events?page=mine", &format!("Last-Event-ID: {seen}\r\n"));
    assert_eq!(again.until("connected")[1], format!(r#"{{"lastEventId":"{seen}","retry":2000}}"#));
    let mut replayed = Vec::new();
    loop {
        let [id, event_type, data] = again.next().unwrap();
        match event_type.as_str() {
            "ping" => replayed.push([id, data]),
            other => break assert_eq!(other, "hub:at"),
        }
    }
    assert!(missed.iter().all(|event| replayed.contains(event)), "{missed:?} {replayed:?}");
    again.until("ping");
}

#[test]
fn an_unknown_id_is_a_gap() {
    let demo = Demo::start();
    for id in ["1000000", "18446744073709551615", "not a number"] {
        let mut events = demo.events("/events", &format!("Last-Event-ID: {id}\r\n"));
        events.until("hub:gap");
        events.until("ping");
    }
}
