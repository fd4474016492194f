//! How often the codec asks for memory. One test, so that nothing else runs beside the count.

use allocation_counter::measure;
use sse_core::{Decoder, EncodedEvent, Event, Frame};
use std::hint::black_box;

/// Decodes the stream in chunks of this size and returns the number of events.
fn count(decoder: &mut Decoder, stream: &[u8], size: usize) -> usize {
    let mut events = 0;
    for mut chunk in stream.chunks(size) {
        while let Some(frame) = decoder.decode(&mut chunk).unwrap() {
            events += usize::from(matches!(frame, Frame::Message(_)));
        }
    }
    events
}

#[test]
fn memory_is_asked_for_as_documented() {
    // Once warm, decoding asks for none, whatever the events and wherever they are cut.
    let event = "event: e\nid: 12345\nretry: 5\ndata: first line\ndata: 둘째 줄\n\n";
    let stream = event.repeat(1000);
    for size in [1, 7, 100, stream.len()] {
        let mut decoder = Decoder::new().with_comments(true);
        count(&mut decoder, &stream.as_bytes()[..10 * event.len()], size);
        let info = measure(|| assert_eq!(count(&mut decoder, stream.as_bytes(), size), 1000));
        assert_eq!(info.count_total, 0, "chunks of {size} bytes");
    }

    // After something huge the decoder gives memory back, whatever it was.
    let x = "x".repeat(10 << 20);
    for huge in [
        format!("data: {x}\n\n"),
        format!("data\ndata: {x}\n\n"),
        format!("event: {x}\ndata\n\n"),
        format!("id: {x}\ndata\n\nid: 1\ndata\n\n"),
        format!("id: {x}\0\ndata\n\n"),
        format!("retry: {x}\n\n"),
        format!(":{x}\n"),
        format!("data: {x}{x}{x}{x}\n\n"),
    ] {
        let mut decoder = Decoder::new().with_comments(true);
        let info = measure(|| {
            for mut chunk in huge.as_bytes().chunks(1000).chain([b"\n".as_slice()]) {
                while !chunk.is_empty() {
                    drop(black_box(decoder.decode(&mut chunk)));
                }
            }
        });
        let what = &huge[..10];
        assert!(info.bytes_max > 10 << 20, "{what:?}: {} bytes", info.bytes_max);
        assert!(info.bytes_current <= 3 * 64 * 1024, "{what:?}: {} bytes kept", info.bytes_current);
    }

    // What means nothing is skipped without being stored.
    for start in [":", "unknown: ", "datum", "x", "dataX", "\u{FEFF}:"] {
        let stream = format!("{start}{x}\ndata: x\n\n");
        let mut decoder = Decoder::new();
        let info = measure(|| assert_eq!(count(&mut decoder, stream.as_bytes(), 1000), 1));
        assert!(info.bytes_max < 100, "{start:?}: {} bytes", info.bytes_max);
    }

    // An event of one field is written and frozen in one allocation, whatever its length and however many its lines.
    for data in ["x".repeat(250), "x\n".repeat(250), String::new()] {
        let write = || drop(black_box(EncodedEvent::from(Event::new().data(&data))));
        assert_eq!(measure(write).count_total, 1);
        let write = || drop(black_box(EncodedEvent::from(Event::new().comment(&data))));
        assert_eq!(measure(write).count_total, 1);
    }

    // One that grows line by line does so in steps that double.
    let grow = || drop(black_box((0..10_000).fold(Event::new(), |event, _| event.data("x"))));
    assert!(measure(grow).count_total < 20);

    // The first clone adds a count of owners, which all others share.
    let event = EncodedEvent::from(Event::new().data("x"));
    assert_eq!(measure(|| drop(event.clone())).count_total, 1);
    assert_eq!(measure(|| drop(event.clone())).count_total, 0);
}
