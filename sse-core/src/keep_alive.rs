use crate::clock::{Clock, TokioClock};
use crate::event::{EncodedEvent, Event};
use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use futures_core::stream::{Stream, TryStream};

/// What to send, and how often, while there are no events.
///
/// It is also sent first, at once, if no event is ready by then: proxies pass the head of a
/// response on when its first byte arrives, and so does Firefox.
///
/// ```
/// use sse_core::KeepAlive;
/// use std::time::Duration;
///
/// let keep_alive = KeepAlive::new().interval(Duration::from_secs(5)).text("still here");
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct KeepAlive {
    interval: Duration,
    event: EncodedEvent,
}

impl KeepAlive {
    /// An empty comment whenever nothing has been sent for 15 seconds.
    pub fn new() -> Self {
        Self { interval: Duration::from_secs(15), event: Event::new().comment("").into() }
    }

    /// How long the stream must be idle before a keep-alive is sent, to the resolution of the clock
    /// (a millisecond on tokio). [`Duration::ZERO`] turns keep-alive off.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The text of the comment.
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.event(Event::new().comment(text))
    }

    /// An event in place of the comment, such as one that clients are to see.
    ///
    /// Some clients take every blank line for an event, and see an empty one after each comment.
    /// For them, send a comment without a blank line:
    ///
    /// ```
    /// use sse_core::{EncodedEvent, KeepAlive};
    ///
    /// let keep_alive = KeepAlive::new().event(EncodedEvent::raw(":\n"));
    /// ```
    pub fn event(mut self, event: impl Into<EncodedEvent>) -> Self {
        self.event = event.into();
        self
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::new()
    }
}

pin_project_lite::pin_project! {
    /// A stream of events with [`KeepAlive`] events first and in its pauses.
    ///
    /// It yields what the stream of events yields, as [`EncodedEvent`]s, and ends with it. On a
    /// [`TokioClock`] it must be polled within a tokio runtime with time enabled.
    #[must_use = "streams do nothing unless polled"]
    pub struct KeepAliveStream<S, C = TokioClock>
    where
        C: Clock,
    {
        #[pin]
        stream: S,
        clock: C,
        keep_alive: KeepAlive,
        // Something has been sent.
        opened: bool,
        // The time since which nothing has been sent. An event only clears this and leaves the
        // timer alone; a timer that fires too soon is set again.
        idle_since: Option<Duration>,
        #[pin]
        timer: Option<C::Sleep>,
    }
}

impl<S, C: Clock> KeepAliveStream<S, C> {
    /// Keeps a stream of events alive by this clock.
    pub fn new(stream: S, clock: C, keep_alive: KeepAlive) -> Self {
        Self { stream, clock, keep_alive, opened: false, idle_since: None, timer: None }
    }
}

impl<S, C> Stream for KeepAliveStream<S, C>
where
    S: TryStream,
    S::Ok: Into<EncodedEvent>,
    C: Clock,
{
    type Item = Result<EncodedEvent, S::Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        let opened = mem::replace(this.opened, true);
        if let Poll::Ready(item) = this.stream.try_poll_next(cx) {
            *this.idle_since = None;
            return Poll::Ready(item.map(|event| event.map(Into::into)));
        }
        let KeepAlive { interval, ref event } = *this.keep_alive;
        if interval.is_zero() {
            return Poll::Pending;
        }
        if !opened {
            return Poll::Ready(Some(Ok(event.clone())));
        }
        let idle_since = *this.idle_since.get_or_insert_with(|| this.clock.now());
        loop {
            let Some(timer) = this.timer.as_mut().as_pin_mut() else {
                this.timer.set(Some(this.clock.sleep(interval)));
                continue;
            };
            ready!(timer.poll(cx));
            this.timer.set(None);
            let idle = this.clock.now().saturating_sub(idle_since);
            if idle >= interval {
                *this.idle_since = None;
                return Poll::Ready(Some(Ok(event.clone())));
            }
            this.timer.set(Some(this.clock.sleep(interval - idle)));
        }
    }
}

impl<S, C: Clock> fmt::Debug for KeepAliveStream<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepAliveStream").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}
