//! Any bytes decode to what the standard says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_core::Decoder;
use sse_fuzz::{decode, oracle};

fuzz_target!(|stream: &[u8]| {
    let (frames, last_event_id) = oracle(stream, usize::MAX);
    let mut decoder = Decoder::new().with_comments(true);
    assert_eq!(decode(&mut decoder, [stream]), frames);
    assert_eq!(decoder.last_event_id(), last_event_id);
});
