//! What a cursor finds in the log, and what follows it.

use super::topic::{Entry, Topic};
use super::{DISCONNECT_KEY, Log, Membership};
use crate::control::GapCause;
use crate::position::Position;
use crate::record::Record;
use bytes::Bytes;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// How many bytes of events are joined at most for a subscription of one topic.
const MAX_BLOCK: usize = 16 * 1024;

/// A record with its number.
pub(crate) struct Numbered {
    pub(crate) number: u64,
    /// How many events its topic keeps, as far as it has shown.
    pub(crate) kept: usize,
    pub(crate) record: Record,
}

/// Events of one topic, joined, or a single event.
pub(crate) struct Block {
    pub(crate) bytes: Bytes,
    pub(crate) events: usize,
    /// The number of the last one.
    pub(crate) number: u64,
    /// The position of the last one.
    pub(crate) position: Position,
}

impl From<Numbered> for Block {
    fn from(Numbered { number, record, .. }: Numbered) -> Self {
        Self { bytes: record.bytes, events: 1, number, position: record.position }
    }
}

/// Events after the cursor have been lost.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Lost;

/// What a cursor finds in the log.
pub(crate) enum Found {
    Number(u64),
    /// It belongs to another log.
    Epoch,
    /// It is ahead of the log.
    Ahead,
    /// It is older than what the log knows.
    Unknown,
}

impl Log {
    /// Finds the number of a position: of the event that has it, and if `exact` is not asked for,
    /// of the last one before it.
    pub(crate) fn find(&self, position: &Position, exact: bool) -> Found {
        if position.epoch != self.head.epoch {
            return Found::Epoch;
        }
        if position.place() > self.head.place() {
            return Found::Ahead;
        }
        let Some(positions) = &self.positions else {
            let known = Position::in_memory(position.epoch, position.major);
            return if *position == known { Found::Number(position.major) } else { Found::Unknown };
        };
        if *position == self.head {
            return Found::Number(self.newest);
        }
        let after = positions.partition_point(|known| known.place() <= position.place());
        match after.checked_sub(1) {
            Some(at) if !exact || positions[at] == *position => {
                Found::Number(self.first_indexed() + at as u64)
            }
            _ => Found::Unknown,
        }
    }

    /// The number of the first event in the index.
    fn first_indexed(&self) -> u64 {
        self.newest + 1 - self.index.len() as u64
    }

    /// Returns why everything after this number is lost, if it is.
    pub(crate) fn restarted_since(&self, after: u64) -> Option<GapCause> {
        (after < self.restarted).then_some(self.restart_cause)
    }

    /// Returns whether a topic still has all its events after this number.
    pub(crate) fn has_all(&self, membership: &Membership, after: u64) -> bool {
        self.get(membership.topic).evicted <= after.max(membership.since)
    }

    /// Returns what these topics have after `after` and up to `until`, at most `limit` events, in
    /// order, and the number up to which it looked.
    ///
    /// `topics` is sorted.
    pub(crate) fn events(
        &self,
        topics: &[Membership],
        after: u64,
        until: u64,
        limit: usize,
    ) -> Result<(u64, Vec<Numbered>), Lost> {
        if self.restarted_since(after).is_some() {
            return Err(Lost);
        }
        let until = until.min(self.newest);
        let mut records = Vec::new();
        // To walk over all events is quick where many of them are of these topics.
        let walked = until.min(after + 2 * topics.len() as u64);
        if after + 1 >= self.first_indexed() {
            let start = (after + 1 - self.first_indexed()) as usize;
            for (number, key) in (after + 1..=walked).zip(self.index.range(start..)) {
                let Ok(at) = topics.binary_search_by_key(key, |membership| membership.topic) else {
                    continue;
                };
                if !self.has_all(&topics[at], after) {
                    return Err(Lost);
                }
                let topic = self.get(*key);
                // Without an entry, the key was that of another topic, which is forgotten.
                let Some(entry) = topic.entry(number) else { continue };
                records.push(self.numbered(topic, entry));
                if records.len() == limit {
                    return Ok((number, records));
                }
            }
            if walked == until {
                return Ok((until.max(after), records));
            }
            records.clear();
        }

        if topics.iter().any(|membership| !self.has_all(membership, after)) {
            return Err(Lost);
        }
        let mut next = BinaryHeap::new();
        for &Membership { topic: key, .. } in topics {
            let at = self.get(key).index_after(after);
            next.extend(self.get(key).ring.get(at).map(|entry| Reverse((entry.number, key, at))));
        }
        while let Some(Reverse((number, key, at))) = next.pop() {
            if number > until {
                break;
            }
            let topic = self.get(key);
            records.push(self.numbered(topic, &topic.ring[at]));
            if records.len() == limit {
                return Ok((number, records));
            }
            next.extend(topic.ring.get(at + 1).map(|entry| Reverse((entry.number, key, at + 1))));
        }
        Ok((until.max(after), records))
    }

    /// Returns what one topic has after `after` and up to `until`, as one block of up to 16 KiB or
    /// of one event, and the number up to which it looked.
    pub(crate) fn block(
        &self,
        membership: &Membership,
        after: u64,
        until: u64,
    ) -> Result<(u64, Option<Block>), Lost> {
        if self.restarted_since(after).is_some() || !self.has_all(membership, after) {
            return Err(Lost);
        }
        let until = until.min(self.newest).max(after);
        let topic = self.get(membership.topic);
        let start = topic.index_after(after);
        let (mut bytes, mut events) = (0, 0);
        let mut last = None;
        for entry in topic.ring.range(start..).take_while(|entry| entry.number <= until) {
            if events > 0 && bytes + entry.bytes.len() > MAX_BLOCK {
                break;
            }
            bytes += entry.bytes.len();
            events += 1;
            last = Some(entry);
        }
        let Some(last) = last else { return Ok((until, None)) };
        let all = topic.ring.get(start + events).is_none_or(|next| next.number > until);
        let block = Block {
            bytes: topic.joined(after, start, events, bytes),
            events,
            number: last.number,
            position: last.position,
        };
        Ok((if all { until } else { last.number }, Some(block)))
    }

    /// Returns the newest events of these topics, `each` at most, up to `until`, in order.
    pub(crate) fn newest_of(&self, topics: &[Membership], each: usize, until: u64) -> Vec<Numbered> {
        let mut newest = Vec::new();
        for membership in topics {
            let topic = self.get(membership.topic);
            let end = topic.index_after(until);
            let entries = topic.ring.range(end.saturating_sub(each)..end);
            newest.extend(entries.map(|entry| self.numbered(topic, entry)));
        }
        newest.sort_unstable_by_key(|numbered| numbered.number);
        newest
    }

    fn numbered(&self, topic: &Topic, entry: &Entry) -> Numbered {
        let kept = if topic.evicted == 0 { self.limits.history_events } else { topic.ring.len() };
        let record =
            Record { topic: topic.name.clone(), position: entry.position, bytes: entry.bytes.clone() };
        Numbered { number: entry.number, kept, record }
    }

    /// Returns the number of the first record after `after` that ends the subscriptions with this
    /// label. If such records have been lost, this may be any.
    pub(crate) fn disconnected(&self, label: &str, after: u64) -> Option<u64> {
        let topic = self.get(DISCONNECT_KEY);
        if topic.evicted > after || self.restarted_since(after).is_some() {
            return Some(after);
        }
        let records = topic.ring.range(topic.index_after(after)..);
        records.into_iter().find(|entry| entry.bytes == label).map(|entry| entry.number)
    }
}
