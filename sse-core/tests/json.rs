//! Data as JSON, and enums as events.
#![cfg(feature = "json")]

mod util;

use proptest::prelude::*;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use sse_core::{Decoder, EncodedEvent, Event, Frame, MessageEvent};
use std::borrow::Cow;
use std::collections::BTreeMap;
use util::{decode, frames, pieces};

/// Variants of every kind.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Update {
    Closed,
    #[serde(rename = "한 text: 1")]
    Text(String),
    Moved(i64, Option<String>),
    Changed {
        title: String,
        #[serde(rename = "the \"entries\"\n")]
        entries: BTreeMap<String, Vec<String>>,
        inner: Option<Box<Update>>,
    },
    Nested(Box<Update>),
    EmptyTuple(),
    EmptyStruct {},
}

/// Returns the message that a client reads from an event in one chunk.
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

#[track_caller]
fn written(value: impl Serialize) -> String {
    Event::typed(&value).unwrap().to_string()
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

mod writing {
    use super::*;

    #[test]
    fn the_variant_is_the_event_type_and_its_content_the_data() {
        assert_eq!(written(Update::Closed), "event: closed\ndata: null\n\n");
        assert_eq!(written(Update::Text("a\nb".into())), "event: 한 text: 1\ndata: \"a\\nb\"\n\n");
        assert_eq!(written(Update::Moved(-1, None)), "event: moved\ndata: [-1,null]\n\n");
        assert_eq!(written(Update::EmptyTuple()), "event: empty-tuple\ndata: []\n\n");
        assert_eq!(written(Update::EmptyStruct {}), "event: empty-struct\ndata: {}\n\n");
        assert_eq!(
            written(Update::Nested(Box::new(Update::Moved(1, Some("x".into()))))),
            "event: nested\ndata: {\"moved\":[1,\"x\"]}\n\n"
        );
    }

    #[test]
    fn other_fields_can_follow() {
        let event = Event::typed(&Update::Closed).unwrap().id("7").comment("bye");
        assert_eq!(event.to_string(), "event: closed\ndata: null\nid: 7\n:bye\n\n");
    }

    #[test]
    fn line_breaks_between_the_tokens_of_raw_json_cannot_inject() {
        #[derive(Serialize)]
        enum Update<'a> {
            Newtype(&'a RawValue),
            Tuple(&'a RawValue, u8),
            Struct { raw: &'a RawValue },
        }

        let raw: &RawValue = serde_json::from_str("[\n1,\r\n2,\r3]").unwrap();
        assert_eq!(
            written(Update::Newtype(raw)),
            "event: Newtype\ndata: [\ndata: 1,\ndata: 2,\ndata: 3]\n\n"
        );
        assert_eq!(
            written(Update::Tuple(raw, 4)),
            "event: Tuple\ndata: [[\ndata: 1,\ndata: 2,\ndata: 3],4]\n\n"
        );
        assert_eq!(
            written(Update::Struct { raw }),
            "event: Struct\ndata: {\"raw\":[\ndata: 1,\ndata: 2,\ndata: 3]}\n\n"
        );
    }

    #[test]
    fn a_variant_named_with_a_line_break_is_refused() {
        #[derive(Serialize)]
        enum Update {
            #[serde(rename = "a\ndata: injected")]
            Unit,
            #[serde(rename = "a\ndata: injected")]
            Newtype(u8),
            #[serde(rename = "a\rdata: injected")]
            Tuple(u8, u8),
            #[serde(rename = "a\rdata: injected")]
            Struct { x: u8 },
        }

        let line_feed = Event::new().try_event("a\ndata: injected").unwrap_err().to_string();
        let carriage_return = Event::new().try_event("a\rdata: injected").unwrap_err().to_string();
        assert_eq!(Event::typed(&Update::Unit).unwrap_err().to_string(), line_feed);
        assert_eq!(Event::typed(&Update::Newtype(1)).unwrap_err().to_string(), line_feed);
        assert_eq!(Event::typed(&Update::Tuple(1, 2)).unwrap_err().to_string(), carriage_return);
        assert_eq!(Event::typed(&Update::Struct { x: 1 }).unwrap_err().to_string(), carriage_return);
    }

    #[test]
    fn content_that_json_cannot_represent_is_an_error() {
        #[derive(Serialize)]
        enum Update {
            Newtype(BTreeMap<(u8, u8), u8>),
            Tuple(u8, BTreeMap<(u8, u8), u8>),
            Struct { keys: BTreeMap<(u8, u8), u8> },
        }

        let keys = BTreeMap::from([((1, 2), 3)]);
        for update in [Update::Newtype(keys.clone()), Update::Tuple(1, keys.clone()), Update::Struct { keys }]
        {
            assert_eq!(Event::typed(&update).unwrap_err().to_string(), "key must be a string");
        }
    }

    #[test]
    fn pointers_and_newtype_structs_are_transparent() {
        #[derive(Serialize)]
        struct Wrapper(Box<Update>);

        assert_eq!(written(Wrapper(Box::new(Update::Closed))), written(Update::Closed));
    }

    /// Returns what the value serializes as, according to the error.
    #[track_caller]
    fn refused(value: impl Serialize) -> String {
        let error = Event::typed(&value).expect_err("a type that is refused").to_string();
        let (head, tail) = error.split_once("serializes as ").expect(&error);
        assert_eq!(
            head,
            "`Event::typed` takes an externally tagged enum, whose variant becomes the event type, but this value "
        );
        tail.strip_suffix("; write other values with `Event::json_data`").expect(&error).to_owned()
    }

    #[test]
    fn anything_but_an_enum_is_refused_by_its_kind() {
        struct Bytes;

        impl Serialize for Bytes {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(b"bytes")
            }
        }

        #[derive(Serialize)]
        struct Unit;
        #[derive(Serialize)]
        struct Newtype(bool);
        #[derive(Serialize)]
        struct Tuple(u8, u8);
        #[derive(Serialize)]
        struct Struct {
            x: u8,
        }

        assert_eq!(refused(true), "a boolean");
        assert_eq!(refused(1i8), "a number");
        assert_eq!(refused(1i16), "a number");
        assert_eq!(refused(1i32), "a number");
        assert_eq!(refused(1i64), "a number");
        assert_eq!(refused(1i128), "a number");
        assert_eq!(refused(1u8), "a number");
        assert_eq!(refused(1u16), "a number");
        assert_eq!(refused(1u32), "a number");
        assert_eq!(refused(1u64), "a number");
        assert_eq!(refused(1u128), "a number");
        assert_eq!(refused(1f32), "a number");
        assert_eq!(refused(1f64), "a number");
        assert_eq!(refused('x'), "a character");
        assert_eq!(refused("x"), "a string");
        assert_eq!(refused(Bytes), "bytes");
        assert_eq!(refused(()), "a unit");
        assert_eq!(refused(Unit), "struct Unit");
        assert_eq!(refused(Newtype(true)), "a boolean");
        assert_eq!(refused([1, 2].as_slice()), "a sequence");
        assert_eq!(refused((1, 2)), "a tuple");
        assert_eq!(refused(Tuple(1, 2)), "struct Tuple");
        assert_eq!(refused(BTreeMap::from([("a", 1)])), "a map");
        assert_eq!(refused(Struct { x: 1 }), "struct Struct");
        assert_eq!(refused(serde_json::json!({"closed": null})), "a map");
    }

    #[test]
    fn an_option_is_refused_even_around_an_enum() {
        assert_eq!(refused(Some(Update::Closed)), "an option");
        assert_eq!(refused(None::<Update>), "an option");
    }

    #[test]
    fn an_enum_with_another_representation_is_refused() {
        #[derive(Serialize)]
        #[serde(tag = "type")]
        enum Internally {
            Unit,
            Newtype(BTreeMap<u8, u8>),
            Struct { x: u8 },
        }
        #[derive(Serialize)]
        #[serde(tag = "type", content = "content")]
        enum Adjacently {
            Unit,
            Tuple(u8, u8),
        }
        #[derive(Serialize)]
        #[serde(untagged)]
        enum Untagged {
            Newtype(u8),
        }
        #[derive(Serialize)]
        enum PartlyUntagged {
            Tagged,
            #[serde(untagged)]
            Text(&'static str),
        }

        assert_eq!(refused(Internally::Unit), "struct Internally");
        assert_eq!(refused(Internally::Newtype(BTreeMap::new())), "a map");
        assert_eq!(refused(Internally::Struct { x: 1 }), "struct Internally");
        assert_eq!(refused(Adjacently::Unit), "struct Adjacently");
        assert_eq!(refused(Adjacently::Tuple(1, 2)), "struct Adjacently");
        assert_eq!(refused(Untagged::Newtype(1)), "a number");
        assert_eq!(written(PartlyUntagged::Tagged), "event: Tagged\ndata: null\n\n");
        assert_eq!(refused(PartlyUntagged::Text("x")), "a string");
    }
}

mod reading {
    use super::*;

    #[test]
    fn the_event_type_selects_the_variant() {
        assert_eq!(message("closed", "null").typed::<Update>().unwrap(), Update::Closed);
        assert_eq!(message("한 text: 1", r#" "x" "#).typed::<Update>().unwrap(), Update::Text("x".into()));
        assert_eq!(message("moved", "[-1, null]").typed::<Update>().unwrap(), Update::Moved(-1, None));
        assert_eq!(message("empty-tuple", "[]").typed::<Update>().unwrap(), Update::EmptyTuple());
        assert_eq!(message("empty-struct", "{}").typed::<Update>().unwrap(), Update::EmptyStruct {});
        assert_eq!(
            message("nested", r#"{"moved": [1, "x"]}"#).typed::<Update>().unwrap(),
            Update::Nested(Box::new(Update::Moved(1, Some("x".into()))))
        );
    }

    #[test]
    fn aliases_select_a_variant_too() {
        #[derive(Deserialize, Debug, PartialEq)]
        enum Update {
            #[serde(rename = "new", alias = "old")]
            Value(u8),
        }

        assert_eq!(message("new", "1").typed::<Update>().unwrap(), Update::Value(1));
        assert_eq!(message("old", "1").typed::<Update>().unwrap(), Update::Value(1));
    }

    #[test]
    fn an_event_without_a_type_is_a_variant_named_message() {
        #[derive(Deserialize, Debug, PartialEq)]
        #[serde(rename_all = "lowercase")]
        enum Update {
            Message(u8),
        }

        let message = received(Event::new().json_data(1).unwrap());
        assert_eq!(message.typed::<Update>().unwrap(), Update::Message(1));
    }

    #[test]
    fn a_unit_variant_takes_any_data() {
        for data in ["null", "", "{\"ignored\": true}", "[DONE]", "not { json"] {
            assert_eq!(message("closed", data).typed::<Update>().unwrap(), Update::Closed, "{data}");
        }
    }

    #[test]
    fn content_is_borrowed_from_the_message() {
        #[derive(Deserialize)]
        enum Update<'m> {
            Newtype(&'m str),
            Tuple(&'m str, ()),
            Struct { text: &'m str },
        }

        for (event_type, data) in
            [("Newtype", r#""x""#), ("Tuple", r#"["x", null]"#), ("Struct", r#"{"text": "x"}"#)]
        {
            let message = message(event_type, data);
            let (Update::Newtype(text) | Update::Tuple(text, _) | Update::Struct { text }) =
                message.typed().unwrap();
            assert_eq!(text, "x");
            assert!(data.as_bytes().as_ptr_range().contains(&text.as_ptr()));
        }
    }

    #[test]
    fn an_unknown_event_type_is_an_error_that_lists_the_variants() {
        #[derive(Deserialize, Debug)]
        enum Update {
            First,
            Second,
        }

        let error = message("third", "null").typed::<Update>().unwrap_err();
        assert_eq!(error.to_string(), "unknown variant `third`, expected `First` or `Second`");
        for known in ["First", "Second"] {
            message(known, "").typed::<Update>().unwrap();
        }
    }

    #[test]
    fn other_stands_for_every_unknown_event_type() {
        #[derive(Deserialize, Debug, PartialEq)]
        enum Update {
            Known(u8),
            #[serde(other)]
            Unknown,
        }

        assert_eq!(message("Known", "1").typed::<Update>().unwrap(), Update::Known(1));
        for event_type in ["known", "message", "", "a: b"] {
            assert_eq!(message(event_type, "not { json").typed::<Update>().unwrap(), Update::Unknown);
        }
        assert!(message("Known", "not { json").typed::<Update>().unwrap_err().is_syntax());
    }

    #[test]
    fn anything_after_the_json_is_an_error() {
        for (event_type, data) in [
            ("한 text: 1", "\"x\" 1"),
            ("moved", "[1, null] 1"),
            ("changed", r#"{"title": "", "the \"entries\"\n": {}} 1"#),
            ("empty-tuple", "[] 1"),
            ("empty-struct", "{} 1"),
        ] {
            let error = message(event_type, data).typed::<Update>().unwrap_err().to_string();
            assert!(error.starts_with("trailing characters at line 1"), "{event_type}: {error}");
        }
    }

    #[test]
    fn missing_or_malformed_or_mistyped_content_is_an_error() {
        for event_type in ["한 text: 1", "moved", "changed", "empty-tuple", "empty-struct"] {
            assert!(message(event_type, "").typed::<Update>().unwrap_err().is_eof(), "{event_type}");
            assert!(message(event_type, "[DONE]").typed::<Update>().is_err(), "{event_type}");
            assert!(message(event_type, "null").typed::<Update>().unwrap_err().is_data(), "{event_type}");
        }
    }

    #[test]
    fn pointers_and_newtype_structs_are_transparent() {
        #[derive(Deserialize)]
        struct Wrapper(Box<Update>);

        assert_eq!(*message("closed", "").typed::<Wrapper>().unwrap().0, Update::Closed);
    }

    /// Returns what the type expects, according to the error.
    #[track_caller]
    fn refused<T: DeserializeOwned>() -> String {
        let Err(error) = message("closed", "null").typed::<T>() else { panic!("a type that is refused") };
        let error = error.to_string();
        let (head, tail) = error.split_once("expects ").expect(&error);
        assert_eq!(
            head,
            "`MessageEvent::typed` reads an externally tagged enum, whose variant the event type selects, \
             but this type "
        );
        tail.strip_suffix("; read other types with `MessageEvent::json`").expect(&error).to_owned()
    }

    #[test]
    fn anything_but_an_enum_is_refused_by_its_kind() {
        #[derive(Deserialize)]
        struct Unit;
        #[derive(Deserialize)]
        struct Newtype(#[expect(dead_code, reason = "never read")] bool);
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "never read")]
        struct Tuple(u8, u8);
        #[derive(Deserialize)]
        #[expect(dead_code, reason = "never read")]
        struct Struct {
            x: u8,
        }

        assert_eq!(refused::<bool>(), "a boolean");
        assert_eq!(refused::<i8>(), "i8");
        assert_eq!(refused::<i16>(), "i16");
        assert_eq!(refused::<i32>(), "i32");
        assert_eq!(refused::<i64>(), "i64");
        assert_eq!(refused::<i128>(), "i128");
        assert_eq!(refused::<u8>(), "u8");
        assert_eq!(refused::<u16>(), "u16");
        assert_eq!(refused::<u32>(), "u32");
        assert_eq!(refused::<u64>(), "u64");
        assert_eq!(refused::<u128>(), "u128");
        assert_eq!(refused::<f32>(), "f32");
        assert_eq!(refused::<f64>(), "f64");
        assert_eq!(refused::<char>(), "a character");
        assert_eq!(refused::<String>(), "a string");
        assert_eq!(refused::<Box<std::ffi::CStr>>(), "byte array");
        assert_eq!(refused::<()>(), "unit");
        assert_eq!(refused::<Unit>(), "unit struct Unit");
        assert_eq!(refused::<Newtype>(), "a boolean");
        assert_eq!(refused::<Vec<u8>>(), "a sequence");
        assert_eq!(refused::<(u8, u8)>(), "a tuple of size 2");
        assert_eq!(refused::<Tuple>(), "tuple struct Tuple");
        assert_eq!(refused::<BTreeMap<String, u8>>(), "a map");
        assert_eq!(refused::<Struct>(), "struct Struct");
        assert_eq!(refused::<serde_json::Value>(), "any valid JSON value");
        assert_eq!(refused::<IgnoredAny>(), "anything at all");
    }

    #[test]
    fn an_option_is_refused_even_around_an_enum() {
        assert_eq!(refused::<Option<Update>>(), "option");
    }

    #[test]
    fn an_enum_with_another_representation_is_refused() {
        #[derive(Deserialize)]
        #[serde(tag = "type")]
        enum Internally {
            Closed,
        }
        #[derive(Deserialize)]
        #[serde(tag = "type", content = "content")]
        enum Adjacently {
            Closed,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Untagged {
            Closed,
        }

        assert_eq!(refused::<Internally>(), "internally tagged enum Internally");
        assert_eq!(refused::<Adjacently>(), "adjacently tagged enum Adjacently");
        assert_eq!(refused::<Untagged>(), "any value");
    }
}

#[test]
fn fields_can_be_renamed_skipped_and_flattened() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    #[serde(rename_all_fields = "camelCase")]
    enum Update {
        Skipped {
            #[serde(skip)]
            never: u8,
            #[serde(skip_serializing_if = "Option::is_none")]
            not_now: Option<u8>,
            line_count: u8,
        },
        Flattened {
            first: u8,
            #[serde(flatten)]
            rest: BTreeMap<String, u8>,
        },
    }

    for (update, wire) in [
        (
            Update::Skipped { never: 0, not_now: None, line_count: 2 },
            "event: Skipped\ndata: {\"lineCount\":2}\n\n",
        ),
        (
            Update::Flattened { first: 1, rest: BTreeMap::from([("second".to_owned(), 2)]) },
            "event: Flattened\ndata: {\"first\":1,\"second\":2}\n\n",
        ),
    ] {
        let event = Event::typed(&update).unwrap();
        assert_eq!(event.to_string(), wire);
        assert_eq!(received(event).typed::<Update>().unwrap(), update);
    }
}

/// Text that would change the event if it escaped from its string or its line.
fn texts() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "\n", "\r", "\r\n", "data: ", "event: ", ":", "\"", "\\", "\\n", "{", "}", "[", ",", " ", "\0", "x",
        "\u{FEFF}", "\u{2028}", "\u{85}", "한", "😀",
    ];
    prop_oneof![
        prop::collection::vec(prop::sample::select(WORDS), 0..8).prop_map(|words| words.concat()),
        any::<String>(),
    ]
}

fn updates() -> impl Strategy<Value = Update> {
    let leaf = prop_oneof![
        Just(Update::Closed),
        Just(Update::EmptyTuple()),
        Just(Update::EmptyStruct {}),
        texts().prop_map(Update::Text),
        (any::<i64>(), prop::option::of(texts())).prop_map(|(by, name)| Update::Moved(by, name)),
    ];
    leaf.prop_recursive(3, 8, 1, |inner| {
        let entries = prop::collection::btree_map(texts(), prop::collection::vec(texts(), 0..3), 0..3);
        prop_oneof![
            inner.clone().prop_map(|inner| Update::Nested(Box::new(inner))),
            (texts(), entries, prop::option::of(inner.prop_map(Box::new)))
                .prop_map(|(title, entries, inner)| Update::Changed { title, entries, inner }),
        ]
    })
}

/// The event with the same type and data, written by hand.
fn by_hand(update: &Update) -> Event {
    #[derive(Serialize)]
    struct Changed<'a> {
        title: &'a str,
        #[serde(rename = "the \"entries\"\n")]
        entries: &'a BTreeMap<String, Vec<String>>,
        inner: &'a Option<Box<Update>>,
    }

    let event = |event_type| Event::new().event(event_type);
    let event = match update {
        Update::Closed => event("closed").json_data(()),
        Update::Text(text) => event("한 text: 1").json_data(text),
        Update::Moved(by, name) => event("moved").json_data((by, name)),
        Update::Changed { title, entries, inner } => {
            event("changed").json_data(Changed { title, entries, inner })
        }
        Update::Nested(inner) => event("nested").json_data(inner),
        Update::EmptyTuple() => event("empty-tuple").json_data([(); 0]),
        Update::EmptyStruct {} => event("empty-struct").json_data(BTreeMap::<(), ()>::new()),
    };
    event.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn an_enum_comes_back_from_any_pieces(update in updates(), sizes in prop::collection::vec(0..40usize, 1..8)) {
        let event = EncodedEvent::from(Event::typed(&update).unwrap());
        let decoded = decode(&mut Decoder::new(), pieces(event.as_bytes(), &sizes));
        let [Ok(Frame::Message(message))] = &decoded[..] else { panic!("not one message: {decoded:?}") };
        prop_assert_eq!(message.typed::<Update>().unwrap(), update);
    }

    #[test]
    fn typed_writes_what_event_and_json_data_write(update in updates()) {
        prop_assert_eq!(Event::typed(&update).unwrap(), by_hand(&update));
    }

    #[test]
    fn raw_json_comes_back_with_its_line_breaks_as_lf(
        breaks in prop::collection::vec(prop::sample::select(&["", " ", "\n", "\r", "\r\n", "\n\n"]), 4),
    ) {
        #[derive(Serialize, Deserialize)]
        enum Update {
            Raw { value: Box<RawValue> },
        }

        let json = format!("{{{}\"a\"{}:{}1{}}}", breaks[0], breaks[1], breaks[2], breaks[3]);
        let update = Update::Raw { value: RawValue::from_string(json.clone()).unwrap() };
        let Update::Raw { value } = received(Event::typed(&update).unwrap()).typed().unwrap();
        prop_assert_eq!(value.get(), util::with_lf(&json));
    }
}
