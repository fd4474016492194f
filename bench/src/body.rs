//! Events for a body, and what a server does with one.

use futures_util::Stream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::vec::IntoIter;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// An event, and then nothing until the server has taken all that the body had.
    OneATurn,
    AllReady,
}

/// A body under way.
pub struct Body<S> {
    chunks: Pin<Box<S>>,
    turn: Turn,
}

impl<S: Stream> Body<S> {
    /// The body that is made of a stream of items.
    pub fn new<T>(items: Vec<T>, pace: Pace, body: impl FnOnce(Items<T>) -> S) -> Self {
        let turn = Turn::default();
        let chunks = Box::pin(body(Items { items: items.into_iter(), pace, turn: turn.clone() }));
        Self { chunks, turn }
    }

    /// Takes all chunks as hyper does: in each turn, those that are there.
    pub fn drain(&mut self, mut chunk: impl FnMut(S::Item)) {
        loop {
            self.turn.begin();
            if take_ready(self.chunks.as_mut(), &mut chunk).is_ready() {
                return;
            }
        }
    }
}

/// Takes the chunks that are there. `Ready` says that it was the last.
pub fn take_ready<S: Stream>(mut chunks: Pin<&mut S>, mut chunk: impl FnMut(S::Item)) -> Poll<()> {
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match chunks.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(next)) => chunk(next),
            Poll::Ready(None) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
}

/// A stream of items, at some pace.
pub struct Items<T> {
    items: IntoIter<T>,
    pace: Pace,
    turn: Turn,
}

// Items are handed out, never polled.
impl<T> Unpin for Items<T> {}

impl<T> Stream for Items<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<T>> {
        if self.pace == Pace::OneATurn && !self.turn.take() {
            return Poll::Pending;
        }
        Poll::Ready(self.items.next())
    }
}

/// Whether the next event is ready. Loads and stores, as a swap would cost as much as what is measured.
#[derive(Clone, Default)]
struct Turn(Arc<AtomicBool>);

impl Turn {
    fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        let ready = self.0.load(Ordering::Relaxed);
        self.0.store(false, Ordering::Relaxed);
        ready
    }
}
