//! An event that exceeds the limit causes one error and takes no more memory than the limit allows.
//! Decoding continues after it.
#![no_main]

use allocation_counter::measure;
use libfuzzer_sys::fuzz_target;
use sse_core::Decoder;
use sse_fuzz::{chunks, decode, message, oracle};

fuzz_target!(|input: &[u8]| {
    let Some((limit, input)) = input.split_first() else { return };
    let limit = usize::from(limit % 64);
    let chunks = [chunks(input), vec![b"\n\ndata\n\n"]].concat();
    let new = || Decoder::new().with_comments(true).with_max_event_size(limit);
    let decoded = decode(&mut new(), chunks.iter().copied());
    let expected = oracle(&chunks.concat(), limit);
    assert_eq!(decoded, expected.decoded);
    assert!(limit == 0 || decoded.ends_with(&[Ok(message("message", "", &expected.last_event_id))]));
    let used = measure(|| {
        let mut decoder = new();
        for mut chunk in chunks {
            while decoder.decode(&mut chunk) != Ok(None) {}
        }
    });
    // There are four buffers, which double as they grow, and a copy of each value, in which a bad
    // byte takes three.
    assert!(used.bytes_max <= 100 + 20 * limit as u64, "{used:?} with a limit of {limit}");
});
