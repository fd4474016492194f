//! The chat's routes.

mod util;

use serde_json::{Value, json};
use util::Demo;

#[test]
fn what_is_posted_is_in_the_stream_and_in_the_poll_with_the_same_id() {
    let demo = Demo::start();
    let mut stream = demo.events("/stream", "");
    let [hello, _] = stream.until("hub:hello");
    let (head, id) = demo.request("POST", "/post", r#"{"event": "message", "data": {"text": "<b>\n"}}"#);
    assert!(head.starts_with("HTTP/1.1 200 OK"), "{head}");
    assert_eq!(stream.until("message"), [id.clone(), r#"{"text":"<b>\n"}"#.to_owned()]);
    let polled = &demo.json(&format!("/poll?lastEventId={hello}"))[0];
    assert_eq!(*polled, json!({ "id": id, "event": "message", "data": r#"{"text":"<b>\n"}"# }));
}

#[test]
fn a_poll_waits_for_the_next_message() {
    let demo = Demo::start();
    let [hello, _] = demo.events("/stream", "").until("hub:hello");
    let mut poll = demo.client();
    poll.send("GET", &format!("/poll?lastEventId={hello}"), "", "");
    std::thread::sleep(std::time::Duration::from_millis(300));
    let (_, id) = demo.request("POST", "/post", r#"{"event": "message", "data": 1}"#);
    let events: Value = serde_json::from_str(&poll.answer().1).unwrap();
    let message = events.as_array().unwrap().last().unwrap();
    assert_eq!(*message, json!({ "id": id, "event": "message", "data": "1" }));
}

#[test]
fn a_page_begins_with_the_last_twenty_messages() {
    let demo = Demo::start();
    for n in 1..=25 {
        demo.request("POST", "/post", &format!(r#"{{"event": "message", "data": {n}}}"#));
    }
    let mut stream = demo.events("/stream", "");
    for n in 6..=25 {
        assert_eq!(stream.until("message")[1], n.to_string());
    }
    assert_eq!(stream.next().unwrap()[1], "hub:hello");
}

#[test]
fn what_is_no_event_is_refused_with_a_reason() {
    let demo = Demo::start();
    for (body, status, reason) in [
        (r#"{"event": "hub:gap", "data": 1}"#, 400, "hub:"),
        (r#"{"event": "two\nlines", "data": 1}"#, 400, "line feed"),
        (r#"{"event": "message"}"#, 422, "data"),
        ("nothing", 400, "JSON"),
        (&format!(r#"{{"event": "message", "data": "{}"}}"#, "x".repeat(300_000)), 413, "bytes"),
    ] {
        let (head, text) = demo.request("POST", "/post", body);
        assert!(head.starts_with(&format!("HTTP/1.1 {status}")), "{head}");
        assert!(text.contains(reason), "{text}");
    }
}
