#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

#[path = "../../../sse-test/src/hub/seen.rs"]
mod seen;

pub use seen::Seen;

use futures_util::Stream;
use futures_util::task::noop_waker;
use sse_core::{Decoder, EncodedEvent, Event};
use sse_hub::{Hub, Subscription};
use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// A client of a subscription, which reads when it is told to.
pub struct Client {
    subscription: Subscription,
    decoder: Decoder,
    read: VecDeque<Seen>,
}

impl Client {
    pub fn new(subscription: Subscription) -> Self {
        Self { subscription, decoder: Decoder::new(), read: VecDeque::new() }
    }

    /// Reads the next event, if one is there.
    pub fn next(&mut self) -> Option<Seen> {
        while self.read.is_empty() {
            let item = poll(&mut self.subscription)?;
            self.read.extend(Seen::decode(&mut self.decoder, &item));
        }
        self.read.pop_front()
    }

    /// Reads the next event when it is there. `None` is the end of the stream.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Seen>> {
        while self.read.is_empty() {
            match ready!(pin!(&mut self.subscription).poll_next(cx)) {
                Some(Ok(item)) => self.read.extend(Seen::decode(&mut self.decoder, &item)),
                None => return Poll::Ready(None),
            }
        }
        Poll::Ready(self.read.pop_front())
    }

    /// Reads all that is there.
    pub fn all(&mut self) -> Vec<Seen> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// Reads all that is there, and returns the data of events that were published.
    pub fn data(&mut self) -> Vec<String> {
        self.all().into_iter().filter(|seen| seen.control().is_none()).map(|seen| seen.data).collect()
    }

    /// Reads all that is there, and returns the names of control events and the data of others.
    pub fn story(&mut self) -> Vec<String> {
        self.all().into_iter().map(|seen| seen.control().map_or(seen.data.clone(), Into::into)).collect()
    }

    /// The client's last event ID.
    pub fn id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// The reconnection time that the client was told.
    pub fn retry(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// Whether the stream has ended, when all of it has been read.
    pub fn is_ended(&mut self) -> bool {
        poll_once(&mut self.subscription) == Poll::Ready(None)
    }
}

/// Takes what is ready.
pub fn poll(subscription: &mut Subscription) -> Option<EncodedEvent> {
    match poll_once(subscription) {
        Poll::Ready(item) => item,
        Poll::Pending => None,
    }
}

fn poll_once(subscription: &mut Subscription) -> Poll<Option<EncodedEvent>> {
    let waker = noop_waker();
    pin!(subscription).poll_next(&mut Context::from_waker(&waker)).map(|item| item.map(|Ok(event)| event))
}

#[track_caller]
pub fn publish(hub: &Hub, topic: &str, data: impl AsRef<str>) -> String {
    hub.blocking_publish(topic, Event::new().data(data)).expect("the event is published").to_string()
}
