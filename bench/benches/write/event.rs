//! From fields to the event of each crate.

use axum::response::sse;
use sse_bench::fields::Fields;
use sse_core::{Decoder, Frame};

macro_rules! build {
    ($event:expr, $fields:expr) => {{
        let (mut event, Fields { event_type, id, data }) = ($event, $fields);
        if let Some(event_type) = event_type {
            event = event.event(event_type);
        }
        if let Some(id) = id {
            event = event.id(id);
        }
        event.data(data)
    }};
}

pub fn ours(fields: Fields) -> sse_core::Event {
    build!(sse_core::Event::new(), fields)
}

pub fn axum(fields: Fields) -> sse::Event {
    build!(sse::Event::default(), fields)
}

pub fn warp(fields: Fields) -> warp::sse::Event {
    build!(warp::sse::Event::default(), fields)
}

pub fn rocket(Fields { event_type, id, data }: Fields) -> rocket::response::stream::Event {
    let mut event = rocket::response::stream::Event::data(data);
    if let Some(event_type) = event_type {
        event = event.event(event_type);
    }
    if let Some(id) = id {
        event = event.id(id);
    }
    event
}

pub fn russe(Fields { event_type, id, data }: Fields) -> russe::Event {
    russe::Event::Message(russe::Message {
        event: event_type.map(Into::into),
        id: id.map(Into::into),
        data: data.into(),
        retry: None,
    })
}

pub fn sse_stream(Fields { event_type, id, data }: Fields) -> sse_stream::Sse {
    sse_stream::Sse { event: event_type.map(Into::into), id, data: Some(data), retry: None }
}

/// Panics unless the bytes decode to this event, this many times.
pub fn check(mut bytes: &[u8], fields: &Fields, events: usize) {
    let mut decoder = Decoder::new();
    let mut decoded = 0;
    while let Some(frame) = decoder.decode(&mut bytes).expect("the events are small") {
        if let Frame::Message(message) = frame {
            assert_eq!(message.event_type, fields.event_type.unwrap_or("message"));
            assert_eq!(message.last_event_id, fields.id.as_deref().unwrap_or_default());
            assert_eq!(message.data, fields.data);
            decoded += 1;
        }
    }
    assert_eq!(decoded, events);
}
