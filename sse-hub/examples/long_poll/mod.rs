//! Long polling, for the chats of the adapters.

use futures_util::{FutureExt, StreamExt};
use serde::Serialize;
use sse_core::{Decoder, Frame};
use sse_hub::Subscription;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

#[derive(Serialize)]
pub(crate) struct Message {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: String,
}

pub(crate) async fn batch(mut events: Subscription, wait: Duration) -> Vec<Message> {
    let mut batch = Vec::<Message>::new();
    let mut decoder = Decoder::new();
    let deadline = Instant::now() + wait;
    while batch.len() < 100 {
        // A replay ends with `hub:at`, even if nothing was missed.
        let next = if batch.iter().all(|message| message.event == "hub:at") {
            timeout_at(deadline, events.next()).await.ok()
        } else {
            events.next().now_or_never()
        };
        let Some(Some(Ok(block))) = next else { break };
        let mut bytes = block.as_bytes();
        while let Ok(Some(frame)) = decoder.decode(&mut bytes) {
            if let Frame::Message(message) = frame {
                batch.push(Message {
                    id: message.last_event_id.into(),
                    event: message.event_type.into(),
                    data: message.data.into(),
                });
            }
        }
    }
    batch
}
