use crate::batch::Batches;
use crate::connection::{SharedError, Slot};
use crate::error::advised;
use crate::mark::Mark;
use crate::replay::Replays;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::{Client, ErrorKind, IntoConnectionInfo, RedisResult};
use sse_hub::{AppendError, Engine, EngineError, Limit, Position, Read, Record, Topics};
use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many entries the tail reads at once.
pub(crate) const PAGE: usize = 512;

/// The lowest limit of the stream: nodes must be able to read on before what they read is gone.
const MIN_MAX_LEN: usize = 2 * PAGE;

/// How far a client may be ahead of all that this node knows of, in milliseconds.
const AHEAD: u64 = 60_000;

pub(crate) type Connect = Box<dyn Fn() -> BoxFuture<'static, RedisResult<Client>> + Send + Sync>;

/// A log in a Redis stream, which the hubs of many processes share.
///
/// A clone is another handle to the same connections.
///
/// ```no_run
/// use sse_hub::Hub;
/// use sse_hub_redis::Redis;
///
/// # async fn connect() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
/// let hub = Hub::connect(Redis::new("redis://127.0.0.1/")?).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Redis {
    inner: Arc<Inner>,
}

/// The settings of a [`Redis`] log.
#[must_use]
pub struct Builder {
    connect: Connect,
    key: String,
    max_len: usize,
    publish_wait: Duration,
}

pub(crate) struct Inner {
    pub(crate) connect: Connect,
    pub(crate) key: String,
    pub(crate) max_len: usize,
    pub(crate) publish_wait: Duration,
    pub(crate) publisher: Slot,
    pub(crate) batches: Batches,
    pub(crate) tail: Slot,
    /// When the tail may read on.
    pub(crate) next_page: Mutex<Instant>,
    pub(crate) replay: Slot,
    pub(crate) replays: Replays,
    mark: Mutex<Mark>,
    pub(crate) finding: tokio::sync::Mutex<()>,
    /// The size of an entry, on average over the last ones.
    pub(crate) entry_size: AtomicU64,
}

impl Redis {
    /// A log in the stream `sse-hub` of this server.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is wrong. The server is not asked before
    /// [`Hub::connect`](sse_hub::Hub::connect).
    pub fn new(url: impl IntoConnectionInfo) -> RedisResult<Self> {
        Ok(Self::builder(url)?.build())
    }

    /// The settings of a log on this server.
    ///
    /// # Errors
    ///
    /// Returns an error if the URL is wrong.
    pub fn builder(url: impl IntoConnectionInfo) -> RedisResult<Builder> {
        let client = Client::open(url)?;
        Ok(Self::builder_with(move || {
            let client = client.clone();
            async move { Ok(client) }
        }))
    }

    /// The settings of a log on the server that this function finds, each time a connection is
    /// made: for Sentinel, or a name service of your own.
    pub fn builder_with<F>(connect: impl Fn() -> F + Send + Sync + 'static) -> Builder
    where
        F: Future<Output = RedisResult<Client>> + Send + 'static,
    {
        Builder {
            connect: Box::new(move || Box::pin(connect())),
            key: "sse-hub".into(),
            max_len: 65_536,
            publish_wait: Duration::ZERO,
        }
    }

    /// Begins a new epoch: all clients of all nodes are told of a gap.
    ///
    /// For an operator who knows that the stream lost its end in a way that no node has seen, such
    /// as when a backup was restored while all were down.
    ///
    /// # Errors
    ///
    /// Returns an error if Redis cannot be reached.
    pub async fn rotate(&self) -> RedisResult<()> {
        let mut lease = self.inner.publisher.get(&self.inner).await?;
        Mark::find(&self.inner, &mut lease.connection).await?;
        self.inner.mark().leave();
        Mark::find(&self.inner, &mut lease.connection).await.map(drop)
    }
}

impl Builder {
    /// The key of the stream: `sse-hub` by default. One hub for each key.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }

    /// How many events the stream keeps, at least: 65,536 by default, and never fewer than 1,024.
    pub fn max_len(mut self, events: usize) -> Self {
        self.max_len = events.max(MIN_MAX_LEN);
        self
    }

    /// How long `publish` waits for a server that cannot be reached: by default, it fails at once.
    pub fn publish_wait(mut self, wait: Duration) -> Self {
        self.publish_wait = wait;
        self
    }

    /// Builds the log. The server is not asked yet.
    pub fn build(self) -> Redis {
        let Self { connect, key, max_len, publish_wait } = self;
        Redis {
            inner: Arc::new(Inner {
                connect,
                key,
                max_len,
                publish_wait,
                publisher: Slot::default(),
                batches: Batches::default(),
                tail: Slot::default(),
                next_page: Mutex::new(Instant::now()),
                replay: Slot::default(),
                replays: Replays::default(),
                mark: Mutex::default(),
                finding: tokio::sync::Mutex::default(),
                entry_size: AtomicU64::new(256),
            }),
        }
    }
}

impl Inner {
    pub(crate) fn mark(&self) -> MutexGuard<'_, Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn random(&self) -> RedisResult<u64> {
        let failed = |_| (ErrorKind::Client, "the operating system gives no random number").into();
        getrandom::u64().map_err(failed)
    }
}

impl Engine for Redis {
    fn append<'a>(&'a self, topic: &'a str, block: Bytes) -> BoxFuture<'a, Result<Position, AppendError>> {
        Box::pin(async move { self.inner.append(topic, block).await })
    }

    fn read<'a>(
        &'a self,
        after: Position,
        topics: Topics<'a>,
        limit: Limit,
        wait: Duration,
    ) -> BoxFuture<'a, Result<Read, EngineError>> {
        Box::pin(async move {
            if wait.is_zero() {
                let shared = |error: SharedError| EngineError::from(error);
                return Replays::read(&self.inner, after, topics, limit).await.map_err(shared);
            }
            self.inner.read_tail(after, limit, wait).await.map_err(advised)
        })
    }

    fn recent<'a>(
        &'a self,
        topics: Topics<'a>,
        each: usize,
        limit: Limit,
    ) -> BoxFuture<'a, Result<(Position, Vec<Record>), EngineError>> {
        let topics: Option<Vec<Arc<str>>> = match topics {
            Topics::All => None,
            Topics::These(topics) => Some(topics.to_vec()),
        };
        let inner = self.inner.clone();
        // As for replays, a client that is not polled must not keep others waiting.
        let recent = tokio::spawn(async move {
            inner.recent(topics.as_deref().map_or(Topics::All, Topics::These), each, limit).await
        });
        Box::pin(async move { recent.await?.map_err(advised) })
    }

    fn may_have(&self, position: Position) -> bool {
        position.major <= self.inner.mark().newest_time().saturating_add(AHEAD)
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("key", &self.inner.key).finish_non_exhaustive()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("key", &self.key)
            .field("max_len", &self.max_len)
            .field("publish_wait", &self.publish_wait)
            .finish_non_exhaustive()
    }
}
