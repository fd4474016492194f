use crate::engine::Engine;
use crate::error::InvalidSettings;
use crate::hub::Hub;
use std::sync::Arc;
use std::time::Duration;

/// The settings of a [`Hub`].
///
/// ```
/// use sse_hub::Hub;
/// use std::time::Duration;
///
/// let hub = Hub::builder()
///     .history_events(100)
///     .history_age(Duration::from_secs(10 * 60))
///     .max_subscribers(5_000)
///     .build()?;
/// # Ok::<(), sse_hub::InvalidSettings>(())
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(crate) positions: usize,
    pub(crate) history_events: usize,
    pub(crate) history_bytes: usize,
    pub(crate) history_age: Duration,
    pub(crate) total_bytes: usize,
    pub(crate) max_topics: usize,
    pub(crate) max_topics_per_subscription: usize,
    pub(crate) max_subscribers: usize,
    pub(crate) max_event_size: usize,
    pub(crate) max_age: Option<Duration>,
}

impl Builder {
    pub(crate) const fn new() -> Self {
        Self {
            positions: 65_536,
            history_events: 1_024,
            history_bytes: 1024 * 1024,
            history_age: Duration::from_secs(60 * 60),
            total_bytes: 256 * 1024 * 1024,
            max_topics: 100_000,
            max_topics_per_subscription: 1_000,
            max_subscribers: usize::MAX,
            max_event_size: 256 * 1024,
            max_age: None,
        }
    }

    /// Sets how many of the newest events of the whole hub a cursor can point to: 65,536 by
    /// default.
    ///
    /// A client whose last ID is less than half as old gets no gap unless it missed something. A
    /// position costs up to 4 bytes, or 36 with an engine. The last position of a topic that is
    /// forgotten costs the name of the topic as well.
    pub fn positions(mut self, positions: usize) -> Self {
        self.positions = positions;
        self
    }

    /// Sets how many events of each topic are kept for replay: 1,024 by default.
    pub fn history_events(mut self, events: usize) -> Self {
        self.history_events = events;
        self
    }

    /// Sets how many bytes of events are kept for each topic: 1 MiB by default.
    pub fn history_bytes(mut self, bytes: usize) -> Self {
        self.history_bytes = bytes;
        self
    }

    /// Sets how long an event is kept: an hour by default. Older events are dropped when another one
    /// is published, so a hub where nothing is published keeps its events longer.
    pub fn history_age(mut self, age: Duration) -> Self {
        self.history_age = age;
        self
    }

    /// Sets how many bytes of events are kept in all: 256 MiB by default. Beyond that, the topic with
    /// the most bytes loses its oldest event.
    pub fn total_bytes(mut self, bytes: usize) -> Self {
        self.total_bytes = bytes;
        self
    }

    /// Sets how many topics may have events: 100,000 by default. Beyond that, the topic that has been
    /// quiet for longest loses its events. As many topics again may have subscribers and no events;
    /// beyond that, subscriptions to new topics are refused.
    pub fn max_topics(mut self, topics: usize) -> Self {
        self.max_topics = topics;
        self
    }

    /// Sets how many topics a subscription may have: 1,000 by default. One with more is refused.
    pub fn max_topics_per_subscription(mut self, topics: usize) -> Self {
        self.max_topics_per_subscription = topics;
        self
    }

    /// Sets how many subscriptions may exist at once, without a limit by default. Further ones are
    /// refused.
    pub fn max_subscribers(mut self, subscribers: usize) -> Self {
        self.max_subscribers = subscribers;
        self
    }

    /// Sets how large an event may be, in bytes on the wire without its ID: 256 KiB by default.
    pub fn max_event_size(mut self, bytes: usize) -> Self {
        self.max_event_size = bytes;
        self
    }

    /// Ends each subscription with `hub:end` after 80 to 100 percent of this time, so that
    /// connections spread over several servers again after a deployment and no stream outlives a
    /// token. By default, subscriptions have no maximum age.
    ///
    /// The end is checked when the subscription is polled, so it may be late by one keep-alive
    /// interval.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.max_age = Some(age);
        self
    }

    /// Builds a hub in memory.
    ///
    /// A task on the current tokio runtime wakes large audiences. Outside of a runtime, the hub
    /// starts a thread for this when it first has more than 32 subscribers to wake.
    ///
    /// # Errors
    ///
    /// Returns an error if the settings contradict each other.
    pub fn build(self) -> Result<Hub, InvalidSettings> {
        self.check()?;
        Ok(Hub::in_memory(self))
    }

    /// Builds a hub on a log that several processes share.
    ///
    /// # Errors
    ///
    /// Returns an error if the settings contradict each other, or the engine cannot be reached.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub async fn connect(self, engine: impl Engine) -> Result<Hub, Box<dyn std::error::Error + Send + Sync>> {
        self.check()?;
        Hub::on_engine(self, Arc::new(engine)).await
    }

    fn check(&self) -> Result<(), InvalidSettings> {
        let positive = [
            ("positions", self.positions),
            ("history_events", self.history_events),
            ("max_topics", self.max_topics),
            ("max_topics_per_subscription", self.max_topics_per_subscription),
            ("max_subscribers", self.max_subscribers),
            ("max_event_size", self.max_event_size),
        ];
        for (name, value) in positive {
            if value == 0 {
                return Err(InvalidSettings(format!(
                    "`{name}` is 0, so that nothing could be sent; raise it"
                )));
            }
        }
        if self.max_age == Some(Duration::ZERO) || self.history_age.is_zero() {
            return Err(InvalidSettings("an age is 0, so that nothing could be sent; raise it".into()));
        }
        // What is kept includes the ID.
        let event = self.max_event_size.saturating_add(crate::record::ROOM);
        for (smaller, small, larger, large) in [
            ("history_events", self.history_events, "positions", self.positions),
            ("max_event_size", event, "history_bytes", self.history_bytes),
            ("history_bytes", self.history_bytes, "total_bytes", self.total_bytes),
        ] {
            if small > large {
                return Err(InvalidSettings(format!(
                    "`{smaller}` needs {small}, but `{larger}` is {large}; lower the first or raise the second"
                )));
            }
        }
        Ok(())
    }
}
