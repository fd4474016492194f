//! The block of lines in progress: what of it lies in the chunk, and what had to be copied out of earlier ones.

use alloc::vec::Vec;

/// How much a buffer may keep between events, so that one huge event does not cost memory for ever.
pub(crate) const KEPT_CAPACITY: usize = 64 * 1024;

/// A part of a chunk.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Span {
    #[inline]
    pub(crate) fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start..self.end]
    }

    pub(crate) fn len(self) -> usize {
        self.end - self.start
    }

    fn join(self, other: Option<Self>) -> Self {
        match other {
            Some(other) => Self { start: self.start.min(other.start), end: self.end.max(other.end) },
            None => self,
        }
    }
}

/// The values of the block in progress that lie in one chunk.
#[derive(Clone, Copy, Default)]
pub(crate) struct Block {
    pub(crate) event_type: Option<Span>,
    pub(crate) id: Option<Span>,
    pub(crate) data: Option<Span>,
    /// What its lines count against the limit.
    pub(crate) size: usize,
}

impl Block {
    /// The part of the chunk from the first value to the end of the last.
    #[inline]
    pub(crate) fn region(self, data: Span) -> Span {
        data.join(self.event_type).join(self.id)
    }
}

/// The values of the block in progress that were copied.
#[derive(Clone)]
pub(crate) struct CopiedBlock {
    pub(crate) event_type: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) has_id: bool,
    /// The lines of data, joined with LF.
    pub(crate) data: Vec<u8>,
    pub(crate) has_data: bool,
    /// What the lines of earlier chunks count against the limit.
    pub(crate) size: usize,
}

impl CopiedBlock {
    pub(crate) const fn new() -> Self {
        Self {
            event_type: Vec::new(),
            id: Vec::new(),
            has_id: false,
            data: Vec::new(),
            has_data: false,
            size: 0,
        }
    }

    /// Adds the values that lie in a chunk.
    pub(crate) fn add(&mut self, block: Block, chunk: &[u8]) {
        self.size += block.size;
        if let Some(event_type) = block.event_type {
            refill(&mut self.event_type, event_type.of(chunk));
        }
        if let Some(id) = block.id {
            self.has_id = true;
            refill(&mut self.id, id.of(chunk));
        }
        if let Some(data) = block.data {
            self.add_data(data.of(chunk));
        }
    }

    pub(crate) fn add_data(&mut self, line: &[u8]) {
        self.start_data();
        self.data.extend_from_slice(line);
    }

    /// Starts one more line of data, still empty.
    pub(crate) fn start_data(&mut self) {
        if self.has_data {
            self.data.push(b'\n');
        }
        self.has_data = true;
    }

    pub(crate) fn clear(&mut self) {
        empty(&mut self.event_type);
        empty(&mut self.id);
        empty(&mut self.data);
        self.has_id = false;
        self.has_data = false;
        self.size = 0;
    }
}

fn refill(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.clear();
    buffer.extend_from_slice(bytes);
}

/// Clears a buffer, and gives back what it has beyond the usual.
pub(crate) fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_CAPACITY);
}
