//! Bursts of events that are ready at once, through a server on the loopback interface.

use crate::measure::{Sample, in_turn};
use crate::report::{Section, table};
use crate::serve::{OPENAI, TINY};
use crate::server::{OURS_AND_AXUM, Server};
use std::io::{self, ErrorKind};
use std::thread;

const CONNECTIONS: usize = 16;

/// The name, the routes, the size of a burst, and the minimum size of an event in bytes.
const BURSTS: [(&str, [&str; 2], usize, usize); 3] =
    [("100 tiny", TINY, 100, 9), ("1,000 tiny", TINY, 1000, 9), ("100 openai", OPENAI, 100, 250)];

/// # Errors
///
/// Returns an error when the server fails.
pub fn section(quick: bool) -> io::Result<Section> {
    let (rounds, events) = if quick { (1, 10_000) } else { (9, 100_000) };
    let server = Server::start(1)?;
    let mut rows = OURS_AND_AXUM.map(|name| vec![name.to_owned()]);
    let mut spread = Vec::new();
    for (name, paths, size, least) in BURSTS {
        eprintln!("bursts of {name} events");
        let rounds = in_turn(rounds, paths.len(), |index| {
            let before = server.processor_time()?;
            receive(&server, &format!("{}/{size}/{}", paths[index], events / size), events * least)?;
            Ok((server.processor_time()? - before).as_secs_f64())
        })?;
        for ((row, name), seconds) in rows.iter_mut().zip(OURS_AND_AXUM).zip(rounds) {
            let sample = Sample::new(name, seconds);
            row.push(format!("{:.0}", (CONNECTIONS * events) as f64 / sample.seconds));
            spread.push(sample.spread);
        }
    }
    let header: Vec<_> = [""].into_iter().chain(BURSTS.map(|(name, ..)| name)).collect();
    let text = format!(
        "Events per second of the server's processor time, in bursts of 100 or 1,000 to {CONNECTIONS} connections. Tiny \
         events have 1 to 8 bytes of data. The server has one thread and writes each event for each connection.\n\n{}",
        table(&header, &rows),
    );
    Ok(Section { title: "Bursts through a server", text, spread })
}

/// Reads a stream to its end on many connections at once, and checks that it has at least this many
/// bytes.
fn receive(server: &Server, path: &str, least: usize) -> io::Result<()> {
    let read = || {
        let received = io::copy(&mut server.get(path)?, &mut io::sink())?;
        if received < least as u64 { Err(io::Error::from(ErrorKind::UnexpectedEof)) } else { Ok(()) }
    };
    thread::scope(|scope| {
        let clients: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(read)).collect();
        clients.into_iter().try_for_each(|client| client.join().expect("a client does not panic"))
    })
}
