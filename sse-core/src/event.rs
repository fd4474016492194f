#[cfg(feature = "json")]
mod json;

use crate::line;
use crate::preview::Preview;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "json")]
pub(crate) use json::JsonData;

/// One event being written, as the block of lines that a client will read.
///
/// Every event that exists is well formed: data and comments take any text, and an event type or an
/// ID that would break out of its line is refused. If you call a setter again, the last event type,
/// ID and reconnection time win, as in the standard, and data and comments gain lines.
///
/// ```
/// use sse_core::Event;
///
/// let event = Event::new().event("tick").id("7").data("first line\r\nsecond line");
/// assert_eq!(event.to_string(), "event: tick\nid: 7\ndata: first line\ndata: second line\n\n");
/// ```
///
/// [`Display`](fmt::Display) writes the bytes of the block, with the blank line that ends it.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
#[must_use]
pub struct Event {
    /// Complete lines of UTF-8, without the blank line.
    lines: Vec<u8>,
}

impl Event {
    /// Creates an event without any field: a blank line, which browsers ignore.
    pub const fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// Sets the event type, the name that `addEventListener` takes in a browser. Without one it is
    /// `message`.
    ///
    /// # Panics
    ///
    /// Panics if the event type contains a line feed or a carriage return. For text that is not
    /// under your control, use [`try_event`](Self::try_event).
    #[track_caller]
    pub fn event(self, event_type: impl AsRef<str>) -> Self {
        match self.try_event(event_type) {
            Ok(event) => event,
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the event type, as [`event`](Self::event) does.
    ///
    /// # Errors
    ///
    /// Returns an error if the event type contains a line feed or a carriage return.
    pub fn try_event(mut self, event_type: impl AsRef<str>) -> Result<Self, InvalidField> {
        let value = event_type.as_ref().as_bytes();
        InvalidField::check("event", value, memchr::memchr2(b'\n', b'\r', value))?;
        self.reserve_for_more();
        self.line("event: ", value);
        Ok(self)
    }

    /// Sets the ID that the client sends back as `Last-Event-ID` when it reconnects. An empty ID
    /// makes it forget the last one.
    ///
    /// # Panics
    ///
    /// Panics if the ID contains a line feed, a carriage return or a NUL, since clients would
    /// ignore it. For text that is not under your control, use [`try_id`](Self::try_id).
    #[track_caller]
    pub fn id(self, id: impl AsRef<str>) -> Self {
        match self.try_id(id) {
            Ok(event) => event,
            Err(error) => panic!("{error}"),
        }
    }

    /// Sets the ID, as [`id`](Self::id) does.
    ///
    /// # Errors
    ///
    /// Returns an error if the ID contains a line feed, a carriage return or a NUL.
    pub fn try_id(mut self, id: impl AsRef<str>) -> Result<Self, InvalidField> {
        let value = id.as_ref().as_bytes();
        InvalidField::check("id", value, memchr::memchr3(b'\n', b'\r', b'\0', value))?;
        self.reserve_for_more();
        self.line("id: ", value);
        Ok(self)
    }

    /// Adds data: any text. Each line break in it, whether CRLF, CR or LF, reaches the client as
    /// LF.
    ///
    /// Empty data is data, too: the client dispatches an event for it.
    pub fn data(mut self, data: impl AsRef<str>) -> Self {
        self.add_lines("data: ", data.as_ref().as_bytes());
        self
    }

    /// Adds a comment: any text, which clients skip.
    pub fn comment(mut self, comment: impl AsRef<str>) -> Self {
        self.add_lines(":", comment.as_ref().as_bytes());
        self
    }

    /// Sets the reconnection time: how long the client waits before it reconnects, in whole
    /// milliseconds.
    ///
    /// Put it on an event that has data: some clients dispatch an empty event for a block with
    /// nothing else.
    pub fn retry(mut self, reconnection_time: Duration) -> Self {
        self.line("retry: ", reconnection_time.as_millis().to_string().as_bytes());
        self
    }

    #[inline]
    fn line(&mut self, name: &str, value: &[u8]) {
        self.reserve(name.len() + value.len() + 1);
        self.lines.extend_from_slice(name.as_bytes());
        self.lines.extend_from_slice(value);
        self.lines.push(b'\n');
    }

    #[inline]
    fn add_lines(&mut self, name: &str, text: &[u8]) {
        if line::find_end(text).is_none() {
            return self.line(name, text);
        }
        let breaks = memchr::memchr2_iter(b'\n', b'\r', text).count();
        self.reserve(text.len() + (breaks + 1) * name.len() + 1);
        for value in line::lines(text) {
            self.line(name, value);
        }
    }

    /// Reserves room for the short lines that usually come before data, so that they take one
    /// allocation, and at most two with the data, instead of one per line.
    fn reserve_for_more(&mut self) {
        if self.lines.is_empty() {
            self.lines.reserve_exact(256);
        }
    }

    /// Reserves room for this many bytes and the blank line.
    ///
    /// Reserves exactly that much if it at least doubles the buffer, so that a typical event takes
    /// one allocation and freezes in place.
    #[inline]
    fn reserve(&mut self, bytes: usize) {
        if bytes >= self.lines.len() {
            self.lines.reserve_exact(bytes + 1);
        } else {
            self.lines.reserve(bytes + 1);
        }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", String::from_utf8_lossy(&self.lines))
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Event").field(&Preview(&self.lines)).finish()
    }
}

/// The finished bytes of one or more events, in complete blocks. A clone shares them.
///
/// ```
/// use sse_core::{EncodedEvent, Event};
///
/// let event = EncodedEvent::from(Event::new().data("for everyone"));
/// let for_another_connection = event.clone();
/// assert_eq!(event.as_bytes(), b"data: for everyone\n\n");
/// assert_eq!(event.as_bytes().as_ptr(), for_another_connection.as_bytes().as_ptr());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[must_use]
pub struct EncodedEvent(Bytes);

impl EncodedEvent {
    /// Takes bytes as they are, for a proxy that passes on what another server has written.
    ///
    /// Nothing is checked: a client reads whatever these bytes say, and what follows may become
    /// part of their last block.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// Returns the bytes that go over the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<Event> for EncodedEvent {
    #[inline]
    fn from(event: Event) -> Self {
        let mut lines = event.lines;
        lines.push(b'\n');
        Self(Bytes::from(lines))
    }
}

impl From<EncodedEvent> for Bytes {
    fn from(event: EncodedEvent) -> Self {
        event.0
    }
}

impl AsRef<[u8]> for EncodedEvent {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Writes the bytes as text, with U+FFFD for what is not UTF-8.
impl fmt::Display for EncodedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for EncodedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EncodedEvent").field(&Preview(&self.0)).finish()
    }
}

/// The error of an event type or an ID that does not fit on its line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidField {
    field: &'static str,
    byte: u8,
    offset: usize,
}

impl InvalidField {
    fn check(field: &'static str, value: &[u8], offset: Option<usize>) -> Result<(), Self> {
        match offset {
            Some(offset) => Err(Self { field, byte: value[offset], offset }),
            None => Ok(()),
        }
    }

    /// Returns the name of the field: `event` or `id`.
    pub fn field(&self) -> &'static str {
        self.field
    }

    /// Returns the offset of the offending byte in the value.
    pub fn offset(&self) -> usize {
        self.offset
    }
}

impl fmt::Display for InvalidField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, offset, .. } = self;
        let what = match self.byte {
            b'\n' => "be a single line, but has a line feed",
            b'\r' => "be a single line, but has a carriage return",
            _ => "not contain NUL, but has one",
        };
        write!(f, "`{field}` must {what} at byte {offset}; remove or encode it")
    }
}

impl core::error::Error for InvalidField {}
