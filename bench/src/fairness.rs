//! Streams that are always ready: how they affect other requests, and their own events.

use crate::measure::{Sample, in_turn, median};
use crate::report::{Section, significant, table};
use crate::serve::{ENDLESS, PLAIN, SLOW, SLOW_EVENT, SLOW_EVENTS, now};
use crate::server::{OURS_AND_AXUM, Server};
use std::io::{self, BufRead, BufReader, ErrorKind};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const THREADS: usize = 2;

/// Two times, in seconds.
type Pair = [f64; 2];

/// # Errors
///
/// Returns an error when the server fails.
pub fn section(quick: bool) -> io::Result<Section> {
    let (rounds, requests) = if quick { (1, 10) } else { (9, 200) };
    let server = Server::start(THREADS)?;
    let mut spread = Vec::new();
    let mut rows = Vec::new();
    for (readers, suffix) in [(1, "1 reader"), (4, "4 readers")] {
        eprintln!("other requests, {suffix}");
        let pairs = in_turn(rounds, ENDLESS.len(), |index| {
            beside_readers(&server, ENDLESS[index], readers, || times(&server, requests))
        })?;
        rows.extend(self::rows(&format!(", {suffix}"), pairs, &mut spread));
    }
    let mut text = format!(
        "Milliseconds for a small request while clients read an endless stream of tiny events that is always ready. The \
         server has {THREADS} threads. Each round makes {requests} requests.\n\n{}",
        table(&["", "median", "worst"], &rows),
    );
    eprintln!("slow events");
    let pairs = in_turn(rounds, SLOW.len(), |index| delays(&server, SLOW[index]))?;
    text += &format!(
        "\nMilliseconds from the request to its first event, and from the making of an event to its arrival at worst. \
         Each of {SLOW_EVENTS} events takes {SLOW_EVENT:?} of processor time, and the stream is never pending.\n\n{}",
        table(&["", "first event", "worst delay"], &self::rows("", pairs, &mut spread)),
    );
    Ok(Section { title: "Fairness", text, spread })
}

/// The medians of both times, in milliseconds, for ours and for axum.
fn rows(suffix: &str, pairs: Vec<Vec<Pair>>, spread: &mut Vec<f64>) -> Vec<Vec<String>> {
    let mut row = |(name, pairs): (&'static str, Vec<Pair>)| {
        let samples = [0, 1].map(|i| Sample::new(name, pairs.iter().map(|pair| pair[i]).collect()));
        spread.push(samples[0].spread);
        let times = samples.map(|sample| significant(sample.seconds * 1e3));
        [format!("{name}{suffix}")].into_iter().chain(times).collect()
    };
    OURS_AND_AXUM.into_iter().zip(pairs).map(&mut row).collect()
}

/// Does some work while clients read a stream as fast as they can.
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

/// How long small requests take, one after another: the median and the worst.
fn times(server: &Server, requests: usize) -> io::Result<Pair> {
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

/// How long after the request the first slow event arrives, and the worst delay of any.
fn delays(server: &Server, path: &str) -> io::Result<Pair> {
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
