//! What holds for any input.

mod util;

use proptest::prelude::*;
use sse_core::{Decoder, EncodedEvent, Event, Frame};
use std::time::Duration;
use util::{Outcome, comment, decode, frames, message, oracle, pieces, with_lf};

/// Sizes of pieces, some of them empty.
fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![0..4usize, 0..40usize], 1..8)
}

/// Streams made mostly of meaningful words.
fn streams(words: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(prop::sample::select(words), 0..60).prop_map(|words| words.concat())
}

const WORDS: &[&[u8]] = &[
    b"data",
    b"data:",
    b"data: ",
    b"event:",
    b"event: e",
    b"id: ",
    b"id",
    b"retry: ",
    b"retry",
    b":",
    b" ",
    b"\n",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"x",
    b"7",
    b"da",
    b"r",
    b"\0",
    "é".as_bytes(),
    "한😀".as_bytes(),
    "\u{FEFF}".as_bytes(),
    b"datax: ",
    b"18446744073709551616",
];

const INVALID: &[&[u8]] = &[
    b"data: ",
    b"id: ",
    b"event: ",
    b":",
    b"\n",
    b"\n",
    b"\r",
    b"x",
    b"\xFF",
    b"\xE2",
    b"\x82",
    b"\xE2\x82",
    b"\xF0\x9F",
    b"\xEF",
    b"\xBB",
    b"\xBF",
    b"\xEF\xBB\xBF",
    b"\xC0\x80",
    "é".as_bytes(),
];

fn check_against_oracle(stream: &[u8], sizes: &[usize], limit: usize) -> Result<(), TestCaseError> {
    let mut expected = oracle(stream, limit);
    let mut decoder = Decoder::new().with_comments(true).with_max_event_size(limit);
    let decoded = decode(&mut decoder, pieces(stream, sizes));
    prop_assert_eq!(&Outcome::of(decoded, &decoder), &expected);

    expected.decoded.retain(|frame| !matches!(frame, Ok(Frame::Comment(_))));
    if limit == usize::MAX {
        let mut decoder = Decoder::new();
        let decoded = decode(&mut decoder, pieces(stream, sizes));
        prop_assert_eq!(&Outcome::of(decoded, &decoder), &expected);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn decoding_equals_the_standard(stream in streams(WORDS), sizes in sizes()) {
        check_against_oracle(&stream, &sizes, usize::MAX)?;
    }

    #[test]
    fn decoding_invalid_utf8_equals_the_standard(stream in streams(INVALID), sizes in sizes()) {
        check_against_oracle(&stream, &sizes, usize::MAX)?;
    }

    #[test]
    fn decoding_any_bytes_equals_the_standard(stream: Vec<u8>, sizes in sizes()) {
        check_against_oracle(&stream, &sizes, usize::MAX)?;
    }

    #[test]
    fn an_event_over_the_limit_costs_only_itself(stream in streams(WORDS), sizes in sizes(), limit in 0..24usize) {
        check_against_oracle(&stream, &sizes, limit)?;
    }

    #[test]
    fn an_encoded_event_decodes_to_itself_and_nothing_else(setters in setters(), sizes in sizes()) {
        let event = setters.iter().fold(Event::new(), Setter::apply);
        let wire = event.to_string();
        let encoded = EncodedEvent::from(event);
        prop_assert_eq!(wire.as_bytes(), encoded.as_bytes());

        let (mut expected, id) = expected_frames(&setters);
        expected.push(Ok(message("message", "after", &id)));
        let stream = [wire.as_bytes(), b"data: after\n\n"].concat();
        let mut decoder = Decoder::new().with_comments(true).with_last_event_id("before");
        prop_assert_eq!(decode(&mut decoder, pieces(&stream, &sizes)), expected);
    }

    #[test]
    fn an_event_type_or_id_is_refused_or_comes_back(text in texts()) {
        match Event::new().try_event(&text) {
            Ok(event) => {
                let expected = if text.is_empty() { "message" } else { &text };
                prop_assert_eq!(frames(event.data("x").to_string()), [message(expected, "x", "")]);
            }
            Err(error) => {
                prop_assert_eq!(error.field(), "event");
                prop_assert_eq!(Some(error.offset()), text.find(['\n', '\r']));
            }
        }
        match Event::new().try_id(&text) {
            Ok(event) => prop_assert_eq!(frames(event.data("x").to_string()), [message("message", "x", &text)]),
            Err(error) => {
                prop_assert_eq!(error.field(), "id");
                prop_assert_eq!(Some(error.offset()), text.find(['\n', '\r', '\0']));
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Setter {
    Event(String),
    Id(String),
    Data(String),
    Comment(String),
    Retry(Duration),
}

impl Setter {
    fn apply(event: Event, setter: &Self) -> Event {
        match setter {
            Self::Event(text) => event.event(text),
            Self::Id(text) => event.id(text),
            Self::Data(text) => event.data(text),
            Self::Comment(text) => event.comment(text),
            Self::Retry(time) => event.retry(*time),
        }
    }
}

/// Text that would change the event if it escaped from its line.
fn texts() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "\n", "\r", "\r\n", "data: ", "event: ", "id:", "retry: 1", ":", " ", "\0", "x", "\u{FEFF}",
        "\u{2028}", "\u{85}", "한",
    ];
    prop_oneof![
        prop::collection::vec(prop::sample::select(WORDS), 0..8).prop_map(|words| words.concat()),
        any::<String>(),
    ]
}

fn setters() -> impl Strategy<Value = Vec<Setter>> {
    let one_line = || texts().prop_map(|text| text.replace(['\n', '\r', '\0'], ""));
    let setter = prop_oneof![
        one_line().prop_map(Setter::Event),
        one_line().prop_map(Setter::Id),
        texts().prop_map(Setter::Data),
        texts().prop_map(Setter::Comment),
        any::<Duration>().prop_map(Setter::Retry),
    ];
    prop::collection::vec(setter, 0..8)
}

/// What a client must see of an event with these fields, and the last event ID afterwards.
fn expected_frames(setters: &[Setter]) -> (util::Decoded, String) {
    let (mut event_type, mut id, mut data) = ("", "before", Vec::new());
    let mut frames = Vec::new();
    for setter in setters {
        match setter {
            Setter::Event(text) => event_type = text,
            Setter::Id(text) => id = text,
            Setter::Data(text) => data.push(with_lf(text)),
            Setter::Comment(text) => frames.extend(with_lf(text).split('\n').map(|line| Ok(comment(line)))),
            Setter::Retry(time) => {
                let time = Duration::new(time.as_secs(), time.subsec_millis() * 1_000_000);
                frames.push(Ok(Frame::Retry(time.min(Decoder::MAX_RECONNECTION_TIME))));
            }
        }
    }
    if !data.is_empty() {
        let event_type = if event_type.is_empty() { "message" } else { event_type };
        frames.push(Ok(message(event_type, &data.join("\n"), id)));
    }
    (frames, id.to_owned())
}
