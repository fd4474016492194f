//! The bytes of encoded events.

mod util;

use sse_core::{EncodedEvent, Event};
use std::time::Duration;
use util::{frames, message};

#[test]
fn fields_are_written_in_the_order_of_the_calls() {
    let event = Event::new().comment("c").event("e").id("i").retry(Duration::from_secs(2)).data("d");
    assert_eq!(event.to_string(), ":c\nevent: e\nid: i\nretry: 2000\ndata: d\n\n");
}

#[test]
fn display_and_encoded_event_are_the_same_bytes() {
    let event = Event::new().event("e").data("d");
    assert_eq!(event.to_string().as_bytes(), EncodedEvent::from(event).as_bytes());
}

#[test]
fn an_event_without_fields_is_a_blank_line() {
    assert_eq!(Event::new().to_string(), "\n");
    assert_eq!(Event::new(), Event::default());
}

#[test]
fn each_line_break_in_data_starts_one_line() {
    let event = Event::new().data("crlf\r\ncr\rlf\nlfcr\n\rend\n");
    assert_eq!(
        event.to_string(),
        "data: crlf\ndata: cr\ndata: lf\ndata: lfcr\ndata: \ndata: end\ndata: \n\n"
    );
}

#[test]
fn empty_data_is_a_field_that_dispatches_an_event() {
    let event = Event::new().data("").to_string();
    assert_eq!(event, "data: \n\n");
    assert_eq!(frames(event), [message("message", "", "")]);
}

#[test]
fn a_leading_space_of_data_survives() {
    assert_eq!(
        frames(Event::new().data(" two  spaces").to_string()),
        [message("message", " two  spaces", "")]
    );
}

#[test]
fn data_called_again_adds_a_line_even_between_cr_and_lf() {
    let event = Event::new().data("a\r").data("\nb");
    assert_eq!(event.to_string(), "data: a\ndata: \ndata: \ndata: b\n\n");
}

#[test]
fn the_last_event_type_id_and_time_win() {
    let event = Event::new().event("a").event("b").id("1").id("2").data("x");
    assert_eq!(frames(event.to_string()), [message("b", "x", "2")]);
}

#[test]
fn a_comment_of_several_lines_is_several_comments() {
    assert_eq!(Event::new().comment("a\r\n\r\nb").to_string(), ":a\n:\n:b\n\n");
}

#[test]
fn retry_is_whole_milliseconds() {
    assert_eq!(Event::new().retry(Duration::from_micros(1_999_999)).to_string(), "retry: 1999\n\n");
    assert_eq!(Event::new().retry(Duration::MAX).to_string(), "retry: 18446744073709551615999\n\n");
}

#[test]
fn an_event_type_with_a_line_break_is_refused_with_field_and_offset() {
    let error = Event::new().try_event("x\ndata: injected").unwrap_err();
    assert_eq!((error.field(), error.offset()), ("event", 1));
    assert_eq!(
        error.to_string(),
        "`event` must be a single line, but has a line feed at byte 1; remove or encode it"
    );
    assert!(
        Event::new().try_event("bare\rcr").unwrap_err().to_string().contains("a carriage return at byte 4")
    );
    assert!(Event::new().try_event("nul\0is fine").is_ok());
}

#[test]
fn an_id_with_a_line_break_or_nul_is_refused_with_field_and_offset() {
    for (id, offset, what) in [("a\n", 1, "line feed"), ("한\r", 3, "carriage return"), ("\0", 0, "NUL")] {
        let error = Event::new().try_id(id).unwrap_err();
        assert_eq!((error.field(), error.offset()), ("id", offset));
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
#[should_panic = "`event` must be a single line, but has a line feed at byte 0"]
fn event_panics_where_try_event_fails() {
    let _ = Event::new().event("\n");
}

#[test]
#[should_panic = "`id` must not contain NUL, but has one at byte 1"]
fn id_panics_where_try_id_fails() {
    let _ = Event::new().id("7\0");
}

#[test]
fn a_raw_event_is_its_bytes_and_a_clone_shares_them() {
    let raw = EncodedEvent::raw(b"data: as it is\n\n".to_vec());
    let clone = raw.clone();
    assert_eq!(raw, clone);
    assert_eq!(raw.as_bytes(), b"data: as it is\n\n");
    assert_eq!(raw.as_bytes().as_ptr(), clone.as_bytes().as_ptr());
    assert_eq!(bytes::Bytes::from(clone).as_ptr(), raw.as_bytes().as_ptr());
}

#[test]
fn debug_output_is_text_and_stays_short() {
    let event = Event::new().data("\u{1}ä");
    assert_eq!(format!("{event:?}"), r#"Event("data: \u{1}ä\n")"#);
    let a_hundred_bytes = format!("{:?}", EncodedEvent::raw("x".repeat(100)));
    assert_eq!(a_hundred_bytes, format!("EncodedEvent(\"{}\")", "x".repeat(100)));
    let large = Event::new().data("x".repeat(1 << 20));
    assert!(format!("{large:?}").len() < 200);
    assert!(format!("{:?}", EncodedEvent::from(large)).ends_with(r#""... (1048584 bytes))"#));
}

#[cfg(feature = "json")]
mod json {
    use super::*;
    use serde_json::{json, value::RawValue};

    #[test]
    fn json_data_is_one_line() {
        let event = Event::new().json_data(json!({"text": "a\nb\r"})).unwrap();
        assert_eq!(event.to_string(), "data: {\"text\":\"a\\nb\\r\"}\n\n");
    }

    #[test]
    fn line_breaks_between_the_tokens_of_raw_json_cannot_inject() {
        let raw: Box<RawValue> = serde_json::from_str("{\n\"a\":\r\n1,\r\"b\": 2}").unwrap();
        let event = Event::new().id("1").json_data(raw).unwrap().comment("after");
        assert_eq!(event.to_string(), "id: 1\ndata: {\ndata: \"a\":\ndata: 1,\ndata: \"b\": 2}\n:after\n\n");
    }

    #[test]
    fn json_data_after_data_is_another_line() {
        let event = Event::new().data("first").json_data(2).unwrap();
        assert_eq!(frames(event.to_string()), [message("message", "first\n2", "")]);
    }

    #[test]
    fn a_value_that_json_cannot_represent_is_an_error() {
        let keys_are_no_strings = std::collections::BTreeMap::from([((1, 2), 3)]);
        assert!(Event::new().json_data(keys_are_no_strings).is_err());
    }
}
