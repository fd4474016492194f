#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod append;
mod batch;
mod connection;
mod entry;
mod error;
mod log;
mod mark;
mod read;
mod replay;
mod script;

pub use crate::log::{Builder, Redis};
pub use redis::{Client, IntoConnectionInfo, RedisError};
