//! Server-Sent Events without I/O: write events, read them back in any split, stream them as a
//! response body.
//!
//! ```
//! use sse_core::{Decoder, EncodedEvent, Event, Frame};
//!
//! // Writing: any text is safe as data.
//! let event = Event::new().event("greeting").id("1").data("hello\nworld");
//! assert_eq!(event.to_string(), "event: greeting\nid: 1\ndata: hello\ndata: world\n\n");
//! let bytes = EncodedEvent::from(event);
//!
//! // Reading: from whatever pieces the network delivers.
//! let mut decoder = Decoder::new();
//! let (first, second) = bytes.as_bytes().split_at(30);
//! for mut chunk in [first, second] {
//!     while let Some(frame) = decoder.decode(&mut chunk)? {
//!         if let Frame::Message(message) = frame {
//!             assert_eq!(message.event_type, "greeting");
//!             assert_eq!(message.data, "hello\nworld");
//!         }
//!     }
//! }
//! assert_eq!(decoder.last_event_id(), "1");
//! # Ok::<(), sse_core::EventTooLarge>(())
//! ```
//!
//! # What is here
//!
//! - [`Event`] is one block being written, [`EncodedEvent`] its finished bytes, cheap to clone for
//!   many connections.
//! - [`Decoder`] turns chunks of bytes into [`Frame`]s as the event stream clauses of the [WHATWG
//!   HTML standard] (9.2.5 and 9.2.6) say, without allocating for each event and within a limit on
//!   memory.
//! - `EventStream` (feature `stream`) does the same for a stream of chunks, such as the body of a
//!   client's response.
//! - `Sse` (feature `stream`) is the body of a server's response, with keep-alive on any `Clock`.
//!   With feature `http` it is an `http_body::Body`, which hyper and tower take as it is; feature
//!   `tokio` has tokio's clock.
//! - [`header`] has the response headers and the `Last-Event-ID` of a request.
//!
//! # What is not
//!
//! No client: connecting, reconnecting after [`Decoder::reconnection_time`] and checking the
//! content type are the caller's. No server: `sse-axum` and its siblings turn an `Sse` into their
//! framework's response.
//!
//! # Features
//!
//! | feature | adds | needs |
//! |---|---|---|
//! | `std` (default) | run-time detection of vector instructions | `std` |
//! | `stream` | `EventStream`, `Sse`, `KeepAlive`, `Clock` | `alloc` |
//! | `http` | `http_body::Body` for `Sse`, `Sse::into_response`, `LastEventId::from_http` | `std` |
//! | `tokio` | `TokioClock::new`, `Sse::keep_alive` | `std`, a tokio runtime with time enabled |
//! | `json` | JSON as data: `Event::json_data`, `MessageEvent::json`; enums as events: `typed` on both | `std` |
//!
//! Without `std` the crate needs `alloc` and atomic pointers. Features only add to the API.
//!
//! [WHATWG HTML standard]: https://html.spec.whatwg.org/multipage/server-sent-events.html

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod line;
mod preview;

mod event;
mod message;
#[cfg(feature = "json")]
mod typed;

mod decode;

#[cfg(feature = "stream")]
mod event_stream;

#[cfg(feature = "stream")]
mod clock;
#[cfg(feature = "stream")]
mod keep_alive;
#[cfg(feature = "stream")]
mod sse;

pub mod header;

#[cfg(feature = "stream")]
pub use crate::clock::{Clock, NoClock, TokioClock, Turn};
pub use crate::decode::{Decoder, EventTooLarge};
pub use crate::event::{EncodedEvent, Event, InvalidField};
#[cfg(feature = "stream")]
pub use crate::event_stream::{EventStream, EventStreamError, Frames};
pub use crate::header::{InvalidLastEventId, LastEventId};
#[cfg(feature = "stream")]
pub use crate::keep_alive::{KeepAlive, KeepAliveStream};
pub use crate::message::{Frame, MessageEvent};
#[cfg(feature = "stream")]
pub use crate::sse::Sse;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
