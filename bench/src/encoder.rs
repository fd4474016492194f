//! Ours and the peers that write: from fields to the event of each, and to bytes where there is a way without a body.

use crate::fields::{Fields, Text};
use axum::response::sse;
use bytes::Bytes;
use rocket::response::stream;
use sse_core::EncodedEvent;

pub fn event<T: Text>(Fields { event_type, id, data }: Fields<T>) -> sse_core::Event {
    let mut event = sse_core::Event::new();
    if let Some(event_type) = event_type {
        event = event.event(event_type);
    }
    if let Some(id) = id {
        event = event.id(id);
    }
    event.data(data)
}

pub fn bytes<T: Text>(fields: Fields<T>) -> Bytes {
    EncodedEvent::from(event(fields)).into()
}

pub fn axum<T: Text>(Fields { event_type, id, data }: Fields<T>) -> sse::Event {
    let mut event = sse::Event::default();
    if let Some(event_type) = event_type {
        event = event.event(event_type);
    }
    if let Some(id) = id {
        event = event.id(id);
    }
    event.data(data)
}

pub fn warp<T: Text>(Fields { event_type, id, data }: Fields<T>) -> warp::sse::Event {
    let mut event = warp::sse::Event::default();
    if let Some(event_type) = event_type {
        event = event.event(event_type);
    }
    if let Some(id) = id {
        event = event.id(id);
    }
    event.data(data)
}

pub fn rocket<T: Text>(Fields { event_type, id, data }: Fields<T>) -> stream::Event {
    let mut event = stream::Event::data(data);
    if let Some(event_type) = event_type {
        event = event.event(event_type);
    }
    if let Some(id) = id {
        event = event.id(id);
    }
    event
}

pub fn sse_stream<T: Text>(Fields { event_type, id, data }: Fields<T>) -> sse_stream::Sse {
    sse_stream::Sse {
        event: event_type.map(Into::into),
        id: id.map(Into::into),
        data: Some(data.into()),
        retry: None,
    }
}

pub fn sse_stream_bytes<T: Text>(fields: Fields<T>) -> Bytes {
    sse_stream(fields).encode().expect("the fields are valid")
}

pub fn russe_bytes<T: Text>(Fields { event_type, id, data }: Fields<T>) -> Bytes {
    let message = russe::Message {
        event: event_type.map(Text::into_byte_string),
        id: id.map(Text::into_byte_string),
        data: data.into_byte_string(),
        retry: None,
    };
    russe::Event::Message(message).into_bytestring().expect("the fields are valid").into_bytes()
}

/// The limit: what one would write by hand for these very fields, checking nothing.
pub fn exact_bytes<T: Text>(Fields { event_type, id, data }: Fields<T>) -> Bytes {
    let lines = [("event: ", event_type), ("id: ", id), ("data: ", Some(data))];
    let lines = lines.iter().filter_map(|(name, value)| Some((*name, value.as_ref()?.as_ref())));
    let mut bytes = Vec::with_capacity(
        lines.clone().map(|(name, value)| name.len() + value.len() + 1).sum::<usize>() + 1,
    );
    for (name, value) in lines {
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(value.as_bytes());
        bytes.push(b'\n');
    }
    bytes.push(b'\n');
    Bytes::from(bytes)
}
