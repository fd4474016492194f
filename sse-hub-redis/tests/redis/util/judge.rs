//! Whether clients saw what they had to see.

use super::told;
use sse_hub::Position;
use sse_test::hub::Seen;
use std::collections::{BTreeMap, HashMap, HashSet};

#[derive(Default)]
pub(crate) struct Published {
    pub(crate) acknowledged: HashMap<Position, String>,
    pub(crate) unknown: HashSet<String>,
    pub(crate) refused: usize,
}

/// What the clients saw, compared with what was published.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) lost: Vec<String>,
    pub(crate) doubled: Vec<String>,
    pub(crate) gaps: BTreeMap<String, usize>,
    pub(crate) unknown_that_came: HashSet<String>,
}

pub(crate) fn judge(published: &Published, stories: &[Vec<Seen>]) -> Verdict {
    let mut verdict = Verdict::default();
    let mut epochs: HashMap<u64, BTreeMap<(u64, u64), &str>> = HashMap::new();
    for (position, data) in &published.acknowledged {
        epochs.entry(position.epoch).or_default().insert((position.major, position.minor), data);
    }
    let mut data_of = HashMap::new();
    for story in stories {
        let mut came = HashSet::new();
        let mut at: Option<Position> = None;
        for seen in story {
            let next = position(&seen.id);
            if seen.control() == Some("gap") {
                *verdict.gaps.entry(told(seen).expect("it is a gap")).or_default() += 1;
                at = Some(next);
                continue;
            }
            // Without a gap, nothing that was acknowledged lies between two IDs.
            if let Some(at) = at.replace(next) {
                assert_eq!(at.epoch, next.epoch, "a gap tells of another epoch");
                assert!(!at.is_after(&next), "the order is that of the log");
                let between = (at.major, at.minor)..(next.major, next.minor);
                let of_epoch = epochs.get(&next.epoch).into_iter();
                let missed = of_epoch.flat_map(|events| events.range(between.clone()));
                let missed = missed.filter(|(place, _)| **place != between.start);
                verdict.lost.extend(missed.map(|(_, data)| (*data).to_owned()));
                // A position of the hub's own may be that of an event.
                let is_event = seen.control().is_none();
                let skipped = !is_event
                    && epochs
                        .get(&next.epoch)
                        .is_some_and(|events| at != next && events.contains_key(&(next.major, next.minor)));
                if skipped {
                    verdict.lost.push(format!("at {}", seen.id));
                }
            }
            if seen.control().is_some() {
                continue;
            }
            let known = data_of.entry(next).or_insert(&seen.data);
            assert_eq!(*known, &seen.data, "an ID names one event");
            if !came.insert(&seen.data) {
                verdict.doubled.push(seen.data.clone());
            }
            if published.unknown.contains(&seen.data) {
                verdict.unknown_that_came.insert(seen.data.clone());
            }
        }
    }
    verdict
}

pub(crate) fn has_reached(id: &str, end: Position) -> bool {
    let at = position(id);
    at == end || at.is_after(&end)
}

pub(crate) fn position(id: &str) -> Position {
    let number = |text| u64::from_str_radix(text, 16).expect("it is hexadecimal");
    let parts: Vec<_> = id.split([':', '-', '.']).map(number).collect();
    let [epoch, major, minor, nonce] = parts[..] else { panic!("{id} is no position") };
    Position { epoch, major, minor, nonce: nonce.try_into().expect("32 bits") }
}
