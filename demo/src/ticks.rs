use futures_util::StreamExt;
use sse_axum::Event;
use sse_hub::Hub;
use std::time::Duration;
use tokio::time::timeout;

/// Publishes to a topic when nothing was published to it for a while, until the hub is drained.
///
/// So a topic that several processes share ticks as often as that of one.
pub(crate) fn start(
    hub: &Hub,
    topic: &'static str,
    pause: impl Fn() -> Duration + Send + 'static,
    event: impl Fn() -> Event + Send + 'static,
) {
    let hub = hub.clone();
    let mut events = hub.subscribe([topic]);
    tokio::spawn(async move {
        loop {
            match timeout(pause(), events.next()).await {
                Ok(Some(_)) => {}
                Ok(None) => break,
                // While the log cannot be reached, the clock stands still.
                Err(_) => _ = hub.publish(topic, event()).await,
            }
        }
    });
}

/// The time in milliseconds, as `Date.now()` has it in the browser.
pub(crate) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}
