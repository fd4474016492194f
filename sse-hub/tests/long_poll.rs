//! The long polling of the README and of the adapters' chats.

#[path = "../examples/long_poll/mod.rs"]
mod long_poll;
mod util;

use long_poll::batch;
use sse_hub::Hub;
use std::time::Duration;
use tokio::time::Instant;
use util::publish;

const WAIT: Duration = Duration::from_secs(25);

#[tokio::test(start_paused = true)]
async fn a_poll_without_an_event_is_answered_after_its_time_out() {
    let hub = Hub::new();
    let id = publish(&hub, "news", "1");
    let start = Instant::now();
    let batch = batch(hub.subscribe(["news"]).after(&id), WAIT).await;
    assert_eq!(start.elapsed().as_secs(), WAIT.as_secs());
    let events: Vec<_> = batch.iter().map(|message| (&*message.event, &message.id)).collect();
    assert_eq!(events, [("hub:at", &id)]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_stops_at_100_events_and_the_next_poll_goes_on() {
    let hub = Hub::new();
    let mut id = hub.position().to_string();
    for event in 0..250 {
        publish(&hub, ["news", "sport"][event % 2], event.to_string());
    }
    let (mut sizes, mut data) = (Vec::new(), Vec::new());
    while sizes.len() < 3 {
        let batch = batch(hub.subscribe(["news", "sport"]).after(&id), WAIT).await;
        id.clone_from(&batch.last().expect("an event is there").id);
        sizes.push(batch.len());
        data.extend(
            batch.into_iter().filter(|message| message.event == "message").map(|message| message.data),
        );
    }
    // The last one has `hub:at`, too.
    assert_eq!(sizes, [100, 100, 51]);
    assert!(data.iter().eq(&(0..250).map(|event| event.to_string()).collect::<Vec<_>>()), "{data:?}");
}

#[tokio::test(start_paused = true)]
async fn events_that_the_hub_has_joined_stay_in_one_batch() {
    let hub = Hub::new();
    let start = hub.position();
    for event in 0..150 {
        publish(&hub, "news", event.to_string());
    }
    let batch = batch(hub.subscribe(["news"]).after(start), WAIT).await;
    assert_eq!(batch.len(), 150);
}
