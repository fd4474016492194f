//! What a subscription reads from the engine itself, since it is not in memory.

use super::{Start, State, Subscription};
use crate::control::{EndCause, GapCause};
use crate::engine::{EngineError, Limit, Loss, Read, Topics};
use crate::log::Numbered;
use crate::position::Position;
use crate::record::Record;
use crate::sync::read;
use futures_core::future::BoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::sleep;

const LIMIT: Limit = Limit { records: 256, bytes: 256 * 1024 };

/// What a replay delivers at most.
const BUDGET: Limit = Limit { records: 16_384, bytes: 16 * 1024 * 1024 };

/// How long to wait after an error, and after a page that brought nothing and did not move on.
const RETRY: Duration = Duration::from_millis(500);

/// How often to look whether the hub has noticed a new epoch.
const NOTICE: Duration = Duration::from_millis(20);

pub(super) enum Remote {
    /// The pages from a position to that of a number, from where on the log in memory serves.
    Pages { replay: Replay, page: BoxFuture<'static, Result<Read, EngineError>> },
    /// Whether the log has an epoch that this hub does not know. If so, the future ends when the
    /// hub has left the one that it knows.
    Epoch { of: Position, page: BoxFuture<'static, Result<Read, EngineError>> },
    /// The newest records of each topic.
    Recent(BoxFuture<'static, Result<(Position, Vec<Record>), EngineError>>),
}

/// What is still to be read.
#[derive(Clone, Copy)]
pub(super) struct Replay {
    from: Position,
    to: (u64, Position),
    budget: Limit,
}

/// Sleeps, but not at all for no time, for which a timer would take a millisecond.
async fn pause(delay: Duration) {
    if !delay.is_zero() {
        sleep(delay).await;
    }
}

impl Subscription {
    pub(super) fn is_reading_remotely(&self) -> bool {
        self.options.as_ref().is_some_and(|options| options.remote.is_some())
    }

    /// Reads the pages between two positions.
    pub(super) fn replay(&mut self, from: Position, to: (u64, Position)) {
        self.read_page(Replay { from, to, budget: BUDGET }, Duration::ZERO);
    }

    /// Reads the next page, after a delay.
    fn read_page(&mut self, replay: Replay, delay: Duration) {
        let (engine, names) = (self.hub.engine.clone(), self.names());
        let page = Box::pin(async move {
            pause(delay).await;
            let engine = engine.ok_or("there is no engine")?;
            engine.read(replay.from, Topics::These(&names), LIMIT, Duration::ZERO).await
        });
        self.options().remote = Some(Remote::Pages { replay, page });
    }

    /// Asks whether the log has the epoch of this position, after a delay.
    pub(super) fn ask_for_epoch(&mut self, of: Position, delay: Duration) {
        let (hub, known) = (self.hub.clone(), self.at.epoch);
        let page = Box::pin(async move {
            pause(delay).await;
            let engine = hub.engine.clone().ok_or("there is no engine")?;
            let limit = Limit { records: 1, ..LIMIT };
            let found = engine.read(of, Topics::These(&[]), limit, Duration::ZERO).await?;
            while !matches!(found, Read::Lost(Loss::Replaced)) && read(&hub.log).head().epoch == known {
                sleep(NOTICE).await;
            }
            Ok(found)
        });
        self.options().remote = Some(Remote::Epoch { of, page });
    }

    /// Reads the newest records of each topic, after a delay.
    pub(super) fn read_recent(&mut self, delay: Duration) {
        let (engine, names) = (self.hub.engine.clone(), self.names());
        let each = self.options().last;
        let recent = Box::pin(async move {
            pause(delay).await;
            let engine = engine.ok_or("there is no engine")?;
            engine.recent(Topics::These(&names), each, LIMIT).await
        });
        self.options().remote = Some(Remote::Recent(recent));
    }

    fn names(&self) -> Vec<Arc<str>> {
        let log = read(&self.hub.log);
        let mut names: Vec<_> = self.topics.iter().map(|topic| log.get(topic.topic).name.clone()).collect();
        names.sort_unstable();
        names
    }

    pub(super) fn poll_remote(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(remote) = self.options().remote.as_mut() else { return Poll::Ready(()) };
        match remote {
            Remote::Pages { replay, page } => {
                let result = ready!(page.as_mut().poll(cx));
                let replay = *replay;
                self.options().remote = None;
                self.take_page(replay, result);
            }
            Remote::Epoch { of, page } => {
                let result = ready!(page.as_mut().poll(cx));
                let of = *of;
                self.options().remote = None;
                match result {
                    Ok(Read::Lost(Loss::Replaced)) => self.lost_all(GapCause::Epoch),
                    // Now the log may have it.
                    Ok(_) => {}
                    Err(error) => {
                        self.hub.engine_failed(&error);
                        self.ask_for_epoch(of, RETRY);
                    }
                }
            }
            Remote::Recent(recent) => {
                let result = ready!(recent.as_mut().poll(cx));
                self.options().remote = None;
                self.take_recent(result);
            }
        }
        Poll::Ready(())
    }

    fn take_page(&mut self, replay: Replay, result: Result<Read, EngineError>) {
        let Replay { from, to, mut budget } = replay;
        match result {
            Ok(Read::Records { mut records, up_to, .. }) => {
                self.retain_wanted(&mut records, to.1);
                let bytes = records.iter().map(|record| record.bytes.len()).sum::<usize>();
                if records.len() > budget.records || bytes > budget.bytes {
                    return self.lost_all(GapCause::Lagged);
                }
                budget.records -= records.len();
                budget.bytes -= bytes;
                self.start.get_or_insert(Start::Resumed);
                self.deliver_remote(records, to.0);
                self.at = up_to;
                if to.1.is_after(&up_to) {
                    let delay = if up_to.is_after(&from) { Duration::ZERO } else { RETRY };
                    self.read_page(Replay { from: up_to, to, budget }, delay);
                } else {
                    (self.after, self.at) = to;
                    self.state = State::CatchingUp;
                }
            }
            Ok(Read::Lost(loss)) => self.lost_all(loss.into()),
            Err(error) => {
                self.hub.engine_failed(&error);
                self.read_page(replay, RETRY);
            }
        }
    }

    /// Continues where the log ends, unless a record on the way ends the subscription.
    pub(super) fn lost_all(&mut self, cause: GapCause) {
        let log = read(&self.hub.log);
        let (now, end) = ((log.newest(), log.head()), self.see(&log).end);
        drop(log);
        if end.is_some() {
            self.end(EndCause::Disconnected);
            self.start.get_or_insert(Start::Gap(cause));
            return;
        }
        (self.after, self.at) = now;
        self.gap(cause);
    }

    fn take_recent(&mut self, result: Result<(Position, Vec<Record>), EngineError>) {
        match result {
            Ok((head, mut records)) => {
                self.retain_wanted(&mut records, head);
                self.deliver_remote(records, self.after);
                self.hello(head);
                self.wait_for(head);
            }
            Err(error) => {
                self.hub.engine_failed(&error);
                self.read_recent(RETRY);
            }
        }
    }

    /// Keeps what is of its topics and not behind a position.
    fn retain_wanted(&self, records: &mut Vec<Record>, to: Position) {
        let names = self.names();
        records.retain(|record| names.binary_search(&record.topic).is_ok() && !record.position.is_after(&to));
    }

    fn deliver_remote(&mut self, records: Vec<Record>, number: u64) {
        self.deliver(records.into_iter().map(|record| Numbered { number, kept: usize::MAX, record }));
    }
}
