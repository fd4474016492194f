use crate::{compare, poll, ticks};
use futures_util::StreamExt;
use serde::Serialize;
use sse_axum::sse_core::Decoder;
use sse_hub::Hub;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

/// How many events are remembered: a quarter of an hour, if nobody presses a button.
const REMEMBERED: usize = 1000;

/// An event of the comparison.
#[derive(Clone, Serialize)]
pub(crate) struct Published {
    /// Counts the events that this process has seen.
    n: u64,
    id: String,
    data: String,
}

/// What was published, in order, for pages that want to know what they have missed.
#[derive(Clone)]
pub(crate) struct Record {
    events: Arc<Mutex<VecDeque<Published>>>,
    /// When it began. Another process counts from 1 again.
    pub(crate) since: i64,
}

impl Record {
    pub(crate) fn start(hub: &Hub) -> Self {
        let record = Self { events: Arc::default(), since: ticks::now() };
        let events = record.events.clone();
        let mut subscription = hub.subscribe([compare::TOPIC]);
        tokio::spawn(async move {
            let mut decoder = Decoder::new();
            let mut newest = 0;
            while let Some(Ok(block)) = subscription.next().await {
                let mut events = events.lock().unwrap_or_else(PoisonError::into_inner);
                poll::messages(&mut decoder, block.as_bytes(), |message| {
                    if message.event.starts_with("hub:") {
                        return;
                    }
                    newest += 1;
                    if events.len() == REMEMBERED {
                        events.pop_front();
                    }
                    events.push_back(Published { n: newest, id: message.id, data: message.data });
                });
            }
        });
        record
    }

    /// Returns what came after the event with this number.
    pub(crate) fn after(&self, n: u64) -> Vec<Published> {
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        events.iter().filter(|event| event.n > n).cloned().collect()
    }
}
