//! Any interleaving of what publishers and clients do, against a naive model.

mod util;

use proptest::collection::vec;
use proptest::prelude::*;
use sse_hub::Hub;
use std::collections::BTreeSet;
use util::{Client, Seen, publish};

const TOPICS: usize = 5;
const CLIENTS: usize = 3;

#[derive(Debug, Clone)]
enum Op {
    Publish {
        topic: usize,
        times: usize,
        size: usize,
    },
    /// Publishes to topics that come and go.
    Pass {
        topics: usize,
    },
    /// Connects, with the last event ID if the client has one.
    Connect {
        client: usize,
        topics: Vec<usize>,
        options: Options,
    },
    Read {
        client: usize,
        events: usize,
    },
    Cut {
        client: usize,
    },
    Disconnect {
        client: usize,
    },
}

#[derive(Debug, Clone, Default)]
struct Options {
    label: bool,
    /// Leaves out events with odd numbers.
    filter: bool,
    /// Leaves out the first of its topics up to the number that is this percentage of the newest.
    since: Option<u64>,
}

fn options() -> impl Strategy<Value = Options> {
    let sometimes = || prop::bool::weighted(0.3);
    (sometimes(), sometimes(), prop::option::weighted(0.2, 0..100_u64))
        .prop_map(|(label, filter, since)| Options { label, filter, since })
}

fn op() -> impl Strategy<Value = Op> {
    let client = 0..CLIENTS;
    prop_oneof![
        4 => (0..TOPICS, 1..20_usize, 0..60_usize)
            .prop_map(|(topic, times, size)| Op::Publish { topic, times, size }),
        4 => (0..TOPICS, Just(1), Just(1))
            .prop_map(|(topic, times, size)| Op::Publish { topic, times, size }),
        2 => (1..25_usize).prop_map(|topics| Op::Pass { topics }),
        3 => (client.clone(), vec(0..TOPICS, 1..4), options())
            .prop_map(|(client, topics, options)| Op::Connect { client, topics, options }),
        4 => (client.clone(), 1..30_usize).prop_map(|(client, events)| Op::Read { client, events }),
        2 => client.clone().prop_map(|client| Op::Cut { client }),
        1 => client.prop_map(|client| Op::Disconnect { client }),
    ]
}

#[derive(Debug, Clone)]
struct Settings {
    positions: usize,
    history_events: usize,
    total_bytes: usize,
    max_topics: usize,
}

fn settings() -> impl Strategy<Value = Settings> {
    (8..40_usize, 1..8_usize, prop_oneof![Just(2_000_usize), Just(1_000_000)], 1..=2 * TOPICS).prop_map(
        |(positions, history_events, total_bytes, max_topics)| Settings {
            positions,
            history_events,
            total_bytes,
            max_topics,
        },
    )
}

fn hub(settings: &Settings) -> Hub {
    Hub::builder()
        .positions(settings.positions)
        .history_events(settings.history_events)
        .max_event_size(500)
        .history_bytes(settings.total_bytes.min(1_000))
        .total_bytes(settings.total_bytes)
        .max_topics(settings.max_topics)
        .build()
        .expect("the settings are valid")
}

/// What a client knows, and what it must see next.
#[derive(Default)]
struct Model {
    connection: Option<Client>,
    options: Options,
    topics: BTreeSet<usize>,
    /// It gets nothing of this topic up to this number.
    since: Option<(usize, u64)>,
    /// The number of its last event ID; `None` before the first one.
    last: Option<u64>,
    /// How many positions the last ID was old when it connected.
    age: u64,
    /// It has had no event since it connected.
    opening: bool,
    /// It may be told that it was disconnected.
    ending: bool,
}

struct World {
    settings: Settings,
    hub: Hub,
    /// The topic of each event, by number.
    log: Vec<usize>,
    clients: Vec<Model>,
    /// Topics have come and gone.
    passed: bool,
}

fn name(topic: usize) -> String {
    format!("topic-{topic}")
}

fn number(id: &str) -> u64 {
    let (_, number) = id.split_once(':').expect("it is an ID of the hub");
    u64::from_str_radix(number, 16).expect("it is an ID of the hub")
}

impl World {
    fn new(settings: Settings) -> Self {
        let clients = (0..CLIENTS).map(|_| Model::default()).collect();
        // Number 0 is before all events.
        Self { hub: hub(&settings), settings, log: vec![usize::MAX], clients, passed: false }
    }

    fn newest(&self) -> u64 {
        self.log.len() as u64 - 1
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Publish { topic, times, size } => {
                for _ in 0..times {
                    let id = publish(&self.hub, &name(topic), "x".repeat(size));
                    self.log.push(topic);
                    assert_eq!(number(&id), self.newest());
                }
            }
            Op::Pass { topics } => {
                self.passed = true;
                for _ in 0..topics {
                    publish(&self.hub, &format!("passing-{}", self.log.len()), "");
                    self.log.push(usize::MAX);
                }
            }
            Op::Connect { client, topics, options } => {
                self.connect(client, topics.into_iter().collect(), options);
            }
            Op::Read { client, events } => {
                for _ in 0..events {
                    let Some(connection) = &mut self.clients[client].connection else { break };
                    let Some(seen) = connection.next() else { break };
                    self.see(client, &seen);
                }
            }
            Op::Cut { client } => self.clients[client].connection = None,
            Op::Disconnect { client } => {
                let label = client.to_string();
                futures_util::FutureExt::now_or_never(self.hub.disconnect(&label))
                    .expect("it is done at once")
                    .expect("it is appended");
                // The record takes a number.
                self.log.push(usize::MAX);
                let model = &mut self.clients[client];
                model.ending |= model.options.label && model.connection.is_some();
            }
        }
        assert!(self.hub.stats().topics <= self.settings.max_topics + CLIENTS * TOPICS);
    }

    fn connect(&mut self, client: usize, topics: BTreeSet<usize>, options: Options) {
        let newest = self.newest();
        let model = &mut self.clients[client];
        // A cursor resumes a subset of its topics; who wants others begins anew.
        if !topics.is_subset(&model.topics) {
            model.last = None;
        }
        let mut subscription = self.hub.subscribe(topics.iter().map(|topic| name(*topic)));
        if let Some(last) = model.last {
            let mut position = self.hub.position();
            position.major = last;
            subscription = subscription.after(&position.to_string());
        }
        if options.label {
            subscription = subscription.label(client.to_string());
        }
        if options.filter {
            subscription = subscription.allow(|record| record.position().major % 2 == 0);
        }
        model.since = options.since.zip(topics.first()).map(|(part, topic)| (*topic, part * newest / 100));
        if let Some((topic, number)) = model.since {
            let mut position = self.hub.position();
            position.major = number;
            subscription = subscription.since(name(topic), position);
        }
        model.connection = Some(Client::new(subscription));
        model.topics = topics;
        model.options = options;
        model.ending = false;
        model.opening = true;
        model.age = newest - model.last.unwrap_or(newest);
    }

    /// Whether a client wants an event.
    fn wants(&self, client: usize, number: u64) -> bool {
        let topic = self.log[number as usize];
        let model = &self.clients[client];
        model.topics.contains(&topic)
            && !(model.options.filter && number % 2 == 1)
            && model.since.is_none_or(|(of, since)| topic != of || number > since)
    }

    /// The numbers of the client's events after its last one and before this one.
    fn missing(&self, client: usize, before: u64) -> Vec<u64> {
        let after = self.clients[client].last.unwrap_or(before);
        (after + 1..before).filter(|number| self.wants(client, *number)).collect()
    }

    fn see(&mut self, client: usize, seen: &Seen) {
        if seen.control() == Some("end") {
            let model = &self.clients[client];
            let refused = seen.data.contains("topics") && self.settings.max_topics < TOPICS;
            assert!(if model.opening { refused } else { model.ending } || model.ending, "{}", seen.data);
            self.clients[client].connection = None;
            return;
        }
        let at = number(&seen.id);
        let last = self.clients[client].last;
        let opening = std::mem::take(&mut self.clients[client].opening);
        match seen.control() {
            Some("hello") => assert!(opening && last.is_none(), "hello is only for newcomers"),
            Some("gap") => self.see_gap(client, at, opening, &seen.data),
            Some("at") => {
                assert_eq!(
                    self.missing(client, at + 1),
                    [0; 0],
                    "of topics {:?}",
                    self.clients[client].topics
                );
            }
            Some(name) => panic!("there is no hub:{name}"),
            None => {
                assert!(last.is_some_and(|last| last < at), "{at} came after {last:?}");
                assert!(self.wants(client, at), "it has no right to {at}");
                assert_eq!(self.missing(client, at), [0; 0], "before {at}");
            }
        }
        assert!(last.is_none_or(|last| last <= at));
        self.clients[client].last = Some(at);
    }

    fn see_gap(&mut self, client: usize, at: u64, opening: bool, data: &str) {
        assert!(data.contains(if opening { "trimmed" } else { "lagged" }), "{data}");
        let missing = self.missing(client, self.newest() + 1);
        let model = &self.clients[client];
        // Whoever does not read gets no new ID for what is left out.
        if model.options.filter {
            return;
        }
        let old = opening && model.age >= self.settings.positions as u64 / 2;
        assert!(!missing.is_empty() || old, "a false gap at {at} after {:?}", model.last);
        // Nothing but the number of events limits the history here.
        let enough_topics = self.settings.max_topics > TOPICS && !self.passed;
        if self.settings.total_bytes > 100_000 && enough_topics && !old {
            let most = model
                .topics
                .iter()
                .map(|topic| missing.iter().filter(|number| self.log[**number as usize] == *topic).count());
            let most = most.max().unwrap_or(0);
            assert!(most > self.settings.history_events, "no topic has lost any of {missing:?}");
        }
    }

    /// In the end, everyone reads everything.
    fn finish(mut self) {
        for client in 0..CLIENTS {
            while let Some(connection) = &mut self.clients[client].connection {
                let Some(seen) = connection.next() else { break };
                self.see(client, &seen);
            }
            let model = &self.clients[client];
            if model.connection.is_some() {
                assert!(!model.ending, "it was not told that it was disconnected");
                assert_eq!(self.missing(client, self.newest() + 1), [0; 0], "they never came");
            }
        }
    }
}

fn config() -> ProptestConfig {
    let config = ProptestConfig::default();
    // A case is quick, and what goes wrong needs many things to meet.
    let cases = config.cases * 8;
    ProptestConfig { cases, max_shrink_iters: 20_000, failure_persistence: None, ..config }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_event_comes_once_in_order_or_a_gap_says_so(settings in settings(), ops in vec(op(), 1..60)) {
        let mut world = World::new(settings);
        for op in ops {
            world.apply(op);
        }
        world.finish();
    }
}
