//! What the fuzz targets share: the oracle and the helpers of the core's tests.

#[path = "../../sse-core/tests/util/mod.rs"]
mod util;

pub use util::{Decoded, Outcome, comment, decode, frames, message, oracle, with_lf};

/// Cuts an input into the chunks of a stream at each unit separator, which is readable in the
/// seeds.
pub fn chunks(input: &[u8]) -> Vec<&[u8]> {
    input.split(|&byte| byte == b'\x1F').collect()
}
