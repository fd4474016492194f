use crate::audience::Executor;
use crate::builder::Builder;
use crate::control::{GapCause, RefusedCause};
use crate::engine::{AppendError, Engine, EngineError, Limit, Topics};
use crate::error::PublishError;
use crate::log::{DISCONNECT_KEY, Log};
use crate::position::Position;
use crate::record::{Block, DISCONNECT, check_topic};
use crate::subscription::Subscription;
use crate::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use crate::sync::{Mutex, RwLock, lock, read, write};
use crate::tail;
use bytes::Bytes;
use sse_core::EncodedEvent;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Delivers what is published to a topic to all subscriptions of that topic.
///
/// A clone is another handle to the same hub. The hub lives as long as its handles and
/// subscriptions.
///
/// ```
/// use futures_util::StreamExt;
/// use sse_core::Event;
/// use sse_hub::Hub;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), sse_hub::PublishError> {
/// let hub = Hub::new();
/// let mut news = hub.subscribe(["news"]);
/// let id = hub.publish("news", Event::new().data("hello")).await?;
///
/// let Some(Ok(hello)) = news.next().await else { unreachable!() };
/// assert!(hello.to_string().starts_with("event: hub:hello\n"));
/// let Some(Ok(event)) = news.next().await else { unreachable!() };
/// assert_eq!(event.to_string(), format!("id: {id}\ndata: hello\n\n"));
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Hub {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) settings: Builder,
    pub(crate) log: RwLock<Log>,
    /// The number of the newest event of the log.
    pub(crate) published: Arc<AtomicU64>,
    pub(crate) executor: Executor,
    pub(crate) engine: Option<Arc<dyn Engine>>,
    pub(crate) tail: OnceLock<AbortHandle>,
    pub(crate) unreachable_since: Mutex<Option<Instant>>,
    pub(crate) draining: AtomicBool,
    /// Notified when the last subscription is gone.
    pub(crate) empty: Notify,
    pub(crate) counters: Counters,
}

#[derive(Default)]
pub(crate) struct Counters {
    pub(crate) subscribers: AtomicUsize,
    pub(crate) published: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) gaps: [AtomicU64; 5],
    pub(crate) engine_errors: AtomicU64,
    pub(crate) skipped: AtomicU64,
    pub(crate) tail_panics: AtomicU64,
}

/// A snapshot of the counters of this process, for any metrics system.
///
/// ```
/// # use sse_core::Event;
/// # use sse_hub::Hub;
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), sse_hub::PublishError> {
/// let hub = Hub::new();
/// let news = hub.subscribe(["news"]);
/// hub.publish("news", Event::new().data("hello")).await?;
///
/// let stats = hub.stats();
/// assert_eq!((stats.subscribers, stats.published, stats.delivered), (1, 1, 0));
/// # drop(news);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// How many subscriptions there are.
    pub subscribers: usize,
    /// How many topics have events or subscribers.
    pub topics: usize,
    /// How many events were published by this process.
    pub published: u64,
    /// How many events were delivered, each counted once for each subscription.
    pub delivered: u64,
    /// How many gaps there were because the log no longer had the events.
    pub gaps_trimmed: u64,
    /// How many gaps there were because the cursor belonged to another log.
    pub gaps_epoch: u64,
    /// How many gaps there were because the cursor named an event that the log did not have yet.
    pub gaps_ahead: u64,
    /// How many gaps there were because the cursor was not the ID of an event.
    pub gaps_malformed: u64,
    /// How many gaps there were because the subscription did not read fast enough.
    pub gaps_lagged: u64,
    /// How often the engine could not be read.
    pub engine_errors: u64,
    /// How many entries of a shared log were left out because no hub has written them.
    pub skipped: u64,
    /// How often the reader of a shared log has panicked, and was started again.
    pub tail_panics: u64,
}

/// Whether the log can be reached.
///
/// ```
/// use sse_hub::{Health, Hub};
/// use std::time::Duration;
///
/// fn is_ready(hub: &Hub) -> bool {
///     match hub.health() {
///         Health::Reachable => true,
///         Health::Unreachable(time) => time < Duration::from_secs(10),
///     }
/// }
/// # assert!(is_ready(&Hub::new()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// The log can be reached. A log in memory always can.
    Reachable,
    /// The log has been unreachable for this long. Subscriptions stay open, and continue where they
    /// were.
    Unreachable(Duration),
}

impl Hub {
    /// Builds a hub in memory with the default settings.
    pub fn new() -> Self {
        Self::in_memory(Builder::new())
    }

    /// Returns a builder with the default settings.
    pub const fn builder() -> Builder {
        Builder::new()
    }

    /// Builds a hub on a log that several processes share, with the default settings.
    ///
    /// # Errors
    ///
    /// Returns an error if the engine cannot be reached.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub async fn connect(engine: impl Engine) -> Result<Self, EngineError> {
        Builder::new().connect(engine).await
    }

    pub(crate) fn in_memory(settings: Builder) -> Self {
        let epoch = getrandom::u64().expect("the operating system gives no random number");
        Self::with_log(settings, Position::in_memory(epoch, 0), None)
    }

    pub(crate) async fn on_engine(settings: Builder, engine: Arc<dyn Engine>) -> Result<Self, EngineError> {
        let (head, _) = engine.recent(Topics::These(&[]), 0, Limit { records: 1, bytes: 1 }).await?;
        let hub = Self::with_log(settings, head, Some(engine.clone()));
        let tail = tokio::spawn(tail::supervise(Arc::downgrade(&hub.shared), engine));
        hub.shared.tail.set(tail.abort_handle()).expect("nothing else sets the tail");
        Ok(hub)
    }

    fn with_log(settings: Builder, head: Position, engine: Option<Arc<dyn Engine>>) -> Self {
        let log = Log::new(&settings, head, engine.is_none());
        let shared = Shared {
            settings,
            published: log.published().clone(),
            log: RwLock::new(log),
            executor: Executor::current(),
            engine,
            tail: OnceLock::new(),
            unreachable_since: Mutex::new(None),
            draining: AtomicBool::new(false),
            empty: Notify::new(),
            counters: Counters::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Publishes an event to a topic, and returns its position, which becomes its ID.
    ///
    /// In memory this completes at once. There is no backpressure: a subscription that does not
    /// read fast enough is told of a gap.
    ///
    /// # Errors
    ///
    /// Returns an error if the topic or the event is invalid or too large, or if the engine did not
    /// append it. [`PublishError`] tells whether the event may have been published nevertheless.
    pub async fn publish(
        &self,
        topic: &str,
        event: impl Into<EncodedEvent>,
    ) -> Result<Position, PublishError> {
        let block = self.check(topic, event.into())?;
        self.append(topic, block).await
    }

    /// Publishes an event, as [`publish`](Self::publish) does, from code that is not async.
    ///
    /// # Errors
    ///
    /// As for [`publish`](Self::publish).
    ///
    /// # Panics
    ///
    /// With an engine, panics in an async context.
    pub fn blocking_publish(
        &self,
        topic: &str,
        event: impl Into<EncodedEvent>,
    ) -> Result<Position, PublishError> {
        let block = self.check(topic, event.into())?;
        if self.shared.engine.is_none() {
            return Ok(self.shared.publish(topic, block));
        }
        match &self.shared.executor {
            Executor::Runtime(runtime) => runtime.block_on(self.append(topic, block)),
            Executor::Thread(_) => unreachable!("an engine is connected in a runtime"),
        }
    }

    fn check(&self, topic: &str, event: EncodedEvent) -> Result<Block, PublishError> {
        check_topic(topic).map_err(PublishError::Invalid)?;
        let (size, limit) = (event.as_bytes().len(), self.shared.settings.max_event_size);
        if size > limit {
            return Err(PublishError::TooLarge { size, limit });
        }
        if self.shared.engine.is_some() {
            Block::new(event.as_bytes())
        } else {
            Block::in_memory(event.as_bytes())
        }
    }

    async fn append(&self, topic: &str, block: Block) -> Result<Position, PublishError> {
        let Some(engine) = &self.shared.engine else {
            return Ok(self.shared.publish(topic, block));
        };
        let position = remote(engine.append(topic, block.without_id()).await)?;
        self.shared.counters.published.fetch_add(1, Ordering::Relaxed);
        Ok(position)
    }

    /// Subscribes to topics. What is published after this returns is delivered.
    ///
    /// Duplicates of a topic count once. A subscription that cannot be served is a stream of one
    /// `hub:end`, since the status of an error would end an `EventSource` for good;
    /// [`start`](Subscription::start) tells.
    pub fn subscribe<T: Into<Arc<str>>>(&self, topics: impl IntoIterator<Item = T>) -> Subscription {
        Subscription::new(self.shared.clone(), topics.into_iter().map(Into::into).collect())
    }

    /// Returns the position of the newest event.
    ///
    /// For a snapshot that live events follow without a hole, take the position first, then the
    /// snapshot, and subscribe [after](Subscription::after) the position.
    pub fn position(&self) -> Position {
        read(&self.shared.log).head()
    }

    /// Ends the existing subscriptions with this [label](Subscription::label), on all nodes of a
    /// shared log.
    ///
    /// They get what was published before, then `hub:end`. What the server has buffered for a
    /// client still arrives, so a client may see events for a short time after this returns.
    ///
    /// # Errors
    ///
    /// Returns an error if the engine did not append the record.
    pub async fn disconnect(&self, label: &str) -> Result<(), PublishError> {
        let label = Bytes::copy_from_slice(label.as_bytes());
        let appended = match &self.shared.engine {
            None => Ok(self.shared.append(DISCONNECT, |_| label)),
            Some(engine) => remote(engine.append(DISCONNECT, label).await),
        };
        appended.map(drop)
    }

    /// Ends all subscriptions with a `hub:end`, and refuses new ones, until the process stops.
    /// Returns when all are gone, or after `deadline`.
    ///
    /// Clients are told to reconnect after a random 1 to 10 seconds, and resume where they were.
    pub async fn drain(&self, deadline: Duration) {
        self.shared.draining.store(true, Ordering::SeqCst);
        self.shared.wake_all();
        let empty = async {
            loop {
                let notified = self.shared.empty.notified();
                if self.shared.counters.subscribers.load(Ordering::SeqCst) == 0 {
                    break;
                }
                notified.await;
            }
        };
        // The deadline is not an error: whoever is still there is not reading.
        drop(tokio::time::timeout(deadline, empty).await);
    }

    /// Returns how many subscriptions of this process a topic has.
    pub fn subscribers(&self, topic: &str) -> usize {
        let log = read(&self.shared.log);
        log.key(topic).filter(|key| *key != DISCONNECT_KEY).map_or(0, |key| log.get(key).audience.len())
    }

    /// Returns whether the log can be reached.
    pub fn health(&self) -> Health {
        match *lock(&self.shared.unreachable_since) {
            None => Health::Reachable,
            Some(since) => Health::Unreachable(since.elapsed()),
        }
    }

    /// Returns the counters of this process.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared.counters;
        let gaps = |cause: GapCause| counters.gaps[cause as usize].load(Ordering::Relaxed);
        Stats {
            subscribers: counters.subscribers.load(Ordering::Relaxed),
            topics: read(&self.shared.log).len(),
            published: counters.published.load(Ordering::Relaxed),
            delivered: counters.delivered.load(Ordering::Relaxed),
            gaps_trimmed: gaps(GapCause::Trimmed),
            gaps_epoch: gaps(GapCause::Epoch),
            gaps_ahead: gaps(GapCause::Ahead),
            gaps_malformed: gaps(GapCause::Malformed),
            gaps_lagged: gaps(GapCause::Lagged),
            engine_errors: counters.engine_errors.load(Ordering::Relaxed),
            skipped: counters.skipped.load(Ordering::Relaxed),
            tail_panics: counters.tail_panics.load(Ordering::Relaxed),
        }
    }
}

fn remote(result: Result<Position, AppendError>) -> Result<Position, PublishError> {
    result.map_err(|error| match error {
        AppendError::Refused(cause) => PublishError::Refused(cause),
        AppendError::Unknown(cause) => PublishError::Unknown(cause),
    })
}

impl Shared {
    fn publish(&self, topic: &str, block: Block) -> Position {
        self.counters.published.fetch_add(1, Ordering::Relaxed);
        self.append(topic, |position| block.with_id(position))
    }

    /// Appends a record to the log in memory.
    fn append(&self, topic: &str, record: impl FnOnce(Position) -> Bytes) -> Position {
        let mut log = write(&self.log);
        let key = match log.key(topic) {
            Some(key) => key,
            None => log.topic(&topic.into()),
        };
        let position = log.next_position_in_memory();
        #[cfg(twin = "head-before-ring")]
        {
            log.raise(1);
            drop(log);
            log = write(&self.log);
            log.raise(-1);
        }
        log.push(key, position, record(position));
        let audience = log.get(key).audience.clone();
        drop(log);
        audience.wake(&self.executor);
        position
    }

    pub(crate) fn wake_all(&self) {
        let audiences: Vec<_> = read(&self.log).audiences().cloned().collect();
        for audience in audiences {
            audience.wake(&self.executor);
        }
    }

    /// Takes a place among the subscribers.
    pub(crate) fn enter(&self) -> Result<(), RefusedCause> {
        if self.draining.load(Ordering::SeqCst) {
            return Err(RefusedCause::Draining);
        }
        let max = self.settings.max_subscribers;
        let taken =
            self.counters.subscribers.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |subscribers| {
                (subscribers < max).then_some(subscribers + 1)
            });
        taken.map(drop).map_err(|_| RefusedCause::Subscribers)
    }

    pub(crate) fn leave(&self) {
        if self.counters.subscribers.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.empty.notify_waiters();
        }
    }

    pub(crate) fn count_gap(&self, cause: GapCause) {
        self.counters.gaps[cause as usize].fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "tracing")]
        tracing::debug!(%cause, "a subscription has a gap");
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(tail) = self.tail.get() {
            tail.abort();
        }
    }
}

impl Default for Hub {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hub").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
