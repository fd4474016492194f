//! The four lanes, and what their figures say.

mod util;

use serde_json::{Value, json};
use util::Demo;

/// The requests and the bytes, up and down, of a lane of this page.
fn figures(demo: &Demo, page: &str, lane: &str) -> [u64; 3] {
    let meter = demo.json(&format!("/compare/meter?page={page}"));
    serde_json::from_value(meter["lanes"][lane].clone()).unwrap()
}

fn parse(answer: &str) -> Vec<Value> {
    serde_json::from_str(answer).unwrap()
}

#[test]
fn bytes_belong_to_the_request_in_progress_on_a_connection() {
    let demo = Demo::start();
    let mut client = demo.client();
    let mut lanes = [[0; 3]; 2];
    // One connection for two lanes, and for what is in none.
    for path in
        ["/compare/poll?page=a", "/style.css", "/compare/long-poll?page=a", "/compare/poll?page=a", "/status"]
    {
        let before = [client.up, client.down];
        client.send("GET", path, "", "");
        client.answer();
        let lane = match path {
            "/compare/poll?page=a" => 0,
            "/compare/long-poll?page=a" => 1,
            _ => continue,
        };
        lanes[lane][0] += 1;
        lanes[lane][1] += client.up - before[0];
        lanes[lane][2] += client.down - before[1];
    }
    assert_eq!(figures(&demo, "a", "polling"), lanes[0]);
    assert_eq!(figures(&demo, "a", "long_polling"), lanes[1]);
    assert_eq!(figures(&demo, "b", "polling"), [0; 3]);
}

#[test]
fn the_bytes_of_a_stream_and_of_a_socket_are_all_that_pass() {
    let demo = Demo::start();
    let mut events = demo.events("/compare/events?page=a", "");
    let mut socket = demo.socket("a");
    events.until("message");
    socket.frame();
    // The clock goes on meanwhile, so look again until both have the same event.
    let equal = (0..50).any(|_| {
        let [id, _] = events.until("message");
        let mut text = String::new();
        while !text.contains(&id) {
            text = socket.frame().unwrap();
        }
        figures(&demo, "a", "events") == [1, events.client.up, events.client.down]
            && figures(&demo, "a", "socket") == [1, socket.client.up, socket.client.down]
    });
    assert!(equal);
}

#[test]
fn all_lanes_have_the_same_events() {
    let demo = Demo::start();
    let mut events = demo.events("/compare/events?page=a", "");
    let [start, _] = events.until("hub:hello");
    let mut socket = demo.socket("a");
    assert!(demo.request("POST", "/compare/publish?count=100", "").0.starts_with("HTTP/1.1 204"));
    let streamed: Vec<_> = (0..100).map(|_| events.until("message")).collect();
    let mut sent = Vec::new();
    while sent.len() < 95 {
        let message: Value = serde_json::from_str(&socket.frame().unwrap()).unwrap();
        sent.push([message["id"].as_str().unwrap().to_owned(), message["data"].as_str().unwrap().to_owned()]);
    }
    assert!(sent.iter().all(|event| streamed.contains(event)));
    for way in ["poll", "long-poll"] {
        let polled = parse(&demo.get(&format!("/compare/{way}?page=a&lastEventId={start}")).1);
        for ([id, data], polled) in streamed.iter().zip(&polled) {
            assert_eq!(*polled, json!({ "id": id, "event": "message", "data": data }), "{way}");
        }
    }
    let published = demo.json("/compare/meter");
    let published = published["published"].as_array().unwrap();
    assert!(streamed.iter().all(|[id, _]| published.iter().any(|event| event["id"] == *id)));
}

#[test]
fn a_cut_ends_all_connections_of_the_page_and_no_others() {
    let demo = Demo::start();
    let mut other = demo.events("/compare/events?page=other", "");
    let mut events = demo.events("/compare/events?page=a", "");
    let mut socket = demo.socket("a");
    let [id, _] = events.until("message");
    assert!(demo.request("POST", "/compare/cut?page=a", "").0.starts_with("HTTP/1.1 204"));
    let last = events.last_event_id();
    while socket.frame().is_some() {}
    // Nothing is lost to those who resume.
    let polled = parse(&demo.get(&format!("/compare/long-poll?lastEventId={last}")).1);
    assert!(polled.iter().all(|event| event["event"] != "hub:gap"), "{polled:?}");
    assert!(!id.is_empty());
    other.until("message");
    other.until("message");
}
