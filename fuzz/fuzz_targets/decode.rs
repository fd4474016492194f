//! Any bytes decode to what the standard says.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sse_core::Decoder;
use sse_fuzz::{Outcome, decode, oracle};

fuzz_target!(|stream: &[u8]| {
    let mut decoder = Decoder::new().with_comments(true);
    let decoded = decode(&mut decoder, [stream]);
    assert_eq!(Outcome::of(decoded, &decoder), oracle(stream, usize::MAX));
});
