use futures_util::stream::{self, Stream};
use sse_axum::{EncodedEvent, Event};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::sync::watch;

/// How many ticks are remembered for clients that reconnect: about a quarter of an hour.
const REMEMBERED: usize = 1000;

/// A clock that ticks about once a second and remembers its last ticks, so that a client can resume
/// where it left off.
///
/// Every tick is encoded once, and every connection sends the same bytes.
#[derive(Clone)]
pub(crate) struct Clock {
    ticks: watch::Receiver<VecDeque<Tick>>,
}

struct Tick {
    id: u64,
    event: EncodedEvent,
}

impl Clock {
    /// Starts a clock, which ticks until its last clone is dropped.
    pub(crate) fn start() -> Self {
        let (sender, ticks) = watch::channel(VecDeque::new());
        tokio::spawn(async move {
            for id in 1.. {
                sender.send_modify(|ticks: &mut VecDeque<Tick>| {
                    if ticks.len() == REMEMBERED {
                        ticks.pop_front();
                    }
                    ticks.push_back(Tick { id, event: tick(id) });
                });
                tokio::select! {
                    () = tokio::time::sleep(Duration::from_millis(fastrand::u64(700..1300))) => {}
                    () = sender.closed() => break,
                }
            }
        });
        Self { ticks }
    }

    /// Returns the ticks after the one with this ID: remembered ticks at once, later ones as they
    /// happen.
    ///
    /// If there is no ID, or this clock has not issued it, they start with the newest tick.
    pub(crate) fn after(&self, id: Option<u64>) -> impl Stream<Item = EncodedEvent> + use<> {
        let newest = self.ticks.borrow().back().map_or(0, |tick| tick.id);
        let next = id.filter(|&id| id <= newest).map_or(newest, |id| id + 1);
        stream::unfold((self.ticks.clone(), next), async |(mut ticks, next)| {
            let (id, event) = {
                let ticks =
                    ticks.wait_for(|ticks| ticks.back().is_some_and(|tick| tick.id >= next)).await.ok()?;
                let tick = ticks.iter().find(|tick| tick.id >= next)?;
                (tick.id, tick.event.clone())
            };
            Some((event, (ticks, id + 1)))
        })
    }
}

fn tick(id: u64) -> EncodedEvent {
    let time = jiff::Timestamp::now();
    let event = Event::new().event("ping").id(id.to_string());
    event.data(format!("{{\"time\":\"{time:.3}\"}}")).into()
}
