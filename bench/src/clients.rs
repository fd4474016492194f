//! Clients that read the messages of a server on the loopback interface.

use crate::corpus::Corpus;
use crate::measure::{Sample, in_turn};
use crate::report::{Section, significant, table};
use crate::serve::CORPUS;
use crate::server::Server;
use eventsource_client::{Client as _, ClientBuilder, SSE};
use eventsource_stream::Eventsource;
use futures_util::StreamExt;
use launchdarkly_sdk_transport::HyperTransport;
use sse_reqwest_client::{RequestBuilderExt, SseEvent};
use sse_source::EventSource;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{self, ErrorKind};
use std::time::Duration;
use tokio::runtime::Builder;

const CLIENTS: [&str; 4] = ["sse-source", "eventsource-stream", "sse-reqwest-client", "eventsource-client"];
const CORPORA: [&str; 4] = ["openai", "anthropic", "wikimedia", "tiny"];

type Outcome = Result<usize, Box<dyn Error + Send + Sync>>;

/// # Errors
///
/// Returns an error when the server or a client fails.
pub fn section(quick: bool) -> io::Result<Section> {
    let (rounds, times) = if quick { (1, 4) } else { (9, 64) };
    let server = Server::start(1)?;
    // One thread, whose processor time is that of the client.
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut rows = Vec::new();
    let mut spread = Vec::new();
    for name in CORPORA {
        let expected = times * Corpus::generate(name).expected.messages;
        let url = server.url(&format!("{CORPUS}/{name}/{times}"));
        let rounds = in_turn(rounds, CLIENTS.len(), |index| {
            eprintln!("clients: {name}, {}", CLIENTS[index]);
            let before = processor_time()?;
            let read = runtime.block_on(async {
                match index {
                    0 => sse_source(url.clone(), expected).await,
                    1 => eventsource_stream(&url, expected).await,
                    2 => sse_reqwest_client(&url, expected).await,
                    _ => eventsource_client(&url, expected).await,
                }
            });
            let seconds = (processor_time()? - before).as_secs_f64();
            match read.map_err(io::Error::other)? {
                read if read == expected => Ok(seconds),
                read => Err(io::Error::other(format!("{}: {read} of {expected} messages", CLIENTS[index]))),
            }
        })?;
        let samples: Vec<_> =
            CLIENTS.into_iter().zip(rounds).map(|(name, rounds)| Sample::new(name, rounds)).collect();
        let mut row = vec![name.to_owned()];
        row.extend(samples.iter().map(|sample| significant(expected as f64 / sample.seconds / 1e6)));
        let best = samples[1..].iter().map(|sample| sample.seconds).fold(f64::INFINITY, f64::min);
        row.push(format!("{:.2}", best / samples[0].seconds));
        rows.push(row);
        spread.extend(samples.iter().map(|sample| sample.spread));
    }
    let header: Vec<_> = [""].into_iter().chain(CLIENTS).chain(["sse-source / peers"]).collect();
    let text = format!(
        "Millions of messages per second of the client's processor time, with that of its HTTP client and the kernel, over \
         one connection of HTTP/1.1. `sse-source`, `eventsource-stream` and `sse-reqwest-client` run on reqwest, and \
         `eventsource-client` on hyper. The ratio compares with the best peer.\n\n{}",
        table(&header, &rows),
    );
    Ok(Section { title: "Clients of a server", text, spread })
}

async fn sse_source(url: String, expected: usize) -> Outcome {
    let client = reqwest::Client::new();
    let mut events = EventSource::new(move |attempt| client.get(&url).headers(attempt.headers).send())
        .idle_timeout(Duration::from_secs(60));
    let mut messages = 0;
    while messages < expected
        && let Some(message) = events.message().await?
    {
        black_box(message);
        messages += 1;
    }
    Ok(messages)
}

async fn eventsource_stream(url: &str, expected: usize) -> Outcome {
    let mut events = reqwest::get(url).await?.bytes_stream().eventsource();
    let mut messages = 0;
    while messages < expected
        && let Some(message) = events.next().await
    {
        black_box(message?);
        messages += 1;
    }
    Ok(messages)
}

async fn sse_reqwest_client(url: &str, expected: usize) -> Outcome {
    let mut events = reqwest::Client::new().get(url).into_event_source();
    let mut messages = 0;
    while messages < expected
        && let Some(event) = events.next().await
    {
        if let SseEvent::Message(message) = event? {
            black_box(message);
            messages += 1;
        }
    }
    Ok(messages)
}

async fn eventsource_client(url: &str, expected: usize) -> Outcome {
    let transport = HyperTransport::builder().read_timeout(Duration::from_secs(60)).build_http()?;
    let mut events = ClientBuilder::for_url(url)?.build_with_transport(transport).stream();
    let mut messages = 0;
    while messages < expected
        && let Some(event) = events.next().await
    {
        if let SSE::Event(message) = event? {
            black_box(message);
            messages += 1;
        }
    }
    Ok(messages)
}

/// The processor time that this thread has used.
fn processor_time() -> io::Result<Duration> {
    let times = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = times.split(' ').next().and_then(|first| first.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or(ErrorKind::InvalidData.into())
}
