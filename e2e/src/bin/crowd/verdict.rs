//! What the clients saw, compared with the publisher's record.

use crate::POSITIONS;
use crate::client::{Client, Step};
use crate::record::{Published, Record};
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

/// A subscription looks at the log shortly after it has taken its position. An event may be evicted
/// in between, by one of so many events.
const BETWEEN: u64 = 200;

/// A client that was away for a shorter time than this must not have an old position.
const SHORT: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Verdict {
    clients: usize,
    published: usize,
    connections: usize,
    cuts: usize,
    cuts_in_event: usize,
    delivered: usize,
    hellos: usize,
    refreshed: usize,
    /// Gaps in which the hub had dropped events, by cause.
    true_gaps: BTreeMap<String, usize>,
    missed: usize,
    /// Gaps in which it had not, of clients that were away and whose position was old.
    old_gaps: usize,
    /// How many events old the newest of these positions was.
    youngest: u64,
    false_gaps: usize,
    lost: usize,
    doubled: usize,
    out_of_order: usize,
    /// Events of other topics.
    foreign: usize,
    unexpected: usize,
}

impl Verdict {
    pub(crate) fn new(clients: usize, published: usize) -> Self {
        Self { clients, published, ..Self::default() }
    }

    pub(crate) fn add(&mut self, client: &Client, record: &Record) {
        self.cuts += client.cuts;
        self.cuts_in_event += client.cuts_in_event;
        let own = record.of(&client.topics);
        // Of this client's events, those after `after` and up to `up_to`.
        let between = |after: u64, up_to: u64| {
            let start = own.partition_point(|event| event.number <= after);
            let end = own.partition_point(|event| event.number <= up_to);
            own.get(start..end).unwrap_or_default()
        };
        let mut at = None;
        let mut away = Duration::ZERO;
        for step in &client.steps {
            match *step {
                Step::Connected(after) => {
                    self.connections += 1;
                    away = after;
                }
                Step::Hello(number) => {
                    self.hellos += 1;
                    if at.is_some() {
                        self.report("a client with a position gets `hub:hello`");
                    }
                    at = Some(number);
                }
                Step::At(number) => {
                    self.refreshed += 1;
                    self.move_to(number, &mut at, |after| between(after, number).len());
                }
                Step::Event(number) => {
                    self.delivered += 1;
                    if own.binary_search_by_key(&number, |event| event.number).is_err() {
                        self.foreign += 1;
                    } else if at == Some(number) {
                        self.doubled += 1;
                    }
                    self.move_to(number, &mut at, |after| between(after, number - 1).len());
                }
                Step::Gap(number, ref cause) => {
                    let after = at.unwrap_or(number);
                    self.gap(after, number, cause, between(after, number), away);
                    at = Some(number);
                }
                Step::Unexpected(ref message) => self.report(message),
            }
        }
        self.lost += between(at.unwrap_or(0), u64::MAX).len();
    }

    /// The client has moved to `number` without being told of a gap.
    fn move_to(&mut self, number: u64, at: &mut Option<u64>, passed: impl FnOnce(u64) -> usize) {
        match *at {
            None => self.report("a client without a position gets something else than `hub:hello`"),
            Some(after) if after > number => self.out_of_order += 1,
            Some(after) => self.lost += passed(after),
        }
        *at = Some(number);
    }

    fn gap(&mut self, after: u64, number: u64, cause: &str, missed: &[Published], away: Duration) {
        let age = number.saturating_sub(after);
        let known = ["trimmed", "lagged"].contains(&cause);
        if known && missed.iter().any(|event| event.evicted <= number + BETWEEN) {
            *self.true_gaps.entry(cause.to_owned()).or_default() += 1;
            self.missed += missed.len();
        } else if known && away >= SHORT && age >= POSITIONS as u64 / 2 {
            self.youngest = if self.old_gaps == 0 { age } else { self.youngest.min(age) };
            self.old_gaps += 1;
        } else {
            self.false_gaps += 1;
            let missed = missed.len();
            eprintln!("false gap: {cause} from {after} to {number}, {missed} missed, {away:?} away");
        }
    }

    fn report(&mut self, message: &str) {
        self.unexpected += 1;
        eprintln!("unexpected: {message}");
    }

    /// Whether nothing is wrong, and what can go wrong was tried.
    pub(crate) fn is_good(&self) -> bool {
        let wrong =
            [self.false_gaps, self.lost, self.doubled, self.out_of_order, self.foreign, self.unexpected];
        let tried = [self.cuts, self.cuts_in_event, self.delivered, self.refreshed];
        let causes = ["trimmed", "lagged"].iter().all(|cause| self.true_gaps.contains_key(*cause));
        wrong == [0; 6] && !tried.contains(&0) && causes
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            ("clients", self.clients),
            ("connections", self.connections),
            ("cuts", self.cuts),
            ("  in the middle of an event", self.cuts_in_event),
            ("events published", self.published),
            ("deliveries", self.delivered),
            ("hub:hello", self.hellos),
            ("hub:at", self.refreshed),
            ("true gaps, trimmed", self.true_gaps.get("trimmed").copied().unwrap_or(0)),
            ("true gaps, lagged", self.true_gaps.get("lagged").copied().unwrap_or(0)),
            ("  events missed in them", self.missed),
            ("gaps of old positions", self.old_gaps),
            ("  age of the newest of them", self.youngest as usize),
            ("false gaps", self.false_gaps),
            ("lost", self.lost),
            ("doubled", self.doubled),
            ("out of order", self.out_of_order),
            ("of other topics", self.foreign),
            ("unexpected", self.unexpected),
        ];
        for (name, count) in counts {
            writeln!(f, "{name:<28}{count:>10}")?;
        }
        Ok(())
    }
}
