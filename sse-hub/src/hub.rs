use crate::audience::Executor;
use crate::builder::Builder;
use crate::engine::{AppendError, Engine, EngineError, Limit, Topics};
use crate::error::PublishError;
use crate::log::DISCONNECT_KEY;
use crate::position::Position;
use crate::record::{Block, DISCONNECT, check_topic};
use crate::shared::Shared;
use crate::stats::{Health, Stats};
use crate::subscription::Subscription;
use crate::sync::atomic::Ordering;
use crate::sync::{lock, read};
use crate::tail;
use bytes::Bytes;
use sse_core::EncodedEvent;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

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
        Self { shared: Shared::new(settings, Position::in_memory(epoch, 0), None) }
    }

    pub(crate) async fn on_engine(settings: Builder, engine: Arc<dyn Engine>) -> Result<Self, EngineError> {
        let (head, _) = engine.recent(Topics::These(&[]), 0, Limit { records: 1, bytes: 1 }).await?;
        let shared = Shared::new(settings, head, Some(engine.clone()));
        let tail = tokio::spawn(tail::supervise(Arc::downgrade(&shared), engine));
        shared.tail.set(tail.abort_handle()).expect("nothing else sets the tail");
        Ok(Self { shared })
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
        self.shared.counters.stats(read(&self.shared.log).len())
    }
}

fn remote(result: Result<Position, AppendError>) -> Result<Position, PublishError> {
    result.map_err(|error| match error {
        AppendError::Refused(cause) => PublishError::Refused(cause),
        AppendError::Unknown(cause) => PublishError::Unknown(cause),
    })
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
