//! What a client of a hub sees. The tests of `sse-hub` and `races` include this file, since they
//! have hubs of their own.

use sse_core::{Decoder, EncodedEvent, Frame};

/// What a client saw of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The event type.
    pub event_type: String,
    /// The data.
    pub data: String,
    /// The client's last event ID after it.
    pub id: String,
}

impl Seen {
    /// Decodes an item of a subscription, which is one or more whole events.
    ///
    /// # Panics
    ///
    /// If it is not.
    pub fn decode(decoder: &mut Decoder, item: &EncodedEvent) -> Vec<Self> {
        let mut seen = Vec::new();
        let mut bytes = item.as_bytes();
        while let Some(frame) = decoder.decode(&mut bytes).expect("events are small") {
            if let Frame::Message(message) = frame {
                seen.push(Self {
                    event_type: message.event_type.into_owned(),
                    data: message.data.into_owned(),
                    id: message.last_event_id.into_owned(),
                });
            }
        }
        assert!(!decoder.has_incomplete_event(), "an item ends within an event: {item}");
        seen
    }

    /// The name of a control event, without its prefix.
    pub fn control(&self) -> Option<&str> {
        self.event_type.strip_prefix("hub:")
    }
}
