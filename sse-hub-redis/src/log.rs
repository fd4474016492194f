use crate::connection::{Failure, Lease, PATIENCE, SharedError, Slot, failure, patiently};
use crate::entry::{BLOCK, Entry, Id, NONCE, ReadAnswer, TOPIC, nonce_text};
use crate::mark::{self, Mark};
use crate::replay::Replays;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use redis::{Client, ErrorKind, IntoConnectionInfo, RedisError, RedisResult, Value};
use sse_hub::{AppendError, Engine, EngineError, Limit, Loss, Position, Read, Record, Topics};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How many entries the tail reads at once.
const PAGE: usize = 512;

/// The lowest limit of the stream: nodes must be able to read on before what they read is gone.
const MIN_MAX_LEN: usize = 2 * PAGE;

/// How long to wait between attempts to publish.
const RETRY: Duration = Duration::from_millis(50);

/// How many pages are looked through for the newest records of each topic.
const RECENT_PAGES: usize = 8;

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
    max_len: usize,
    publish_wait: Duration,
    publisher: Slot,
    tail: Slot,
    pub(crate) replay: Slot,
    pub(crate) replays: Replays,
    mark: Mutex<Mark>,
    numbers: AtomicU64,
    /// The size of an entry, on average over the last ones.
    entry_size: AtomicU64,
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
        let lease = self.inner.publisher.get(&self.inner).await?;
        let mut connection = lease.connection;
        let groups = self.inner.groups(&mut connection).await?;
        if let Some(epoch) = mark::epoch_of(&groups) {
            self.inner.mark().leave(epoch);
        }
        Mark::find(&self.inner, &mut connection).await.map(drop)
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
                tail: Slot::default(),
                replay: Slot::default(),
                replays: Replays::default(),
                mark: Mutex::default(),
                numbers: AtomicU64::new(0),
                entry_size: AtomicU64::new(256),
            }),
        }
    }
}

impl Inner {
    pub(crate) fn mark(&self) -> MutexGuard<'_, Mark> {
        self.mark.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn random(&self) -> RedisResult<u64> {
        let failed = |_| (ErrorKind::Client, "the operating system gives no random number").into();
        getrandom::u64().map_err(failed)
    }

    async fn groups(&self, connection: &mut redis::aio::MultiplexedConnection) -> RedisResult<Value> {
        let mut groups = redis::cmd("XINFO");
        groups.arg("GROUPS").arg(&self.key);
        patiently(PATIENCE, groups.query_async(connection)).await
    }

    /// How many entries to read for a limit.
    fn count(&self, limit: Limit) -> usize {
        let size = self.entry_size.load(Ordering::Relaxed).max(1);
        let by_bytes = limit.bytes as u64 / size;
        limit.records.min(by_bytes as usize).max(1)
    }

    fn note_size(&self, entries: &[Entry]) {
        if !entries.is_empty() {
            let size = entries.iter().map(Entry::size).sum::<usize>() / entries.len();
            let average = (3 * self.entry_size.load(Ordering::Relaxed) + size as u64) / 4;
            self.entry_size.store(average, Ordering::Relaxed);
        }
    }

    /// Reads what follows a position, then asks whether the entry there is still in the stream:
    /// Redis begins at the oldest entry that it has kept, whatever was asked for.
    pub(crate) async fn read(
        &self,
        lease: &mut Lease,
        after: Position,
        limit: Limit,
        wait: Duration,
    ) -> RedisResult<Read> {
        let id = Id::of(&after).to_string();
        let connection = &mut lease.connection;
        let count = self.count(limit);
        let entries = if wait.is_zero() {
            let mut range = redis::cmd("XRANGE");
            range.arg(&self.key).arg(format!("({id}")).arg("+").arg("COUNT").arg(count);
            patiently(PATIENCE, range.query_async::<Vec<Entry>>(connection)).await?
        } else {
            let mut read = redis::cmd("XREAD");
            read.arg("COUNT").arg(count).arg("BLOCK").arg(wait.as_millis() as u64);
            read.arg("STREAMS").arg(&self.key).arg(&id);
            patiently(wait + PATIENCE, read.query_async::<ReadAnswer>(connection)).await?.0
        };
        let (still, groups, info): (Vec<Entry>, Value, std::collections::HashMap<String, Value>) = {
            let mut check = redis::pipe();
            check.atomic();
            check.cmd("XRANGE").arg(&self.key).arg(&id).arg(&id);
            check.cmd("XINFO").arg("GROUPS").arg(&self.key);
            check.cmd("XINFO").arg("STREAM").arg(&self.key);
            patiently(PATIENCE, check.query_async(connection)).await?
        };
        match mark::epoch_of(&groups) {
            Some(epoch) if epoch == after.epoch && !self.mark().has_left(epoch) => {}
            _ => return Ok(Read::Lost(Loss::Replaced)),
        }
        match still.first() {
            Some(entry) if entry.nonce.unwrap_or(0) == after.nonce => {}
            Some(_) => return Ok(Read::Lost(Loss::Replaced)),
            None => {
                // An entry that was deleted by name is not missing.
                let deleted = info.get("max-deleted-entry-id").cloned().unwrap_or(Value::Nil);
                let deleted: String = redis::from_redis_value(deleted)?;
                if Id::parse(&deleted).is_none_or(|deleted| deleted < Id::of(&after)) {
                    return Ok(Read::Lost(Loss::Trimmed));
                }
            }
        }
        self.note_size(&entries);
        let records = entries.iter().filter_map(|entry| entry.record(after.epoch)).collect();
        let up_to = entries.last().map_or(after, |last| Position {
            epoch: after.epoch,
            major: last.id.0,
            minor: last.id.1,
            nonce: last.nonce.unwrap_or(0),
        });
        Ok(Read::Records { records, up_to })
    }

    async fn read_tail(&self, after: Position, limit: Limit, wait: Duration) -> RedisResult<Read> {
        let mut lease = self.tail.get(self).await?;
        match self.read(&mut lease, after, limit, wait).await {
            Ok(read) => {
                if let Read::Records { up_to, .. } = &read {
                    self.mark().note_read(*up_to);
                }
                Ok(read)
            }
            Err(error) => {
                self.failed(&lease, &error).await;
                Err(error)
            }
        }
    }

    /// Drops the connections that an error shows to be of no use.
    pub(crate) async fn failed(&self, lease: &Lease, error: &RedisError) {
        match failure(error) {
            Failure::Refused => {}
            Failure::Broken => {
                for slot in [&self.publisher, &self.tail, &self.replay] {
                    slot.fail(lease).await;
                }
            }
            Failure::WrongServer => {
                for slot in [&self.publisher, &self.tail, &self.replay] {
                    slot.reset().await;
                }
            }
        }
    }

    async fn append(&self, topic: &str, block: &[u8]) -> Result<Position, AppendError> {
        let deadline = Instant::now() + self.publish_wait;
        let nonce = mark::nonce();
        loop {
            let error = match self.append_once(topic, block, nonce).await {
                Ok(position) => return Ok(position),
                Err(Attempt::Unknown(error)) => return self.look_for(nonce, error, deadline).await,
                Err(Attempt::Refused(error)) => return Err(AppendError::Refused(error.into())),
                Err(Attempt::Unreachable(error)) => error,
            };
            if Instant::now() + RETRY > deadline {
                return Err(AppendError::Refused(error.into()));
            }
            sleep(RETRY).await;
        }
    }

    async fn append_once(&self, topic: &str, block: &[u8], nonce: u32) -> Result<Position, Attempt> {
        let mut lease = match self.publisher.get(self).await {
            Ok(lease) => lease,
            Err(error) => {
                return Err(match failure(&error) {
                    Failure::Refused => Attempt::Refused(error),
                    Failure::WrongServer | Failure::Broken => Attempt::Unreachable(error),
                });
            }
        };
        let mut add = redis::pipe();
        add.atomic();
        add.cmd("XADD").arg(&self.key).arg("NOMKSTREAM").arg("MAXLEN").arg("~").arg(self.max_len);
        add.arg("*").arg(NONCE).arg(nonce_text(nonce)).arg(TOPIC).arg(topic).arg(BLOCK).arg(block);
        // Another node may have begun a new epoch since this one looked.
        add.cmd("XINFO").arg("GROUPS").arg(&self.key);
        let answer = patiently(PATIENCE, add.query_async(&mut lease.connection)).await;
        let (id, groups): (Option<String>, Value) = match answer {
            Ok(answer) => answer,
            // Without the stream, there are no groups either, and nothing was added.
            Err(error) if error.detail().is_some_and(|detail| detail.contains("no such key")) => {
                self.publisher.reset().await;
                return Err(Attempt::Unreachable(error));
            }
            Err(error) => {
                self.failed(&lease, &error).await;
                return Err(match failure(&error) {
                    Failure::Refused => Attempt::Refused(error),
                    Failure::WrongServer => Attempt::Unreachable(error),
                    Failure::Broken => Attempt::Unknown(error),
                });
            }
        };
        let Some(Id(major, minor)) = id.as_deref().and_then(Id::parse) else {
            self.publisher.reset().await;
            let error = (ErrorKind::Client, "the stream is gone").into();
            return Err(Attempt::Unreachable(error));
        };
        let epoch = match mark::epoch_of(&groups).filter(|epoch| !self.mark().has_left(*epoch)) {
            Some(epoch) => {
                self.mark().enter(epoch);
                epoch
            }
            // The mark is gone, or must not be used: the event is there, under a new one.
            None => match Mark::find(self, &mut lease.connection).await {
                Ok(newest) => newest.epoch,
                Err(error) => return Err(Attempt::Unknown(error)),
            },
        };
        let position = Position { epoch, major, minor, nonce };
        self.mark().note_acknowledged(position);
        Ok(position)
    }

    /// Looks whether an event is there whose answer was lost. That it is not there proves nothing:
    /// a server that was stopped may still read the command.
    async fn look_for(
        &self,
        nonce: u32,
        lost: RedisError,
        deadline: Instant,
    ) -> Result<Position, AppendError> {
        let find = async {
            loop {
                if let Ok(position) = self.find(nonce).await {
                    return position;
                }
                sleep(RETRY).await;
            }
        };
        match tokio::time::timeout_at(deadline, find).await {
            Ok(Some(position)) => {
                self.mark().note_acknowledged(position);
                Ok(position)
            }
            Ok(None) | Err(_) => Err(AppendError::Unknown(lost.into())),
        }
    }

    /// Looks for an entry among the newest ones.
    async fn find(&self, nonce: u32) -> RedisResult<Option<Position>> {
        let mut lease = self.publisher.get(self).await?;
        let newest = Mark::find(self, &mut lease.connection).await?;
        let mut range = redis::cmd("XREVRANGE");
        range.arg(&self.key).arg("+").arg("-").arg("COUNT").arg(PAGE);
        let entries: Vec<Entry> = patiently(PATIENCE, range.query_async(&mut lease.connection)).await?;
        let found = entries.iter().find(|entry| entry.nonce == Some(nonce));
        Ok(found.and_then(|entry| entry.position(newest.epoch)))
    }

    async fn recent(
        &self,
        topics: Topics<'_>,
        each: usize,
        limit: Limit,
    ) -> RedisResult<(Position, Vec<Record>)> {
        let mut lease = self.publisher.get(self).await?;
        let result = self.recent_on(&mut lease, topics, each, limit).await;
        if let Err(error) = &result {
            self.failed(&lease, error).await;
        }
        result
    }

    async fn recent_on(
        &self,
        lease: &mut Lease,
        topics: Topics<'_>,
        each: usize,
        limit: Limit,
    ) -> RedisResult<(Position, Vec<Record>)> {
        let newest = Mark::find(self, &mut lease.connection).await?;
        let mut records = Vec::new();
        let mut left: std::collections::HashMap<&str, usize> = match topics {
            Topics::These(topics) => topics.iter().map(|topic| (&**topic, each)).collect(),
            Topics::All => return Ok((newest, records)),
        };
        left.retain(|_, left| *left > 0);
        let mut end = Id::of(&newest).to_string();
        for _ in 0..RECENT_PAGES {
            if left.is_empty() {
                break;
            }
            let mut range = redis::cmd("XREVRANGE");
            range.arg(&self.key).arg(&end).arg("-").arg("COUNT").arg(self.count(limit).max(64));
            let entries: Vec<Entry> = patiently(PATIENCE, range.query_async(&mut lease.connection)).await?;
            let Some(last) = entries.last() else { break };
            end = format!("({}", last.id);
            for entry in &entries {
                let Some(topic) = entry.topic() else { continue };
                let Some(more) = left.get_mut(topic) else { continue };
                records.extend(entry.record(newest.epoch));
                *more -= 1;
                if *more == 0 {
                    left.remove(topic);
                }
            }
        }
        records.reverse();
        Ok((newest, records))
    }
}

/// Why an attempt to append failed.
enum Attempt {
    Refused(RedisError),
    Unreachable(RedisError),
    Unknown(RedisError),
}

impl Engine for Redis {
    fn append<'a>(&'a self, topic: &'a str, block: Bytes) -> BoxFuture<'a, Result<Position, AppendError>> {
        Box::pin(async move { self.inner.append(topic, &block).await })
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
                let shared = |error: SharedError| EngineError::from(error);
                return Replays::read(&self.inner, after, limit).await.map_err(shared);
            }
            Ok(self.inner.read_tail(after, limit, wait).await?)
        })
    }

    fn recent<'a>(
        &'a self,
        topics: Topics<'a>,
        each: usize,
        limit: Limit,
    ) -> BoxFuture<'a, Result<(Position, Vec<Record>), EngineError>> {
        Box::pin(async move { Ok(self.inner.recent(topics, each, limit).await?) })
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
