use sse_source::{Error, EventSource, Signal};

async fn show(events: &mut EventSource) -> Result<(), Error> {
    while let Some(signal) = events.next().await {
        match signal? {
            Signal::Open(response) => println!("open: {}", response.status()),
            Signal::Message(message) => println!("{}", message.data),
            Signal::Reconnecting { cause, delay } => println!("{cause}; again in {delay:.1?}"),
            _ => {}
        }
    }
    Ok(())
}
