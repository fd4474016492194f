use crate::session::cut;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that fires later than this fires in a process that did not run in the meantime.
const LATE: Duration = Duration::from_millis(10);

/// How long such a process may then take to read what has arrived.
const GRACE: Duration = Duration::from_millis(100);

/// Tells when nothing has happened for the length of a time-out.
///
/// The time counts from the first poll that finds nothing, not from the last that found something:
/// a reader that takes its time is no idle server.
#[derive(Default)]
pub(crate) struct Idle {
    timeout: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
    waiting: bool,
    graced: bool,
}

impl Idle {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        Self { timeout: timeout.map(cut), ..Self::default() }
    }

    /// Something has happened.
    pub(crate) fn reset(&mut self) {
        self.waiting = false;
    }

    /// Waits for the end of the time-out, and returns its length.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Duration> {
        let Some(timeout) = self.timeout else { return Poll::Pending };
        if !self.waiting {
            self.waiting = true;
            self.graced = false;
            self.set(timeout);
        }
        loop {
            let Some(timer) = &mut self.timer else { return Poll::Pending };
            ready!(timer.as_mut().poll(cx));
            if self.graced || timer.deadline().elapsed() <= LATE {
                return Poll::Ready(timeout);
            }
            self.graced = true;
            self.set(timeout.min(GRACE));
        }
    }

    fn set(&mut self, time: Duration) {
        let deadline = Instant::now() + time;
        match &mut self.timer {
            Some(timer) => timer.as_mut().reset(deadline),
            None => self.timer = Some(Box::pin(sleep_until(deadline))),
        }
    }
}
