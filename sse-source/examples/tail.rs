//! Prints the events of a stream, and comes back when the server does.
//!
//! ```sh
//! cargo run --example tail -- http://127.0.0.1:3000/stream
//! ```

use sse_source::{BoxError, EventSource, Signal};
use std::time::Duration;

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let url = std::env::args().nth(1).ok_or("usage: tail URL")?;
    let url: reqwest::Url = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
    let client = reqwest::Client::new();
    let mut events = EventSource::new(move |attempt| client.get(url.clone()).headers(attempt.headers).send())
        .idle_timeout(Duration::from_secs(60))
        .retry_when(|error, _| error.is_temporary());
    while let Some(signal) = events.next().await {
        match signal? {
            Signal::Open(_) => eprintln!("-- open"),
            Signal::Message(message) => println!("{} {}", message.event_type, message.data),
            Signal::TooLarge(error) => eprintln!("-- {error}"),
            Signal::Reconnecting { cause, delay } => eprintln!("-- {cause}; again in {delay:.1?}"),
            _ => {}
        }
    }
    eprintln!("-- the server has ended the stream");
    Ok(())
}
