//! Two nodes on one Redis, while everything fails that can fail.

use crate::util::judge::{Published, has_reached, judge};
use crate::util::{self, Address, Server, event};
use sse_hub::{Hub, Position, PublishError};
use sse_test::hub::{Client, Seen};
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const PUBLISHERS: usize = 6;

/// What the nodes' users share.
struct World {
    hubs: RwLock<[Hub; 2]>,
    /// How often a node was replaced: its clients have to come again.
    replaced: [AtomicUsize; 2],
    published: Mutex<Published>,
    publishing: AtomicBool,
    /// How many events the steady clients of a node have seen.
    delivered: [AtomicUsize; 2],
    /// The position at which clients may stop.
    end: watch::Sender<Option<Position>>,
}

impl World {
    fn hub(&self, node: usize) -> Hub {
        self.hubs.read().expect("no panics")[node].clone()
    }

    /// Notes the outcome of an event. Returns whether it has one, other than that it was refused.
    fn note(&self, data: String, outcome: Result<Position, PublishError>) -> bool {
        let mut published = self.published.lock().expect("no panics");
        match outcome {
            Ok(position) => drop(published.acknowledged.insert(position, data)),
            Err(PublishError::Unknown(_)) => drop(published.unknown.insert(data)),
            Err(PublishError::Refused(_)) => {
                published.refused += 1;
                return false;
            }
            Err(error) => panic!("the event is right: {error:?}"),
        }
        true
    }

    fn delivered(&self) -> [usize; 2] {
        self.delivered.each_ref().map(|delivered| delivered.load(Ordering::SeqCst))
    }
}

async fn node(address: &Address, publish_wait: Duration) -> Hub {
    let redis = address.builder().max_len(1_024).publish_wait(publish_wait).build();
    // Little memory, so that clients that were away read from Redis.
    let builder = Hub::builder().history_events(64);
    builder.connect(redis).await.expect("the server is there")
}

/// Publishes one event after the other. What was refused is tried again.
async fn publisher(world: Arc<World>, publisher: usize) {
    let mut number = 0;
    while world.publishing.load(Ordering::SeqCst) {
        let data = format!("{publisher}:{number}");
        let result = world.hub(publisher % 2).publish("news", event(&data)).await;
        if world.note(data, result) {
            number += 1;
        }
        sleep(Duration::from_millis(4)).await;
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Habit {
    /// Stays until its node is gone.
    Steady,
    /// Moves to the other node again and again.
    Roaming,
    /// Stays away for longer than Redis keeps what it misses.
    Slow,
}

/// Reads until the end, and returns all that it saw.
async fn client(world: Arc<World>, mut node: usize, habit: Habit) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let mut ends = world.end.subscribe();
    loop {
        let replaced = world.replaced[node].load(Ordering::SeqCst);
        let id = seen.last().map_or("", |seen| &seen.id);
        let mut client = Client::of(world.hub(node).subscribe(["news"]).after(id));
        let connected = Instant::now();
        let stays = || match habit {
            _ if world.replaced[node].load(Ordering::SeqCst) > replaced => false,
            Habit::Steady => true,
            Habit::Roaming | Habit::Slow => connected.elapsed() < Duration::from_millis(150),
        };
        while stays() {
            let end = *ends.borrow_and_update();
            if end.is_some_and(|end| seen.last().is_some_and(|seen| has_reached(&seen.id, end))) {
                return seen;
            }
            if let Ok(next) = timeout(Duration::from_millis(50), client.next()).await {
                let next = next.expect("the stream goes on");
                if habit == Habit::Steady && next.control().is_none() {
                    world.delivered[node].fetch_add(1, Ordering::SeqCst);
                }
                seen.push(next);
            }
        }
        drop(client);
        match habit {
            Habit::Steady => {}
            Habit::Roaming => node = 1 - node,
            Habit::Slow if ends.borrow().is_none() => sleep(Duration::from_millis(2_500)).await,
            Habit::Slow => {}
        }
    }
}

/// Waits until both nodes deliver again, and returns how long that took.
async fn recovered(world: &World) -> Duration {
    let (start, before) = (Instant::now(), world.delivered());
    let goes_on = || world.delivered().iter().zip(before).all(|(now, before)| *now > before + 8);
    util::until("deliveries go on", goes_on).await;
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_through_all_faults() {
    let mut server = Server::start();
    let address = Address::of(&server);
    let hubs = [node(&address, Duration::ZERO).await, node(&address, Duration::from_secs(5)).await];
    let world = Arc::new(World {
        hubs: RwLock::new(hubs),
        replaced: Default::default(),
        published: Mutex::default(),
        publishing: AtomicBool::new(true),
        delivered: Default::default(),
        end: watch::Sender::new(None),
    });
    let habits = [Habit::Steady, Habit::Steady, Habit::Roaming, Habit::Slow];
    let clients: Vec<_> = (0..2 * habits.len())
        .map(|number| tokio::spawn(client(world.clone(), number % 2, habits[number / 2])))
        .collect();
    let publishers: Vec<_> =
        (0..PUBLISHERS).map(|number| tokio::spawn(publisher(world.clone(), number))).collect();

    let mut waits = Vec::new();
    recovered(&world).await;
    for round in 0..3 {
        sleep(Duration::from_millis(400)).await;
        server.kill();
        sleep(Duration::from_millis(200)).await;
        server.restart();
        waits.push(("kill and restart", recovered(&world).await));
        for _ in 0..5 {
            server.run("CLIENT KILL TYPE normal");
            sleep(Duration::from_millis(60)).await;
        }
        waits.push(("cut connections", recovered(&world).await));
        match round {
            0 => {
                server.run("DEBUG RELOAD");
                waits.push(("DEBUG RELOAD", recovered(&world).await));
                server.run("CLIENT PAUSE 500 ALL");
                waits.push(("CLIENT PAUSE 500", recovered(&world).await));
            }
            1 => {
                server.signal("STOP");
                sleep(Duration::from_millis(700)).await;
                server.signal("CONT");
                waits.push(("STOP and CONT", recovered(&world).await));
                // The second node is killed, and started again.
                let again = node(&address, Duration::from_secs(5)).await;
                world.hubs.write().expect("no panics")[1] = again;
                world.replaced[1].fetch_add(1, Ordering::SeqCst);
                waits.push(("a node replaced", recovered(&world).await));
                server.run("XADD sse-hub * a stranger");
            }
            _ => {
                server.run("FLUSHALL");
                waits.push(("FLUSHALL", recovered(&world).await));
                // Longer than anyone waits for an answer.
                server.signal("STOP");
                sleep(Duration::from_millis(3_500)).await;
                server.signal("CONT");
                waits.push(("a long STOP and CONT", recovered(&world).await));
            }
        }
        sleep(Duration::from_millis(1_200)).await;
        server.run("XTRIM sse-hub MAXLEN 50");
        waits.push(("XTRIM", recovered(&world).await));
    }
    // A replica is promoted that lacks the last events.
    let replica = server.replica();
    replica.cut_off();
    recovered(&world).await;
    server.kill();
    replica.promote();
    address.lead_to(&replica);
    waits.push(("a promotion", recovered(&world).await));

    world.publishing.store(false, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.expect("no panic");
    }
    let end = util::publish_soon(&world.hub(0), "end").await;
    world.published.lock().expect("no panics").acknowledged.insert(end, "end".into());
    world.end.send_replace(Some(end));
    let mut stories = Vec::new();
    for client in clients {
        stories.push(client.await.expect("no panic"));
    }

    let published = world.published.lock().expect("no panics");
    let verdict = judge(&published, &stories);
    let epochs: HashSet<_> = published.acknowledged.keys().map(|position| position.epoch).collect();
    let seen: HashSet<_> = stories[0].iter().map(|seen| &seen.data).collect();
    let behind_gaps = published.acknowledged.values().filter(|data| !seen.contains(data)).count();
    println!(
        "chaos: {} acknowledged ({behind_gaps} behind the gaps of the first client), \
         {} unknown of which {} came, {} refused; \
         {} lost, {} doubled; {} epochs, gaps of {} clients: {:?}",
        published.acknowledged.len(),
        published.unknown.len(),
        verdict.unknown_that_came.len(),
        published.refused,
        verdict.lost.len(),
        verdict.doubled.len(),
        epochs.len(),
        stories.len(),
        verdict.gaps,
    );
    println!("chaos: deliveries go on after {waits:?}");
    for node in 0..2 {
        println!("chaos: {:?}", world.hub(node).stats());
    }
    assert!(verdict.lost.is_empty(), "lost: {:?}", verdict.lost);
    assert!(verdict.doubled.is_empty(), "doubled: {:?}", verdict.doubled);
    assert!(published.acknowledged.len() > 1_000, "enough was published to tell");
    // Only FLUSHALL and the promotion begin an epoch, each one. But a node that is told late of an
    // event which the promotion lost, when the other node has begun the epoch, cannot know that this
    // gap covers it, and begins another.
    assert!((3..=4).contains(&epochs.len()), "{epochs:?}");
    assert!(verdict.gaps["gap:epoch"] <= 3 * stories.len());
    assert!(verdict.gaps.keys().all(|gap| gap == "gap:epoch" || gap == "gap:trimmed"));
    for story in &stories[..4] {
        assert!(story.iter().filter(|seen| seen.control() == Some("gap")).count() <= 4, "steady clients");
    }
}
