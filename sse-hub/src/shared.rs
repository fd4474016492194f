//! What the handles and the subscriptions of a hub share.

use crate::audience::Executor;
use crate::builder::Builder;
use crate::control::{GapCause, RefusedCause};
use crate::engine::Engine;
use crate::log::Log;
use crate::position::Position;
use crate::record::Block;
use crate::stats::Counters;
use crate::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use crate::sync::{Mutex, RwLock, read, write};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::Instant;

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

impl Shared {
    pub(crate) fn new(settings: Builder, head: Position, engine: Option<Arc<dyn Engine>>) -> Arc<Self> {
        let log = Log::new(&settings, head, engine.is_none());
        Arc::new(Self {
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
        })
    }

    pub(crate) fn publish(&self, topic: &str, block: Block) -> Position {
        self.counters.published.fetch_add(1, Ordering::Relaxed);
        self.append(topic, |position| block.with_id(position))
    }

    /// Appends a record to the log in memory.
    pub(crate) fn append(&self, topic: &str, record: impl FnOnce(Position) -> Bytes) -> Position {
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
