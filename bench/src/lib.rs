//! How fast the codec and the response body are, beside the crates that one would take instead.
//!
//! A library, since two programs share it: `sse-bench` measures time, and `allocations` counts under an allocator that
//! would slow down what it times.

pub mod measure;
pub mod report;

pub mod corpus;
pub mod delivery;
pub mod message;

pub mod decode;
pub mod decoder;
pub mod limit;

pub mod body;
pub mod encode;
pub mod encoder;
pub mod fields;
pub mod keep_alive;

pub mod fan_out;

pub mod burst;
pub mod fairness;
pub mod memory;
pub mod serve;
pub mod server;

pub mod allocations;
pub mod chart;
pub mod machine;
