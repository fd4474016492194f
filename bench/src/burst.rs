//! Bursts of ready events through an axum server on the loopback interface.

use crate::encoder;
use crate::fields::Fields;
use crate::measure::Sample;
use crate::report::{Section, Target, significant, table};
use crate::serve::{AXUM_SHARED, AXUM_WRITTEN, BURST, SHARED, WRITTEN};
use crate::server::Server;
use sse_core::Decoder;
use std::io::{self, BufRead, ErrorKind};
use std::thread;

pub const CONNECTIONS: usize = 16;

const STREAMS: [(&str, &str); 4] = [
    ("`Sse` of a shared `EncodedEvent`", SHARED),
    ("`Sse` of an `Event` written for each", WRITTEN),
    ("axum, its `Event` cloned", AXUM_SHARED),
    ("axum, its `Event` written for each", AXUM_WRITTEN),
];

/// What became of one of the streams.
struct Outcome {
    shape: Shape,
    /// The processor time of a round, in seconds.
    sample: Sample,
    /// Events per second of processor time.
    rate: f64,
}

/// What a stream looks like to its client.
struct Shape {
    chunks_a_burst: f64,
    bytes_a_chunk: f64,
    bytes_a_read: f64,
}

/// # Errors
///
/// When the server does not serve.
pub fn section(quick: bool) -> io::Result<Section> {
    let (rounds, bursts) = if quick { (1, 100) } else { (9, 1000) };
    let outcomes = measure(rounds, bursts)?;
    let row = |Outcome { shape, sample, rate }: &Outcome| {
        let shape = [shape.chunks_a_burst, shape.bytes_a_chunk, shape.bytes_a_read].map(significant);
        [sample.name.to_owned()].into_iter().chain(shape).chain([format!("{rate:.0}")]).collect()
    };
    let rows: Vec<_> = outcomes.iter().map(row).collect();
    let header = ["", "chunks a burst", "bytes a chunk", "bytes a read", "events per processor second"];
    let [shared, _, axum_shared, axum_written] = &outcomes;
    let chunks = [shared, axum_shared].map(|outcome| outcome.shape.chunks_a_burst);
    Ok(Section {
        title: "Bursts through a server",
        text: format!(
            "Bursts of {BURST} events of openai, to {CONNECTIONS} connections at once. The server runs on one thread, in a \
             process of its own, whose processor time is what counts.\n\n{}",
            table(&header, &rows),
        ),
        targets: vec![
            Target {
                what: "A burst leaves in fewer, larger chunks than axum's".to_owned(),
                goal: "fewer".to_owned(),
                measured: format!("{:.2} against {:.2}", chunks[0], chunks[1]),
                met: chunks[0] < chunks[1],
            },
            Target::at_least(
                "Deliveries of a shared `EncodedEvent` per processor second against the better of axum's",
                1.7,
                &[("", shared.rate / axum_shared.rate.max(axum_written.rate))],
            ),
        ],
        spread: outcomes.iter().map(|outcome| outcome.sample.spread).collect(),
    })
}

fn measure(rounds: usize, bursts: usize) -> io::Result<[Outcome; STREAMS.len()]> {
    let least = bursts * BURST * encoder::bytes(Fields::<&'static str>::of_first_event("openai")).len();
    let server = Server::start(1)?;
    let mut seconds = [const { Vec::new() }; STREAMS.len()];
    for round in 0..rounds {
        eprintln!("server, round {} of {rounds}", round + 1);
        for turn in 0..STREAMS.len() {
            let index = (round + turn) % STREAMS.len();
            let before = server.processor_time()?;
            receive(&server, &format!("{}/{bursts}", STREAMS[index].1), least)?;
            seconds[index].push((server.processor_time()? - before).as_secs_f64());
        }
    }
    let mut outcomes = Vec::new();
    for ((name, path), seconds) in STREAMS.into_iter().zip(seconds) {
        let sample = Sample::new(name, seconds);
        let rate = (CONNECTIONS * bursts * BURST) as f64 / sample.seconds;
        outcomes.push(Outcome { shape: shape(&server, path)?, sample, rate });
    }
    Ok(outcomes.try_into().ok().expect("there is one for each stream"))
}

/// Reads a stream that ends after so many bytes at least, on many connections at once.
pub fn receive(server: &Server, path: &str, least: usize) -> io::Result<()> {
    let read = || {
        let mut received = 0;
        read_to_end(&mut server.get(path)?, |bytes| received += bytes.len())?;
        if received < least { Err(io::Error::from(ErrorKind::UnexpectedEof)) } else { Ok(()) }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(read)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })
}

/// Looks at a stream as one client receives it, after checking that it has all events.
fn shape(server: &Server, path: &str) -> io::Result<Shape> {
    const BURSTS: usize = 50;
    let (mut body, mut reads) = (Vec::new(), 0);
    read_to_end(&mut server.get(&format!("{path}/{BURSTS}"))?, |bytes| {
        body.extend_from_slice(bytes);
        reads += 1;
    })?;
    let chunks = chunks(&body).ok_or(ErrorKind::InvalidData)?;
    let mut decoder = Decoder::new();
    let mut events = 0;
    for mut chunk in chunks.iter().copied() {
        while let Ok(Some(_)) = decoder.decode(&mut chunk) {
            events += 1;
        }
    }
    if events != BURSTS * BURST {
        return Err(io::Error::new(ErrorKind::InvalidData, format!("{path}: {events} events")));
    }
    Ok(Shape {
        chunks_a_burst: chunks.len() as f64 / BURSTS as f64,
        bytes_a_chunk: chunks.concat().len() as f64 / chunks.len() as f64,
        bytes_a_read: body.len() as f64 / f64::from(reads),
    })
}

fn read_to_end(response: &mut impl BufRead, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    loop {
        let bytes = response.fill_buf()?;
        let length = bytes.len();
        if length == 0 {
            return Ok(());
        }
        each(bytes);
        response.consume(length);
    }
}

/// The chunks of HTTP/1.1's chunked coding: each is its length in hexadecimal digits, CRLF, so many bytes, CRLF. The
/// last is empty.
fn chunks(mut body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut chunks = Vec::new();
    loop {
        let end = memchr::memmem::find(body, b"\r\n")?;
        let length = usize::from_str_radix(str::from_utf8(&body[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some(chunks);
        }
        let (chunk, rest) = body[end + 2..].split_at_checked(length)?;
        chunks.push(chunk);
        body = rest.strip_prefix(b"\r\n")?;
    }
}
