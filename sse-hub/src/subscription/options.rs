//! What few subscriptions need.

use super::remote::Remote;
use crate::audience::Place;
use crate::position::{Cursor, Position};
use crate::record::{Record, rendered};
use bytes::Bytes;
use sse_core::Event;
use std::sync::Arc;
use tokio::time::Instant;

type Allow = Box<dyn FnMut(&Record) -> bool + Send>;
type Render = Box<dyn FnMut(&Record) -> Option<Event> + Send>;

#[derive(Default)]
pub(super) struct Options {
    pub(super) after: Cursor,
    pub(super) last: usize,
    pub(super) since: Vec<(Arc<str>, Position)>,
    pub(super) allow: Option<Allow>,
    pub(super) render: Option<Render>,
    pub(super) label: Option<Label>,
    pub(super) left_out: Option<LeftOut>,
    pub(super) remote: Option<Remote>,
    /// Where it continues when the log has reached it.
    pub(super) ahead: Option<Position>,
}

pub(super) struct Label {
    pub(super) text: Box<str>,
    /// Records up to this number are none of its business.
    pub(super) joined: u64,
    pub(super) place: Place,
}

/// Events that were left out since the client got its last event ID.
pub(super) struct LeftOut {
    pub(super) since: Instant,
    pub(super) events: usize,
    /// How many events the topic of the last one keeps.
    pub(super) kept: usize,
}

impl Options {
    /// Whether nothing is left out or changed.
    pub(super) fn pass_all(&self) -> bool {
        self.since.is_empty() && self.allow.is_none() && self.render.is_none()
    }

    /// Whether they only said where to begin.
    pub(super) fn are_spent(&self) -> bool {
        self.pass_all() && self.label.is_none() && self.remote.is_none() && self.ahead.is_none()
    }

    /// Returns what the client gets of an event, whose topic keeps so many. Counts what is left out.
    pub(super) fn pass(&mut self, record: &Record, kept: usize) -> Option<Bytes> {
        let passed = self.passed(record);
        if passed.is_some() {
            self.left_out = None;
        } else {
            let new = || LeftOut { since: Instant::now(), events: 0, kept };
            let left_out = self.left_out.get_or_insert_with(new);
            left_out.events += 1;
            left_out.kept = kept;
        }
        passed
    }

    fn passed(&mut self, record: &Record) -> Option<Bytes> {
        let too_old = |(topic, since): &(Arc<str>, Position)| {
            *topic == record.topic && record.position.epoch == since.epoch && !record.position.is_after(since)
        };
        if self.since.iter().any(too_old) || self.allow.as_mut().is_some_and(|allow| !allow(record)) {
            return None;
        }
        match &mut self.render {
            Some(render) => render(record).map(|event| rendered(event, record.position)),
            None => Some(record.bytes.clone()),
        }
    }
}
