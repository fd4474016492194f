//! The only test in its file, since it measures the memory of the whole process.

#![cfg(target_os = "linux")]

use axum::Router;
use futures_util::stream::{self, StreamExt};
use sse_axum::{Event, Sse};
use std::convert::Infallible;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Returns the peak memory use of the process so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn a_stream_of_1_gib_needs_constant_memory() {
    const EVENT: usize = 64 * 1024;
    const EVENTS: usize = (1 << 30) / EVENT;

    let data = "x".repeat(EVENT - "data: \n\n".len());
    let events = move || {
        stream::repeat(data.clone()).take(EVENTS).map(|data| Ok::<_, Infallible>(Event::new().data(data)))
    };
    let app = Router::new().route("/", axum::routing::get(async move || Sse::new(events())));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());

    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut buffer = vec![0; 1 << 16];
    let (mut read, mut early) = (0, None);
    loop {
        match connection.read(&mut buffer).await.unwrap() {
            0 => break,
            bytes => read += bytes,
        }
        // Once the stream is flowing, memory must not grow any more.
        if read > 64 << 20 {
            early.get_or_insert_with(peak);
        }
    }
    assert!(read > 1 << 30);
    // The kernel's count is approximate, so the peak may seem to shrink.
    let grown = peak().saturating_sub(early.unwrap());
    assert!(grown < 4 << 20, "the last 960 MiB took {grown} bytes of memory");
}
