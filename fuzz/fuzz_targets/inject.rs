//! No text escapes from its field: it creates no second event and changes no other field.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_core::{Event, Frame};
use sse_fuzz::{comment, frames, message, with_lf};

fuzz_target!(|text: &str| {
    let event = || Event::new().event("e").id("i");
    assert_eq!(frames(event().data(text).to_string()), [message("e", &with_lf(text), "i")]);
    let comments: Vec<_> = with_lf(text).split('\n').map(comment).collect();
    assert_eq!(frames(event().comment(text).to_string()), comments);
    match &frames(event().json_data(text).unwrap().to_string())[..] {
        [Frame::Message(json)] => assert_eq!(serde_json::from_str::<String>(&json.data).unwrap(), text),
        frames => panic!("{frames:?}"),
    }
    let event_type = if text.is_empty() { "message" } else { text };
    match Event::new().try_event(text) {
        Ok(event) => assert_eq!(frames(event.data("d").to_string()), [message(event_type, "d", "")]),
        Err(_) => assert!(text.contains(['\n', '\r'])),
    }
    match Event::new().try_id(text) {
        Ok(event) => assert_eq!(frames(event.data("d").to_string()), [message("message", "d", text)]),
        Err(_) => assert!(text.contains(['\n', '\r', '\0'])),
    }
});
