//! Streams that are always ready: what becomes of other requests, and of their own events.

use crate::burst::{CONNECTIONS, receive};
use crate::measure::{Sample, median};
use crate::report::{Section, Target, significant, table};
use crate::serve::{
    AXUM_ENDLESS, AXUM_SLOW, AXUM_TINY, ENDLESS, PLAIN, SLOW, SLOW_EVENT, SLOW_EVENTS, TINY, now,
};
use crate::server::Server;
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The threads of the server that has more to do than one stream.
const THREADS: usize = 2;

/// Clients that read an endless stream at the same time.
const READERS: [usize; 2] = [1, 4];

/// The sizes of bursts of tiny events.
const BURSTS: [usize; 2] = [100, 1000];

const OURS: &str = "`Sse`";
const AXUM: &str = "axum";

/// # Errors
///
/// When the server does not serve.
pub fn section(quick: bool) -> io::Result<Section> {
    let (rounds, requests, events) = if quick { (1, 10, 10_000) } else { (9, 200, 100_000) };
    let mut section =
        Section { title: "Fairness", text: String::new(), targets: Vec::new(), spread: Vec::new() };
    others(&mut section, rounds, requests)?;
    slow(&mut section, rounds)?;
    tiny(&mut section, rounds, events)?;
    Ok(section)
}

/// Small requests beside endless streams.
fn others(section: &mut Section, rounds: usize, requests: usize) -> io::Result<()> {
    let server = Server::start(THREADS)?;
    let (mut rows, mut medians, mut worsts) = (Vec::new(), Vec::new(), Vec::new());
    for readers in READERS {
        let who = if readers == 1 { "with 1 reader" } else { "with 4 readers" };
        let pairs = in_turn("other requests", rounds, [ENDLESS, AXUM_ENDLESS], |path| {
            beside_readers(&server, path, readers, || times(&server, requests))
        })?;
        for [median, worst] in &pairs {
            let times = [median, worst].map(|sample| significant(sample.seconds * 1e3));
            rows.push([format!("{}, {who}", median.name)].into_iter().chain(times).collect());
            section.spread.push(median.spread);
        }
        let [[median, worst], [axum_median, axum_worst]] = pairs;
        medians.push((who, median.seconds / axum_median.seconds));
        worsts.push((who, worst.seconds / axum_worst.seconds));
    }
    section.text += &format!(
        "Milliseconds that a small request takes while others read an endless stream of tiny events, which is always \
         ready. The server has {THREADS} threads, and each round {requests} such requests.\n\n{}",
        table(&["", "median", "worst"], &rows),
    );
    section.targets.push(Target::at_most(
        "Median time of other requests beside endless streams, against axum's",
        2.0,
        &medians,
    ));
    section.targets.push(Target::at_most(
        "Worst time of other requests beside endless streams, against axum's",
        2.0,
        &worsts,
    ));
    Ok(())
}

/// Events that take a while on the spot.
fn slow(section: &mut Section, rounds: usize) -> io::Result<()> {
    let server = Server::start(THREADS)?;
    let pairs = in_turn("slow events", rounds, [SLOW, AXUM_SLOW], |path| delays(&server, path))?;
    let row = |[first, worst]: &[Sample; 2]| {
        let times = [first, worst].map(|sample| significant(sample.seconds * 1e3));
        [first.name.to_owned()].into_iter().chain(times).collect()
    };
    section.text += &format!(
        "\nMilliseconds from the request to the first of {SLOW_EVENTS} events that take {SLOW_EVENT:?} of processor \
         time each and are never pending, and from the making of an event to its arrival at worst.\n\n{}",
        table(&["", "first event", "worst delay"], &pairs.each_ref().map(row)),
    );
    section.spread.extend(pairs.iter().flatten().map(|sample| sample.spread));
    let [[first, worst], [axum_first, _]] = pairs;
    section.targets.push(Target::at_most(
        "Time to the first of some slow events, against axum's",
        1.0,
        &[("", first.seconds / axum_first.seconds)],
    ));
    section.targets.push(Target::at_most(
        "Worst delay of a slow event, in milliseconds",
        50.0,
        &[("", worst.seconds * 1e3)],
    ));
    Ok(())
}

/// Bursts of tiny events, as [`burst`](crate::burst) has them of larger ones.
fn tiny(section: &mut Section, rounds: usize, events: usize) -> io::Result<()> {
    /// An event with one byte of data.
    const LEAST: usize = "data: 1\n\n".len();
    let server = Server::start(1)?;
    let mut rates = [const { Vec::new() }; 2];
    let mut ratios = Vec::new();
    for size in BURSTS {
        let name = if size == 100 { "bursts of 100" } else { "bursts of 1000" };
        let pairs = in_turn(name, rounds, [TINY, AXUM_TINY], |path| {
            let before = server.processor_time()?;
            receive(&server, &format!("{path}/{size}/{}", events / size), events * LEAST)?;
            let seconds = (server.processor_time()? - before).as_secs_f64();
            Ok([seconds; 2])
        })?;
        for ([sample, _], rates) in pairs.iter().zip(&mut rates) {
            rates.push(format!("{:.0}", (CONNECTIONS * events) as f64 / sample.seconds));
            section.spread.push(sample.spread);
        }
        let [[ours, _], [axum, _]] = pairs;
        ratios.push((name, axum.seconds / ours.seconds));
    }
    let rows = [OURS, AXUM].into_iter().zip(rates);
    let rows: Vec<_> =
        rows.map(|(name, rates)| [name.to_owned()].into_iter().chain(rates).collect()).collect();
    section.text += &format!(
        "\nEvents per processor second, with 1 to 8 bytes of data, written for each of {CONNECTIONS} connections at \
         once. The server has one thread.\n\n{}",
        table(&["", "bursts of 100", "bursts of 1000"], &rows),
    );
    section.targets.push(Target::at_least(
        "Tiny events in bursts per processor second, against axum's",
        2.0,
        &ratios,
    ));
    Ok(())
}

/// Measures two times on ours and on axum, round after round, and takes the medians.
fn in_turn(
    what: &str,
    rounds: usize,
    paths: [&str; 2],
    mut measure: impl FnMut(&str) -> io::Result<[f64; 2]>,
) -> io::Result<[[Sample; 2]; 2]> {
    let mut seconds = [const { [const { Vec::new() }; 2] }; 2];
    for round in 0..rounds {
        eprintln!("{what}, round {} of {rounds}", round + 1);
        for turn in 0..2 {
            let index = (round + turn) % 2;
            for (seconds, measured) in seconds[index].iter_mut().zip(measure(paths[index])?) {
                seconds.push(measured);
            }
        }
    }
    let [ours, axum] = seconds;
    Ok([ours.map(|rounds| Sample::new(OURS, rounds)), axum.map(|rounds| Sample::new(AXUM, rounds))])
}

/// Does something while clients read a stream as fast as they can.
fn beside_readers<T>(
    server: &Server,
    path: &str,
    readers: usize,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let streams = (0..readers).map(|_| server.get(path)).collect::<Result<Vec<_>, _>>()?;
    let enough = AtomicBool::new(false);
    let read = |mut stream: BufReader<TcpStream>| {
        while !enough.load(Ordering::Relaxed) {
            let length = stream.fill_buf()?.len();
            if length == 0 {
                return Err(io::Error::from(ErrorKind::UnexpectedEof));
            }
            stream.consume(length);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let clients: Vec<_> = streams.into_iter().map(|stream| scope.spawn(move || read(stream))).collect();
        thread::sleep(Duration::from_millis(50));
        let result = work();
        enough.store(true, Ordering::Relaxed);
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))?;
        result
    })
}

/// How long small requests take, one after the other: the median and the worst, in seconds.
fn times(server: &Server, requests: usize) -> io::Result<[f64; 2]> {
    let mut times = Vec::new();
    for _ in 0..requests {
        thread::sleep(Duration::from_millis(2));
        let start = Instant::now();
        server.get(PLAIN)?;
        times.push(start.elapsed().as_secs_f64());
    }
    let worst = times.iter().copied().fold(0.0, f64::max);
    Ok([median(times), worst])
}

/// When the first slow event arrives after the request, and the worst delay of any, in seconds.
fn delays(server: &Server, path: &str) -> io::Result<[f64; 2]> {
    let start = now();
    let mut response = server.get(path)?;
    let (mut first, mut worst, mut events) = (Duration::ZERO, Duration::ZERO, 0);
    let mut line = String::new();
    while response.read_line(&mut line)? > 0 {
        if let Some(made) = line.strip_prefix("data: ") {
            let arrived = now();
            let made = made.trim_end().parse().map_err(|_| ErrorKind::InvalidData)?;
            worst = worst.max(arrived.saturating_sub(Duration::from_nanos(made)));
            if events == 0 {
                first = arrived - start;
            }
            events += 1;
        }
        line.clear();
    }
    if events == SLOW_EVENTS {
        Ok([first.as_secs_f64(), worst.as_secs_f64()])
    } else {
        Err(io::Error::new(ErrorKind::InvalidData, format!("{path}: {events} events")))
    }
}
