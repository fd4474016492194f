//! The speed of the codec and the response body, beside their alternatives.
//!
//! It is a library for the program `sse-bench` and for `benches`.

pub mod measure;
pub mod report;

pub mod corpus;
pub mod delivery;
pub mod fields;
pub mod message;

pub mod decode;
pub mod decoder;
pub mod limit;

pub mod clients;
pub mod source;

pub mod burst;
pub mod fairness;
pub mod serve;
pub mod server;

pub mod fan_out;
pub mod hub;
pub mod program;
pub mod topics;

pub mod nodes;
pub mod nodes_ways;

pub mod connections;
pub mod hub_clients;
pub mod hub_server;

pub mod chart;
pub mod machine;
