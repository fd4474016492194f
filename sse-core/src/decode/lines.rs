//! The long path: applies lines one by one to the buffers of the block.

use super::state::{Buffer, Carry, OpenLine, Place};
use super::utf8::lossy_text;
use super::{Decoded, Decoder, EventTooLarge, block};
use crate::line::{self, Field};
use crate::message::{Frame, MessageEvent};
use alloc::borrow::Cow;
use core::mem;
use core::time::Duration;

/// A part of a chunk.
#[derive(Clone, Copy)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Span {
    #[inline]
    pub(super) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }

    pub(super) fn len(self) -> usize {
        self.end - self.start
    }
}

/// A frame that a line yields on its own, before its block ends.
pub(super) enum LineFrame {
    Retry(Duration),
    Comment(Span),
}

impl Decoder {
    /// Decodes any stream. A block that can be borrowed whole takes the short path, wherever it
    /// starts.
    #[inline(never)]
    pub(super) fn decode_by_lines<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Decoded<'a>>, EventTooLarge> {
        if let Some(carry) = self.carry {
            match self.resume(carry, chunk)? {
                Some(LineFrame::Retry(time)) => return Ok(Some(Decoded::Frame(Frame::Retry(time)))),
                Some(LineFrame::Comment(text)) => {
                    return Ok(Some(Decoded::Frame(Frame::Comment(lossy_text(text.of(&self.line))))));
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
            let Some(length) = line::find_end(&input[at..]) else {
                *chunk = &[];
                if at < input.len() {
                    let open_line = self.open_line(&input[at..])?;
                    self.carry = Some(Carry::OpenLine(open_line));
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
                    return Ok(Some(Decoded::Message {
                        event_type: block.event_type,
                        data: block.data,
                        last_event_id: &self.last_event_id,
                    }));
                }
            }
            at = self.pass_line_end(input, line.end);
            if length == 0 {
                *chunk = &input[at..];
                if self.block.has_data {
                    return Ok(Some(Decoded::Frame(Frame::Message(self.dispatch()))));
                }
                if self.block.size > 0 {
                    self.commit_id();
                    self.block.clear();
                }
                continue;
            }
            // After an error, the chunk still starts with this line, which the next call skips.
            let frame = self.apply_line(input, line)?;
            *chunk = &input[at..];
            if let Some(frame) = frame {
                return Ok(Some(Decoded::Frame(match frame {
                    LineFrame::Retry(time) => Frame::Retry(time),
                    LineFrame::Comment(text) => Frame::Comment(lossy_text(text.of(input))),
                })));
            }
        }
    }

    /// Skips comments, and the blank lines after them if no block is open.
    // A separate function, because inlined into the loop it uses registers that other lines need.
    #[inline(never)]
    fn skip_comments(&mut self, input: &[u8], mut at: usize) -> usize {
        let no_block = self.block.size == 0;
        loop {
            match input.get(at) {
                Some(b':') => match line::find_end_nearby(&input[at + 1..]) {
                    Some(length) => at = self.pass_line_end(input, at + 1 + length),
                    None => {
                        self.carry = Some(Carry::OpenLine(OpenLine::Ignored));
                        return input.len();
                    }
                },
                Some(b'\n') if no_block => at += 1,
                _ => return at,
            }
        }
    }

    /// Returns where the next line starts.
    #[inline]
    pub(super) fn pass_line_end(&mut self, input: &[u8], end: usize) -> usize {
        let (next, after_cr) = after_line_end(input, end);
        if after_cr {
            self.carry = Some(Carry::Cr);
        }
        next
    }

    /// Adds a line that is not blank to the block, or returns the frame that it yields on its own.
    #[inline(always)]
    pub(super) fn apply_line(
        &mut self,
        input: &[u8],
        line: Span,
    ) -> Result<Option<LineFrame>, EventTooLarge> {
        let (field, offset) = line::split_field(line.of(input));
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
                let Some(time) = reconnection_time(value) else { return Ok(None) };
                self.reconnection_time = Some(time);
                return Ok(Some(LineFrame::Retry(time)));
            }
            Field::Comment => return Ok(Some(LineFrame::Comment(span))),
        }
        self.block.size += value.len() + 1;
        Ok(None)
    }

    #[inline]
    pub(super) fn check_size(&mut self, size: usize) -> Result<(), EventTooLarge> {
        if size < self.max_event_size { Ok(()) } else { self.discard_block() }
    }

    /// Drops the block, which exceeds the limit. The next call skips the current line and the rest
    /// of the block.
    #[cold]
    fn discard_block(&mut self) -> Result<(), EventTooLarge> {
        self.carry = Some(Carry::OversizedBlock(Place::InLine));
        block::empty(&mut self.line);
        self.block.clear();
        Err(EventTooLarge { limit: self.max_event_size })
    }

    /// Dispatches the block, which has data, from its buffers.
    fn dispatch(&mut self) -> MessageEvent<'_> {
        self.commit_id();
        self.lend(Buffer::Block);
        MessageEvent {
            event_type: match &self.block.event_type[..] {
                [] => Cow::Borrowed(MessageEvent::DEFAULT_EVENT_TYPE),
                event_type => lossy_text(event_type),
            },
            data: lossy_text(&self.block.data),
            last_event_id: Cow::Borrowed(&self.last_event_id),
        }
    }

    /// Records that the frame about to be returned borrows this buffer.
    pub(super) fn lend(&mut self, buffer: Buffer) {
        let after_cr = self.carry == Some(Carry::Cr);
        self.carry = Some(Carry::Lent { buffer, after_cr });
    }

    /// Sets the last event ID to the block's ID at the end of the block.
    fn commit_id(&mut self) {
        if self.block.has_id {
            let id = mem::take(&mut self.block.id);
            self.set_last_event_id(&lossy_text(&id));
            self.block.id = id;
        }
    }
}

/// Returns where the line after this line end starts, and whether an LF at the start of the next
/// chunk would belong to this line end.
#[inline]
pub(super) fn after_line_end(input: &[u8], end: usize) -> (usize, bool) {
    if input[end] == b'\n' {
        return (end + 1, false);
    }
    match input.get(end + 1) {
        Some(b'\n') => (end + 2, false),
        next => (end + 1, next.is_none()),
    }
}

/// Parses the value of a `retry` field.
// Not inlined, because it is rare and uses registers that other lines need.
#[inline(never)]
fn reconnection_time(value: &[u8]) -> Option<Duration> {
    let millis = line::milliseconds(value)?;
    Some(Duration::from_millis(millis).min(Decoder::MAX_RECONNECTION_TIME))
}
