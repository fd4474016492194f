//! Every vector of `vectors/event-stream.json` decodes as it says, however the stream is cut.

mod util;

use base64::Engine as _;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::Value;
use sse_core::{Decoder, Frame};
use std::time::Duration;
use util::{comment, decode, message, pieces};

struct Vector {
    name: String,
    input: Vec<u8>,
    chunks: Vec<usize>,
    initial_last_event_id: String,
    events: Vec<Frame<'static>>,
    retry: Option<Duration>,
    last_event_id: String,
    comments: Option<Vec<Frame<'static>>>,
}

impl Vector {
    fn read(vector: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        Self {
            name: text(&vector["name"]),
            input: match vector["encoding"].as_str() {
                Some("utf8") => text(&vector["input"]).into_bytes(),
                Some("base64") => base64::prelude::BASE64_STANDARD.decode(text(&vector["input"])).unwrap(),
                other => panic!("unknown encoding {other:?}"),
            },
            chunks: list(&vector["chunks"])
                .iter()
                .map(|size| usize::try_from(size.as_u64().unwrap()).unwrap())
                .collect(),
            initial_last_event_id: vector["initial_last_event_id"].as_str().unwrap_or_default().to_owned(),
            events: list(&vector["events"])
                .iter()
                .map(|event| message(&text(&event["event"]), &text(&event["data"]), &text(&event["id"])))
                .collect(),
            retry: vector["retry"].as_u64().map(Duration::from_millis),
            last_event_id: text(&vector["last_event_id"]),
            comments: vector["comments"]
                .as_array()
                .map(|comments| comments.iter().map(|text| comment(text.as_str().unwrap())).collect()),
        }
    }

    fn check(&self, sizes: &[usize]) {
        let at = |what| format!("{what} of {} in pieces of {sizes:?}", self.name);
        let mut decoder = Decoder::new().with_last_event_id(&self.initial_last_event_id).with_comments(true);
        let decoded = decode(&mut decoder, pieces(&self.input, sizes));
        let (mut events, mut comments, mut retry) = (Vec::new(), Vec::new(), None);
        for frame in decoded {
            match frame.unwrap() {
                Frame::Message(message) => events.push(Frame::Message(message)),
                Frame::Comment(text) => comments.push(Frame::Comment(text)),
                Frame::Retry(time) => retry = Some(time),
            }
        }
        assert_eq!(events, self.events, "{}", at("events"));
        assert_eq!(decoder.last_event_id(), self.last_event_id, "{}", at("last event ID"));
        assert_eq!(retry, self.retry, "{}", at("retry"));
        assert_eq!(decoder.reconnection_time(), self.retry, "{}", at("reconnection time"));
        if let Some(expected) = &self.comments {
            assert_eq!(&comments, expected, "{}", at("comments"));
        }
    }
}

fn vectors() -> Vec<Vector> {
    let json: Value = serde_json::from_str(include_str!("vectors/event-stream.json")).unwrap();
    let vectors: Vec<Vector> = json["vectors"].as_array().unwrap().iter().map(Vector::read).collect();
    assert!(vectors.len() > 200);
    vectors
}

#[test]
fn whole() {
    vectors().iter().for_each(|vector| vector.check(&[vector.input.len()]));
}

#[test]
fn byte_by_byte() {
    vectors().iter().for_each(|vector| vector.check(&[1]));
}

#[test]
fn in_their_own_chunks() {
    let vectors = vectors();
    let chunked: Vec<_> = vectors.iter().filter(|vector| !vector.chunks.is_empty()).collect();
    assert!(!chunked.is_empty());
    chunked.iter().for_each(|vector| vector.check(&vector.chunks));
}

#[test]
fn cut_in_two_at_every_place() {
    // The longest four are left out, since a vector is decoded as many times as it has bytes.
    for vector in vectors().iter().filter(|vector| vector.input.len() < 5000) {
        (1..vector.input.len()).for_each(|at| vector.check(&[at, vector.input.len()]));
    }
}

#[test]
fn in_random_pieces() {
    let vectors = vectors();
    TestRunner::default()
        .run(&prop::collection::vec(0..40usize, 1..8), |sizes| {
            vectors.iter().for_each(|vector| vector.check(&sizes));
            Ok(())
        })
        .unwrap();
}
