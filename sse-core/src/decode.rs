use crate::line::{self, Field};
use crate::message::{Frame, MessageEvent};
use crate::preview::Preview;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::mem;
use core::ops::Range;
use core::time::Duration;

/// How much a buffer may keep between events, so that one huge event does not cost memory for ever.
const KEPT_CAPACITY: usize = 64 * 1024;

/// Reads an event stream from chunks of bytes, cut anywhere.
///
/// It implements WHATWG HTML 9.2.6, "interpreting an event stream". The frames never depend on how the stream was cut
/// into chunks, and each byte is looked at a bounded number of times. Text that lies in one chunk is borrowed from it;
/// text that spans chunks, and data of several lines, is put together in buffers that the decoder uses again.
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

    /// How much of a byte order mark the stream has begun with, while it is still about its start.
    byte_order_mark: Option<usize>,
    /// A CR ended the last chunk, so an LF at the start of the next one belongs to it.
    after_cr: bool,
    /// The line that the last chunk broke off, and what is kept of it.
    open_line: OpenLine,
    line: Vec<u8>,

    /// The block in progress, as far as it had to be copied.
    event_type: Vec<u8>,
    id: Vec<u8>,
    has_id: bool,
    data: Vec<u8>,
    has_data: bool,
    /// What the block counts against the limit.
    size: usize,
    /// The block is over the limit: it is skipped up to its blank line.
    too_large: bool,
    /// What the last frame borrowed, which the next call clears.
    lent: Lent,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lent {
    Nothing,
    Line,
    Block,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OpenLine {
    /// The next byte starts a line.
    None,
    /// The line's bytes are in the buffer.
    Kept,
    /// The line means nothing.
    Skipped,
}

/// Where the values of the block in progress lie in the chunk, as far as nothing had to be copied.
#[derive(Default)]
struct Block {
    event_type: Option<Range<usize>>,
    id: Option<Range<usize>>,
    data: Option<Range<usize>>,
}

/// What a line says at once, before its block ends.
enum Aside {
    Retry(Duration),
    Comment(Range<usize>),
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// A decoder for a new stream, with a limit of 32 MiB for one event.
    pub const fn new() -> Self {
        Self {
            max_event_size: 32 * 1024 * 1024,
            comments: false,
            last_event_id: String::new(),
            reconnection_time: None,
            byte_order_mark: Some(0),
            after_cr: false,
            open_line: OpenLine::None,
            line: Vec::new(),
            event_type: Vec::new(),
            id: Vec::new(),
            has_id: false,
            data: Vec::new(),
            has_data: false,
            size: 0,
            too_large: false,
            lent: Lent::Nothing,
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
    pub fn decode<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Frame<'a>>, EventTooLarge> {
        let input: &'c [u8] = chunk;
        match self.lent {
            Lent::Nothing => {}
            Lent::Line => self.clear_line(),
            Lent::Block => self.clear_block(),
        }
        let mut at = self.start(input);

        if self.too_large {
            at = self.skip_block(input, at);
        }
        if self.open_line != OpenLine::None {
            let Some(length) = line::length(&input[at..]) else {
                *chunk = &[];
                return self.keep_line(&input[at..]).map(|()| None);
            };
            let end = at + length;
            let kept = self.keep_line(&input[at..end]);
            at = self.past_line_end(input, end);
            *chunk = &input[at..];
            let open_line = mem::replace(&mut self.open_line, OpenLine::None);
            kept?;
            if open_line == OpenLine::Kept {
                match self.take_kept_line()? {
                    Some(Aside::Retry(time)) => return Ok(Some(Frame::Retry(time))),
                    Some(Aside::Comment(text)) => {
                        self.lent = Lent::Line;
                        return Ok(Some(Frame::Comment(utf8(&self.line[text]))));
                    }
                    None => {}
                }
            }
        }

        let mut block = Block::default();
        loop {
            let Some(length) = line::length(&input[at..]) else {
                self.keep_block(&block, input);
                *chunk = &[];
                return self.keep_line(&input[at..]).map(|()| None);
            };
            let line = at..at + length;
            at = self.past_line_end(input, line.end);
            if line.is_empty() {
                *chunk = &input[at..];
                if self.has_data || block.data.is_some() {
                    return Ok(Some(Frame::Message(self.dispatch(&block, input))));
                }
                if self.size > 0 {
                    self.commit_id(&block, &BlockText::new(&block, input));
                    self.clear_block();
                    block = Block::default();
                }
                continue;
            }
            match self.take_line(input, line, &mut block) {
                Ok(None) => {}
                Ok(Some(aside)) => {
                    self.keep_block(&block, input);
                    *chunk = &input[at..];
                    return Ok(Some(match aside {
                        Aside::Retry(time) => Frame::Retry(time),
                        Aside::Comment(text) => Frame::Comment(utf8(&input[text])),
                    }));
                }
                Err(error) => {
                    *chunk = &input[at..];
                    return Err(error);
                }
            }
        }
    }

    /// The last event ID, to be sent as `Last-Event-ID` with the next connection; empty if there is none.
    pub fn last_event_id(&self) -> &str {
        &self.last_event_id
    }

    /// How long to wait before the next connection, if the server has said so.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.reconnection_time
    }

    /// Makes ready for the bytes of a new connection: drops the event that the old one left unfinished, keeps the last
    /// event ID and the reconnection time.
    pub fn reconnect(&mut self) {
        self.clear_block();
        self.byte_order_mark = Some(0);
        self.after_cr = false;
        self.open_line = OpenLine::None;
        self.too_large = false;
    }

    /// Passes over a byte order mark at the start of the stream, and over the LF of a CRLF that two chunks share.
    fn start(&mut self, input: &[u8]) -> usize {
        let mut at = 0;
        if let Some(seen) = self.byte_order_mark {
            let missing = &line::BYTE_ORDER_MARK[seen..];
            at = missing.iter().zip(input).take_while(|(mark, byte)| mark == byte).count();
            if at < missing.len() && at == input.len() {
                self.byte_order_mark = Some(seen + at);
            } else {
                self.byte_order_mark = None;
                // Part of a mark is the start of a line, and of none that means something.
                if at < missing.len() && seen + at > 0 {
                    self.open_line = OpenLine::Skipped;
                }
            }
        }
        if self.after_cr && at < input.len() {
            self.after_cr = false;
            at += usize::from(input[at] == b'\n');
        }
        at
    }

    fn past_line_end(&mut self, input: &[u8], end: usize) -> usize {
        if input[end] == b'\n' {
            return end + 1;
        }
        match input.get(end + 1) {
            Some(b'\n') => end + 2,
            Some(_) => end + 1,
            None => {
                self.after_cr = true;
                end + 1
            }
        }
    }

    /// Passes over the rest of a block that is too large, if need be up to the end of the chunk.
    fn skip_block(&mut self, input: &[u8], mut at: usize) -> usize {
        while self.too_large {
            let Some(length) = line::length(&input[at..]) else {
                if at < input.len() {
                    self.open_line = OpenLine::Skipped;
                }
                return input.len();
            };
            let blank = length == 0 && self.open_line == OpenLine::None;
            self.open_line = OpenLine::None;
            self.too_large = !blank;
            at = self.past_line_end(input, at + length);
        }
        at
    }

    /// Keeps more of a line that goes on in the next chunk, unless it is one that means nothing.
    fn keep_line(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        if part.is_empty() || self.open_line == OpenLine::Skipped {
            return Ok(());
        }
        if self.open_line == OpenLine::None {
            self.open_line = OpenLine::Kept;
            self.line.clear();
        }
        // The longest name, its colon and a space tell what the line is and where its value starts.
        let head = (line::LONGEST_NAME + 2).saturating_sub(self.line.len()).min(part.len());
        let (head, tail) = part.split_at(head);
        self.line.extend_from_slice(head);
        if !head.is_empty() && !line::may_matter(&self.line, self.comments) {
            self.open_line = OpenLine::Skipped;
            return Ok(());
        }
        let (_, value) = line::split(&self.line);
        // Without its colon a name may yet turn out to be the start of another.
        if self.line[..value].contains(&b':') {
            self.check_size(self.line.len() - value + tail.len())?;
        }
        self.line.extend_from_slice(tail);
        Ok(())
    }

    fn take_kept_line(&mut self) -> Result<Option<Aside>, EventTooLarge> {
        let line = mem::take(&mut self.line);
        let mut block = Block::default();
        let taken = self.take_line(&line, 0..line.len(), &mut block);
        self.keep_block(&block, &line);
        self.line = line;
        taken
    }

    /// Adds one line to the block.
    fn take_line(
        &mut self,
        input: &[u8],
        line: Range<usize>,
        block: &mut Block,
    ) -> Result<Option<Aside>, EventTooLarge> {
        let (field, offset) = line::split(&input[line.clone()]);
        let value = line.start + offset..line.end;
        if field == Field::Unknown || field == Field::Comment && !self.comments {
            return Ok(None);
        }
        self.check_size(value.len())?;
        match field {
            Field::Event => block.event_type = Some(value.clone()),
            Field::Data if block.data.is_none() && !self.has_data => block.data = Some(value.clone()),
            Field::Data => {
                if let Some(first) = block.data.take() {
                    self.keep_data(&input[first]);
                }
                self.keep_data(&input[value.clone()]);
            }
            Field::Id if memchr::memchr(b'\0', &input[value.clone()]).is_none() => {
                block.id = Some(value.clone());
            }
            Field::Id | Field::Unknown => {}
            Field::Retry => {
                let Some(time) = line::reconnection_time(&input[value]) else { return Ok(None) };
                self.reconnection_time = Some(time);
                return Ok(Some(Aside::Retry(time)));
            }
            Field::Comment => return Ok(Some(Aside::Comment(value))),
        }
        self.size += value.len() + 1;
        Ok(None)
    }

    fn check_size(&mut self, value: usize) -> Result<(), EventTooLarge> {
        if self.size + value < self.max_event_size {
            return Ok(());
        }
        self.clear_block();
        self.too_large = true;
        if self.open_line == OpenLine::Kept {
            self.open_line = OpenLine::Skipped;
        }
        Err(EventTooLarge { limit: self.max_event_size })
    }

    /// Copies the block in progress out of a chunk that ends.
    fn keep_block(&mut self, block: &Block, input: &[u8]) {
        if let Some(event_type) = &block.event_type {
            self.event_type.clear();
            self.event_type.extend_from_slice(&input[event_type.clone()]);
        }
        if let Some(id) = &block.id {
            self.has_id = true;
            self.id.clear();
            self.id.extend_from_slice(&input[id.clone()]);
        }
        if let Some(data) = &block.data {
            self.keep_data(&input[data.clone()]);
        }
    }

    fn keep_data(&mut self, line: &[u8]) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
        self.data.extend_from_slice(line);
    }

    /// Ends a block that has data.
    fn dispatch<'a, 'c: 'a>(&'a mut self, block: &Block, input: &'c [u8]) -> MessageEvent<'a> {
        let text = BlockText::new(block, input);
        self.commit_id(block, &text);
        self.size = 0;
        if self.has_data || !self.event_type.is_empty() || self.has_id {
            self.lent = Lent::Block;
        }
        let event_type = match &block.event_type {
            Some(event_type) => text.get(event_type),
            None => utf8(&self.event_type),
        };
        MessageEvent {
            event_type: if event_type.is_empty() {
                Cow::Borrowed(MessageEvent::DEFAULT_EVENT_TYPE)
            } else {
                event_type
            },
            data: match &block.data {
                Some(data) => text.get(data),
                None => utf8(&self.data),
            },
            last_event_id: Cow::Borrowed(&self.last_event_id),
        }
    }

    /// Makes the ID of a block that ends the last event ID.
    fn commit_id(&mut self, block: &Block, text: &BlockText<'_>) {
        let id = match &block.id {
            Some(id) => text.get(id),
            None if self.has_id => utf8(&self.id),
            None => return,
        };
        self.last_event_id.clear();
        self.last_event_id.shrink_to(KEPT_CAPACITY);
        self.last_event_id.push_str(&id);
    }

    fn clear_block(&mut self) {
        self.size = 0;
        self.has_id = false;
        self.has_data = false;
        for buffer in [&mut self.event_type, &mut self.id, &mut self.data] {
            buffer.clear();
            buffer.shrink_to(KEPT_CAPACITY);
        }
        self.clear_line();
    }

    fn clear_line(&mut self) {
        self.lent = Lent::Nothing;
        self.line.clear();
        self.line.shrink_to(KEPT_CAPACITY);
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

/// The values of a block in a chunk, as text.
///
/// They are validated in one go where they are all valid, since a pass for each would cost short events half their speed.
struct BlockText<'c> {
    input: &'c [u8],
    start: usize,
    valid: Option<&'c str>,
}

impl<'c> BlockText<'c> {
    fn new(block: &Block, input: &'c [u8]) -> Self {
        let values = || [&block.event_type, &block.id, &block.data].into_iter().flatten();
        let start = values().map(|value| value.start).min().unwrap_or(0);
        let end = values().map(|value| value.end).max().unwrap_or(0);
        Self { input, start, valid: simdutf8::basic::from_utf8(&input[start..end]).ok() }
    }

    fn get(&self, value: &Range<usize>) -> Cow<'c, str> {
        match self.valid {
            Some(text) => Cow::Borrowed(&text[value.start - self.start..value.end - self.start]),
            None => String::from_utf8_lossy(&self.input[value.clone()]),
        }
    }
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
        write!(f, "an event is over the limit of {limit} bytes and was skipped; `with_max_event_size` raises it")
    }
}

impl core::error::Error for EventTooLarge {}
