use futures_util::stream::{self, Stream, StreamExt};
use serde_json::json;
use sse_axum::{EncodedEvent, Event, KeepAlive, LastEventId, Sse};
use sse_hub::Subscription;
use std::convert::Infallible;
use std::time::Duration;

/// After how long a browser comes back.
const RETRY: Duration = Duration::from_secs(2);

/// Answers with these events. A first one, `connected`, tells the page what it cannot see: what the
/// browser has sent as its last event ID, and after how many milliseconds it comes back.
pub(crate) fn answer(
    id: &LastEventId,
    events: Subscription,
) -> Sse<impl Stream<Item = Result<EncodedEvent, Infallible>> + use<>> {
    let data = json!({ "lastEventId": &**id, "retry": RETRY.as_millis() as u64 });
    let connected = Event::new().event("connected").retry(RETRY).data(data.to_string());
    Sse::new(stream::iter([Ok(connected.into())]).chain(events)).keep_alive(KeepAlive::new())
}
