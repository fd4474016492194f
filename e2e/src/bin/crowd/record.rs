//! What was published, and when the hub should have dropped it.

use crate::HISTORY;
use std::collections::{BTreeMap, HashMap, VecDeque};

/// A published event.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Published {
    pub(crate) number: u64,
    /// The number of the event that pushed it out of its topic's history.
    pub(crate) evicted: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Record {
    topics: HashMap<String, Vec<Published>>,
    events: usize,
}

impl Record {
    /// Reads the lines of the publisher's record, and replays what the hub keeps: the newest events
    /// of each topic, and of so many topics.
    pub(crate) fn new(lines: &str, max_topics: usize) -> Self {
        let mut record = Self::default();
        // The events that each topic keeps, as indices, and the topics by their newest event.
        let mut kept: HashMap<&str, VecDeque<usize>> = HashMap::new();
        let mut by_newest: BTreeMap<u64, &str> = BTreeMap::new();
        for line in lines.lines() {
            let (number, topic) = line.split_once(' ').expect("a number and a topic");
            let number = number.parse().expect("a number");
            record.events += 1;
            let events = record.topics.entry(topic.to_owned()).or_default();
            let ring = kept.entry(topic).or_default();
            if let Some(&newest) = ring.back() {
                by_newest.remove(&events[newest].number);
            }
            ring.push_back(events.len());
            events.push(Published { number, evicted: u64::MAX });
            by_newest.insert(number, topic);
            if ring.len() > HISTORY {
                events[ring.pop_front().expect("it has more")].evicted = number;
            }
            if by_newest.len() > max_topics {
                let (_, quietest) = by_newest.pop_first().expect("there are more");
                let events = record.topics.get_mut(quietest).expect("it had events");
                for event in kept.remove(quietest).expect("it has events") {
                    events[event].evicted = number;
                }
            }
        }
        record
    }

    /// How many events were published.
    pub(crate) fn len(&self) -> usize {
        self.events
    }

    /// The number of the last event of these topics.
    pub(crate) fn last_of(&self, topics: &[String]) -> u64 {
        let last = topics.iter().filter_map(|topic| self.topics.get(topic)?.last());
        last.map(|event| event.number).max().unwrap_or(0)
    }

    /// All events of these topics, in order.
    pub(crate) fn of(&self, topics: &[String]) -> Vec<Published> {
        let events = topics.iter().filter_map(|topic| self.topics.get(topic)).flatten();
        let mut events: Vec<_> = events.copied().collect();
        events.sort_unstable_by_key(|event| event.number);
        events
    }
}
