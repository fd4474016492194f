//! A stream decodes to the same frames, wherever it is cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_core::Decoder;
use sse_fuzz::{chunks, decode};

fuzz_target!(|input: &[u8]| {
    let chunks = chunks(input);
    let stream = chunks.concat();
    let mut whole = Decoder::new().with_comments(true);
    let frames = decode(&mut whole, [&stream[..]]);
    for chunks in [chunks, stream.chunks(1).collect()] {
        let mut cut = Decoder::new().with_comments(true);
        assert_eq!(decode(&mut cut, chunks), frames);
        assert_eq!(cut.last_event_id(), whole.last_event_id());
        assert_eq!(cut.reconnection_time(), whole.reconnection_time());
        assert_eq!(cut.has_incomplete_event(), whole.has_incomplete_event());
    }
});
