//! The events of the hub itself. Their data is JSON, since clients may parse the data of
//! every event.

use crate::Position;
use sse_core::{EncodedEvent, Event};
use std::fmt;
use std::time::Duration;

/// The prefix of the hub's own event types and topics.
pub(crate) const PREFIX: &str = "hub:";

/// The longest time that a page waits before it loads its state again, after a gap for all pages.
const SPREAD: Duration = Duration::from_secs(5);

/// How long a client waits before it reconnects to a stream that the hub ended, in milliseconds.
const RETURN: std::ops::Range<u64> = 1_000..10_000;

/// Why events are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum GapCause {
    /// The log no longer has the events after the cursor.
    Trimmed,
    /// The cursor belongs to another log, such as the one before a restart.
    Epoch,
    /// The cursor names an event that this log does not have yet.
    Ahead,
    /// The cursor is not the ID of an event.
    Malformed,
    /// The subscription did not read fast enough, or has missed more than the 16,384 events or
    /// 16 MiB that are read for it from an [`Engine`](crate::Engine).
    Lagged,
}

impl fmt::Display for GapCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trimmed => "trimmed",
            Self::Epoch => "epoch",
            Self::Ahead => "ahead",
            Self::Malformed => "malformed",
            Self::Lagged => "lagged",
        })
    }
}

/// Why a subscription was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusedCause {
    /// A topic is empty, longer than 256 bytes, has control characters, or begins with `hub:`.
    InvalidTopic,
    /// The subscription names too many topics, or the hub has no room for another topic that has
    /// subscribers and no events.
    Topics,
    /// The hub has reached its limit of subscribers.
    Subscribers,
    /// The hub is being drained.
    Draining,
}

/// Why the hub ended a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum EndCause {
    Refused(RefusedCause),
    Drained,
    MaxAge,
    Disconnected,
}

impl fmt::Display for EndCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused(RefusedCause::InvalidTopic) => "invalid-topic",
            Self::Refused(RefusedCause::Topics) => "topics",
            Self::Refused(RefusedCause::Subscribers) => "subscribers",
            Self::Refused(RefusedCause::Draining) | Self::Drained => "draining",
            Self::MaxAge => "max-age",
            Self::Disconnected => "disconnected",
        })
    }
}

pub(crate) fn hello(position: Position) -> EncodedEvent {
    control("hello").id(position.to_string()).data("{}").into()
}

pub(crate) fn at(position: Position) -> EncodedEvent {
    control("at").id(position.to_string()).data("{}").into()
}

pub(crate) fn gap(position: Position, cause: GapCause) -> EncodedEvent {
    // All clients have this gap at the same time.
    let wait = if cause == GapCause::Epoch { fastrand::u128(0..SPREAD.as_millis()) } else { 0 };
    let data = format!("{{\"cause\":\"{cause}\",\"wait_ms\":{wait}}}");
    control("gap").id(position.to_string()).data(data).into()
}

pub(crate) fn end(position: Option<Position>, cause: EndCause) -> EncodedEvent {
    let mut event = control("end").retry(Duration::from_millis(fastrand::u64(RETURN)));
    if let Some(position) = position {
        event = event.id(position.to_string());
    }
    event.data(format!("{{\"cause\":\"{cause}\"}}")).into()
}

fn control(name: &str) -> Event {
    Event::new().event(format!("{PREFIX}{name}"))
}
