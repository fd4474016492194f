//! The log of a hub: a ring of events for each topic, in one order for all.

use crate::audience::{Audience, Place};
use crate::builder::Builder;
use crate::control::GapCause;
use crate::position::Position;
use crate::record::{DISCONNECT, Record};
use crate::sync::atomic::{AtomicU64, Ordering};
use bytes::Bytes;
use slab::Slab;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// A topic of a subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Membership {
    pub(crate) topic: TopicKey,
    pub(crate) place: Place,
    /// The subscription gets nothing up to this number.
    pub(crate) since: u64,
}

/// How many of its records are kept. They count towards no limit, since nothing may push them out.
const MAX_DISCONNECTS: usize = 1_024;

/// How many topics one event makes the log forget at most, so that no publisher waits for all.
const MAX_FORGOTTEN: usize = 16;

/// How many bytes of events are joined at most for a subscription of one topic.
const MAX_BLOCK: usize = 16 * 1024;

/// A topic, while it has events or subscribers.
pub(crate) type TopicKey = u32;

/// The topic of the records that end subscriptions.
pub(crate) const DISCONNECT_KEY: TopicKey = 0;

pub(crate) struct Log {
    /// The position of the newest event.
    head: Position,
    /// Its number. Numbers count events as they arrive, from 1 on, whatever their positions are.
    newest: u64,
    /// The same, to be read without the lock of the log.
    published: Arc<AtomicU64>,
    /// Cursors below this number belong to a log that is gone.
    restarted: u64,
    restart_cause: GapCause,

    topics: Slab<Topic>,
    keys: HashMap<Arc<str>, TopicKey>,
    /// The topics of the newest events, as many as the hub has positions.
    index: VecDeque<TopicKey>,
    /// The positions of the same events. In memory, they are the numbers.
    positions: Option<VecDeque<Position>>,

    /// The topics that have events, by the number of the newest one.
    by_newest: BTreeMap<u64, TopicKey>,
    /// The same, by bytes.
    by_bytes: BTreeSet<(usize, TopicKey)>,
    bytes: usize,

    /// The last number of topics that were forgotten; as many as the hub has positions.
    tombstones: HashMap<Arc<str>, u64>,
    by_tombstone: BTreeMap<u64, Arc<str>>,
    /// The highest number of a tombstone that was dropped: a topic that is neither here nor among
    /// the tombstones may have had events up to it.
    floor: u64,

    limits: Limits,
}

struct Limits {
    positions: usize,
    history_events: usize,
    history_bytes: usize,
    history_age: Duration,
    total_bytes: usize,
    max_topics: usize,
}

pub(crate) struct Topic {
    pub(crate) name: Arc<str>,
    ring: VecDeque<Entry>,
    bytes: usize,
    /// The number of the last event that the ring has lost.
    evicted: u64,
    pub(crate) audience: Arc<Audience>,
}

struct Entry {
    number: u64,
    position: Position,
    bytes: Bytes,
    arrived: Instant,
}

/// A record with its number.
pub(crate) struct Numbered {
    pub(crate) number: u64,
    /// How many events its topic keeps, as far as it has shown.
    pub(crate) kept: usize,
    pub(crate) record: Record,
}

/// Events of one topic, joined.
pub(crate) struct Block {
    pub(crate) bytes: Bytes,
    pub(crate) events: usize,
    /// The number of the last one.
    pub(crate) number: u64,
    /// The position of the last one.
    pub(crate) position: Position,
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
    pub(crate) fn new(settings: &Builder, head: Position, in_memory: bool) -> Self {
        let mut log = Self {
            head,
            newest: 0,
            published: Arc::default(),
            restarted: 0,
            restart_cause: GapCause::Epoch,
            topics: Slab::new(),
            keys: HashMap::new(),
            index: VecDeque::new(),
            positions: (!in_memory).then(VecDeque::new),
            by_newest: BTreeMap::new(),
            by_bytes: BTreeSet::new(),
            bytes: 0,
            tombstones: HashMap::new(),
            by_tombstone: BTreeMap::new(),
            floor: 0,
            limits: Limits {
                positions: settings.positions,
                history_events: settings.history_events,
                history_bytes: settings.history_bytes,
                history_age: settings.history_age,
                total_bytes: settings.total_bytes,
                max_topics: settings.max_topics,
            },
        };
        let key = log.topic(&DISCONNECT.into());
        debug_assert_eq!(key, DISCONNECT_KEY);
        log
    }

    pub(crate) fn head(&self) -> Position {
        self.head
    }

    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn published(&self) -> &Arc<AtomicU64> {
        &self.published
    }

    /// Takes the next number.
    fn count(&mut self) {
        self.newest += 1;
        self.published.store(self.newest, Ordering::SeqCst);
    }

    pub(crate) fn next_position_in_memory(&self) -> Position {
        Position::in_memory(self.head.epoch, self.newest + 1)
    }

    /// How many topics there are.
    pub(crate) fn len(&self) -> usize {
        self.keys.len() - 1
    }

    /// How many topics have subscribers and no events.
    pub(crate) fn without_events(&self) -> usize {
        self.len() - self.by_newest.len()
    }

    pub(crate) fn key(&self, name: &str) -> Option<TopicKey> {
        self.keys.get(name).copied()
    }

    pub(crate) fn get(&self, key: TopicKey) -> &Topic {
        &self.topics[key as usize]
    }

    pub(crate) fn audiences(&self) -> impl Iterator<Item = &Arc<Audience>> {
        self.topics.iter().map(|(_, topic)| &topic.audience)
    }

    /// Returns the topic of this name, which is made if there is none.
    pub(crate) fn topic(&mut self, name: &Arc<str>) -> TopicKey {
        if let Some(key) = self.key(name) {
            return key;
        }
        let evicted = self.tombstones.remove(name).inspect(|last| {
            self.by_tombstone.remove(last);
        });
        let topic = Topic {
            name: name.clone(),
            ring: VecDeque::new(),
            bytes: 0,
            evicted: evicted.unwrap_or(self.floor),
            audience: Arc::default(),
        };
        let key = self.topics.insert(topic).try_into().expect("there is no memory for 2^32 topics");
        self.keys.insert(name.clone(), key);
        key
    }

    /// Forgets a topic that has neither events nor subscribers.
    pub(crate) fn forget_unused(&mut self, key: TopicKey) {
        let topic = &self.topics[key as usize];
        if key == DISCONNECT_KEY || !topic.ring.is_empty() || topic.audience.len() > 0 {
            return;
        }
        if topic.evicted > self.floor {
            self.tombstones.insert(topic.name.clone(), topic.evicted);
            self.by_tombstone.insert(topic.evicted, topic.name.clone());
            if self.tombstones.len() > self.limits.positions {
                if let Some((last, name)) = self.by_tombstone.pop_first() {
                    self.tombstones.remove(&name);
                    self.floor = last;
                }
            }
        }
        let topic = self.topics.remove(key as usize);
        self.keys.remove(&topic.name);
    }

    /// Appends an event, and drops what the limits no longer allow.
    pub(crate) fn push(&mut self, key: TopicKey, position: Position, bytes: Bytes) {
        let now = Instant::now();
        self.count();
        self.head = position;
        self.index.push_back(key);
        if let Some(positions) = &mut self.positions {
            positions.push_back(position);
        }
        if self.index.len() > self.limits.positions {
            self.index.pop_front();
            if let Some(positions) = &mut self.positions {
                positions.pop_front();
            }
        }

        let number = self.newest;
        if key == DISCONNECT_KEY {
            let topic = &mut self.topics[key as usize];
            topic.ring.push_back(Entry { number, position, bytes, arrived: now });
            if topic.ring.len() > MAX_DISCONNECTS {
                topic.evicted = topic.ring.pop_front().map_or(0, |entry| entry.number);
            }
            return;
        }
        self.change(key, |topic| {
            topic.bytes += bytes.len();
            topic.ring.push_back(Entry { number, position, bytes, arrived: now });
        });
        let oldest_allowed = now.checked_sub(self.limits.history_age);
        let expired = |entry: &Entry| oldest_allowed.is_some_and(|oldest| entry.arrived <= oldest);
        loop {
            let topic = self.get(key);
            let too_much = topic.ring.len() > self.limits.history_events
                || topic.bytes > self.limits.history_bytes
                || topic.ring.front().is_some_and(expired);
            if !too_much || topic.ring.len() == 1 {
                break;
            }
            self.evict(key, 1);
        }
        while self.bytes > self.limits.total_bytes {
            let only_this = |of: TopicKey| of == key && self.get(of).ring.len() == 1;
            let Some(&(_, largest)) = self.by_bytes.iter().rev().find(|(_, of)| !only_this(*of)) else {
                break;
            };
            self.evict(largest, 1);
        }
        for _ in 0..MAX_FORGOTTEN {
            let Some((_, &quietest)) = self.by_newest.first_key_value() else { break };
            let topic = self.get(quietest);
            let too_many = self.by_newest.len() > self.limits.max_topics;
            if !(too_many || topic.ring.back().is_some_and(expired)) {
                break;
            }
            self.evict(quietest, topic.ring.len());
        }
    }

    #[cfg(twin = "head-before-ring")]
    pub(crate) fn raise(&mut self, by: i64) {
        self.newest = self.newest.wrapping_add_signed(by);
    }

    #[cfg(twin = "walk-under-two-locks")]
    pub(crate) fn has(&self, numbered: &Numbered) -> bool {
        let key = self.key(&numbered.record.topic);
        key.is_some_and(|key| self.get(key).entry(numbered.number).is_some())
    }

    /// Drops the oldest events of a topic, and the topic if nothing holds it.
    fn evict(&mut self, key: TopicKey, events: usize) {
        self.change(key, |topic| {
            for entry in topic.ring.drain(..events) {
                topic.bytes -= entry.bytes.len();
                topic.evicted = entry.number;
            }
        });
        self.forget_unused(key);
    }

    /// Changes the ring of a topic.
    fn change(&mut self, key: TopicKey, change: impl FnOnce(&mut Topic)) {
        let topic = &mut self.topics[key as usize];
        if let Some(newest) = topic.ring.back() {
            self.by_newest.remove(&newest.number);
            self.by_bytes.remove(&(topic.bytes, key));
            self.bytes -= topic.bytes;
        }
        change(topic);
        if let Some(newest) = topic.ring.back() {
            self.by_newest.insert(newest.number, key);
            self.by_bytes.insert((topic.bytes, key));
            self.bytes += topic.bytes;
        } else {
            topic.ring = VecDeque::new();
        }
    }

    /// Begins again after this position: all events before it are lost to all cursors.
    pub(crate) fn restart(&mut self, head: Position, cause: GapCause) {
        // A number of its own, so that cursors at the newest event are below it.
        self.count();
        self.restarted = self.newest;
        self.restart_cause = cause;
        self.head = head;
        self.index.clear();
        self.positions = Some(VecDeque::new());
        while let Some((_, &key)) = self.by_newest.first_key_value() {
            self.evict(key, self.get(key).ring.len());
        }
        self.topics[DISCONNECT_KEY as usize].ring.clear();
    }

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

    /// Moves the head of a log that it follows past what nobody here reads.
    pub(crate) fn advance(&mut self, head: Position) {
        if head.is_after(&self.head) {
            self.head = head;
        }
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

impl Topic {
    /// The index of the first event after this number. Most readers are near the end.
    fn index_after(&self, number: u64) -> usize {
        let later = self.ring.iter().rev().take(8).position(|entry| entry.number <= number);
        match later {
            Some(later) => self.ring.len() - later,
            None => self.ring.partition_point(|entry| entry.number <= number),
        }
    }

    fn entry(&self, number: u64) -> Option<&Entry> {
        let index = self.index_after(number).checked_sub(1)?;
        self.ring.get(index).filter(|entry| entry.number == number)
    }

    fn joined(&self, after: u64, start: usize, events: usize, bytes: usize) -> Bytes {
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
