//! The one reader of a shared log, from which all subscriptions of this process are served.

use crate::control::GapCause;
use crate::engine::{Engine, EngineError, Limit, Loss, Read, Topics};
use crate::position::Position;
use crate::record::Record;
use crate::shared::Shared;
use crate::sync::atomic::Ordering;
use crate::sync::{lock, read, write};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

const LIMIT: Limit = Limit { records: 512, bytes: 1024 * 1024 };

/// How long the engine may wait for records.
const WAIT: Duration = Duration::from_secs(5);

/// How long to wait after an error, at first and at most.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// Follows the log until the hub is gone, also after a panic.
pub(crate) async fn supervise(hub: Weak<Shared>, engine: Arc<dyn Engine>) {
    loop {
        let Some(head) = hub.upgrade().map(|hub| read(&hub.log).head()) else { return };
        // It ends with this task.
        let mut tail = JoinSet::new();
        tail.spawn(follow(hub.clone(), engine.clone(), head));
        if let Some(Ok(())) = tail.join_next().await {
            return;
        }
        let Some(hub) = hub.upgrade() else { return };
        hub.counters.tail_panics.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "tracing")]
        tracing::error!("the reader of the log has panicked, and is started again");
        // What it took into the log may not have woken anybody.
        hub.wake_all();
        drop(hub);
        sleep(BACKOFF.0).await;
    }
}

async fn follow(hub: Weak<Shared>, engine: Arc<dyn Engine>, mut after: Position) {
    let mut backoff = BACKOFF.0;
    loop {
        let step = next(&*engine, after).await;
        let Some(hub) = hub.upgrade() else { return };
        match step {
            Ok(step) => {
                backoff = BACKOFF.0;
                *lock(&hub.unreachable_since) = None;
                after = step.apply(&hub);
            }
            Err(error) => {
                hub.engine_failed(&error);
                drop(hub);
                sleep(backoff).await;
                backoff = (2 * backoff).min(BACKOFF.1);
            }
        }
    }
}

enum Step {
    Records { records: Vec<Record>, up_to: Position, skipped: usize },
    Restart { head: Position, cause: GapCause },
}

async fn next(engine: &dyn Engine, after: Position) -> Result<Step, EngineError> {
    let cause = match engine.read(after, Topics::All, LIMIT, WAIT).await? {
        Read::Records { records, up_to, skipped } => {
            return Ok(Step::Records { records, up_to, skipped });
        }
        Read::Lost(loss) => loss.into(),
    };
    let (head, _) = engine.recent(Topics::These(&[]), 0, LIMIT).await?;
    Ok(Step::Restart { head, cause })
}

impl Step {
    /// Takes it into the log, wakes whom it concerns, and returns where to read on.
    fn apply(self, hub: &Shared) -> Position {
        match self {
            Self::Records { records, up_to, skipped } => {
                hub.counters.skipped.fetch_add(skipped as u64, Ordering::Relaxed);
                let mut audiences = Vec::new();
                let mut log = write(&hub.log);
                for Record { topic, position, bytes } in records {
                    let key = log.topic(&topic);
                    log.push(key, position, bytes);
                    let audience = &log.get(key).audience;
                    if !audiences.iter().any(|known| Arc::ptr_eq(known, audience)) {
                        audiences.push(audience.clone());
                    }
                }
                log.advance(up_to);
                drop(log);
                for audience in audiences {
                    audience.wake(&hub.executor);
                }
                up_to
            }
            Self::Restart { head, cause } => {
                write(&hub.log).restart(head, cause);
                hub.wake_all();
                head
            }
        }
    }
}

impl Shared {
    pub(crate) fn engine_failed(&self, error: &EngineError) {
        self.counters.engine_errors.fetch_add(1, Ordering::Relaxed);
        lock(&self.unreachable_since).get_or_insert_with(Instant::now);
        #[cfg(feature = "tracing")]
        tracing::warn!(%error, "the engine cannot be read");
        #[cfg(not(feature = "tracing"))]
        let _ = error;
    }
}

impl From<Loss> for GapCause {
    fn from(loss: Loss) -> Self {
        match loss {
            Loss::Trimmed => Self::Trimmed,
            Loss::Replaced => Self::Epoch,
        }
    }
}
