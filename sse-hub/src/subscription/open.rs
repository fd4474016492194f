//! Where a subscription begins.

use super::{Start, State, Subscription};
use crate::control::{self, EndCause, GapCause};
use crate::log::{Found, Log, Numbered};
use crate::position::{self, Position};
use crate::sync::read;
use std::time::Duration;

enum Opening {
    Hello,
    Last(Vec<Numbered>),
    LastRemotely,
    After(u64, Position),
    AfterRemotely(Position),
    WhenReached(Position),
    OtherEpoch(Position),
    Gap(GapCause),
}

impl Subscription {
    pub(super) fn open(&mut self) {
        let hub = self.hub.clone();
        let opening = {
            let log = read(&hub.log);
            // What came before the log began again is gone, which may include a record that ends it.
            let restarted = log.restarted_since(self.after);
            if let (Some(cause), Some(_)) = (restarted, self.see(&log).end) {
                drop(log);
                self.end(EndCause::Disconnected);
                self.start = Some(Start::Gap(cause));
                return;
            }
            if restarted.is_some() {
                (self.after, self.at) = (log.newest(), log.head());
            }
            self.find_since(&log);
            let opening = self.opening(&log);
            // A gap covers what has been lost since it subscribed, too, but not a disconnect.
            let is_lost = || {
                let lost = self.topics.iter().any(|topic| !log.has_all(topic, self.after));
                lost && hub.engine.is_none() && self.see(&log).end.is_none()
            };
            if matches!(opening, Opening::Gap(_)) && is_lost() {
                (self.after, self.at) = (log.newest(), log.head());
            }
            opening
        };
        match opening {
            Opening::Hello => self.hello(self.at),
            Opening::Last(records) => {
                self.deliver(records);
                self.hello(self.at);
            }
            Opening::LastRemotely => self.read_recent(Duration::ZERO),
            Opening::After(number, position) => {
                self.start = Some(Start::Resumed);
                self.state = State::CatchingUp;
                (self.after, self.at, self.sent) = (number, position, number);
            }
            Opening::AfterRemotely(position) => self.replay(position, (self.after, self.at)),
            Opening::WhenReached(position) => {
                self.start = Some(Start::Resumed);
                self.state = State::CatchingUp;
                self.wait_for(position);
            }
            Opening::OtherEpoch(position) => self.ask_for_epoch(position, Duration::ZERO),
            Opening::Gap(cause) => self.gap(cause),
        }
    }

    fn find_since(&mut self, log: &Log) {
        for (name, position) in self.options.iter().flat_map(|options| &options.since) {
            let Some(key) = log.key(name) else { continue };
            let of_topic = self.topics.binary_search_by_key(&key, |membership| membership.topic);
            if let (Ok(at), Found::Number(number)) = (of_topic, log.find(position, false)) {
                self.topics[at].since = number;
            }
        }
    }

    fn opening(&self, log: &Log) -> Opening {
        let Some(options) = &self.options else { return Opening::Hello };
        let engine = self.hub.engine.as_ref();
        let remote = engine.is_some();
        let position = match options.after.0 {
            position::Start::Now if options.last == 0 => return Opening::Hello,
            position::Start::Now if remote => return Opening::LastRemotely,
            position::Start::Now => {
                return Opening::Last(log.newest_of(&self.topics, options.last, self.after));
            }
            position::Start::Malformed => return Opening::Gap(GapCause::Malformed),
            position::Start::After(position) => position,
        };
        match log.find(&position, true) {
            // Another node may have noticed a new epoch before this one.
            Found::Epoch if remote => Opening::OtherEpoch(position),
            Found::Epoch => Opening::Gap(GapCause::Epoch),
            // Another node may have been faster than this one.
            Found::Ahead if engine.is_some_and(|engine| engine.may_have(position)) => {
                Opening::WhenReached(position)
            }
            Found::Ahead => Opening::Gap(GapCause::Ahead),
            Found::Number(number) if self.topics.iter().all(|topic| log.has_all(topic, number)) => {
                Opening::After(number, position)
            }
            Found::Number(_) | Found::Unknown if remote => Opening::AfterRemotely(position),
            Found::Number(_) => Opening::Gap(GapCause::Trimmed),
            Found::Unknown => Opening::Gap(GapCause::Malformed),
        }
    }

    pub(super) fn hello(&mut self, position: Position) {
        self.queue.push_back(control::hello(position));
        self.start = Some(Start::Live);
        self.state = State::Live;
        self.sent = self.after;
    }

    /// Continues after a position when the log has reached it.
    pub(super) fn wait_for(&mut self, position: Position) {
        self.options().ahead = Some(position);
        self.at = position;
    }
}
