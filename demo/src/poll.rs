//! Answers a request with what there is, for clients without a stream.

use futures_util::StreamExt;
use serde::Serialize;
use sse_axum::sse_core::{Decoder, Frame};
use sse_hub::Subscription;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How many events an answer has at most, more or less: what is ready at once may be more.
const LIMIT: usize = 500;

/// How long the log may take for a replay.
const PATIENCE: Duration = Duration::from_secs(5);

/// An event as JSON, with the same ID as in the stream.
#[derive(Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

/// Returns what a client has missed, or else waits for this long for the next event.
pub(crate) async fn batch(mut events: Subscription, wait: Duration) -> Vec<Message> {
    let start = Instant::now();
    let mut decoder = Decoder::new();
    let mut batch = Vec::<Message>::new();
    while batch.len() < LIMIT {
        // A replay ends with `hub:at`, even if nothing was missed.
        let until = if !batch.iter().any(|message| message.event.starts_with("hub:")) {
            start + PATIENCE
        } else if batch.iter().all(|message| message.event == "hub:at") {
            start + wait
        } else {
            start
        };
        // What is ready is returned even after the deadline.
        let Ok(Some(Ok(block))) = timeout_at(until, events.next()).await else { break };
        messages(&mut decoder, block.as_bytes(), |message| batch.push(message));
    }
    batch
}

/// Reads the events of a block.
pub(crate) fn messages(decoder: &mut Decoder, mut block: &[u8], mut each: impl FnMut(Message)) {
    while let Ok(Some(frame)) = decoder.decode(&mut block) {
        if let Frame::Message(message) = frame {
            each(Message {
                id: message.last_event_id.into(),
                event: message.event_type.into(),
                data: message.data.into(),
            });
        }
    }
}
