use crate::preview::Preview;
use alloc::borrow::Cow;
use core::fmt;
use core::time::Duration;
#[cfg(feature = "json")]
use serde_core::Deserialize;

/// What a [`Decoder`](crate::Decoder) reads, in the order of the stream.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Frame<'a> {
    /// An event, dispatched by a blank line.
    Message(MessageEvent<'a>),
    /// A new reconnection time, in force at once: at most
    /// [`MAX_RECONNECTION_TIME`](crate::Decoder::MAX_RECONNECTION_TIME). It comes at its own line, before the event of its
    /// block.
    Retry(Duration),
    /// The text of a comment after its colon, if [asked for](crate::Decoder::with_comments).
    Comment(Cow<'a, str>),
}

impl Frame<'_> {
    /// Copies what is borrowed from the decoder and its chunk.
    pub fn into_owned(self) -> Frame<'static> {
        match self {
            Self::Message(message) => Frame::Message(message.into_owned()),
            Self::Retry(time) => Frame::Retry(time),
            Self::Comment(text) => Frame::Comment(owned(text)),
        }
    }
}

impl fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Message(message) => message.fmt(f),
            Self::Retry(time) => f.debug_tuple("Retry").field(time).finish(),
            Self::Comment(text) => f.debug_tuple("Comment").field(&Preview(text.as_bytes())).finish(),
        }
    }
}

/// A dispatched event, named as in a browser's `MessageEvent`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct MessageEvent<'a> {
    /// The event type; `message` if the block had none.
    pub event_type: Cow<'a, str>,
    /// The data, its lines joined with LF.
    pub data: Cow<'a, str>,
    /// The last event ID, of this event or of one before it; empty if there was none.
    pub last_event_id: Cow<'a, str>,
}

impl MessageEvent<'_> {
    pub(crate) const DEFAULT_EVENT_TYPE: &'static str = "message";

    /// Copies what is borrowed from the decoder and its chunk.
    pub fn into_owned(self) -> MessageEvent<'static> {
        MessageEvent {
            // Most events are of this type, and it needs no copy.
            event_type: if self.event_type == Self::DEFAULT_EVENT_TYPE {
                Cow::Borrowed(Self::DEFAULT_EVENT_TYPE)
            } else {
                owned(self.event_type)
            },
            data: owned(self.data),
            last_event_id: owned(self.last_event_id),
        }
    }

    /// Deserializes the data from JSON. The value can borrow from the data.
    ///
    /// Not every event has JSON as its data. Some services end a stream with `[DONE]`, and the first event of an MCP
    /// stream has an ID and empty data. Check for these before you parse:
    ///
    /// ```
    /// use serde::Deserialize;
    /// use sse_core::{Decoder, Frame};
    /// use std::borrow::Cow;
    ///
    /// #[derive(Deserialize)]
    /// struct Delta<'m> {
    ///     #[serde(borrow)]
    ///     text: Cow<'m, str>,
    /// }
    ///
    /// let mut chunk: &[u8] = b"id: 0\ndata:\n\n\
    ///     data: {\"text\": \"Hel\"}\n\n\
    ///     data: {\"text\": \"lo\\n\"}\n\n\
    ///     data: [DONE]\n\n";
    /// let mut decoder = Decoder::new();
    /// let mut text = String::new();
    /// while let Some(frame) = decoder.decode(&mut chunk)? {
    ///     let Frame::Message(message) = frame else { continue };
    ///     if message.data.is_empty() {
    ///         continue;
    ///     }
    ///     if message.data == "[DONE]" {
    ///         break;
    ///     }
    ///     text += &message.json::<Delta>()?.text;
    /// }
    /// assert_eq!(text, "Hello\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A `&str` can only be read from a JSON string without escapes; a `Cow<str>` or a `String` from any.
    ///
    /// # Errors
    ///
    /// If the data is not JSON, or not a `T`.
    #[cfg(feature = "json")]
    pub fn json<'m, T: Deserialize<'m>>(&'m self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.data)
    }
}

/// An event of type `message` without data or ID.
impl Default for MessageEvent<'_> {
    fn default() -> Self {
        MessageEvent {
            event_type: Cow::Borrowed(Self::DEFAULT_EVENT_TYPE),
            data: Cow::Borrowed(""),
            last_event_id: Cow::Borrowed(""),
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl fmt::Debug for MessageEvent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MessageEvent")
            .field("event_type", &Preview(self.event_type.as_bytes()))
            .field("data", &Preview(self.data.as_bytes()))
            .field("last_event_id", &Preview(self.last_event_id.as_bytes()))
            .finish()
    }
}
