use crate::position::Position;
use crate::record::Record;
use bytes::Bytes;
use futures_core::future::BoxFuture;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

/// A log that the hubs of several processes share.
///
/// This trait is here for other crates of this project, and may change in any version until there
/// are two engines.
///
/// An engine keeps one law: a position is visible only after all lower ones of its epoch.
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
    /// its position when the log has it.
    fn append<'a>(&'a self, topic: &'a str, block: Bytes) -> BoxFuture<'a, Result<Position, AppendError>>;

    /// Reads what follows `after` without a hole, or says that this is not possible.
    ///
    /// Records of other topics are skipped by the reader. If nothing follows, the engine waits for
    /// up to `wait`; with zero, it answers at once.
    fn read<'a>(
        &'a self,
        after: Position,
        topics: Topics<'a>,
        limit: Limit,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Read, EngineError>>;

    /// Reads the newest records of these topics in order, `each` of them at most. Returns the
    /// newest position of the log, and the records up to it.
    fn recent<'a>(
        &'a self,
        topics: Topics<'a>,
        each: usize,
        limit: Limit,
    ) -> BoxFuture<'a, Result<(Position, Vec<Record>), EngineError>>;

    /// Whether the log may have a position of its epoch that is ahead of what was read, so that a
    /// subscription waits for it. Answers at once, from what the engine knows.
    fn may_have(&self, _position: Position) -> bool {
        true
    }
}

/// The topics that a reader wants.
#[derive(Debug, Clone, Copy)]
pub enum Topics<'a> {
    /// All of them.
    All,
    /// These, sorted. An engine may answer with others, too.
    These(&'a [Arc<str>]),
}

/// How much to read at most. One record is always read, however large it is.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// How many records.
    pub records: usize,
    /// How many bytes of blocks.
    pub bytes: usize,
}

/// What [`Engine::read`] found.
#[derive(Debug)]
pub enum Read {
    /// What follows.
    Records {
        /// The records, in order.
        records: Vec<Record>,
        /// How far they reach, and where to read on: the position of a record, wanted or not, or
        /// `after` if nothing follows.
        up_to: Position,
        /// How many entries of the log were left out because no hub has written them.
        skipped: usize,
    },
    /// Records after the position are gone.
    Lost(Loss),
}

/// Why records are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// The log no longer reaches back so far.
    Trimmed,
    /// It is another log now.
    Replaced,
}

/// The error of an engine that cannot be read.
pub type EngineError = Box<dyn Error + Send + Sync>;

/// Why a block was not appended, or may not have been.
#[derive(Debug)]
pub enum AppendError {
    /// Nothing was written.
    Refused(EngineError),
    /// The block may have been written.
    Unknown(EngineError),
}
