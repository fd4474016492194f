use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use core::time::Duration;

/// A source of time: [`TokioClock`] on tokio, or one of your own on any other runtime.
///
/// ```
/// use futures_util::future::{FutureExt, Map};
/// use futures_util::stream;
/// use sse_core::{Clock, Event, KeepAlive, Sse};
/// use std::convert::Infallible;
/// use std::time::{Duration, Instant};
///
/// #[derive(Clone)]
/// struct SmolClock(Instant);
///
/// impl Clock for SmolClock {
///     type Sleep = Map<smol::Timer, fn(Instant)>;
///
///     fn now(&self) -> Duration {
///         self.0.elapsed()
///     }
///
///     fn sleep(&self, duration: Duration) -> Self::Sleep {
///         smol::Timer::after(duration).map(drop)
///     }
/// }
///
/// let events = stream::pending::<Result<Event, Infallible>>();
/// let body = Sse::new(events).keep_alive_on(SmolClock(Instant::now()), KeepAlive::new());
/// # drop(body);
/// ```
pub trait Clock {
    /// Completes when the time is over.
    type Sleep: Future<Output = ()>;

    /// The time since some fixed point in the past. It never goes backwards.
    fn now(&self) -> Duration;

    /// Waits for this long, which may be as long as [`Duration::MAX`]. It must not panic.
    fn sleep(&self, duration: Duration) -> Self::Sleep;
}

/// The absence of a clock. Its time stands still, and every sleep lasts for one turn of the
/// executor.
///
/// It is what a new [`Sse`](crate::Sse) has. Do not use it for keep-alive: its pauses have no
/// length.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoClock;

impl Clock for NoClock {
    type Sleep = Turn;

    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, _: Duration) -> Turn {
        Turn { over: false }
    }
}

/// A turn of the executor, as [`NoClock`] sleeps.
#[derive(Debug)]
#[must_use = "futures do nothing unless polled"]
pub struct Turn {
    over: bool,
}

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.over {
            return Poll::Ready(());
        }
        self.over = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The clock of a tokio runtime, which tests can pause. Feature `tokio` adds its constructor:
/// without it there is none.
///
/// Its sleeps panic outside a runtime with time enabled.
#[derive(Debug, Clone, Copy)]
pub struct TokioClock {
    // Not a static, which could belong to a different runtime than the paused one of a test.
    #[cfg(feature = "tokio")]
    origin: tokio::time::Instant,
    #[cfg(not(feature = "tokio"))]
    never: core::convert::Infallible,
}

#[cfg(feature = "tokio")]
impl TokioClock {
    /// A clock that starts now.
    #[allow(clippy::new_without_default, reason = "a default has no side effects, and this reads the time")]
    pub fn new() -> Self {
        Self { origin: tokio::time::Instant::now() }
    }
}

#[cfg(feature = "tokio")]
impl Clock for TokioClock {
    type Sleep = tokio::time::Sleep;

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        tokio::time::sleep(duration)
    }
}

// `KeepAliveStream` has it as its default clock, so it must be a `Clock` with any features.
#[cfg(not(feature = "tokio"))]
impl Clock for TokioClock {
    type Sleep = Turn;

    fn now(&self) -> Duration {
        match self.never {}
    }

    fn sleep(&self, _: Duration) -> Turn {
        match self.never {}
    }
}
