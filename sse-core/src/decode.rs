mod block;
mod resume;

use crate::line::{self, Field};
use crate::message::{Frame, MessageEvent};
use crate::preview::Preview;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use block::Block;
use core::fmt;
use core::mem;
use core::time::Duration;

/// Reads an event stream from chunks of bytes, cut anywhere.
///
/// It implements WHATWG HTML 9.2.6, "interpreting an event stream". The frames never depend on how the stream was cut
/// into chunks, and each byte is looked at a bounded number of times. The text of most events is borrowed from their
/// chunk; an event that spans chunks or has data of several lines is put together in buffers that the decoder uses again.
///
/// Invalid UTF-8 becomes U+FFFD. An event whose blank line never comes is not dispatched, as the standard has it.
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

    /// The next byte does not simply start a line: one of the next five fields has something to say. One look at this
    /// spares five for each frame.
    pending: bool,
    /// How much of a byte order mark the stream has begun with, while it is still about its start.
    byte_order_mark: Option<usize>,
    /// A CR ended the last chunk, so an LF at the start of the next one belongs to it.
    after_cr: bool,
    /// What became of the line that the last chunk broke off.
    open_line: OpenLine,
    /// The block is over the limit: it is skipped up to its blank line.
    too_large: bool,
    /// What the last frame borrowed, which the next call clears.
    lent: Lent,

    line: Vec<u8>,
    block: Block,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenLine {
    /// No line is open: the next byte starts one.
    None,
    /// It is in the buffer.
    Kept,
    /// It is data, the last in the block.
    Data,
    /// It means nothing.
    Skipped,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lent {
    Nothing,
    Line,
    Block,
}

/// What has been decoded.
pub(crate) enum Next<'a> {
    /// A message that is valid UTF-8 as it is.
    Message {
        event_type: &'a str,
        data: &'a str,
        last_event_id: &'a str,
    },
    Frame(Frame<'a>),
}

/// A block that need not be copied, and what follows it.
struct WholeBlock<'c> {
    event_type: &'c str,
    data: &'c str,
    id: Option<&'c str>,
    rest: &'c [u8],
}

/// A part of a chunk.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    #[inline]
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }

    fn len(self) -> usize {
        self.end - self.start
    }
}

/// What a line says at once, before its block ends.
enum Aside {
    Retry(Duration),
    Comment(Span),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// The longest reconnection time that is read: 365 days. A longer one counts as this, so that no server can make a
    /// client's arithmetic with it overflow.
    pub const MAX_RECONNECTION_TIME: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// A decoder for a new stream, with a limit of 32 MiB for one event.
    pub const fn new() -> Self {
        Self {
            max_event_size: 32 * 1024 * 1024,
            comments: false,
            last_event_id: String::new(),
            reconnection_time: None,
            pending: true,
            byte_order_mark: Some(0),
            after_cr: false,
            open_line: OpenLine::None,
            too_large: false,
            lent: Lent::Nothing,
            line: Vec::new(),
            block: Block::new(),
        }
    }

    /// Limits the size of one event, in bytes: the values of its `data`, `event` and `id` lines, each with one byte
    /// for the end of its line. A `retry` value and a comment that is asked for must fit in what is left.
    ///
    /// It bounds the memory too: the decoder holds about twice as much at most, besides the last event ID.
    pub fn with_max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// Starts with the last event ID of an earlier connection.
    pub fn with_last_event_id(mut self, id: impl Into<String>) -> Self {
        self.last_event_id = id.into();
        self
    }

    /// Returns comments as frames, too. Without this they are skipped unread.
    pub fn with_comments(mut self, comments: bool) -> Self {
        self.comments = comments;
        self
    }

    /// Decodes the next frame and moves the start of the chunk past what was read.
    ///
    /// `Ok(None)` says that the chunk is used up; go on with the next one.
    ///
    /// # Errors
    ///
    /// When an event is over the limit, once for each such event. It is skipped, and decoding goes on after it.
    // The caller moves the frame. What `next` has only just written cannot be moved at once, but what is put together here
    // need not be written before: 12 GB/s on 270-byte events instead of 8, with one codegen unit.
    #[inline]
    pub fn decode<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Frame<'a>>, EventTooLarge> {
        Ok(match self.next(chunk)? {
            Some(Next::Message { event_type, data, last_event_id }) => Some(Frame::Message(MessageEvent {
                event_type: Cow::Borrowed(event_type),
                data: Cow::Borrowed(data),
                last_event_id: Cow::Borrowed(last_event_id),
            })),
            Some(Next::Frame(frame)) => Some(frame),
            None => None,
        })
    }

    #[inline]
    pub(crate) fn next<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Next<'a>>, EventTooLarge> {
        if !self.pending && chunk.first() == Some(&b'd') {
            self.next_data(chunk)
        } else {
            self.next_by_lines(chunk)
        }
    }

    /// Takes the commonest event, one line of data, by a way of its own.
    // It has few registers to save: 270-byte events are an eighth faster for it.
    #[inline(never)]
    fn next_data<'a, 'c: 'a>(&'a mut self, chunk: &mut &'c [u8]) -> Result<Option<Next<'a>>, EventTooLarge> {
        if self.block.size == 0 && chunk.starts_with(b"data: ") {
            if let Some(end) = line::length(chunk) {
                if let Some((data, rest)) = self.lone_data(chunk, Span { start: b"data: ".len(), end }) {
                    *chunk = rest;
                    return Ok(Some(Next::Message {
                        event_type: MessageEvent::DEFAULT_EVENT_TYPE,
                        data,
                        last_event_id: &self.last_event_id,
                    }));
                }
            }
        }
        self.next_by_lines(chunk)
    }

    #[inline(never)]
    fn next_by_lines<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Next<'a>>, EventTooLarge> {
        if self.pending {
            match self.resume(chunk)? {
                Some(Aside::Retry(time)) => return Ok(Some(Next::Frame(Frame::Retry(time)))),
                Some(Aside::Comment(text)) => {
                    return Ok(Some(Next::Frame(Frame::Comment(utf8(text.of(&self.line))))));
                }
                None if chunk.is_empty() => return Ok(None),
                None => {}
            }
        }
        let input: &'c [u8] = chunk;
        let mut at = 0;
        loop {
            if !self.comments && input.get(at) == Some(&b':') {
                at = self.skip_comments(input, at);
                *chunk = &input[at..];
            }
            let Some(length) = line::length(&input[at..]) else {
                *chunk = &[];
                if at < input.len() {
                    self.keep_line(&input[at..])?;
                }
                return Ok(None);
            };
            let line = Span { start: at, end: at + length };
            if length > 0 && self.block.size == 0 {
                if let Some(block) = self.whole_block(input, line) {
                    *chunk = block.rest;
                    if let Some(id) = block.id {
                        self.set_last_event_id(id);
                    }
                    return Ok(Some(Next::Message {
                        event_type: block.event_type,
                        data: block.data,
                        last_event_id: &self.last_event_id,
                    }));
                }
            }
            at = self.past_line_end(input, line.end);
            *chunk = &input[at..];
            if length == 0 {
                if self.block.has_data {
                    return Ok(Some(Next::Frame(Frame::Message(self.dispatch()))));
                }
                if self.block.size > 0 {
                    self.commit_id();
                    self.block.clear();
                }
                continue;
            }
            if let Some(aside) = self.take_line(input, line)? {
                return Ok(Some(Next::Frame(match aside {
                    Aside::Retry(time) => Frame::Retry(time),
                    Aside::Comment(text) => Frame::Comment(utf8(text.of(input))),
                })));
            }
        }
    }

    /// The last event ID; empty if there is none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// The value of the `Last-Event-ID` header for the next connection.
    ///
    /// `None` if there is no ID, or if it has a control character: the standard allows those in an ID, but HTTP does not
    /// allow them in a header, and an HTTP client would refuse to send the request.
    pub fn last_event_id_header(&self) -> Option<&[u8]> {
        let id = self.last_event_id.as_bytes();
        let carried = |byte: &u8| *byte == b'\t' || !byte.is_ascii_control();
        Some(id).filter(|id| !id.is_empty() && id.iter().all(carried))
    }

    /// How long to wait before the next connection, if the server has said so: at most
    /// [`MAX_RECONNECTION_TIME`](Self::MAX_RECONNECTION_TIME), and zero if it asks for that.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Whether an event has begun whose blank line has not come.
    ///
    /// At the end of a body it tells whether the body was cut off in the middle of an event, which the standard has the
    /// decoder discard (WHATWG HTML 9.2.6). The end of a body is no proof that a stream is complete: check this, or the
    /// protocol's own mark, such as `[DONE]`. Never append a blank line to the body instead: it would dispatch what was cut
    /// off.
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
        let in_line = match self.open_line {
            OpenLine::None | OpenLine::Skipped => false,
            OpenLine::Kept => line::begins_event_field(&self.line),
            OpenLine::Data => true,
        };
        in_line || self.too_large || self.lent != Lent::Block && self.block.size > 0
    }

    /// Prepares the decoder for the bytes of a new connection: drops the event that the old one left incomplete, keeps the
    /// last event ID and the reconnection time.
    pub fn reconnect(&mut self) {
        self.pending = true;
        self.byte_order_mark = Some(0);
        self.after_cr = false;
        self.open_line = OpenLine::None;
        self.too_large = false;
        self.lent = Lent::Nothing;
        block::empty(&mut self.line);
        self.block.clear();
    }

    /// The block that starts with this line, if it is as most are: it lies in the chunk, its text is valid, and its one line of
    /// data is the last.
    // Its lines one by one would say the same, but here nothing is stored on the way: events of 16 to 300 bytes are decoded 1.7
    // to 2 times as fast.
    #[inline(always)]
    fn whole_block<'c>(&self, input: &'c [u8], mut line: Span) -> Option<WholeBlock<'c>> {
        if let Some(data) = value(input, line, b"data: ") {
            let (data, rest) = self.lone_data(input, data)?;
            return Some(WholeBlock { event_type: MessageEvent::DEFAULT_EVENT_TYPE, data, id: None, rest });
        }
        let start = line.start;
        let mut event_type = None;
        let mut id = None;
        // These lines count as part of the block, so that it is looked at here once and no more.
        let data = loop {
            if let Some(value) = value(input, line, b"event: ") {
                event_type = Some(value);
            } else {
                let value = value(input, line, b"id: ")?;
                if memchr::memchr(b'\0', value.of(input)).is_some() {
                    return None;
                }
                id = Some(value);
            }
            let rest = match &input[line.end..] {
                [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
                _ => return None,
            };
            let start = input.len() - rest.len();
            line = Span { start, end: start + line::length(rest)? };
            if let Some(data) = value(input, line, b"data: ") {
                break data;
            }
        };
        let region = Span { start, end: data.end };
        let rest = self.after_block(input, region)?;
        // One pass validates all values: one pass for each would cost short events half their speed.
        let text = text(input, region)?;
        let get = |value: Span| &text[value.start - start..value.end - start];
        let event_type = match event_type.map(get) {
            None | Some("") => MessageEvent::DEFAULT_EVENT_TYPE,
            Some(event_type) => event_type,
        };
        Some(WholeBlock { event_type, data: get(data), id: id.map(get), rest })
    }

    /// The text of this data and what follows its block, if there is no more to the block.
    #[inline(always)]
    fn lone_data<'c>(&self, input: &'c [u8], data: Span) -> Option<(&'c str, &'c [u8])> {
        let rest = self.after_block(input, data)?;
        Some((text(input, data)?, rest))
    }

    /// What follows a block that ends with this part of the chunk, if that is sure to be within the limit.
    #[inline(always)]
    fn after_block<'c>(&self, input: &'c [u8], part: Span) -> Option<&'c [u8]> {
        if part.len() >= self.max_event_size {
            return None;
        }
        match &input[part.end..] {
            [b'\n', b'\n', rest @ ..] | [b'\r', b'\n', b'\r', b'\n', rest @ ..] => Some(rest),
            _ => None,
        }
    }

    /// Passes over comments, and over the blank lines behind them if those would end no block.
    // In the loop itself it would take registers from the lines that mean something, and 10 percent of their speed.
    #[inline(never)]
    fn skip_comments(&mut self, input: &[u8], mut at: usize) -> usize {
        let no_block = self.block.size == 0;
        loop {
            match input.get(at) {
                Some(b':') => match line::repeated_length(&input[at + 1..]) {
                    Some(length) => at = self.past_line_end(input, at + 1 + length),
                    None => {
                        self.pending = true;
                        self.open_line = OpenLine::Skipped;
                        return input.len();
                    }
                },
                Some(b'\n') if no_block => at += 1,
                _ => return at,
            }
        }
    }

    #[inline]
    fn past_line_end(&mut self, input: &[u8], end: usize) -> usize {
        if input[end] == b'\n' {
            return end + 1;
        }
        match input.get(end + 1) {
            Some(b'\n') => end + 2,
            Some(_) => end + 1,
            None => {
                self.after_cr = true;
                self.pending = true;
                end + 1
            }
        }
    }

    /// Adds one line to the block.
    #[inline(always)]
    fn take_line(&mut self, input: &[u8], line: Span) -> Result<Option<Aside>, EventTooLarge> {
        let (field, offset) = line::split(line.of(input));
        if field == Field::Unknown || field == Field::Comment && !self.comments {
            return Ok(None);
        }
        let span = Span { start: line.start + offset, end: line.end };
        let value = span.of(input);
        self.check_size(self.block.size + value.len())?;
        match field {
            Field::Event => self.block.set_event_type(value),
            Field::Data => self.block.add_data(value),
            Field::Id if memchr::memchr(b'\0', value).is_none() => self.block.set_id(value),
            Field::Id | Field::Unknown => {}
            Field::Retry => {
                let Some(millis) = line::milliseconds(value) else { return Ok(None) };
                let time = Duration::from_millis(millis).min(Self::MAX_RECONNECTION_TIME);
                self.reconnection_time = Some(time);
                return Ok(Some(Aside::Retry(time)));
            }
            Field::Comment => return Ok(Some(Aside::Comment(span))),
        }
        self.block.size += value.len() + 1;
        Ok(None)
    }

    #[inline]
    fn check_size(&mut self, size: usize) -> Result<(), EventTooLarge> {
        if size < self.max_event_size { Ok(()) } else { self.give_up_block() }
    }

    #[cold]
    fn give_up_block(&mut self) -> Result<(), EventTooLarge> {
        self.pending = true;
        self.too_large = true;
        if self.open_line != OpenLine::None {
            self.open_line = OpenLine::Skipped;
        }
        block::empty(&mut self.line);
        self.block.clear();
        Err(EventTooLarge { limit: self.max_event_size })
    }

    /// Ends a block that has data.
    fn dispatch(&mut self) -> MessageEvent<'_> {
        self.commit_id();
        self.pending = true;
        self.lent = Lent::Block;
        MessageEvent {
            event_type: match &self.block.event_type[..] {
                [] => Cow::Borrowed(MessageEvent::DEFAULT_EVENT_TYPE),
                event_type => utf8(event_type),
            },
            data: utf8(&self.block.data),
            last_event_id: Cow::Borrowed(&self.last_event_id),
        }
    }

    /// Makes the ID of a copied block that ends the last event ID.
    fn commit_id(&mut self) {
        if self.block.has_id {
            let id = mem::take(&mut self.block.id);
            self.set_last_event_id(&utf8(&id));
            self.block.id = id;
        }
    }

    fn set_last_event_id(&mut self, id: &str) {
        self.last_event_id.clear();
        self.last_event_id.shrink_to(block::KEPT_CAPACITY);
        self.last_event_id.push_str(id);
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

/// The value of a line, if it starts with this field name, colon and space, or with these but the space.
// `line::split` would do, but make 16-byte events a tenth slower.
#[inline(always)]
fn value(input: &[u8], line: Span, head: &[u8]) -> Option<Span> {
    let without_space = head.len() - 1;
    let offset = match line.of(input) {
        line if line.starts_with(head) => head.len(),
        line if line.starts_with(&head[..without_space]) => without_space,
        _ => return None,
    };
    Some(Span { start: line.start + offset, end: line.end })
}

/// What the validation of UTF-8 takes at once, in bytes.
const VALIDATED: usize = 64;

/// A part of a chunk that ends with a line, if it is valid.
#[inline]
fn text(chunk: &[u8], part: Span) -> Option<&str> {
    match part.len() {
        ..VALIDATED => simdutf8::basic::from_utf8(part.of(chunk)).ok(),
        _ => long_text(chunk, part),
    }
}

// What is left at the end takes the validation as long as several times what it takes at once. So it gets the start of
// what follows, too, unless that would cut a character: 270-byte events are a tenth faster for it.
#[inline(never)]
fn long_text(chunk: &[u8], part: Span) -> Option<&str> {
    let end = part.start + part.len().next_multiple_of(VALIDATED);
    if chunk.get(end).is_some_and(|byte| !(0x80..0xC0).contains(byte)) {
        if let Ok(text) = simdutf8::basic::from_utf8(&chunk[part.start..end]) {
            return Some(&text[..part.len()]);
        }
    }
    simdutf8::basic::from_utf8(part.of(chunk)).ok()
}

fn utf8(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// The error of an event over the [limit](Decoder::with_max_event_size). The decoder goes on after that event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTooLarge {
    limit: usize,
}

impl EventTooLarge {
    /// The limit, in bytes.
    pub fn limit(&self) -> usize {
        self.limit
    }
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { limit } = self;
        write!(
            f,
            "an event is over the limit of {limit} bytes and was skipped; `with_max_event_size` raises it"
        )
    }
}

impl core::error::Error for EventTooLarge {}
