use crate::position::Position;
use crate::record::Record;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// A log that the hubs of several processes share.
///
/// This trait exists for the other crates of this project. It may change in any version until there
/// are two engines.
///
/// Every engine must uphold one law: a position becomes visible only after all lower positions of
/// its epoch.
///
/// This engine measures how long another one takes to append:
///
/// ```
/// use bytes::Bytes;
/// use futures_util::future::BoxFuture;
/// use sse_hub::{AppendError, Engine, EngineError, Limit, Position, Read, Record, Topics};
/// use std::time::{Duration, Instant};
///
/// struct Measured<E>(E);
///
/// impl<E: Engine> Engine for Measured<E> {
///     fn append<'a>(
///         &'a self,
///         topic: &'a str,
///         block: Bytes,
///     ) -> BoxFuture<'a, Result<Position, AppendError>> {
///         Box::pin(async move {
///             let start = Instant::now();
///             let result = self.0.append(topic, block).await;
///             println!("an append took {:?}", start.elapsed());
///             result
///         })
///     }
///
///     fn read<'a>(
///         &'a self,
///         after: Position,
///         topics: Topics<'a>,
///         limit: Limit,
///         wait: Duration,
///     ) -> BoxFuture<'a, Result<Read, EngineError>> {
///         self.0.read(after, topics, limit, wait)
///     }
///
///     fn recent<'a>(
///         &'a self,
///         topics: Topics<'a>,
///         each: usize,
///         limit: Limit,
///     ) -> BoxFuture<'a, Result<(Position, Vec<Record>), EngineError>> {
///         self.0.recent(topics, each, limit)
///     }
///
///     fn may_have(&self, position: Position) -> bool {
///         self.0.may_have(position)
///     }
/// }
/// ```
pub trait Engine: Send + Sync + 'static {
    /// Appends a block: an event without an ID, or the label of a `hub:disconnect` record. Returns
    /// its position once the log has stored it.
    fn append<'a>(&'a self, topic: &'a str, block: Bytes) -> BoxFuture<'a, Result<Position, AppendError>>;

    /// Reads the records that follow `after`, or returns [`Read::Lost`] if any of them is gone.
    ///
    /// The caller skips records of other topics. If nothing follows, the engine waits for up to
    /// `wait`; if that is zero, it answers at once.
    fn read<'a>(
        &'a self,
        after: Position,
        topics: Topics<'a>,
        limit: Limit,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Read, EngineError>>;

    /// Reads the newest records of these topics in order, at most `each` per topic. Returns the
    /// newest position of the log and the records up to it.
    fn recent<'a>(
        &'a self,
        topics: Topics<'a>,
        each: usize,
        limit: Limit,
    ) -> BoxFuture<'a, Result<(Position, Vec<Record>), EngineError>>;

    /// Returns whether the log may have this position, which belongs to its epoch and is ahead of
    /// what the hub has read. If so, the subscription waits for it. Answers from what the engine
    /// knows, without waiting.
    fn may_have(&self, position: Position) -> bool;
}

/// The topics that a reader wants.
#[derive(Debug, Clone, Copy)]
pub enum Topics<'a> {
    /// All of them.
    All,
    /// These, sorted. An engine may return records of other topics, too.
    These(&'a [Arc<str>]),
}

/// How much to read at most. At least one record is read, however large it is.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The number of records.
    pub records: usize,
    /// The size of their blocks, in bytes.
    pub bytes: usize,
}

/// What [`Engine::read`] found.
#[derive(Debug)]
pub enum Read {
    /// The records that follow.
    Records {
        /// The records, in order.
        records: Vec<Record>,
        /// Where to read on: the position of the last record that was looked at, wanted or not, or
        /// `after` if nothing follows.
        up_to: Position,
        /// The number of entries that were skipped because no hub wrote them.
        skipped: usize,
    },
    /// Records after the position are gone.
    Lost(Loss),
}

/// Why records are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The log no longer reaches back that far.
    Trimmed,
    /// Another log has taken its place.
    Replaced,
}

/// The error of an engine that cannot be reached.
pub type EngineError = Box<dyn Error + Send + Sync>;

/// Why a block was not appended, or may not have been.
#[derive(Debug)]
pub enum AppendError {
    /// Nothing was written.
    Refused(EngineError),
    /// The block may have been written.
    Unknown(EngineError),
}
