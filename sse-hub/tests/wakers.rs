//! Who wakes subscribers, whatever happens to the publisher and to the hub's runtime.

mod util;

use futures_util::{Stream, StreamExt};
use sse_hub::{Hub, Subscription};
use std::collections::BTreeSet;
use std::mem::{self, ManuallyDrop};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use util::publish;

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(10);

/// So few that the publisher wakes them, one chunk of a wake-up, and many chunks.
const AUDIENCES: [usize; 3] = [10, 100, 1_000];

/// Subscriptions that sleep, and tell who is woken.
struct Sleepers {
    subscriptions: Vec<Subscription>,
    woken: Receiver<usize>,
}

/// The waker of a sleeper.
struct Alarm {
    sleeper: usize,
    woken: Sender<usize>,
    act: Act,
}

type Act = Mutex<Option<Box<dyn FnOnce() + Send>>>;

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        let act = self.act.lock().expect("nothing panics under the lock").take();
        act.into_iter().for_each(|act| act());
        // The test may be over.
        let _ = self.woken.send(self.sleeper);
    }
}

fn poll(subscription: &mut Subscription, waker: &Waker) -> Option<String> {
    match Pin::new(subscription).poll_next(&mut Context::from_waker(waker)) {
        Poll::Ready(item) => item.map(|Ok(event)| event.to_string()),
        Poll::Pending => None,
    }
}

impl Sleepers {
    fn new(hub: &Hub, sleepers: usize) -> Self {
        Self::that_act(hub, sleepers, |_| None)
    }

    /// Sleepers whose wakers do something.
    fn that_act(
        hub: &Hub,
        sleepers: usize,
        mut act: impl FnMut(usize) -> Option<Box<dyn FnOnce() + Send>>,
    ) -> Self {
        let (sender, woken) = channel();
        let subscriptions = (0..sleepers).map(|sleeper| {
            let mut subscription = hub.subscribe(["news"]);
            let alarm = Alarm { sleeper, woken: sender.clone(), act: Mutex::new(act(sleeper)) };
            let waker = Waker::from(Arc::new(alarm));
            assert!(poll(&mut subscription, &waker).expect("it begins").contains("hub:hello"));
            assert_eq!(poll(&mut subscription, &waker), None);
            subscription
        });
        Self { subscriptions: subscriptions.collect(), woken }
    }

    /// Checks that all are woken and have this event.
    #[track_caller]
    fn all_have(mut self, data: &str) {
        let mut sleeping: BTreeSet<_> = (0..self.subscriptions.len()).collect();
        while !sleeping.is_empty() {
            match self.woken.recv_timeout(PATIENCE) {
                Ok(sleeper) => sleeping.remove(&sleeper),
                Err(_) => panic!("{} sleep on: {sleeping:?}", sleeping.len()),
            };
        }
        for subscription in &mut self.subscriptions {
            let event = poll(subscription, Waker::noop()).expect("the event is there");
            assert!(event.contains(data), "{event}");
        }
    }
}

impl Drop for Sleepers {
    fn drop(&mut self) {
        if thread::panicking() {
            // What hangs would hang them, too.
            mem::forget(mem::take(&mut self.subscriptions));
        }
    }
}

/// A hub whose wake-ups run on this runtime.
fn hub_on(runtime: &Runtime) -> Hub {
    let _in_runtime = runtime.enter();
    Hub::new()
}

fn worker() -> Runtime {
    Builder::new_multi_thread().worker_threads(1).build().expect("a runtime")
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().event_interval(1).build().expect("a runtime")
}

/// Runs what must not hang on a thread of its own.
#[track_caller]
fn in_time<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    let (sender, receiver) = channel();
    thread::spawn(move || sender.send(run()));
    receiver.recv_timeout(PATIENCE).expect("it does not hang")
}

#[test]
fn a_publisher_may_be_a_plain_thread() {
    let runtime = worker();
    for audience in AUDIENCES {
        for hub in [hub_on(&runtime), Hub::new()] {
            let sleepers = Sleepers::new(&hub, audience);
            in_time(move || publish(&hub, "news", "from a thread"));
            sleepers.all_have("from a thread");
        }
    }
}

#[test]
fn a_publisher_s_runtime_may_be_gone_a_moment_later() {
    let runtime = worker();
    for audience in AUDIENCES {
        for hub in [hub_on(&runtime), Hub::new()] {
            let sleepers = Sleepers::new(&hub, audience);
            in_time(move || {
                let short_lived = current_thread();
                short_lived.block_on(async { publish(&hub, "news", "the last thing it does") });
                drop(short_lived);
            });
            sleepers.all_have("the last thing it does");
        }
    }
}

#[test]
fn a_publisher_s_runtime_may_be_blocked() {
    let runtime = worker();
    for audience in AUDIENCES {
        for hub in [hub_on(&runtime), Hub::new()] {
            let sleepers = Sleepers::new(&hub, audience);
            let (unblock, blocked) = channel::<()>();
            let publisher = thread::spawn(move || {
                current_thread().block_on(async {
                    publish(&hub, "news", "now it blocks");
                    blocked.recv()
                })
            });
            sleepers.all_have("now it blocks");
            drop(unblock);
            assert!(publisher.join().expect("it does not panic").is_err());
        }
    }
}

#[test]
fn a_hub_s_runtime_that_is_gone_forgets_nobody() {
    for audience in AUDIENCES {
        let runtime = worker();
        let hub = hub_on(&runtime);
        drop(runtime);
        for data in ["first", "second"] {
            let (hub, sleepers) = (hub.clone(), Sleepers::new(&hub, audience));
            in_time(move || publish(&hub, "news", data));
            sleepers.all_have(data);
        }
    }
}

#[test]
fn a_hub_s_runtime_that_is_shut_down_in_the_middle_of_a_wake_up_forgets_nobody() {
    let runtime = current_thread();
    let hub = hub_on(&runtime);
    let sleepers = Sleepers::new(&hub, 1_000);
    in_time({
        let hub = hub.clone();
        move || publish(&hub, "news", "in the middle")
    });
    // Nobody is woken before the runtime runs, and then a chunk.
    assert!(sleepers.woken.try_recv().is_err());
    runtime.block_on(tokio::task::yield_now());
    let woken: Vec<_> = sleepers.woken.try_iter().collect();
    assert!((1..1_000).contains(&woken.len()), "{} are woken", woken.len());
    assert_eq!(woken.len() % 128, 0, "{} are no whole chunks", woken.len());
    in_time(move || drop(runtime));
    // The rest, and then all of them again.
    assert_eq!(sleepers.woken.try_iter().count(), 1_000 - woken.len());
    let again = Sleepers::new(&hub, 1_000);
    publish(&hub, "news", "afterwards");
    again.all_have("afterwards");
}

#[test]
fn the_publisher_wakes_up_to_32_and_one_task_the_rest() {
    let runtime = current_thread();
    let hub = hub_on(&runtime);
    let mut few = Sleepers::new(&hub, 32);
    publish(&hub, "news", "by the publisher");
    assert_eq!(few.woken.try_iter().count(), 32);
    assert_eq!(runtime.metrics().num_alive_tasks(), 0);
    few.subscriptions.clear();
    publish(&hub, "news", "to nobody");
    assert_eq!(runtime.metrics().num_alive_tasks(), 0);

    let many = Sleepers::new(&hub, 33);
    (0..10).for_each(|_| drop(publish(&hub, "news", "by a task")));
    assert_eq!(many.woken.try_iter().count(), 0);
    assert_eq!(runtime.metrics().num_alive_tasks(), 1);
    runtime.block_on(tokio::task::yield_now());
    many.all_have("by a task");
}

#[test]
fn joined_events_are_shared_while_subscribers_are_woken() {
    let runtime = current_thread();
    let hub = hub_on(&runtime);
    let mut sleepers = Sleepers::new(&hub, 40);
    let after = hub.position();
    let mut late = hub.subscribe(["news"]).after(after);
    publish(&hub, "news", "1");
    let mut later = hub.subscribe(["news"]).after(hub.position());
    (2..4).for_each(|event| drop(publish(&hub, "news", event.to_string())));
    let mut read = |subscription: &mut Subscription| match Pin::new(subscription)
        .poll_next(&mut Context::from_waker(Waker::noop()))
    {
        Poll::Ready(Some(Ok(event))) => event,
        other => panic!("the events are there, not {other:?}"),
    };
    let items: Vec<_> = sleepers.subscriptions[..10].iter_mut().map(&mut read).collect();
    assert!(items.iter().all(|item| item.as_bytes().as_ptr() == items[0].as_bytes().as_ptr()));
    assert_eq!(read(&mut late), items[0]);
    let last_two = read(&mut later).to_string();
    assert!(!last_two.contains("data: 1") && items[0].to_string().ends_with(&last_two));

    // When all are woken, nothing is kept for those who come later.
    runtime.block_on(tokio::task::yield_now());
    let items: Vec<_> = sleepers.subscriptions[10..12].iter_mut().map(&mut read).collect();
    assert_eq!(items[0], items[1]);
    assert_ne!(items[0].as_bytes().as_ptr(), items[1].as_bytes().as_ptr());
}

#[test]
fn a_blocked_runtime_of_the_hub_does_not_stop_its_publishers() {
    let runtime = current_thread();
    let hub = hub_on(&runtime);
    let sleepers = Sleepers::new(&hub, 1_000);
    in_time(move || (0..100).for_each(|_| drop(publish(&hub, "news", "again and again"))));
    runtime.block_on(tokio::task::yield_now());
    in_time(move || drop(runtime));
    sleepers.all_have("again and again");
}

#[test]
fn wakers_may_publish_subscribe_and_drop_subscriptions() {
    // A worker that hangs would hang its drop, too.
    let runtime = ManuallyDrop::new(worker());
    for audience in AUDIENCES {
        for hub in [hub_on(&runtime), Hub::new()] {
            let dropped = Arc::new(Mutex::new(Vec::new()));
            let subscribed = Arc::new(Mutex::new(Vec::new()));
            *dropped.lock().unwrap() = (0..audience).map(|_| hub.subscribe(["news"])).collect();
            let sleepers = Sleepers::that_act(&hub, audience, |sleeper| {
                let (hub, dropped, subscribed) = (hub.clone(), dropped.clone(), subscribed.clone());
                Some(Box::new(move || match sleeper % 3 {
                    0 => drop(publish(&hub, "news", "from a waker")),
                    1 => subscribed.lock().unwrap().push(hub.subscribe(["news"])),
                    _ => drop(dropped.lock().unwrap().pop()),
                }))
            });
            let publisher = hub.clone();
            in_time(move || publish(&publisher, "news", "to the wakers"));
            sleepers.all_have("to the wakers");
            let left: Vec<_> = dropped.lock().unwrap().drain(..).collect();
            assert_eq!(left.len(), audience - audience / 3);
            assert_eq!(subscribed.lock().unwrap().len(), (audience + 1) / 3);
        }
    }
}

#[test]
fn an_event_in_the_middle_of_a_wake_up_wakes_those_who_were_woken_before() {
    let runtime = worker();
    for hub in [hub_on(&runtime), Hub::new()] {
        let (sender, woken) = channel();
        let alarm = Waker::from(Arc::new(Alarm { sleeper: 0, woken: sender, act: Act::default() }));
        let mut first = hub.subscribe(["news"]);
        assert!(poll(&mut first, &alarm).is_some() && poll(&mut first, &alarm).is_none());
        let mut first = Some(first);
        let sleepers = Sleepers::that_act(&hub, 1_000, |sleeper| {
            let mut first = first.take_if(|_| sleeper == 500)?;
            let (hub, alarm) = (hub.clone(), alarm.clone());
            Some(Box::new(move || {
                // It was woken, and sleeps again.
                assert!(poll(&mut first, &alarm).is_some() && poll(&mut first, &alarm).is_none());
                publish(&hub, "news", "again");
                // Dropped, it would not be woken again.
                mem::forget(first);
            }))
        });
        in_time(move || publish(&hub, "news", "once"));
        sleepers.all_have("once");
        let times = (0..2).map_while(|_| woken.recv_timeout(PATIENCE).ok()).count();
        assert_eq!(times, 2);
    }
}

#[test]
fn readers_do_not_sleep_while_an_event_is_due() {
    const EVENTS: usize = 1_000;
    let runtime = Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    for audience in [1, 10, 100] {
        for hub in [hub_on(&runtime), Hub::new()] {
            let read = Arc::new(AtomicUsize::new(0));
            for _ in 0..audience {
                let (mut subscription, read) = (hub.subscribe(["news"]).after(hub.position()), read.clone());
                runtime.spawn(async move {
                    while let Some(Ok(item)) = subscription.next().await {
                        read.fetch_add(item.to_string().matches("data: tick").count(), Ordering::SeqCst);
                    }
                });
            }
            for event in 1..=EVENTS {
                publish(&hub, "news", "tick");
                // The next one comes when the last reader is about to sleep.
                let start = Instant::now();
                while read.load(Ordering::SeqCst) < event * audience {
                    assert!(start.elapsed() < PATIENCE, "somebody sleeps");
                    thread::yield_now();
                }
            }
        }
    }
}
