//! What publishing and reading cost one subscriber of many topics.

use crate::measure::{Candidate, Sample, Settings, median, time};
use crate::report::{significant, table};
use futures_util::Stream;
use sse_core::Event;
use sse_hub::{Hub, Subscription};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

const TOPICS: [usize; 3] = [1, 100, 1_000];

/// How many events are published in a pass.
const EVENTS: usize = 1_000;

/// Larger than the caches.
const OTHER_WORK: usize = 256 << 20;

/// Measures what an event costs, with `topics` of a subscriber.
pub fn measure(quick: bool, spread: &mut Vec<f64>) -> String {
    let settings = if quick { &Settings::QUICK } else { &Settings::FULL };
    let rounds = if quick { 3 } else { 21 };
    eprintln!("publishing without subscribers");
    let hub = Hub::new();
    let publish = Candidate::new("publish", move || {
        for _ in 0..EVENTS {
            publish(&hub, "news");
        }
    });
    let encode = Candidate::new("encode", || {
        for _ in 0..EVENTS {
            _ = black_box(sse_core::EncodedEvent::from(black_box(event())));
        }
    });
    let alone = time(settings, &mut [publish, encode]);
    spread.extend(alone.iter().map(|sample| sample.spread));
    let nanoseconds = |seconds: f64| significant(seconds * 1e9);
    let mut rows = Vec::new();
    for topics in TOPICS {
        eprintln!("a subscriber of {topics} topics");
        let mut reader = OneOfMany::new(topics);
        let rounds: Vec<_> = (0..rounds).map(|_| [reader.batch(), reader.hot(), reader.cold()]).collect();
        let samples =
            [0, 1, 2].map(|index| Sample::new("", rounds.iter().map(|times| times[index]).collect()));
        spread.extend(samples.iter().map(|sample| sample.spread));
        rows.push([topics.to_string()].into_iter().chain(samples.map(|s| nanoseconds(s.seconds))).collect());
    }
    format!(
        "`publish` without subscribers takes {} ns, of which encoding the event takes {}.\n\nNanoseconds for one \
         subscriber to read an event of a random one of its topics, up to the poll that is pending: when many events \
         are there, one after another, and one after another with other work between them that fills the caches.\n\n{}",
        nanoseconds(alone[0].seconds / EVENTS as f64),
        nanoseconds(alone[1].seconds / EVENTS as f64),
        table(&["topics", "many", "hot", "cold"], &rows),
    )
}

fn event() -> Event {
    Event::new().data("x".repeat(100))
}

fn publish(hub: &Hub, topic: &str) {
    hub.blocking_publish(topic, event()).expect("the event is valid");
}

struct OneOfMany {
    hub: Hub,
    topics: Vec<String>,
    subscription: Subscription,
    other_work: Vec<u8>,
}

impl OneOfMany {
    fn new(topics: usize) -> Self {
        let hub = Hub::new();
        let topics: Vec<_> = (0..topics).map(|number| format!("topic {number}")).collect();
        let subscription = hub.subscribe(topics.iter().map(String::as_str));
        let mut new = Self { hub, topics, subscription, other_work: vec![1; OTHER_WORK] };
        new.read();
        // The rings fill up, and lose as many events as they get.
        for _ in 0..100 {
            new.batch();
        }
        new
    }

    fn publish(&self) {
        publish(&self.hub, &self.topics[fastrand::usize(..self.topics.len())]);
    }

    /// Reads all that is there. Returns how long it took.
    fn read(&mut self) -> f64 {
        let mut cx = Context::from_waker(Waker::noop());
        let start = Instant::now();
        while let Poll::Ready(event) = Pin::new(&mut self.subscription).poll_next(&mut cx) {
            black_box(event);
        }
        start.elapsed().as_secs_f64()
    }

    fn batch(&mut self) -> f64 {
        (0..EVENTS).for_each(|_| self.publish());
        self.read() / EVENTS as f64
    }

    fn hot(&mut self) -> f64 {
        let one = |_| {
            self.publish();
            self.read()
        };
        median((0..EVENTS).map(one).collect())
    }

    fn cold(&mut self) -> f64 {
        let one = |_| {
            self.publish();
            black_box(self.other_work.iter().step_by(64).map(|byte| u64::from(*byte)).sum::<u64>());
            self.read()
        };
        median((0..9).map(one).collect())
    }
}
