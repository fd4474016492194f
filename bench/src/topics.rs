//! What publishing and reading cost one subscriber of many topics.

use crate::measure::{Candidate, Sample, Settings, in_turn, median, time};
use crate::report::{significant, table};
use futures_util::stream::{BoxStream, Stream, StreamExt};
use sse_core::{EncodedEvent, Event};
use sse_hub::Hub;
use std::hint::black_box;
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use tokio::sync::broadcast;
use tokio_stream::StreamMap;
use tokio_stream::wrappers::BroadcastStream;

const TOPICS: [usize; 3] = [1, 100, 1_000];

/// How many events are published in a pass.
const EVENTS: usize = 1_000;

/// Larger than the caches.
const OTHER_WORK: usize = 96 << 20;

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
            _ = black_box(EncodedEvent::from(black_box(event())));
        }
    });
    let alone = time(settings, &mut [publish, encode]);
    spread.extend(alone.iter().map(|sample| sample.spread));
    let nanoseconds = |seconds: f64| significant(seconds * 1e9);
    let mut rows = Vec::new();
    for topics in TOPICS {
        eprintln!("a subscriber of {topics} topics");
        let mut ways = [("`Hub`", OneOfMany::hub(topics)), ("`StreamMap`", OneOfMany::stream_map(topics))];
        let rounds = in_turn(rounds, ways.len(), |index| {
            let reader = &mut ways[index].1;
            Ok([reader.batch(), reader.hot(), reader.cold()])
        });
        for ((name, _), rounds) in ways.iter().zip(rounds.expect("a turn has no error")) {
            let samples =
                [0, 1, 2].map(|index| Sample::new(name, rounds.iter().map(|times| times[index]).collect()));
            spread.extend(samples.iter().map(|sample| sample.spread));
            let row = [format!("{name}, {topics}")].into_iter();
            rows.push(row.chain(samples.map(|sample| nanoseconds(sample.seconds))).collect());
        }
    }
    format!(
        "`publish` without subscribers takes {} ns, of which encoding the event takes {}.\n\nNanoseconds for one \
         subscriber to read an event of a random one of its topics, up to the poll that is pending: when {EVENTS} \
         events are there, one after another, and one after another with other work between them that fills the \
         caches. `StreamMap` is that of tokio-stream, with a `broadcast` for each topic.\n\n{}",
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
    topics: usize,
    publish: Box<dyn Fn(usize)>,
    events: BoxStream<'static, EncodedEvent>,
    other_work: Vec<u8>,
}

impl OneOfMany {
    fn hub(topics: usize) -> Self {
        let hub = Hub::new();
        let names: Vec<_> = (0..topics).map(|number| format!("topic {number}")).collect();
        let events = hub.subscribe(names.iter().map(String::as_str));
        let events = events.map(|event| event.unwrap_or_else(|never| match never {}));
        Self::new(topics, move |topic| publish(&hub, &names[topic]), events)
    }

    fn stream_map(topics: usize) -> Self {
        let senders: Vec<_> = (0..topics).map(|_| broadcast::Sender::<EncodedEvent>::new(1_024)).collect();
        let receivers = senders.iter().map(|sender| BroadcastStream::new(sender.subscribe())).enumerate();
        let events = receivers.collect::<StreamMap<_, _>>().map(|(_, event)| event.expect("nothing is lost"));
        let publish = move |topic: usize| assert!(senders[topic].send(event().into()).is_ok(), "it is read");
        Self::new(topics, publish, events)
    }

    fn new(
        topics: usize,
        publish: impl Fn(usize) + 'static,
        events: impl Stream<Item = EncodedEvent> + Send + 'static,
    ) -> Self {
        let other_work = vec![1; OTHER_WORK];
        let mut new = Self { topics, publish: Box::new(publish), events: events.boxed(), other_work };
        new.read();
        // The rings fill up, and lose as many events as they get.
        for _ in 0..100 {
            new.batch();
        }
        new
    }

    fn publish(&self) {
        (self.publish)(fastrand::usize(..self.topics));
    }

    /// Reads all that is there. Returns how long it took.
    fn read(&mut self) -> f64 {
        let mut cx = Context::from_waker(Waker::noop());
        let start = Instant::now();
        while let Poll::Ready(event) = self.events.as_mut().poll_next(&mut cx) {
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
