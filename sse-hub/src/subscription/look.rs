//! What a live subscription finds in the log.

use super::{State, Subscription};
use crate::control::{self, EndCause, GapCause};
use crate::log::{Block, Found, Log, Numbered};
use crate::position::Position;
use crate::sync::atomic::Ordering;
use crate::sync::read;
use sse_core::EncodedEvent;

/// How many events of several topics are taken from the log under one lock.
const BATCH: usize = 16;

pub(super) enum Look {
    /// Nothing is due.
    Nothing,
    /// Look again, or into the queue.
    Something,
    /// All that was due.
    Block(EncodedEvent),
}

/// What was due, up to a number.
struct Due {
    up_to: u64,
    block: Option<Block>,
    records: Vec<Numbered>,
}

/// How the log was when it was read.
pub(super) struct Seen {
    newest: u64,
    head: Position,
    restarted: Option<GapCause>,
    /// The number of the record that ends the subscription.
    pub(super) end: Option<u64>,
}

impl Subscription {
    pub(super) fn look(&mut self) -> Look {
        if let Some(position) = self.options.as_ref().and_then(|options| options.ahead) {
            return self.reach(position);
        }
        if self.has_seen_all() {
            return Look::Nothing;
        }
        let (seen, due) = {
            let log = read(&self.hub.log);
            let seen = self.see(&log);
            let until = seen.end.map_or(u64::MAX, |end| end.saturating_sub(1));
            (seen, self.due(&log, until))
        };
        let Some(Due { up_to, block, records }) = due else { return self.lost(&seen) };
        #[cfg(twin = "walk-under-two-locks")]
        let records = {
            let log = read(&self.hub.log);
            records.into_iter().filter(|numbered| log.has(numbered)).collect::<Vec<_>>()
        };
        self.after = up_to;
        if up_to == seen.newest {
            self.at = seen.head;
        } else if let Some(position) = block.as_ref().map(|block| block.position) {
            self.at = position;
        } else if let Some(last) = records.last() {
            self.at = last.record.position;
        }
        if let Some(block) = block {
            self.sent = block.number;
            self.hub.counters.delivered.fetch_add(block.events as u64, Ordering::Relaxed);
            return Look::Block(EncodedEvent::raw(block.bytes));
        }
        if !records.is_empty() {
            self.deliver(records);
            return Look::Something;
        }
        self.idle(&seen)
    }

    /// Whether nothing is due, as far as can be told without the lock: after each event, every
    /// subscriber looks once in vain before it waits.
    fn has_seen_all(&self) -> bool {
        let plain = self.state == State::Live && self.options.is_none() && self.hub.engine.is_none();
        plain && self.after == self.hub.published.load(Ordering::SeqCst) && !self.is_stale()
    }

    pub(super) fn see(&self, log: &Log) -> Seen {
        let label = self.options.as_ref().and_then(|options| options.label.as_ref());
        Seen {
            newest: log.newest(),
            head: log.head(),
            restarted: log.restarted_since(self.after),
            end: label.and_then(|label| log.disconnected(&label.text, self.after.max(label.joined))),
        }
    }

    fn due(&self, log: &Log, until: u64) -> Option<Due> {
        let pass_all = self.options.as_ref().is_none_or(|options| options.pass_all());
        if let ([topic], true) = (&*self.topics, pass_all) {
            let (up_to, block) = log.block(topic, self.after, until).ok()?;
            return Some(Due { up_to, block, records: Vec::new() });
        }
        let (up_to, mut records) = log.events(&self.topics, self.after, until, BATCH).ok()?;
        // A single event needs no queue.
        let block = if pass_all && records.len() == 1 { records.pop().map(Block::from) } else { None };
        Some(Due { up_to, block, records })
    }

    /// Looks for a position that this log did not have yet.
    fn reach(&mut self, position: Position) -> Look {
        let found = {
            let log = read(&self.hub.log);
            log.restarted_since(self.after).map_or_else(|| Ok(log.find(&position, true)), Err)
        };
        let missing = match found {
            Ok(Found::Ahead) => return Look::Nothing,
            Ok(Found::Number(number)) => {
                (self.after, self.at, self.sent) = (number, position, number);
                None
            }
            // The log has passed it without having it.
            Ok(Found::Epoch | Found::Unknown) => Some(GapCause::Ahead),
            Err(cause) => Some(cause),
        };
        self.options().ahead = None;
        if let Some(cause) = missing {
            self.lost_all(cause);
        }
        Look::Something
    }

    /// Events have been lost, at least to the log in memory.
    fn lost(&mut self, seen: &Seen) -> Look {
        if seen.end.is_some() {
            self.end(EndCause::Disconnected);
        } else if seen.restarted.is_none() && self.hub.engine.is_some() {
            self.replay(self.at, (seen.newest, seen.head));
        } else {
            (self.after, self.at) = (seen.newest, seen.head);
            self.gap(seen.restarted.unwrap_or(GapCause::Lagged));
        }
        Look::Something
    }

    /// All events have been taken.
    fn idle(&mut self, seen: &Seen) -> Look {
        if seen.end.is_some() {
            self.end(EndCause::Disconnected);
            return Look::Something;
        }
        if self.state == State::CatchingUp || self.is_stale() {
            self.state = State::Live;
            self.sent = self.after;
            if let Some(options) = &mut self.options {
                options.left_out = None;
            }
            return Look::Block(control::at(self.at));
        }
        if self.options.as_ref().is_some_and(|options| options.are_spent()) {
            self.options = None;
        }
        Look::Nothing
    }

    /// Whether the client's last event ID is so old that it could soon be too old, though nothing
    /// was missed.
    fn is_stale(&self) -> bool {
        let settings = &self.hub.settings;
        if self.after - self.sent >= (settings.positions as u64).div_ceil(4) {
            return true;
        }
        let left_out = self.options.as_ref().and_then(|options| options.left_out.as_ref());
        left_out.is_some_and(|left_out| {
            4 * left_out.events >= left_out.kept || left_out.since.elapsed() >= settings.history_age / 4
        })
    }
}
