//! Events decode to what they were written from, one after another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_core::{EncodedEvent, Event, Frame};
use sse_fuzz::{comment, frames, message, with_lf};
use std::time::Duration;

// The input is the fields of all events, with a unit separator between them.
fuzz_target!(|fields: &str| {
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    for fields in fields.split('\x1F').collect::<Vec<_>>().chunks_exact(4) {
        let [event_type, id, text, data] = fields else { unreachable!() };
        let event = Event::new().try_event(event_type).and_then(|event| event.try_id(id));
        let Ok(event) = event else { continue };
        let time = Duration::from_millis(stream.len() as u64);
        stream.extend_from_slice(EncodedEvent::from(event.comment(text).retry(time).data(data)).as_bytes());
        expected.extend(with_lf(text).split('\n').map(comment));
        expected.push(Frame::Retry(time));
        let event_type = if event_type.is_empty() { "message" } else { event_type };
        expected.push(message(event_type, &with_lf(data), id));
    }
    assert_eq!(frames(stream), expected);
});
