//! What an earlier chunk or frame left behind, and how decoding goes on from there.

use super::{Aside, Decoder, EventTooLarge, Lent, OpenLine};
use crate::block::{self, Block, Span};
use crate::line::{self, Start};
use core::mem;

impl Decoder {
    /// Goes on where the last chunk or frame left off, up to the start of a line or the end of the chunk.
    #[cold]
    pub(super) fn resume(&mut self, chunk: &mut &[u8]) -> Result<Option<Aside>, EventTooLarge> {
        // Small pieces are mostly the middle of a line.
        if self.open_line == OpenLine::Kept
            && self.line.len() >= line::LONGEST_HEAD
            && self.line.len() + chunk.len() < self.line_limit
            && line::length(chunk).is_none()
        {
            self.line.extend_from_slice(chunk);
            *chunk = &[];
            return Ok(None);
        }
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
            let end = line::length(&input[at..]).map(|length| at + length);
            said = self.keep_line(&input[at..end.unwrap_or(input.len())]).map(|()| None);
            at = match end {
                Some(end) => {
                    if mem::replace(&mut self.open_line, OpenLine::None) == OpenLine::Kept {
                        said = self.take_kept_line();
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
    pub(super) fn keep_line(&mut self, part: &[u8]) -> Result<(), EventTooLarge> {
        if part.is_empty() || self.open_line == OpenLine::Skipped {
            return Ok(());
        }
        if self.open_line == OpenLine::None {
            self.pending = true;
            self.open_line = OpenLine::Kept;
            self.line.clear();
        }
        let missing = line::LONGEST_HEAD.saturating_sub(self.line.len()).min(part.len());
        let (head, tail) = part.split_at(missing);
        if !head.is_empty() {
            self.line.extend_from_slice(head);
            match line::start(&self.line, self.comments) {
                Start::Nothing => {
                    self.open_line = OpenLine::Skipped;
                    return Ok(());
                }
                Start::Name => return Ok(()),
                Start::Value(at) => {
                    self.line_limit = self.max_event_size.saturating_sub(self.block.size).saturating_add(at);
                }
            }
        }
        if self.line.len() + tail.len() >= self.line_limit {
            return self.give_up_block();
        }
        self.line.extend_from_slice(tail);
        Ok(())
    }

    fn take_kept_line(&mut self) -> Result<Option<Aside>, EventTooLarge> {
        let mut line = mem::take(&mut self.line);
        let mut block = Block::default();
        let said = self.take_line(&line, Span { start: 0, end: line.len() }, &mut block);
        match block.data {
            Some(data) => {
                self.block.size += block.size;
                self.block.swap_data(&mut line, data.start);
            }
            _ => self.block.add(block, &line),
        }
        self.line = line;
        match said {
            Ok(Some(Aside::Comment(_))) => self.lent = Lent::Line,
            _ => block::empty(&mut self.line),
        }
        said
    }
}
