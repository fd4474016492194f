mod block;
mod lines;
mod resume;
mod state;
mod utf8;
mod whole_block;

use self::block::Block;
use self::state::{Buffer, ByteOrderMark, Carry, OpenLine};
use crate::line;
use crate::message::{Frame, MessageEvent};
use crate::preview::Preview;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// Decodes an event stream from chunks of bytes.
///
/// The decoder implements WHATWG HTML 9.2.6, "interpreting an event stream". Chunks may end
/// anywhere: the frames depend on the bytes alone, and each byte is looked at a bounded number of
/// times. Most events are borrowed from their chunk. An event that spans chunks or has several
/// lines of data is assembled in buffers, which the decoder reuses.
///
/// Invalid UTF-8 is replaced with U+FFFD. An event without its blank line is not dispatched, as the
/// standard requires.
///
/// ```
/// use sse_core::{Decoder, Frame};
///
/// let mut decoder = Decoder::new();
/// let mut data = Vec::new();
/// for mut chunk in ["data: Hel", "lo\n", "\ndata: world\n\n"].map(str::as_bytes) {
///     while let Some(frame) = decoder.decode(&mut chunk)? {
///         match frame {
///             Frame::Message(message) => data.push(message.data.into_owned()),
///             Frame::Retry(_) | Frame::Comment(_) => {}
///         }
///     }
/// }
/// assert_eq!(data, ["Hello", "world"]);
/// # Ok::<(), sse_core::EventTooLarge>(())
/// ```
#[derive(Clone)]
#[must_use]
pub struct Decoder {
    max_event_size: usize,
    comments: bool,

    last_event_id: String,
    reconnection_time: Option<Duration>,

    /// What the last call left for the next one. If `None`, the next byte starts a line.
    carry: Option<Carry>,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
    block: Block,
}

/// A frame, or the parts of a message for the caller to put together.
pub(crate) enum Decoded<'a> {
    /// The parts of a [`Frame::Message`], borrowed and valid UTF-8.
    Message {
        event_type: &'a str,
        data: &'a str,
        last_event_id: &'a str,
    },
    Frame(Frame<'a>),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// The longest reconnection time: 365 days. Longer ones are reduced to it, so that a server
    /// cannot make a client's arithmetic overflow.
    pub const MAX_RECONNECTION_TIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// Creates a decoder for a new stream. An event is limited to 32 MiB.
    pub const fn new() -> Self {
        Self {
            max_event_size: 32 * 1024 * 1024,
            comments: false,
            last_event_id: String::new(),
            reconnection_time: None,
            carry: Some(Carry::StreamStart(ByteOrderMark::Nothing)),
            line: Vec::new(),
            block: Block::new(),
        }
    }

    /// Limits the size of an event, in bytes.
    ///
    /// The size is the length of the values of the `data`, `event` and `id` lines, plus one byte
    /// per line. The value of a `retry` line, and a comment if comments are returned, must fit in
    /// what is left. The ID of an event that exceeds the limit is not taken: the last event ID
    /// stays that of an earlier event.
    ///
    /// The limit also bounds memory: the decoder holds at most about twice as much, in addition to
    /// the last event ID.
    pub fn with_max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// Sets the last event ID, such as that of an earlier connection.
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// Sets whether comments are returned as frames. By default, they are skipped.
    pub fn with_comments(mut self, comments: bool) -> Self {
        self.comments = comments;
        self
    }

    /// Decodes the next frame and advances `chunk` past what was read.
    ///
    /// Returns `Ok(None)` when the chunk is used up; continue with the next chunk. Until then, pass
    /// the same variable again: a loop that passes a fresh `&mut &bytes[..]` each time starts over
    /// each time and never ends.
    ///
    /// # Errors
    ///
    /// Returns an error once for each event that exceeds the [limit](Self::with_max_event_size).
    /// The next call skips the rest of that event and continues with the one after it.
    // This is inlined so that the message is put together in the caller. Callers move the frame,
    // and moving a value that a call has just written to memory stalls the processor.
    #[inline]
    pub fn decode<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Frame<'a>>, EventTooLarge> {
        Ok(match self.decode_parts(chunk)? {
            Some(Decoded::Message { event_type, data, last_event_id }) => {
                Some(Frame::Message(MessageEvent {
                    event_type: Cow::Borrowed(event_type),
                    data: Cow::Borrowed(data),
                    last_event_id: Cow::Borrowed(last_event_id),
                }))
            }
            Some(Decoded::Frame(frame)) => Some(frame),
            None => None,
        })
    }

    /// Like [`decode`](Self::decode), but leaves it to the caller to put most messages together.
    #[inline]
    pub(crate) fn decode_parts<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Decoded<'a>>, EventTooLarge> {
        if self.carry.is_none() && chunk.first() == Some(&b'd') {
            self.decode_single_data(chunk)
        } else {
            self.decode_by_lines(chunk)
        }
    }

    /// Returns the last event ID, which is empty if there is none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// Replaces the last event ID, until an event brings another.
    pub fn set_last_event_id(&mut self, id: &str) {
        self.last_event_id.clear();
        self.last_event_id.shrink_to(block::KEPT_CAPACITY);
        self.last_event_id.push_str(id);
    }

    /// Returns the value of the `Last-Event-ID` header for the next connection.
    ///
    /// Returns `None` if there is no ID, or if it contains a control character: the standard allows
    /// these in an ID, but HTTP does not allow them in a header, and clients refuse to send such a
    /// request.
    pub fn last_event_id_header(&self) -> Option<&[u8]> {
        let id = self.last_event_id.as_bytes();
        let carried = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
        Some(id).filter(|id| !id.is_empty() && id.iter().all(carried))
    }

    /// Returns how long to wait before the next connection, if the server has set it: at most
    /// [`MAX_RECONNECTION_TIME`](Self::MAX_RECONNECTION_TIME), and possibly zero.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Returns whether an event has begun and its blank line has not been read.
    ///
    /// At the end of a body, this tells whether the body was cut off within an event, which the
    /// standard requires to be discarded (WHATWG HTML 9.2.6). The end of a body does not prove that
    /// the stream is complete: check this, or the protocol's own end mark, such as `[DONE]`. Do not
    /// append a blank line to the body instead, since that would dispatch a truncated event.
    ///
    /// ```
    /// use sse_core::Decoder;
    ///
    /// let mut decoder = Decoder::new();
    /// let mut body: &[u8] = b"data: whole\n\ndata: {\"cut\":";
    /// while let Some(frame) = decoder.decode(&mut body)? {
    ///     println!("{frame:?}");
    /// }
    /// assert!(decoder.has_incomplete_event());
    /// # Ok::<(), sse_core::EventTooLarge>(())
    /// ```
    pub fn has_incomplete_event(&self) -> bool {
        match self.carry {
            Some(Carry::OversizedBlock(_) | Carry::OpenLine(OpenLine::Data)) => true,
            Some(Carry::Lent { buffer: Buffer::Block, .. }) => false,
            Some(Carry::OpenLine(OpenLine::Buffered)) if line::begins_event_field(&self.line) => true,
            _ => self.block.size > 0,
        }
    }

    /// Prepares the decoder for the bytes of a new connection.
    ///
    /// Drops an incomplete event, and keeps the options, the last event ID and the reconnection
    /// time.
    pub fn reconnect(&mut self) {
        self.carry = Some(Carry::StreamStart(ByteOrderMark::Nothing));
        block::empty(&mut self.line);
        self.block.clear();
    }
}

impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("max_event_size", &self.max_event_size)
            .field("comments", &self.comments)
            .field("last_event_id", &Preview(self.last_event_id.as_bytes()))
            .field("reconnection_time", &self.reconnection_time)
            .finish_non_exhaustive()
    }
}

/// Returned when an event exceeds the [limit](Decoder::with_max_event_size). Decoding can continue
/// with the event after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTooLarge {
    limit: usize,
}

impl EventTooLarge {
    /// Returns the limit, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit } = self;
        write!(
            f,
            "an event exceeds the limit of {limit} bytes and was skipped; `with_max_event_size` raises it"
        )
    }
}

impl core::error::Error for EventTooLarge {}
