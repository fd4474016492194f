//! Resuming where the last call stopped.

use super::lines::{LineFrame, Span, after_line_end};
use super::state::{Buffer, ByteOrderMark, Carry, OpenLine, Place};
use super::{Decoder, EventTooLarge, block};
use crate::line::{self, Field};
use core::mem;

impl Decoder {
    /// Deals with what the last call left behind, until a line starts or the chunk ends.
    // Most small chunks lie within a line of data or a comment, so these two cases are inlined.
    #[inline(always)]
    pub(super) fn resume(
        &mut self,
        carry: Carry,
        chunk: &mut &[u8],
    ) -> Result<Option<LineFrame>, EventTooLarge> {
        match carry {
            Carry::OpenLine(OpenLine::Data) => {
                let end = line::find_end_in_piece(chunk);
                self.append_data(&chunk[..end.unwrap_or(chunk.len())])?;
                self.block.size += usize::from(end.is_some());
                self.pass_open_line(chunk, end);
                Ok(None)
            }
            Carry::OpenLine(OpenLine::Ignored) => {
                self.pass_open_line(chunk, line::find_end_in_piece(chunk));
                Ok(None)
            }
            Carry::OpenLine(OpenLine::Buffered) => self.resume_buffered_line(chunk),
            _ => self.resume_other(carry, chunk),
        }
    }

    /// Moves past the open line, or past the chunk if the line does not end in it.
    #[inline(always)]
    fn pass_open_line(&mut self, chunk: &mut &[u8], end: Option<usize>) {
        *chunk = match end {
            Some(end) => {
                self.carry = None;
                &chunk[self.pass_line_end(chunk, end)..]
            }
            None => &[],
        };
    }

    #[cold]
    fn resume_other(&mut self, carry: Carry, chunk: &mut &[u8]) -> Result<Option<LineFrame>, EventTooLarge> {
        self.carry = match carry {
            Carry::StreamStart(mark) => skip_byte_order_mark(chunk, mark),
            Carry::Cr if chunk.is_empty() => Some(Carry::Cr),
            Carry::Cr => {
                skip_lf(chunk);
                None
            }
            Carry::OpenLine(_) => Some(carry),
            Carry::OversizedBlock(place) => skip_block(chunk, place),
            Carry::Lent { buffer, after_cr } => {
                match buffer {
                    Buffer::Line => block::empty(&mut self.line),
                    Buffer::Block => self.block.clear(),
                }
                after_cr.then_some(Carry::Cr)
            }
        };
        match self.carry {
            Some(carry) if !chunk.is_empty() => self.resume(carry, chunk),
            _ => Ok(None),
        }
    }

    #[cold]
    fn resume_buffered_line(&mut self, chunk: &mut &[u8]) -> Result<Option<LineFrame>, EventTooLarge> {
        let end = line::find_end_in_piece(chunk);
        let open_line = self.buffer_line(&chunk[..end.unwrap_or(chunk.len())])?;
        self.carry = Some(Carry::OpenLine(open_line));
        let mut frame = None;
        if end.is_some() {
            match open_line {
                OpenLine::Buffered => frame = self.apply_buffered_line()?,
                OpenLine::Data => self.block.size += 1,
                OpenLine::Ignored => {}
            }
        }
        self.pass_open_line(chunk, end);
        if let Some(LineFrame::Comment(_)) = frame {
            self.lend(Buffer::Line);
        }
        Ok(frame)
    }

    /// Keeps the start of a line that continues in the next chunk.
    pub(super) fn open_line(&mut self, part: &[u8]) -> Result<OpenLine, EventTooLarge> {
        match line::split_field(part) {
            // Most open lines are data, and long enough to tell, so they bypass the buffer.
            (Field::Data, value) if part.len() >= line::LONGEST_HEAD => self.open_data(&part[value..]),
            _ => {
                self.line.clear();
                self.buffer_line(part)
            }
        }
    }

    /// Appends to the line in the buffer, unless its first bytes show that it is data or is
    /// ignored.
    fn buffer_line(&mut self, part: &[u8]) -> Result<OpenLine, EventTooLarge> {
        let missing = line::LONGEST_HEAD.saturating_sub(self.line.len()).min(part.len());
        let (head, tail) = part.split_at(missing);
        self.line.extend_from_slice(head);
        let head_is_whole = self.line.len() >= line::LONGEST_HEAD;
        match line::split_head(&self.line) {
            None if head_is_whole => Ok(OpenLine::Ignored),
            None => Ok(OpenLine::Buffered),
            Some((Field::Data, value)) if head_is_whole => {
                let head = mem::take(&mut self.line);
                self.open_data(&head[value..])?;
                self.line = head;
                self.append_data(tail)?;
                Ok(OpenLine::Data)
            }
            Some((_, value)) => {
                self.check_size(self.block.size + self.line.len() - value + tail.len())?;
                self.line.extend_from_slice(tail);
                Ok(OpenLine::Buffered)
            }
        }
    }

    /// Starts a line of data in the block with its first part.
    fn open_data(&mut self, part: &[u8]) -> Result<OpenLine, EventTooLarge> {
        self.block.start_data();
        self.append_data(part)?;
        Ok(OpenLine::Data)
    }

    fn append_data(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        self.check_size(self.block.size + part.len())?;
        self.block.size += part.len();
        self.block.data.extend_from_slice(part);
        Ok(())
    }

    fn apply_buffered_line(&mut self) -> Result<Option<LineFrame>, EventTooLarge> {
        let line = mem::take(&mut self.line);
        let frame = self.apply_line(&line, Span { start: 0, end: line.len() });
        self.line = line;
        // The frame of a comment borrows from the buffer.
        if !matches!(frame, Ok(Some(LineFrame::Comment(_)))) {
            block::empty(&mut self.line);
        }
        frame
    }
}

/// Skips one byte of a byte order mark.
fn skip_byte_order_mark(chunk: &mut &[u8], mark: ByteOrderMark) -> Option<Carry> {
    let [first, second, third] = line::BYTE_ORDER_MARK;
    let (expected, then) = match mark {
        ByteOrderMark::Nothing => (first, Some(Carry::StreamStart(ByteOrderMark::OneByte))),
        ByteOrderMark::OneByte => (second, Some(Carry::StreamStart(ByteOrderMark::TwoBytes))),
        ByteOrderMark::TwoBytes => (third, None),
    };
    match chunk {
        [] => Some(Carry::StreamStart(mark)),
        [byte, rest @ ..] if *byte == expected => {
            *chunk = rest;
            then
        }
        _ if mark == ByteOrderMark::Nothing => None,
        // Part of a mark starts a line, and no field name starts with it.
        _ => Some(Carry::OpenLine(OpenLine::Ignored)),
    }
}

fn skip_lf(chunk: &mut &[u8]) {
    *chunk = chunk.strip_prefix(b"\n").unwrap_or(chunk);
}

/// Skips the rest of a block, up to its blank line or the end of the chunk.
fn skip_block(chunk: &mut &[u8], mut place: Place) -> Option<Carry> {
    if place == Place::AfterCr && !chunk.is_empty() {
        skip_lf(chunk);
        place = Place::LineStart;
    }
    while let Some(end) = line::find_end(chunk) {
        let blank = end == 0 && place == Place::LineStart;
        let (next, after_cr) = after_line_end(chunk, end);
        *chunk = &chunk[next..];
        if blank {
            return after_cr.then_some(Carry::Cr);
        }
        place = if after_cr { Place::AfterCr } else { Place::LineStart };
    }
    if !chunk.is_empty() {
        *chunk = &[];
        place = Place::InLine;
    }
    Some(Carry::OversizedBlock(place))
}
