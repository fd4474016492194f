//! The log of a hub: a ring of events for each topic, in one order for all.

mod read;
mod topic;

pub(crate) use self::read::{Block, Found, Numbered};
pub(crate) use self::topic::Topic;

use self::topic::Entry;
use crate::audience::{Audience, Place};
use crate::builder::Builder;
use crate::control::GapCause;
use crate::position::Position;
use crate::record::DISCONNECT;
use crate::sync::atomic::{AtomicU64, Ordering};
use bytes::Bytes;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
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

/// What a topic is found by, while it has events or subscribers.
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
        // Before the new one comes, or their buffers would grow to twice the size.
        if self.index.len() == self.limits.positions {
            self.index.pop_front();
            if let Some(positions) = &mut self.positions {
                positions.pop_front();
            }
        }
        self.index.push_back(key);
        if let Some(positions) = &mut self.positions {
            positions.push_back(position);
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

    /// Moves the head of a log that it follows past what nobody here reads.
    pub(crate) fn advance(&mut self, head: Position) {
        if head.is_after(&self.head) {
            self.head = head;
        }
    }
}
