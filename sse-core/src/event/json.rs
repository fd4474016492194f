//! Data as JSON.

use super::Event;
use crate::{line, typed};
use serde_core::Serialize;
use serde_json::Error;

impl Event {
    /// Makes an event of an enum: the variant's name becomes the event type, and its content
    /// becomes the data as JSON.
    ///
    /// The enum must be externally tagged, which is serde's default. The data of a newtype variant
    /// is its content, of a tuple variant an array, of a struct variant an object, and of a unit
    /// variant `null`. Attributes such as `rename` and `rename_all` apply.
    /// [`MessageEvent::typed`](crate::MessageEvent::typed) reads the event back.
    ///
    /// ```
    /// use serde::Serialize;
    /// use sse_core::Event;
    ///
    /// #[derive(Serialize)]
    /// #[serde(rename_all = "kebab-case")]
    /// enum Update<'a> {
    ///     UserJoined { name: &'a str },
    ///     Message(&'a str),
    ///     Closed,
    /// }
    ///
    /// let joined = Event::typed(&Update::UserJoined { name: "Ann" })?.id("1");
    /// assert_eq!(joined.to_string(), "event: user-joined\ndata: {\"name\":\"Ann\"}\nid: 1\n\n");
    ///
    /// let message = Event::typed(&Update::Message("hello"))?;
    /// assert_eq!(message.to_string(), "event: message\ndata: \"hello\"\n\n");
    ///
    /// let closed = Event::typed(&Update::Closed)?;
    /// assert_eq!(closed.to_string(), "event: closed\ndata: null\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// [`json_data`](Self::json_data) shows how to return the error from a stream of events.
    ///
    /// # Errors
    ///
    /// Returns an error if the value is not an externally tagged enum, if the variant's name has a
    /// line feed or a carriage return, or if the content cannot be serialized as JSON.
    pub fn typed<T: Serialize + ?Sized>(value: &T) -> Result<Self, Error> {
        value.serialize(typed::Writer)
    }

    /// Adds data: the value as JSON, serialized into the event's own buffer.
    ///
    /// ```
    /// use sse_core::Event;
    ///
    /// let event = Event::new().event("sum").json_data([1, 2, 3])?;
    /// assert_eq!(event.to_string(), "event: sum\ndata: [1,2,3]\n\n");
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    ///
    /// In a stream of events there is no need to unwrap the result, since the items of the stream
    /// are results too. Use `?` to convert the error into the stream's own, which ends the
    /// response:
    ///
    /// ```
    /// use futures_util::stream::{self, StreamExt};
    /// use sse_core::Event;
    /// use std::io;
    ///
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// let rows = stream::iter([Ok::<_, io::Error>("first row"), Ok("second row")]);
    /// let events = rows.map(|row| Ok::<_, BoxError>(Event::new().json_data(row?)?));
    /// ```
    ///
    /// If nothing else can fail, the result is already the item: `rows.map(|row|
    /// Event::new().json_data(row))`.
    ///
    /// # Errors
    ///
    /// Returns an error if the value's `Serialize` fails, or if it contains a map whose keys are
    /// not strings.
    pub fn json_data<T: Serialize>(self, value: T) -> Result<Self, Error> {
        let mut data = JsonData::new(self);
        data.value(&value)?;
        Ok(data.end())
    }
}

/// The data of an event while it is being written as JSON.
pub(crate) struct JsonData {
    event: Event,
    /// Where its line starts; the line has no end yet.
    start: usize,
}

impl JsonData {
    pub(crate) fn new(mut event: Event) -> Self {
        // Reserves room for a small object at once, instead of growing in several steps.
        event.lines.reserve(128);
        let start = event.lines.len();
        event.lines.extend_from_slice(b"data: ");
        Self { event, start }
    }

    pub(crate) fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        serde_json::to_writer(&mut self.event.lines, value)
    }

    pub(crate) fn punctuation(&mut self, token: u8) {
        self.event.lines.push(token);
    }

    pub(crate) fn end(self) -> Event {
        let Self { mut event, start } = self;
        // Only a `RawValue` can have line breaks, between its tokens.
        if line::find_end(&event.lines[start..]).is_some() {
            let line = event.lines.split_off(start);
            event.add_lines("data: ", &line["data: ".len()..]);
        } else {
            event.lines.push(b'\n');
        }
        event
    }
}
