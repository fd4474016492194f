use std::fmt;

/// A place in the log of a hub: that of an event, which is also its ID.
///
/// Positions of one epoch are ordered by `major`, then `minor`. Positions of different epochs have
/// no order, so the type has none either; compare with [`is_after`](Self::is_after).
///
/// ```
/// use sse_core::Event;
///
/// let hub = sse_hub::Hub::new();
/// let before = hub.position();
/// let position = hub.blocking_publish("news", Event::new().data("hello"))?;
/// assert!(position.is_after(&before));
/// # Ok::<(), sse_hub::PublishError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The log that this position belongs to. It changes when events may have been lost or
    /// numbered twice, such as when a hub in memory starts again.
    pub epoch: u64,
    /// The number of an event in memory, or the time in milliseconds in a Redis stream.
    pub major: u64,
    /// What tells events of one `major` apart; 0 in memory.
    pub minor: u64,
    /// Random bits that tell an event from another one that an engine gave the same place; 0 in
    /// memory.
    pub nonce: u32,
}

impl Position {
    /// The longest text of a position, in bytes.
    pub(crate) const MAX_LEN: usize = "ffffffffffffffff:ffffffffffffffff-ffffffffffffffff.ffffffff".len();

    pub(crate) const fn in_memory(epoch: u64, number: u64) -> Self {
        Self { epoch, major: number, minor: 0, nonce: 0 }
    }

    /// Whether this position comes after another one of the same epoch.
    pub fn is_after(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.place() > other.place()
    }

    pub(crate) fn place(&self) -> (u64, u64) {
        (self.major, self.minor)
    }

    fn parse(text: &str) -> Option<Self> {
        fn hex<T>(text: &str, parse: fn(&str, u32) -> Result<T, std::num::ParseIntError>) -> Option<T> {
            parse(text, 16).ok()
        }
        if text.len() > Self::MAX_LEN {
            return None;
        }
        let (epoch, place) = text.split_once(':')?;
        let (major, rest) = place.split_once('-').unwrap_or((place, "0.0"));
        let (minor, nonce) = rest.split_once('.')?;
        let position = Self {
            epoch: hex(epoch, u64::from_str_radix)?,
            major: hex(major, u64::from_str_radix)?,
            minor: hex(minor, u64::from_str_radix)?,
            nonce: hex(nonce, u32::from_str_radix)?,
        };
        // Each position has one spelling: no sign, no leading zero, no upper case.
        (position.to_string() == text).then_some(position)
    }
}

/// Writes the ID of an event: `epoch:major` in hexadecimal, followed by `-minor.nonce` unless both
/// are 0.
impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epoch, major, minor, nonce } = self;
        write!(f, "{epoch:x}:{major:x}")?;
        if (*minor, *nonce) != (0, 0) {
            write!(f, "-{minor:x}.{nonce:x}")?;
        }
        Ok(())
    }
}

/// Where a [`Subscription`](crate::Subscription) begins: after the event with this ID.
///
/// It is made from any text, such as the `LastEventId` of an adapter, or from a [`Position`].
/// Empty text is no cursor. Text that is not the ID of an event makes the subscription begin with a
/// gap.
///
/// ```
/// use sse_core::Event;
/// use sse_hub::{Cursor, Hub};
///
/// let hub = Hub::new();
/// let position = hub.blocking_publish("news", Event::new().data("hello"))?;
/// let last_event_id = position.to_string();
/// assert_eq!(Cursor::from(&last_event_id), Cursor::from(position));
/// let news = hub.subscribe(["news"]).after(&last_event_id);
/// # Ok::<(), sse_hub::PublishError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor(pub(crate) Start);

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Start {
    #[default]
    Now,
    After(Position),
    Malformed,
}

impl<T: AsRef<str> + ?Sized> From<&T> for Cursor {
    fn from(id: &T) -> Self {
        let id = id.as_ref();
        if id.is_empty() {
            return Self(Start::Now);
        }
        Self(Position::parse(id).map_or(Start::Malformed, Start::After))
    }
}

impl From<Position> for Cursor {
    fn from(position: Position) -> Self {
        Self(Start::After(position))
    }
}
