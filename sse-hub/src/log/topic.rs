//! A topic: its ring of events.

use crate::audience::Audience;
use crate::position::Position;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use tokio::time::Instant;

pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    pub(super) ring: VecDeque<Entry>,
    pub(super) bytes: usize,
    /// The number of the last event that the ring has lost.
    pub(super) evicted: u64,
    pub(crate) audience: Arc<Audience>,
}

pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) position: Position,
    pub(super) bytes: Bytes,
    pub(super) arrived: Instant,
}

impl Topic {
    /// The index of the first event after this number. Most readers are near the end.
    pub(super) fn index_after(&self, number: u64) -> usize {
        let later = self.ring.iter().rev().take(8).position(|entry| entry.number <= number);
        match later {
            Some(later) => self.ring.len() - later,
            None => self.ring.partition_point(|entry| entry.number <= number),
        }
    }

    pub(super) fn entry(&self, number: u64) -> Option<&Entry> {
        let index = self.index_after(number).checked_sub(1)?;
        self.ring.get(index).filter(|entry| entry.number == number)
    }

    pub(super) fn joined(&self, after: u64, start: usize, events: usize, bytes: usize) -> Bytes {
        if events == 1 {
            return self.ring[start].bytes.clone();
        }
        let entries = self.ring.range(start..start + events);
        let up_to = self.ring[start + events - 1].number;
        self.audience.joined(after, up_to, || {
            let mut block = Vec::with_capacity(bytes);
            entries.for_each(|entry| block.extend_from_slice(&entry.bytes));
            Bytes::from(block)
        })
    }
}
