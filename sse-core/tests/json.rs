//! Data as JSON.
#![cfg(feature = "json")]

mod util;

use serde::de::IgnoredAny;
use sse_core::{Event, Frame, MessageEvent};
use std::borrow::Cow;
use std::collections::BTreeMap;
use util::frames;

/// The message that a client reads of an event, from one chunk.
#[track_caller]
fn received(event: Event) -> MessageEvent<'static> {
    match <[_; 1]>::try_from(frames(event.to_string())) {
        Ok([Frame::Message(message)]) => message,
        other => panic!("not one message: {other:?}"),
    }
}

fn message<'m>(event_type: &'m str, data: &'m str) -> MessageEvent<'m> {
    MessageEvent {
        event_type: Cow::Borrowed(event_type),
        data: Cow::Borrowed(data),
        last_event_id: Cow::Borrowed(""),
    }
}

mod json {
    use super::*;

    #[test]
    fn json_reads_what_json_data_wrote() {
        let value = BTreeMap::from([("a".to_owned(), vec!["b\n\r".to_owned()])]);
        let message = received(Event::new().json_data(&value).unwrap());
        assert_eq!(message.json::<BTreeMap<String, Vec<String>>>().unwrap(), value);
    }

    #[test]
    fn json_borrows_from_the_message() {
        let message = message("message", r#"{"text": "Hello"}"#);
        let read: BTreeMap<&str, &str> = message.json().unwrap();
        assert!(message.data.as_bytes().as_ptr_range().contains(&read["text"].as_ptr()));
    }

    #[test]
    fn json_ignores_the_event_type() {
        assert_eq!(message("sum", "3").json::<u8>().unwrap(), 3);
    }

    #[test]
    fn json_over_several_lines_is_read_with_their_line_feeds() {
        let message = received(Event::new().data("[1,\r\n2]"));
        assert_eq!(message.json::<Vec<u8>>().unwrap(), [1, 2]);
    }

    #[test]
    fn a_done_marker_and_empty_data_are_errors() {
        assert!(message("message", "[DONE]").json::<IgnoredAny>().unwrap_err().is_syntax());
        assert!(message("message", "").json::<IgnoredAny>().unwrap_err().is_eof());
    }

    #[test]
    fn anything_after_the_json_is_an_error() {
        let error = message("message", "{} {}").json::<IgnoredAny>().unwrap_err();
        assert_eq!(error.to_string(), "trailing characters at line 1 column 4");
    }
}
