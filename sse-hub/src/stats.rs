use crate::control::GapCause;
use crate::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

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

impl Counters {
    pub(crate) fn stats(&self, topics: usize) -> Stats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let gaps = |cause: GapCause| count(&self.gaps[cause as usize]);
        Stats {
            subscribers: self.subscribers.load(Ordering::Relaxed),
            topics,
            published: count(&self.published),
            delivered: count(&self.delivered),
            gaps_trimmed: gaps(GapCause::Trimmed),
            gaps_epoch: gaps(GapCause::Epoch),
            gaps_ahead: gaps(GapCause::Ahead),
            gaps_malformed: gaps(GapCause::Malformed),
            gaps_lagged: gaps(GapCause::Lagged),
            engine_errors: count(&self.engine_errors),
            skipped: count(&self.skipped),
            tail_panics: count(&self.tail_panics),
        }
    }
}
