//! One event, or a burst of them, to many tasks: the hub beside tokio's channels.

use crate::fields::Fields;
use crate::measure::{Sample, in_turn, median};
use crate::report::{significant, table};
use sse_core::{EncodedEvent, Event};
use sse_hub::{Hub, Position};
use std::io;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::Instant;
use tokio::runtime::{self, Runtime};
use tokio::sync;

/// The channels have room for the largest burst.
pub const CAPACITY: usize = 512;

const BURSTS: [usize; 3] = [1, 50, 500];

/// How the last event of a burst ends.
const LAST: &[u8] = b" last\n\n";

#[derive(Clone, Copy)]
pub enum Way {
    Hub,
    Broadcast,
    Queues,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Hub, Self::Broadcast, Self::Queues];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Hub => "`Hub`",
            Self::Broadcast => "`broadcast`",
            Self::Queues => "`mpsc` per subscriber",
        }
    }
}

pub enum Publisher {
    Hub(Hub),
    Broadcast(sync::broadcast::Sender<EncodedEvent>),
    Queues(Vec<sync::mpsc::Sender<EncodedEvent>>),
}

impl Publisher {
    /// Starts so many tasks that read what is published and give it to a `Reader` of their own.
    pub fn start(way: Way, runtime: &Runtime, subscribers: usize, reader: impl Fn() -> Reader) -> Self {
        use futures_util::StreamExt;
        let _entered = runtime.enter();
        match way {
            Way::Hub => {
                let hub = Hub::new();
                for _ in 0..subscribers {
                    let (mut subscription, mut reader) = (hub.subscribe(["news"]), reader());
                    runtime.spawn(async move {
                        while let Some(Ok(event)) = subscription.next().await {
                            reader.read(&event);
                        }
                    });
                }
                Self::Hub(hub)
            }
            Way::Broadcast => {
                let (sender, _) = sync::broadcast::channel::<EncodedEvent>(CAPACITY);
                for _ in 0..subscribers {
                    let (mut receiver, mut reader) = (sender.subscribe(), reader());
                    runtime.spawn(async move {
                        while let Ok(event) = receiver.recv().await {
                            reader.read(&event);
                        }
                    });
                }
                Self::Broadcast(sender)
            }
            Way::Queues => {
                let start = |_| {
                    let (sender, mut receiver) = sync::mpsc::channel::<EncodedEvent>(CAPACITY);
                    let mut reader = reader();
                    runtime.spawn(async move {
                        while let Some(event) = receiver.recv().await {
                            reader.read(&event);
                        }
                    });
                    sender
                };
                Self::Queues((0..subscribers).map(start).collect())
            }
        }
    }

    /// Returns the ID that the event has got, if it has.
    pub async fn publish(&self, event: Event) -> Option<Position> {
        const LIVE: &str = "every subscriber is alive and has read the burst before";
        match self {
            Self::Hub(hub) => return Some(hub.publish("news", event).await.expect("the event is valid")),
            Self::Broadcast(sender) => {
                assert!(sender.send(event.into()).is_ok(), "{LIVE}");
            }
            Self::Queues(senders) => {
                let event = EncodedEvent::from(event);
                for sender in senders {
                    sender.try_send(event.clone()).expect(LIVE);
                }
            }
        }
        None
    }
}

/// What a subscriber does with its events.
pub struct Reader {
    bytes: usize,
    pass: Option<Arc<Pass>>,
}

/// What the subscribers have read in a pass.
struct Pass {
    subscribers: usize,
    finished: AtomicUsize,
    bytes: AtomicUsize,
    all: Sender<(Instant, usize)>,
}

impl Reader {
    /// A reader that tells nobody.
    pub const fn alone() -> Self {
        Self { bytes: 0, pass: None }
    }

    fn read(&mut self, event: &EncodedEvent) {
        self.bytes += event.as_bytes().len();
        if let (true, Some(pass)) = (event.as_bytes().ends_with(LAST), &self.pass) {
            pass.bytes.fetch_add(mem::take(&mut self.bytes), Ordering::Relaxed);
            if pass.finished.fetch_add(1, Ordering::AcqRel) + 1 == pass.subscribers {
                pass.finished.store(0, Ordering::Relaxed);
                let all = (Instant::now(), pass.bytes.swap(0, Ordering::Relaxed));
                pass.all.send(all).expect("the pass is being waited for");
            }
        }
    }
}

struct Candidate {
    publisher: Arc<Publisher>,
    subscribers: usize,
    data: String,
    all: Receiver<(Instant, usize)>,
}

/// How long publishing took for an event, and how long it took until all events had been read.
type Times = [f64; 2];

impl Candidate {
    fn start(way: Way, runtime: &Runtime, subscribers: usize) -> Self {
        let (sender, all) = mpsc::channel();
        let pass = Pass { subscribers, finished: 0.into(), bytes: 0.into(), all: sender };
        let pass = Arc::new(pass);
        let reader = || Reader { bytes: 0, pass: Some(pass.clone()) };
        let publisher = Arc::new(Publisher::start(way, runtime, subscribers, reader));
        let candidate = Self { publisher, subscribers, data: Fields::of_first_event("openai").data, all };
        // The first pass has the hub's own first events, too.
        candidate.publish(runtime, 1);
        candidate
    }

    fn pass(&self, runtime: &Runtime, burst: usize) -> Times {
        let (times, read, published) = self.publish(runtime, burst);
        assert_eq!(read, published * self.subscribers, "each subscriber reads all that was published");
        times
    }

    /// Publishes a burst from a task, as the handler of a server does. Returns the bytes that all
    /// have read and those that were published, too.
    fn publish(&self, runtime: &Runtime, burst: usize) -> (Times, usize, usize) {
        let event = |index| {
            let last = if index == burst { "last" } else { "more" };
            Event::new().data(format!("{} {last}", self.data))
        };
        let events: Vec<_> = (1..=burst).map(event).collect();
        let length = EncodedEvent::from(event(1)).as_bytes().len();
        let publisher = self.publisher.clone();
        let published = runtime.spawn(async move {
            let mut ids = Vec::with_capacity(burst);
            let start = Instant::now();
            for event in events {
                ids.push(publisher.publish(event).await);
            }
            (start, start.elapsed(), ids)
        });
        let (end, read) = self.all.recv().expect("the subscribers are alive");
        let (start, published, ids) = runtime.block_on(published).expect("publishing does not panic");
        let ids = ids.into_iter().flatten().map(|id| format!("id: {id}\n").len()).sum::<usize>();
        let times = [published.as_secs_f64() / burst as f64, (end - start).as_secs_f64()];
        (times, read, burst * length + ids)
    }

    /// The medians of several passes.
    fn turn(&self, runtime: &Runtime, burst: usize, passes: usize) -> Times {
        let passes: Vec<_> = (0..passes).map(|_| self.pass(runtime, burst)).collect();
        [0, 1].map(|index| median(passes.iter().map(|times| times[index]).collect()))
    }
}

/// # Errors
///
/// Returns an error if there is no runtime.
pub fn measure(quick: bool, spread: &mut Vec<f64>) -> io::Result<String> {
    let counts: &[usize] = if quick { &[100, 1_000] } else { &[1_000, 10_000, 100_000] };
    let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut publish: Vec<_> = Way::ALL.iter().map(|way| vec![way.name().to_owned()]).collect();
    let mut one = Vec::new();
    let mut deliver = Vec::new();
    for &subscribers in counts {
        let candidates = Way::ALL.map(|way| Candidate::start(way, &runtime, subscribers));
        for burst in BURSTS {
            eprintln!("bursts of {burst} to {subscribers}");
            let deliveries = subscribers * burst;
            let passes = (1_000_000 / deliveries).clamp(1, 21);
            let rounds = match deliveries {
                _ if quick => 3,
                ..10_000_000 => 21,
                _ => 3,
            };
            let turns =
                in_turn(rounds, Way::ALL.len(), |index| Ok(candidates[index].turn(&runtime, burst, passes)))?;
            let sample = |index: usize| {
                move |(way, turns): (Way, &Vec<Times>)| {
                    Sample::new(way.name(), turns.iter().map(|times| times[index]).collect())
                }
            };
            let [publishing, delivering] =
                [0, 1].map(|index| Way::ALL.into_iter().zip(&turns).map(sample(index)).collect::<Vec<_>>());
            spread.extend(delivering.iter().map(|sample| sample.spread));
            if burst == 1 {
                for (row, sample) in publish.iter_mut().zip(&publishing) {
                    row.push(significant(sample.seconds * 1e6));
                }
                one.push(publishing[1].seconds / publishing[0].seconds);
            }
            let times = delivering.iter().map(|sample| significant(sample.seconds * 1e3));
            let ratio = |peer: usize| format!("{:.2}", delivering[0].seconds / delivering[peer].seconds);
            let name = format!("{subscribers}, {burst}");
            deliver.push([name].into_iter().chain(times).chain([ratio(1), ratio(2)]).collect());
        }
    }
    let names = Way::ALL.map(Way::name);
    let counts: Vec<_> = counts.iter().map(ToString::to_string).collect();
    let header: Vec<_> = [""].into_iter().chain(counts.iter().map(String::as_str)).collect();
    let times: Vec<_> = one.into_iter().map(significant).collect();
    Ok(format!(
        "Microseconds that publishing one event takes, by the number of subscribers. Each is a task of a runtime \
         with two threads, and so is the publisher. `Hub` takes 1/{} of the time of `broadcast`.\n\n{}\n\
         Milliseconds until all subscribers have read an event of 300 bytes, or a burst of them.\n\n{}",
        times.join(", 1/"),
        table(&header, &publish),
        table(
            &["subscribers, events", names[0], names[1], names[2], "`Hub` / `broadcast`", "`Hub` / `mpsc`"],
            &deliver
        ),
    ))
}
