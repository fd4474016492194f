#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod idle;

mod body;
mod response;

mod session;

mod event_source;
mod events;

pub use crate::error::{BoxError, Error, Final};
pub use crate::event_source::{EventSource, ReadyState, Signal};
pub use crate::events::{Events, event_stream};
pub use crate::session::Attempt;
pub use sse_core::{self, EventTooLarge, MessageEvent};
