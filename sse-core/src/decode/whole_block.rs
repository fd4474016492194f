//! The short path: a block that lies whole in its chunk is borrowed from it.

use super::lines::Span;
use super::utf8::valid_text;
use super::{Decoded, Decoder, EventTooLarge};
use crate::line;
use crate::message::MessageEvent;

/// A block that is borrowed from its chunk, and what follows it there.
pub(super) struct WholeBlock<'c> {
    pub(super) event_type: &'c str,
    pub(super) data: &'c str,
    pub(super) id: Option<&'c str>,
    pub(super) rest: &'c [u8],
}

impl Decoder {
    /// Decodes the most common event, a single line of data, and leaves all others to
    /// [`decode_by_lines`](Self::decode_by_lines).
    // A separate function, which is small enough to save few registers on entry.
    #[inline(never)]
    pub(super) fn decode_single_data<'a, 'c: 'a>(
        &'a mut self,
        chunk: &mut &'c [u8],
    ) -> Result<Option<Decoded<'a>>, EventTooLarge> {
        if self.block.size == 0 && chunk.starts_with(b"data: ") {
            if let Some(end) = line::find_end(chunk) {
                if let Some((data, rest)) =
                    self.single_data_block(chunk, Span { start: b"data: ".len(), end })
                {
                    *chunk = rest;
                    return Ok(Some(Decoded::Message {
                        event_type: MessageEvent::DEFAULT_EVENT_TYPE,
                        data,
                        last_event_id: &self.last_event_id,
                    }));
                }
            }
        }
        self.decode_by_lines(chunk)
    }

    /// Returns the block that starts with this line, if the block is a common one: it lies whole in
    /// the chunk, its text is valid, and its only line of data is its last line.
    // Decoding it line by line has the same result. This stores nothing, which makes short events
    // much faster.
    #[inline(always)]
    pub(super) fn whole_block<'c>(&self, input: &'c [u8], mut line: Span) -> Option<WholeBlock<'c>> {
        if let Some(data) = strip_field(input, line, b"data: ") {
            let (data, rest) = self.single_data_block(input, data)?;
            return Some(WholeBlock { event_type: MessageEvent::DEFAULT_EVENT_TYPE, data, id: None, rest });
        }
        let start = line.start;
        let mut event_type = None;
        let mut id = None;
        // If this fails after such a line, the line is stored in the block, and the block is not
        // tried again. No byte is searched more than twice.
        let data = loop {
            if let Some(value) = strip_field(input, line, b"event: ") {
                event_type = Some(value);
            } else {
                let value = strip_field(input, line, b"id: ")?;
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
            line = Span { start, end: start + line::find_end(rest)? };
            if let Some(data) = strip_field(input, line, b"data: ") {
                break data;
            }
        };
        let region = Span { start, end: data.end };
        let rest = self.after_block(input, region)?;
        // Validates all values in a single pass, since each pass has a fixed cost.
        let text = valid_text(input, region)?;
        let get = |value: Span| &text[value.start - start..value.end - start];
        let event_type = match event_type.map(get) {
            None | Some("") => MessageEvent::DEFAULT_EVENT_TYPE,
            Some(event_type) => event_type,
        };
        Some(WholeBlock { event_type, data: get(data), id: id.map(get), rest })
    }

    /// Returns the text of this data and what follows the block, if the block ends with it.
    #[inline(always)]
    fn single_data_block<'c>(&self, input: &'c [u8], data: Span) -> Option<(&'c str, &'c [u8])> {
        let rest = self.after_block(input, data)?;
        Some((valid_text(input, data)?, rest))
    }

    /// Returns what follows a block that ends with this part of the chunk. The part includes names
    /// and line ends, so a block that is close to the limit is left to the long path.
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
}

/// Returns the value of a line that starts with this name and colon. `head` ends with a space,
/// which the line may lack.
// Asking for one field at a time is cheaper here than `line::split_field`.
#[inline(always)]
fn strip_field(input: &[u8], line: Span, head: &[u8]) -> Option<Span> {
    let without_space = head.len() - 1;
    let offset = match line.of(input) {
        line if line.starts_with(head) => head.len(),
        line if line.starts_with(&head[..without_space]) => without_space,
        _ => return None,
    };
    Some(Span { start: line.start + offset, end: line.end })
}
