use sse_source::{Error, EventSource, Signal};

async fn watch(mut events: EventSource, list: impl AsyncFn() -> String) -> Result<(), Error> {
    let gone = |error: &Error| error.response().is_some_and(|response| response.status() == 410);
    events = events.retry_when(move |error, _| error.is_temporary() || gone(error));
    while let Some(signal) = events.next().await {
        if let Signal::Reconnecting { cause, .. } = signal? {
            if gone(&cause) {
                events.set_last_event_id(&list().await);
            }
        }
    }
    Ok(())
}
