//! Two nodes and one Redis.

use crate::measure::{in_turn, quantile};
use crate::nodes_ways::{Publisher, Result, Way};
use crate::report::{Section, significant, table};
use redis::Client;
use sse_test::redis::Server;
use std::collections::HashMap;
use std::io;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{interval, sleep, timeout};

/// The size of an event's data.
const SIZE: usize = 300;

const PATIENCE: Duration = Duration::from_secs(20);

/// Redis writes all that it acknowledges to the file system.
const SERVER: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "everysec"];

/// How many bytes a server has read from sockets and written to them.
fn traffic(server: &Server) -> Result<u64> {
    let mut connection = Client::open(server.url())?.get_connection()?;
    let info: String = redis::cmd("INFO").arg("stats").query(&mut connection)?;
    let field = |name: &str| -> u64 {
        let value = info.lines().find_map(|line| line.strip_prefix(name)).expect("it has this field");
        value.parse().expect("it is a number")
    };
    Ok(field("total_net_input_bytes:") + field("total_net_output_bytes:"))
}

/// What one node publishes and the other one receives.
struct Link {
    publisher: Publisher,
    received: UnboundedReceiver<String>,
    // This node reads, too.
    _other: (Publisher, UnboundedReceiver<String>),
}

impl Link {
    async fn open(way: Way, url: &str) -> Result<Self> {
        let (sender, other) = unbounded_channel();
        let publisher = way.node(url, sender).await?;
        let (sender, received) = unbounded_channel();
        let second = way.node(url, sender).await?;
        let mut link = Self { publisher: publisher.clone(), received, _other: (second, other) };
        // Until the reader has begun.
        while timeout(Duration::from_millis(50), link.received.recv()).await.is_err() {
            link.publisher.publish("first").await?;
        }
        while timeout(Duration::from_millis(50), link.received.recv()).await.is_ok() {}
        Ok(link)
    }

    /// Has so many publishers publish one event after the other. Returns events per second until
    /// the other node has all of them.
    async fn rate(&mut self, publishers: usize, events: usize) -> Result<f64> {
        let start = Instant::now();
        let data = "x".repeat(SIZE);
        let each = events / publishers;
        let tasks: Vec<_> = (0..publishers)
            .map(|_| {
                let (mut publisher, data) = (self.publisher.clone(), data.clone());
                tokio::spawn(async move {
                    for _ in 0..each {
                        publisher.publish(&data).await?;
                    }
                    Result::Ok(())
                })
            })
            .collect();
        for _ in 0..each * publishers {
            timeout(PATIENCE, self.received.recv()).await?.ok_or("the reader is gone")?;
        }
        let rate = (each * publishers) as f64 / start.elapsed().as_secs_f64();
        for task in tasks {
            task.await??;
        }
        Ok(rate)
    }

    /// Publishes an event every 2 ms. Returns the milliseconds until the other node had it.
    async fn delays(&mut self, events: usize) -> Result<Vec<f64>> {
        let mut ticks = interval(Duration::from_millis(2));
        let mut delays = Vec::new();
        for _ in 0..events {
            ticks.tick().await;
            let start = Instant::now();
            let mut publisher = self.publisher.clone();
            let published = tokio::spawn(async move { publisher.publish(&"x".repeat(SIZE)).await });
            timeout(PATIENCE, self.received.recv()).await?.ok_or("the reader is gone")?;
            delays.push(start.elapsed().as_secs_f64() * 1e3);
            published.await??;
        }
        Ok(delays)
    }

    /// Publishes while Redis is killed and restarted. Returns how many events were acknowledged,
    /// and how many of them the other node has not received, and has received more than once.
    async fn kills(&mut self, server: &mut Server, kills: usize) -> Result<[usize; 3]> {
        let mut ticks = interval(Duration::from_millis(1));
        let mut acknowledged = Vec::new();
        for number in 0..(kills + 1) * 1000 {
            ticks.tick().await;
            if number % 1000 == 999 && number / 1000 < kills {
                server.kill();
                server.launch();
            }
            let data = number.to_string();
            if timeout(PATIENCE, self.publisher.publish(&data)).await?.is_ok() {
                acknowledged.push(data);
            } else {
                sleep(Duration::from_millis(5)).await;
            }
        }
        let mut received: HashMap<String, usize> = HashMap::new();
        while let Ok(Some(data)) = timeout(Duration::from_secs(2), self.received.recv()).await {
            *received.entry(data).or_default() += 1;
        }
        let lost = acknowledged.iter().filter(|data| !received.contains_key(*data)).count();
        let doubled = received.values().filter(|times| **times > 1).count();
        Ok([acknowledged.len(), lost, doubled])
    }
}

#[derive(Default)]
struct Figures {
    rates: [Vec<f64>; 2],
    bytes: Vec<f64>,
    delays: Vec<f64>,
}

/// # Errors
///
/// Returns an error if Redis cannot be reached.
///
/// # Panics
///
/// If Redis cannot be started.
pub fn section(quick: bool) -> io::Result<Section> {
    let (rounds, events, kills) = if quick { (1, 640, 1) } else { (7, 6_400, 5) };
    let runtime = Runtime::new()?;
    let turns = in_turn(rounds, Way::ALL.len(), |index| {
        eprintln!("nodes: {}", Way::ALL[index].name());
        runtime.block_on(turn(Way::ALL[index], events)).map_err(io::Error::other)
    })?;
    let mut rows = Vec::new();
    let mut spread = Vec::new();
    for (way, turns) in Way::ALL.into_iter().zip(turns) {
        eprintln!("nodes: {}, killing Redis", way.name());
        let kills: Result<_> = runtime.block_on(async {
            let mut server = Server::start(&SERVER);
            Link::open(way, &server.url()).await?.kills(&mut server, kills).await
        });
        let [acknowledged, lost, doubled] = kills.map_err(io::Error::other)?;
        let mut all = Figures::default();
        for turn in turns {
            (0..2).for_each(|index| all.rates[index].extend(&turn.rates[index]));
            all.bytes.extend(turn.bytes);
            all.delays.extend(turn.delays);
        }
        for rates in &all.rates {
            let quarter = |part| quantile(rates.clone(), part, 4);
            spread.push((quarter(3) - quarter(1)) / quarter(2));
        }
        let median = |values: &Vec<f64>| significant(quantile(values.clone(), 1, 2));
        rows.push(vec![
            way.name().to_owned(),
            median(&all.rates[0]),
            median(&all.rates[1]),
            median(&all.delays),
            significant(quantile(all.delays.clone(), 99, 100)),
            median(&all.bytes),
            acknowledged.to_string(),
            lost.to_string(),
            doubled.to_string(),
        ]);
    }
    let text = format!(
        "Two nodes in one process and a Redis {} with `appendonly yes`; one node publishes, both read. Events of {SIZE} \
         bytes per second, from one and from 64 publishers, until the other node has all; milliseconds until the other \
         node has a single event, one every 2 ms; bytes that Redis reads and writes for an event. Then Redis is killed and \
         restarted {kills} times: events that were acknowledged, and how many of them the other node has not received, or \
         more than once.\n\n{}",
        version()?,
        table(&["", "one", "64", "median, ms", "p99, ms", "bytes", "acknowledged", "lost", "doubled"], &rows),
    );
    Ok(Section { title: "Two nodes over Redis", text, spread })
}

async fn turn(way: Way, events: usize) -> Result<Figures> {
    let server = Server::start(&SERVER);
    let mut link = Link::open(way, &server.url()).await?;
    link.rate(64, events / 4).await?;
    let before = traffic(&server)?;
    let one = link.rate(1, events / 4).await?;
    let bytes = (traffic(&server)? - before) as f64 / (events / 4) as f64;
    let many = link.rate(64, events).await?;
    Ok(Figures { rates: [vec![one], vec![many]], bytes: vec![bytes], delays: link.delays(events / 8).await? })
}

fn version() -> io::Result<String> {
    let output = Command::new("redis-server").arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split("v=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or("unknown").to_owned())
}
