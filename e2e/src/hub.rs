//! The hub of a lab, which pages and scripts subscribe to and tell what to do.

use crate::{Events, Lab, Report};
use futures_util::stream::StreamExt;
use serde_json::Value;
use sse_core::{EncodedEvent, Event};
use std::convert::Infallible;
use std::time::{Duration, Instant};

impl Lab {
    /// Subscribes to topics, which commas separate, with the list of them as the label: Actix Web
    /// and Rocket may still have subscriptions to others, whose clients are gone.
    pub(crate) fn subscribe(&self, topics: &str, last_event_id: &str) -> Events {
        if let Some((ended, retry)) = self.hub_ended.send_replace(None) {
            self.reports.send(Report::Returned { retry, pause: ended.elapsed() }).ok();
        }
        let subscription = self.hub.subscribe(topics.split(',')).after(last_event_id).label(topics);
        let ended = self.hub_ended.clone();
        let events = subscription.map(move |event| {
            let Ok::<EncodedEvent, Infallible>(event) = event;
            if let Some(retry) = retry(&event) {
                ended.send_replace(Some((Instant::now(), retry)));
            }
            Ok(event)
        });
        events.boxed()
    }

    /// Does what `{"publish": [topic, data]}` or `{"disconnect": topics}` says. Returns whether it is
    /// such a command.
    ///
    /// # Panics
    ///
    /// If the hub refuses it.
    pub(crate) fn obey(&self, command: &str) -> bool {
        let command: Value = serde_json::from_str(command).unwrap_or_default();
        if let Some(publish) = command.get("publish") {
            let (topic, data) = (publish[0].as_str().expect("a topic"), publish[1].as_str().expect("text"));
            self.hub.blocking_publish(topic, Event::new().data(data)).expect("a valid event");
            true
        } else if let Some(Value::String(topics)) = command.get("disconnect").cloned() {
            let hub = self.hub.clone();
            tokio::spawn(async move { hub.disconnect(&topics).await.expect("a hub in memory") });
            true
        } else {
            false
        }
    }
}

/// The reconnection time of a `hub:end`.
fn retry(event: &EncodedEvent) -> Option<Duration> {
    let text = event.to_string();
    let retry = text.lines().find_map(|line| line.strip_prefix("retry: "))?;
    Some(Duration::from_millis(retry.parse().expect("a number")))
}
