//! The block that is being read, or the part of it that had to be copied.

use alloc::vec::Vec;

/// How much capacity a buffer may keep between events, so that a huge event does not take up memory
/// forever.
pub(crate) const KEPT_CAPACITY: usize = 64 * 1024;

/// The values of the lines so far. While no line is open and `size` is zero, nothing is stored.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) event_type: Vec<u8>,
    pub(crate) id: Vec<u8>,
    pub(crate) has_id: bool,
    /// The lines of data, joined with LF.
    pub(crate) data: Vec<u8>,
    pub(crate) has_data: bool,
    /// How much of the limit the lines use up.
    pub(crate) size: usize,
}

impl Block {
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

    pub(crate) fn set_event_type(&mut self, event_type: &[u8]) {
        refill(&mut self.event_type, event_type);
    }

    pub(crate) fn set_id(&mut self, id: &[u8]) {
        self.has_id = true;
        refill(&mut self.id, id);
    }

    pub(crate) fn add_data(&mut self, line: &[u8]) {
        self.start_data();
        self.data.extend_from_slice(line);
    }

    /// Starts another line of data, which is still empty.
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

/// Clears a buffer and frees what exceeds [`KEPT_CAPACITY`].
pub(crate) fn empty(buffer: &mut Vec<u8>) {
    buffer.clear();
    buffer.shrink_to(KEPT_CAPACITY);
}
