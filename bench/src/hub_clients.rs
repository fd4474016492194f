//! Many clients of one server, as a process of its own. They subscribe, and one of them publishes.

use crate::measure::quantile;
use crate::serve::now;
use memchr::memmem;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Write};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime;
use tokio::sync::Notify;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{Instant, sleep_until, timeout};

/// From one burst to the next, unless it takes longer.
const INTERVAL: Duration = Duration::from_millis(100);

/// How long a burst may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many bytes an event has at least.
const DATA: usize = 280;

/// The digits of a time in nanoseconds.
const DIGITS: usize = 19;

const FIELD: &[u8] = b"data: ";

#[derive(Default)]
struct Seen {
    /// How long each event took, in seconds.
    delays: RefCell<Vec<f64>>,
    expected: Cell<usize>,
    all: Notify,
    buffer: RefCell<Vec<u8>>,
}

/// Connects so many clients and prints `connected`. Then for each line of standard input, such as
/// `5 50`, publishes five bursts of 50 events, and prints the delay of an event at the median and
/// at the 99th percentile, in seconds.
///
/// The events of a burst are one request, or where `pipelined`, one request each.
///
/// # Errors
///
/// Returns an error when the server cannot be reached, or loses an event.
pub fn run(address: &str, connections: usize, pipelined: bool) -> io::Result<()> {
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let seen = Rc::new(Seen { buffer: vec![0; 1 << 20].into(), ..Seen::default() });
    LocalSet::new().block_on(&runtime, async {
        for _ in 0..connections {
            let connection = subscribe(address).await?;
            spawn_local(read(connection, seen.clone()));
        }
        println!("connected");
        for line in io::stdin().lines() {
            let line = line?;
            let numbers: Option<(usize, usize)> = line
                .split_once(' ')
                .and_then(|(bursts, size)| Some((bursts.parse().ok()?, size.parse().ok()?)));
            let (bursts, size) = numbers.ok_or(ErrorKind::InvalidInput)?;
            // Servers close connections that are idle for long.
            let mut publisher = TcpStream::connect(address).await?;
            publisher.set_nodelay(true)?;
            for _ in 0..bursts {
                let next = Instant::now() + INTERVAL;
                seen.expected.set(connections * size);
                let burst = async {
                    publish(&mut publisher, size, pipelined).await?;
                    while seen.expected.get() > 0 {
                        seen.all.notified().await;
                    }
                    io::Result::Ok(())
                };
                timeout(PATIENCE, burst).await.map_err(|_| {
                    io::Error::other(format!("{address}: {} events are missing", seen.expected.get()))
                })??;
                sleep_until(next).await;
            }
            let delays = seen.delays.take();
            println!("{} {}", quantile(delays.clone(), 1, 2), quantile(delays, 99, 100));
            io::stdout().flush()?;
        }
        Ok(())
    })
}

async fn subscribe(address: &str) -> io::Result<TcpStream> {
    let mut connection = TcpStream::connect(address).await?;
    connection
        .write_all(b"GET /news HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n")
        .await?;
    let mut head = Vec::new();
    while memmem::find(&head, b"\r\n\r\n").is_none() {
        if connection.read_buf(&mut head).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    if head.starts_with(b"HTTP/1.1 200") {
        Ok(connection)
    } else {
        Err(io::Error::new(ErrorKind::InvalidData, String::from_utf8_lossy(&head)))
    }
}

async fn publish(publisher: &mut TcpStream, size: usize, pipelined: bool) -> io::Result<()> {
    let (requests, count) = if pipelined { (size, 1) } else { (1, size) };
    let padding = "x".repeat(DATA - DIGITS - 1);
    let data = format!("{:0DIGITS$} {padding}", now().as_nanos());
    let request =
        format!("POST /news/{count} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {DATA}\r\n\r\n{data}");
    publisher.write_all(request.repeat(requests).as_bytes()).await?;
    let mut responses = Vec::new();
    while memmem::find_iter(&responses, b"HTTP/1.1 2").count() < requests {
        if publisher.read_buf(&mut responses).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

async fn read(connection: TcpStream, seen: Rc<Seen>) -> io::Result<()> {
    /// Less than what stands for an event.
    const REST: usize = FIELD.len() + DIGITS - 1;
    let mut rest = Vec::with_capacity(REST);
    loop {
        connection.readable().await?;
        let buffer = &mut *seen.buffer.borrow_mut();
        let (old, new) = buffer.split_at_mut(rest.len());
        old.copy_from_slice(&rest);
        let read = match connection.try_read(new) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let bytes = &buffer[..rest.len() + read];
        let arrived = now();
        let mut used = 0;
        for field in memmem::find_iter(bytes, FIELD) {
            let start = field + FIELD.len();
            let Some(digits) = bytes.get(start..start + DIGITS) else { break };
            used = start + DIGITS;
            // The hub's own events have other data.
            let Some(made) = str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) else {
                continue;
            };
            seen.delays.borrow_mut().push(arrived.saturating_sub(Duration::from_nanos(made)).as_secs_f64());
            seen.expected.set(seen.expected.get() - 1);
            if seen.expected.get() == 0 {
                seen.all.notify_one();
            }
        }
        rest.clear();
        rest.extend_from_slice(&bytes[used.max(bytes.len().saturating_sub(REST))..]);
    }
}
