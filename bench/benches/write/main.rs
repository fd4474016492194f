//! Writing events: to bytes, through the body of a response, and to many bodies.
//!
//! A pass of `body` and `fan_out` has 1,000 events, so that microseconds a pass are nanoseconds an
//! event.

mod body;
mod bytes;
mod event;
mod fan_out;

use divan::AllocProfiler;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

/// The corpora whose first event is written.
const PAYLOADS: [&str; 3] = ["openai", "wikimedia", "tiny"];

fn main() {
    divan::main();
}
