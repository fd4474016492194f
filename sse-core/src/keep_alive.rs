use crate::event::Event;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use futures_core::stream::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

/// What to send, and how often, while there are no events.
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
    event: Event,
}

impl KeepAlive {
    /// An empty comment when nothing has gone out for 15 seconds.
    pub fn new() -> Self {
        Self { interval: Duration::from_secs(15), event: Event::new().comment("") }
    }

    /// How long nothing must have gone out, to the millisecond. Zero sends no keep-alive at all.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// The text of the comment.
    pub fn text(self, text: impl AsRef<str>) -> Self {
        self.event(Event::new().comment(text))
    }

    /// An event in place of the comment, for clients that are to see it.
    pub fn event(mut self, event: Event) -> Self {
        self.event = event;
        self
    }
}

impl Default for KeepAlive {
    fn default() -> Self {
        Self::new()
    }
}

pin_project_lite::pin_project! {
    /// A stream of events with [`KeepAlive`] events in its pauses, as `Sse::keep_alive` makes it.
    ///
    /// It ends with the stream of events. It must be polled within a tokio runtime that has its time driver enabled.
    #[must_use = "streams do nothing unless polled"]
    pub struct KeepAliveStream<S> {
        #[pin]
        stream: S,
        keep_alive: KeepAlive,
        // Since when nothing has gone out. An event costs no timer operation: it only forgets this, and the timer, when
        // it fires too soon, is set again.
        idle_since: Option<Instant>,
        #[pin]
        timer: Option<Sleep>,
    }
}

impl<S> KeepAliveStream<S> {
    pub(crate) fn new(stream: S, keep_alive: KeepAlive) -> Self {
        Self { stream, keep_alive, idle_since: None, timer: None }
    }
}

impl<S, T, E> Stream for KeepAliveStream<S>
where
    S: Stream<Item = Result<T, E>>,
    T: From<Event>,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut this = self.project();
        if let Poll::Ready(item) = this.stream.poll_next(cx) {
            *this.idle_since = None;
            return Poll::Ready(item);
        }
        let idle_since = *this.idle_since.get_or_insert_with(Instant::now);
        let interval = this.keep_alive.interval;
        let Some(due) = idle_since.checked_add(interval).filter(|_| !interval.is_zero()) else {
            return Poll::Pending;
        };
        loop {
            let Some(mut timer) = this.timer.as_mut().as_pin_mut() else {
                this.timer.set(Some(sleep_until(due)));
                continue;
            };
            ready!(timer.as_mut().poll(cx));
            if timer.deadline() >= due {
                *this.idle_since = None;
                return Poll::Ready(Some(Ok(this.keep_alive.event.clone().into())));
            }
            timer.reset(due);
        }
    }
}

impl<S> fmt::Debug for KeepAliveStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeepAliveStream").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}
