//! Whatever a client sends as topic and last event ID, and a publisher as event, what is accepted
//! arrives as one event, and what is not leaves no trace.
#![no_main]

use futures_util::{FutureExt, StreamExt};
use sse_core::{Decoder, EncodedEvent, Frame};
use sse_fuzz::chunks;
use sse_hub::Hub;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let [topic, id, block] = chunks(input)[..] else { return };
    let (topic, id) = (String::from_utf8_lossy(topic), String::from_utf8_lossy(id));
    let hub = Hub::new();
    let mut subscription = hub.subscribe([&*topic]).after(&*id);
    let published = hub.blocking_publish(&topic, EncodedEvent::raw(block.to_vec()));
    assert_eq!(hub.stats().published, u64::from(published.is_ok()));

    let mut decoder = Decoder::new();
    let mut seen = Vec::new();
    while let Some(Some(Ok(item))) = subscription.next().now_or_never() {
        let mut bytes = item.as_bytes();
        while let Some(frame) = decoder.decode(&mut bytes).expect("events are small") {
            if let Frame::Message(message) = frame {
                seen.push((message.event_type.into_owned(), message.last_event_id.into_owned()));
            }
        }
        assert!(!decoder.has_incomplete_event());
    }
    let first = if hub.subscribers(&topic) == 0 {
        "hub:end"
    } else if id.is_empty() {
        "hub:hello"
    } else {
        "hub:gap"
    };
    assert_eq!(seen.remove(0).0, first);
    let published = published.map(|position| position.to_string());
    assert_eq!(seen.iter().map(|(_, id)| id).collect::<Vec<_>>(), published.iter().collect::<Vec<_>>());
    assert!(seen.iter().all(|(event_type, _)| !event_type.starts_with("hub:")));
});
