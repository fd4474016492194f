//! What an earlier chunk or frame left behind, and how decoding goes on from there.

use super::block;
use super::lines::{LineFrame, Span};
use super::state::{Lent, OpenLine};
use super::{Decoder, EventTooLarge};
use crate::line::{self, Field};
use core::mem;

impl Decoder {
    /// Goes on where the last chunk or frame left off, up to the start of a line or the end of the chunk.
    // Small pieces are mostly the middle of a line of data or of a comment: with these apart and inlined, 64-byte pieces are a
    // tenth faster.
    #[inline(always)]
    pub(super) fn resume(&mut self, chunk: &mut &[u8]) -> Result<Option<LineFrame>, EventTooLarge> {
        match self.open_line {
            OpenLine::Data => {
                let end = line::find_end_in_piece(chunk);
                self.add_data(&chunk[..end.unwrap_or(chunk.len())])?;
                self.block.size += usize::from(end.is_some());
                self.end_open_line(chunk, end);
                Ok(None)
            }
            OpenLine::Skipped if !self.too_large => {
                self.end_open_line(chunk, line::find_end_in_piece(chunk));
                Ok(None)
            }
            _ => self.resume_other(chunk),
        }
    }

    /// Passes over the rest of the open line and over its end, if that is in the chunk.
    #[inline(always)]
    fn end_open_line(&mut self, chunk: &mut &[u8], end: Option<usize>) {
        *chunk = match end {
            Some(end) => {
                self.open_line = OpenLine::None;
                self.pending = false;
                &chunk[self.past_line_end(chunk, end)..]
            }
            None => &[],
        };
    }

    /// As [`resume`](Self::resume), whatever was left behind.
    #[cold]
    fn resume_other(&mut self, chunk: &mut &[u8]) -> Result<Option<LineFrame>, EventTooLarge> {
        match mem::replace(&mut self.lent, Lent::Nothing) {
            Lent::Nothing => {}
            Lent::Line => block::empty(&mut self.line),
            Lent::Block => self.block.clear(),
        }
        let input = *chunk;
        let mut at = self.start(input);
        if self.too_large {
            at = self.skip_block(input, at);
        }
        let mut said = Ok(None);
        if self.open_line != OpenLine::None {
            let end = line::find_end_in_piece(&input[at..]).map(|length| at + length);
            said = self.buffer_line(&input[at..end.unwrap_or(input.len())]).map(|()| None);
            at = match end {
                Some(end) => {
                    match mem::replace(&mut self.open_line, OpenLine::None) {
                        OpenLine::Kept => said = self.apply_buffered_line(),
                        OpenLine::Data => self.block.size += 1,
                        OpenLine::None | OpenLine::Skipped => {}
                    }
                    self.past_line_end(input, end)
                }
                None => input.len(),
            };
        }
        *chunk = &input[at..];
        self.pending = self.byte_order_mark.is_some()
            || self.after_cr
            || self.open_line != OpenLine::None
            || self.too_large
            || self.lent != Lent::Nothing;
        said
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

    /// Passes over the rest of a block that is too large, if need be up to the end of the chunk.
    fn skip_block(&mut self, input: &[u8], mut at: usize) -> usize {
        while self.too_large {
            let Some(length) = line::find_end(&input[at..]) else {
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
    pub(super) fn buffer_line(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        if part.is_empty() || self.open_line == OpenLine::Skipped {
            return Ok(());
        }
        if self.open_line == OpenLine::None {
            self.pending = true;
            // The head of data is mostly whole: 64-byte pieces of 80-byte lines are a fifth faster for seeing that.
            match line::split_field(part) {
                (Field::Data, at) if part.len() >= line::LONGEST_HEAD => return self.open_data(&part[at..]),
                _ => {}
            }
            self.open_line = OpenLine::Kept;
            self.line.clear();
        }
        let missing = line::LONGEST_HEAD.saturating_sub(self.line.len()).min(part.len());
        let (head, tail) = part.split_at(missing);
        self.line.extend_from_slice(head);
        match line::split_head(&self.line) {
            // It means nothing, or it is still in the head.
            None => Ok(()),
            Some((Field::Data, at)) if self.line.len() >= line::LONGEST_HEAD => {
                let head = mem::take(&mut self.line);
                self.open_data(&head[at..])?;
                self.line = head;
                self.add_data(tail)
            }
            Some((_, at)) => {
                self.check_size(self.block.size + self.line.len() - at + tail.len())?;
                self.line.extend_from_slice(tail);
                Ok(())
            }
        }
    }

    /// Starts a line of data that goes on in the next chunk.
    fn open_data(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        self.open_line = OpenLine::Data;
        self.block.start_data();
        self.add_data(part)
    }

    /// Adds more of an open line of data to its block, where it ends up anyway.
    fn add_data(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        self.check_size(self.block.size + part.len())?;
        self.block.size += part.len();
        self.block.data.extend_from_slice(part);
        Ok(())
    }

    fn apply_buffered_line(&mut self) -> Result<Option<LineFrame>, EventTooLarge> {
        let line = mem::take(&mut self.line);
        let said = self.apply_line(&line, Span { start: 0, end: line.len() });
        self.line = line;
        match said {
            Ok(Some(LineFrame::Comment(_))) => self.lent = Lent::Line,
            _ => block::empty(&mut self.line),
        }
        said
    }
}
