//! What a hub promises, under many interleavings of its publishers, subscribers and own thread.
//!
//! Shuttle reports a thread that sleeps for ever, and so a wake-up that is lost.

#[path = "../../sse-hub/tests/util/mod.rs"]
mod util;

use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler};
use shuttle::thread::{self, JoinHandle};
use shuttle::{Config, Runner};
use sse_hub::Hub;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::ops::Bound;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use util::{Client, Seen};

/// Runs the scenario as often as the variable `ITERATIONS` says, under each of two schedulers.
fn explore(scenario: impl Fn() + Copy + Send + Sync + 'static) {
    let iterations = std::env::var("ITERATIONS").map_or(2_000, |text| text.parse().expect("a number"));
    let mut config = Config::new();
    config.stack_size = 256 * 1024;
    Runner::new(RandomScheduler::new(iterations), config.clone()).run(scenario);
    Runner::new(PctScheduler::new(3, iterations), config).run(scenario);
}

/// All that was published: topic and data by number.
#[derive(Clone, Default)]
struct Published(Arc<Mutex<BTreeMap<u64, (String, String)>>>);

impl Published {
    fn publish(&self, hub: &Hub, topic: &str, data: &str) -> u64 {
        let number = number(&util::publish(hub, topic, data));
        let event = (topic.to_owned(), data.to_owned());
        assert_eq!(self.0.lock().unwrap().insert(number, event), None, "two events have one number");
        number
    }

    /// Starts a publisher of some events.
    fn publisher(&self, hub: &Hub, events: &'static [(&str, &str)]) -> JoinHandle<()> {
        let (published, hub) = (self.clone(), hub.clone());
        thread::spawn(move || {
            for (topic, data) in events {
                published.publish(&hub, topic, data);
            }
        })
    }

    /// Checks that a story, after the event of this number if that is known, has each event of the
    /// topics once and in order, and a gap where, and only where, it lacks some.
    #[track_caller]
    fn check(&self, topics: &[&str], after: Option<u64>, story: &[Seen]) {
        let published = self.0.lock().unwrap();
        let mut after = after;
        for seen in story {
            let number = number(&seen.id);
            let since = after.map(|after| {
                assert!(after <= number, "{seen:?} comes after {after}: {story:?}");
                let events = published.range((Bound::Excluded(after), Bound::Included(number)));
                events.filter(|(_, (topic, _))| topics.contains(&topic.as_str())).count()
            });
            match seen.control() {
                None => {
                    let (topic, data) = &published[&number];
                    assert!(topics.contains(&topic.as_str()) && *data == seen.data, "{seen:?}: {story:?}");
                    assert!(since.is_none_or(|since| since == 1), "{since:?} before {seen:?}: {story:?}");
                }
                Some("gap") => assert_ne!(since, Some(0), "nothing is missed before {seen:?}: {story:?}"),
                Some("hello" | "at") => assert_eq!(since.unwrap_or(0), 0, "before {seen:?}: {story:?}"),
                Some(_) => panic!("{seen:?}: {story:?}"),
            }
            after = Some(number);
        }
    }
}

/// The number of an event of a hub in memory.
fn number(id: &str) -> u64 {
    u64::from_str_radix(id.split_once(':').expect("an ID has two parts").1, 16).expect("it is a number")
}

fn next(client: &mut Client) -> Option<Seen> {
    block_on(poll_fn(|cx| client.poll_next(cx)))
}

/// Reads up to the event of this number.
fn read(client: &mut Client, until: u64) -> Vec<Seen> {
    let mut story: Vec<Seen> = Vec::new();
    while story.last().is_none_or(|seen| number(&seen.id) < until) {
        story.push(next(client).expect("the stream goes on"));
    }
    story
}

/// Starts a reader up to the event of this number.
fn reader(mut client: Client, until: u64) -> JoinHandle<Vec<Seen>> {
    thread::spawn(move || read(&mut client, until))
}

fn join<T>(threads: impl IntoIterator<Item = JoinHandle<T>>) -> Vec<T> {
    threads.into_iter().map(|thread| thread.join().unwrap()).collect()
}

fn two_publishers_and(readers: usize) {
    let (hub, published) = (Hub::new(), Published::default());
    let readers: Vec<_> = (0..readers).map(|_| reader(Client::new(hub.subscribe(["news"])), 4)).collect();
    let publishers = [
        published.publisher(&hub, &[("news", "a1"), ("news", "a2")]),
        published.publisher(&hub, &[("news", "b1"), ("news", "b2")]),
    ];
    join(publishers);
    for story in join(readers) {
        assert_eq!(story.len(), 5, "{story:?}");
        published.check(&["news"], None, &story);
    }
    assert_eq!((hub.subscribers("news"), hub.stats().subscribers), (0, 0));
}

#[test]
fn a_reader_does_not_sleep_while_an_event_is_due() {
    explore(|| two_publishers_and(1));
}

#[test]
fn readers_woken_by_the_hubs_thread_do_not_sleep_while_an_event_is_due() {
    explore(|| two_publishers_and(4));
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    explore(|| {
        let (hub, published) = (Hub::new(), Published::default());
        let mut client = Client::new(hub.subscribe(["news"]));
        let publisher = published.publisher(&hub, &[("news", "1"), ("news", "2")]);
        let mut story = Vec::new();
        while story.len() < 3 {
            let seen = block_on(poll_fn(|cx| {
                // As when a connection is first polled by one task, then by another.
                match client.poll_next(&mut Context::from_waker(Waker::noop())) {
                    Poll::Pending => client.poll_next(cx),
                    ready => ready,
                }
            }));
            story.extend(seen);
        }
        join([publisher]);
        published.check(&["news"], None, &story);
    });
}

#[test]
fn what_is_published_after_subscribe_returns_is_delivered() {
    explore(|| {
        let (hub, published) = (Hub::new(), Published::default());
        published.publish(&hub, "news", "0");
        let publisher = published.publisher(&hub, &[("news", "1"), ("news", "2"), ("news", "3")]);
        let before = hub.position();
        let live = Client::new(hub.subscribe(["news"]));
        let after = hub.position();
        let resumed = Client::new(hub.subscribe(["news", "sport"]).after(before));
        let last = Client::new(hub.subscribe(["news"]).last(1));
        let readers = [live, resumed, last].map(|client| reader(client, 4));
        join([publisher]);
        let [live, resumed, last] = join(readers).try_into().unwrap();
        let hello = number(&live[0].id);
        assert!((before.major..=after.major).contains(&hello), "{live:?}");
        published.check(&["news"], None, &live);
        published.check(&["news"], Some(before.major), &resumed);
        assert!(last.get(1).is_none_or(|seen| seen.control() == Some("hello")), "{last:?}");
        published.check(&["news"], None, &last);
    });
}

#[test]
fn a_newcomer_gets_nothing_from_before_it_is_counted() {
    explore(|| {
        let hub = Hub::new();
        let publisher = {
            let hub = hub.clone();
            thread::spawn(move || {
                let publish = |data| number(&util::publish(&hub, "news", data));
                ["1", "2", "3"].into_iter().map(publish).take_while(|_| hub.subscribers("news") == 0).last()
            })
        };
        let mut client = Client::new(hub.subscribe(["news"]));
        let hello = client.next().expect("it is told where it begins");
        let before = publisher.join().unwrap();
        assert!(before.is_none_or(|before| before <= number(&hello.id)), "{hello:?}");
    });
}

fn several_topics(history: usize, positions: usize) {
    let hub = Hub::builder().history_events(history).positions(positions).build().unwrap();
    let published = Published::default();
    let publishers = [
        published.publisher(&hub, &[("news", "n1"), ("sport", "s1"), ("other", "o1")]),
        published.publisher(&hub, &[("news", "n2"), ("news", "n3")]),
    ];
    let topics: [&[&str]; 3] = [&["news", "sport"], &["sport", "weather", "news"], &["sport"]];
    let readers = topics.map(|topics| reader(Client::new(hub.subscribe(topics.iter().copied())), 6));
    join(publishers);
    published.publish(&hub, "sport", "last");
    for (topics, story) in topics.iter().zip(join(readers)) {
        published.check(topics, None, &story);
    }
}

#[test]
fn several_topics_are_walked_while_events_are_evicted() {
    explore(|| several_topics(1, 65_536));
}

#[test]
fn several_topics_are_walked_while_the_index_loses_them() {
    explore(|| several_topics(2, 2));
}

#[test]
fn a_topic_that_is_forgotten_is_resumed_or_has_a_gap() {
    explore(|| {
        let hub = Hub::builder().history_events(1).max_topics(1).build().unwrap();
        let published = Published::default();
        let mut client = Client::new(hub.subscribe(["news"]));
        let mut story = client.all();
        let publishers = [
            published.publisher(&hub, &[("news", "n1"), ("sport", "s1")]),
            published.publisher(&hub, &[("sport", "s2"), ("news", "n2")]),
        ];
        for _ in 0..3 {
            let id = client.id().to_owned();
            drop(client);
            thread::yield_now();
            client = Client::new(hub.subscribe(["news"]).after(&id));
            story.extend(client.all());
        }
        join(publishers);
        published.publish(&hub, "sport", "last");
        published.publish(&hub, "news", "last");
        story.extend(read(&mut client, 6));
        published.check(&["news"], None, &story);
        drop(client);
        assert_eq!(hub.stats().topics, 1);
    });
}

/// Counts the wakers that are alive.
struct Idle;

impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn subscriptions_are_dropped_while_they_are_woken() {
    explore(|| {
        let (hub, published) = (Hub::new(), Published::default());
        let idle = Arc::new(Idle);
        let dropped: Vec<_> = (0..3)
            .map(|_| {
                let mut client = Client::new(hub.subscribe(["news", "sport"]));
                let waker = Waker::from(idle.clone());
                while client.poll_next(&mut Context::from_waker(&waker)).is_ready() {}
                client
            })
            .collect();
        let readers = [(); 2].map(|()| reader(Client::new(hub.subscribe(["news"])), 2));
        let publishers =
            [published.publisher(&hub, &[("news", "1")]), published.publisher(&hub, &[("news", "2")])];
        let dropping = dropped.into_iter().map(|client| thread::spawn(move || drop(client)));
        join(dropping.collect::<Vec<_>>());
        join(publishers);
        for story in join(readers) {
            published.check(&["news"], None, &story);
        }
        assert_eq!((hub.subscribers("news"), hub.subscribers("sport")), (0, 0));
        assert_eq!((hub.stats().subscribers, hub.stats().topics), (0, 1));
        // Only this one: wakers are not kept.
        assert_eq!(Arc::strong_count(&idle), 1);
    });
}

#[test]
fn those_who_are_disconnected_get_what_came_before() {
    explore(|| {
        let hub = Hub::new();
        let clients = [(); 2].map(|()| Client::new(hub.subscribe(["news"]).label("someone")));
        let readers = clients.map(|mut client| {
            thread::spawn(move || std::iter::from_fn(|| next(&mut client)).collect::<Vec<_>>())
        });
        util::publish(&hub, "news", "before");
        block_on(hub.disconnect("someone")).unwrap();
        util::publish(&hub, "news", "after");
        for story in join(readers) {
            let names: Vec<_> = story.iter().map(|seen| seen.control().unwrap_or(&seen.data)).collect();
            assert_eq!(names, ["hello", "before", "end"]);
        }
    });
}

/// A waker that does something.
struct Act(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for Act {
    fn wake(self: Arc<Self>) {
        let act = self.0.lock().unwrap().take();
        act.into_iter().for_each(|act| act());
    }
}

/// Wakers publish, subscribe, and drop a subscription of the same topic.
fn busy_wakers(others: usize) {
    let (hub, published) = (Hub::new(), Published::default());
    let act = Arc::new(Act(Mutex::default()));
    let waker = Waker::from(act.clone());
    let mut client = Client::new(hub.subscribe(["news"]));
    assert_eq!(client.story(), ["hello"]);
    assert!(client.poll_next(&mut Context::from_waker(&waker)).is_pending());
    let newcomer = Arc::new(Mutex::new(None));
    *act.0.lock().unwrap() = Some(Box::new({
        let (hub, published, newcomer) = (hub.clone(), published.clone(), newcomer.clone());
        move || {
            drop(client);
            let client = Client::new(hub.subscribe(["news"]));
            *newcomer.lock().unwrap() = Some(client);
            published.publish(&hub, "news", "from a waker");
        }
    }));
    let readers: Vec<_> = (0..others).map(|_| reader(Client::new(hub.subscribe(["news"])), 3)).collect();
    let publishers =
        [published.publisher(&hub, &[("news", "1")]), published.publisher(&hub, &[("news", "2")])];
    join(publishers);
    drop(waker);
    // Until the waker has done what it does.
    while Arc::strong_count(&act) > 1 {
        thread::yield_now();
    }
    for story in join(readers) {
        published.check(&["news"], None, &story);
    }
    let mut newcomer = newcomer.lock().unwrap().take().expect("the waker was woken");
    published.check(&["news"], None, &read(&mut newcomer, 3));
}

#[test]
fn a_waker_may_use_the_hub() {
    explore(|| busy_wakers(0));
}

#[test]
fn a_waker_may_use_the_hub_on_its_own_thread() {
    explore(|| busy_wakers(3));
}

#[test]
fn a_dead_runtime_forgets_nobody() {
    explore(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let hub = {
            let _in_runtime = runtime.enter();
            Hub::new()
        };
        drop(runtime);
        let published = Published::default();
        let readers = [(); 3].map(|()| reader(Client::new(hub.subscribe(["news"])), 3));
        let publishers = [
            published.publisher(&hub, &[("news", "1"), ("news", "2")]),
            published.publisher(&hub, &[("news", "3")]),
        ];
        join(publishers);
        for story in join(readers) {
            published.check(&["news"], None, &story);
        }
    });
}
