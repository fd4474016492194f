use crate::preview::Preview;
#[cfg(feature = "json")]
use crate::typed::Reader;
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
    /// [`MAX_RECONNECTION_TIME`](crate::Decoder::MAX_RECONNECTION_TIME). It comes at its own line,
    /// before the event of its block.
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
            // Most events have this type, which needs no copy.
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
    /// Not every event has JSON as its data. Some services end a stream with `[DONE]`, and the
    /// first event of an MCP stream has an ID and empty data. Check for these before you parse:
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
    /// A `&str` can only be read from a JSON string without escapes; a `Cow<str>` or a `String`
    /// from any.
    ///
    /// # Errors
    ///
    /// Returns an error if the data is not JSON, or not a `T`.
    #[cfg(feature = "json")]
    pub fn json<'m, T: Deserialize<'m>>(&'m self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.data)
    }

    /// Deserializes an enum: the event type selects the variant, and the data is its content as
    /// JSON.
    ///
    /// This is the inverse of [`Event::typed`](crate::Event::typed). A unit variant accepts any
    /// data, even if it is not JSON. An event without an event type has the type `message`. An
    /// event type without a variant is an error, unless a unit variant with `#[serde(other)]`
    /// stands for all of them.
    ///
    /// ```
    /// use serde::Deserialize;
    /// use sse_core::{Decoder, Frame};
    ///
    /// #[derive(Deserialize, Debug, PartialEq)]
    /// #[serde(rename_all = "kebab-case")]
    /// enum Update {
    ///     UserJoined { name: String },
    ///     Message(String),
    ///     Closed,
    ///     #[serde(other)]
    ///     Unknown,
    /// }
    ///
    /// let mut chunk: &[u8] = b"event: user-joined\ndata: {\"name\": \"Ann\"}\n\n\
    ///     data: \"hello\"\n\n\
    ///     event: user-left\ndata: {\"name\": \"Ann\"}\n\n\
    ///     event: closed\ndata:\n\n";
    /// let mut decoder = Decoder::new();
    /// let mut updates = Vec::new();
    /// while let Some(frame) = decoder.decode(&mut chunk)? {
    ///     if let Frame::Message(message) = frame {
    ///         updates.push(message.typed::<Update>()?);
    ///     }
    /// }
    /// assert_eq!(
    ///     updates,
    ///     [
    ///         Update::UserJoined { name: "Ann".into() },
    ///         Update::Message("hello".into()),
    ///         Update::Unknown,
    ///         Update::Closed,
    ///     ]
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// For a variant with content, data such as `[DONE]` or empty data is an error. Check for these
    /// first, as with [`json`](Self::json).
    ///
    /// # Errors
    ///
    /// Returns an error if `T` is not an externally tagged enum, if it has no variant for the event
    /// type, or if the data is not the variant's content as JSON.
    #[cfg(feature = "json")]
    pub fn typed<'m, T: Deserialize<'m>>(&'m self) -> Result<T, serde_json::Error> {
        T::deserialize(Reader { event_type: &self.event_type, data: &self.data })
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
