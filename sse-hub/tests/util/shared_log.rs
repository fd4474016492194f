use bytes::Bytes;
use futures_core::future::BoxFuture;
use sse_hub::{AppendError, Engine, EngineError, Limit, Loss, Position, Read, Record, Topics};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

/// A log that hubs share within a process, and that fails when it is told to.
#[derive(Clone, Default)]
pub struct SharedLog(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    appended: Notify,
}

struct State {
    epoch: u64,
    records: Vec<Record>,
    /// The positions of entries that no hub has written.
    foreign: Vec<u64>,
    /// How many positions there have been.
    positions: u64,
    /// The position up to which records are gone.
    trimmed: u64,
    keep: usize,
    faults: Faults,
    replays: usize,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// Nothing can be reached.
    pub gone: bool,
    /// Appending works, but its answer is lost.
    pub answers_lost: bool,
    /// All answers are late.
    pub late: Duration,
    /// The next read panics.
    pub panics: bool,
    /// Reads bring this many records at most.
    pub page: Option<usize>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            epoch: 1,
            records: Vec::new(),
            foreign: Vec::new(),
            positions: 0,
            trimmed: 0,
            keep: usize::MAX,
            faults: Faults::default(),
            replays: 0,
        }
    }
}

impl SharedLog {
    pub fn fail(&self, faults: Faults) {
        self.state().faults = faults;
        self.0.appended.notify_waiters();
    }

    /// Keeps this many records from now on.
    pub fn keep(&self, records: usize) {
        self.state().keep = records;
        self.state().trim();
    }

    /// Appends an entry that no hub would write.
    pub fn append_foreign(&self) -> Position {
        let mut state = self.state();
        state.positions += 1;
        let position = state.newest();
        state.foreign.push(position.major);
        drop(state);
        self.0.appended.notify_waiters();
        position
    }

    /// Begins another log, as after a loss of data; an epoch may be one that was there before.
    pub fn replace(&self, epoch: u64) {
        let mut state = self.state();
        let faults = state.faults;
        *state = State { epoch, faults, ..State::default() };
        drop(state);
        self.0.appended.notify_waiters();
    }

    /// How many pages were read for replays.
    pub fn replays(&self) -> usize {
        self.state().replays
    }

    /// How many handles of it there are.
    pub fn holders(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().expect("no test panics under the lock")
    }

    /// Answers late, or not at all.
    async fn answer(&self) -> Result<(), EngineError> {
        let faults = self.state().faults;
        if !faults.late.is_zero() {
            sleep(faults.late).await;
        }
        if faults.gone { Err("the log is gone".into()) } else { Ok(()) }
    }
}

impl State {
    fn trim(&mut self) {
        let excess = self.records.len().saturating_sub(self.keep);
        if let Some(last) = self.records.drain(..excess).next_back() {
            self.trimmed = last.position().major;
        }
    }

    fn newest(&self) -> Position {
        Position { epoch: self.epoch, major: self.positions, minor: 0, nonce: 7 }
    }

    /// What follows, or nothing if there is nothing yet.
    fn read(&self, after: Position, limit: Limit) -> Option<Read> {
        if after.epoch != self.epoch || after.major > self.positions {
            return Some(Read::Lost(Loss::Replaced));
        }
        if after.major < self.trimmed {
            return Some(Read::Lost(Loss::Trimmed));
        }
        let start = self.records.partition_point(|record| record.position().major <= after.major);
        let most = self.faults.page.unwrap_or(limit.records).min(limit.records);
        let records: Vec<_> = self.records[start..].iter().take(most).cloned().collect();
        let all = start + records.len() == self.records.len();
        let up_to = if all { self.newest() } else { records.last()?.position() };
        let read = after.major + 1..=up_to.major;
        let skipped = self.foreign.iter().filter(|foreign| read.contains(foreign)).count();
        (!read.is_empty()).then_some(Read::Records { records, up_to, skipped })
    }
}

impl Engine for SharedLog {
    fn append<'a>(&'a self, topic: &'a str, block: Bytes) -> BoxFuture<'a, Result<Position, AppendError>> {
        Box::pin(async move {
            self.answer().await.map_err(AppendError::Refused)?;
            let mut state = self.state();
            state.positions += 1;
            let position = state.newest();
            let record = Record::new(topic, position, &block);
            state.records.push(record.map_err(|error| AppendError::Refused(error.into()))?);
            state.trim();
            let lost = state.faults.answers_lost;
            drop(state);
            self.0.appended.notify_waiters();
            if lost { Err(AppendError::Unknown("no answer came".into())) } else { Ok(position) }
        })
    }

    fn read<'a>(
        &'a self,
        after: Position,
        _topics: Topics<'a>,
        limit: Limit,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        Box::pin(async move {
            if wait.is_zero() {
                self.state().replays += 1;
            }
            let panics = std::mem::take(&mut self.state().faults.panics);
            assert!(!panics, "the log panics");
            let read = async {
                loop {
                    let appended = self.0.appended.notified();
                    self.answer().await?;
                    if let Some(read) = self.state().read(after, limit) {
                        return Ok(read);
                    }
                    if wait.is_zero() {
                        return Ok(Read::Records { records: Vec::new(), up_to: after, skipped: 0 });
                    }
                    appended.await;
                }
            };
            if wait.is_zero() {
                return read.await;
            }
            timeout(wait, read).await.unwrap_or(Ok(Read::Records {
                records: Vec::new(),
                up_to: after,
                skipped: 0,
            }))
        })
    }

    fn recent<'a>(
        &'a self,
        topics: Topics<'a>,
        each: usize,
        _limit: Limit,
    ) -> BoxFuture<'a, Result<(Position, Vec<Record>), EngineError>> {
        Box::pin(async move {
            self.answer().await?;
            let state = self.state();
            let mut left = std::collections::HashMap::new();
            let mut records: Vec<_> = state
                .records
                .iter()
                .rev()
                .filter(|record| match topics {
                    Topics::All => true,
                    Topics::These(topics) => topics.iter().any(|topic| **topic == *record.topic()),
                })
                .filter(|record| {
                    let left = left.entry(record.topic().to_owned()).or_insert(each);
                    left.checked_sub(1).is_some_and(|rest| {
                        *left = rest;
                        true
                    })
                })
                .cloned()
                .collect();
            records.reverse();
            Ok((state.newest(), records))
        })
    }

    fn may_have(&self, position: Position) -> bool {
        position.major <= self.state().positions + 1_000
    }
}
