//! The headers of a response, and the last event ID of a request.

use proptest::prelude::*;
use sse_core::{LastEventId, header};

fn id(header: Option<&[u8]>, query: Option<&str>) -> Result<String, String> {
    LastEventId::from_request(header, query).map(String::from).map_err(|error| error.to_string())
}

#[test]
fn the_response_headers_keep_proxies_from_caching_and_buffering() {
    assert_eq!(
        header::RESPONSE,
        &[
            ("content-type", "text/event-stream"),
            ("cache-control", "no-cache, no-transform"),
            ("x-accel-buffering", "no"),
        ]
    );
}

#[test]
fn a_first_request_has_an_empty_id() {
    assert_eq!(id(None, None), Ok(String::new()));
    assert_eq!(id(None, Some("room=1")), Ok(String::new()));
    assert_eq!(id(Some(b""), None), Ok(String::new()));
}

#[test]
fn the_header_is_utf8_text() {
    assert_eq!(id(Some("…한".as_bytes()), None).as_deref(), Ok("…한"));
}

#[test]
fn an_id_is_text() {
    let id = LastEventId::from_request(Some(b"42"), None).unwrap();
    assert_eq!(id.parse(), Ok(42));
    assert_eq!(format!("{id} {id:>4} {id:?}"), r#"42   42 LastEventId("42")"#);
}

#[test]
fn an_id_compares_with_text_and_converts_into_it() {
    let id = LastEventId::from_request(Some(b"42"), None).unwrap();
    assert!(id == *"42" && id == "42" && id != "43");
    assert_eq!(AsRef::<str>::as_ref(&id), "42");
}

#[test]
fn an_empty_id_is_none_as_non_empty() {
    assert_eq!(LastEventId::from_request(None, None).unwrap().non_empty(), None);
    assert_eq!(LastEventId::from_request(Some(b"1"), None).unwrap().non_empty().unwrap(), "1");
}

#[cfg(feature = "http")]
#[test]
fn an_id_is_read_from_the_head_of_a_request() {
    let from = |uri: &str, value: Option<&[u8]>| {
        let mut headers = http::HeaderMap::new();
        if let Some(value) = value {
            headers.insert("last-event-id", http::HeaderValue::from_bytes(value).unwrap());
        }
        LastEventId::from_http(&headers, &uri.parse().unwrap()).map(String::from)
    };
    assert_eq!(from("/", None).as_deref(), Ok(""));
    assert_eq!(from("/?lastEventId=1", None).as_deref(), Ok("1"));
    assert_eq!(from("/?lastEventId=1", Some(b"2")).as_deref(), Ok("2"));
    assert!(from("/", Some(b"\xFF")).is_err());
}

#[test]
fn is_event_stream_ignores_case_and_parameters() {
    for yes in [
        "text/event-stream",
        "text/event-stream; charset=utf-8",
        "text/event-stream;charset=UTF-8",
        "Text/Event-Stream",
        " text/event-stream ;x",
    ] {
        assert!(header::is_event_stream(yes), "{yes}");
    }
    for no in
        ["", "application/json", "text/event-streams", "text/event-stream2;", "text/plain; text/event-stream"]
    {
        assert!(!header::is_event_stream(no), "{no}");
    }
    assert!(!header::is_event_stream(b"\xFF"));
}

#[test]
fn the_query_parameter_stands_in_for_the_header() {
    assert_eq!(id(None, Some("a=b&lastEventId=42")).as_deref(), Ok("42"));
    assert_eq!(id(Some(b""), Some("lastEventId=42")).as_deref(), Ok("42"));
    assert_eq!(id(Some(b"41"), Some("lastEventId=42")).as_deref(), Ok("41"));
}

#[test]
fn a_header_that_is_not_utf8_is_an_error_that_says_so() {
    let error = id(Some(b"\xFF"), None).unwrap_err();
    assert_eq!(error, "the `Last-Event-ID` header is not UTF-8; send the ID as it was received");
}

#[test]
fn an_id_that_no_event_can_have_is_an_error() {
    for query in ["lastEventId=%0A", "lastEventId=a%0Db", "lastEventId=%00"] {
        let error = id(None, Some(query)).unwrap_err();
        assert!(error.starts_with("the `lastEventId` query parameter has a line break or a NUL"), "{error}");
    }
    assert!(id(None, Some("lastEventId=%FF")).unwrap_err().contains("is not UTF-8"));
}

proptest! {
    #[test]
    fn the_query_is_read_as_forms_are(query in "([a-b=&+%]|%[0-9a-fA-F]{2}|lastEventId=|last%45ventId=){0,12}") {
        let bytes = form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == "lastEventId")
            .map_or(String::new(), |(_, value)| value.into_owned());
        match id(None, Some(&query)) {
            Ok(id) => prop_assert_eq!(id, bytes),
            Err(_) => prop_assert!(bytes.contains(['\n', '\r', '\0', char::REPLACEMENT_CHARACTER])),
        }
    }

    #[test]
    fn any_id_comes_through_header_and_query(text in "[^\n\r\0]{0,20}") {
        let query: String = form_urlencoded::Serializer::new(String::new()).append_pair("lastEventId", &text).finish();
        prop_assert_eq!(id(None, Some(&query)), Ok(text.clone()));
        prop_assert_eq!(id(Some(text.as_bytes()), None), Ok(text));
    }
}
