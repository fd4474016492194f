//! What a hub must do on every kind of log, written once.
//!
//! [`hub_contract!`](crate::hub_contract) makes a test of each law in [`laws`], on two nodes that
//! share a log. In memory, they are one hub.

pub mod laws;
mod seen;

pub use self::seen::Seen;

use crate::client::PATIENCE;
use futures_util::StreamExt;
use sse_core::{Decoder, Event};
use sse_hub::{Hub, Position, Subscription};
use std::collections::VecDeque;
use tokio::time::timeout;

/// A client that remembers what it saw.
#[derive(Debug)]
pub struct Client {
    subscription: Option<Subscription>,
    decoder: Decoder,
    ready: VecDeque<Seen>,
}

impl Client {
    /// Subscribes to these topics of a node.
    pub fn new(hub: &Hub, topics: &[&str]) -> Self {
        let mut client = Self { subscription: None, decoder: Decoder::new(), ready: VecDeque::new() };
        client.connect(hub, topics);
        client
    }

    /// A client of this subscription.
    pub fn of(subscription: Subscription) -> Self {
        Self { subscription: Some(subscription), decoder: Decoder::new(), ready: VecDeque::new() }
    }

    /// Cuts the connection, if there is one, and resumes on this node.
    pub fn connect(&mut self, hub: &Hub, topics: &[&str]) {
        // What was read and not looked at is lost with the connection.
        self.ready.clear();
        let subscription = hub.subscribe(topics.iter().copied()).after(self.id());
        self.subscription = Some(subscription);
    }

    /// The last event ID.
    pub fn id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Waits for the next event; `None` at the end of the stream.
    ///
    /// # Panics
    ///
    /// If there is none for long.
    pub async fn next(&mut self) -> Option<Seen> {
        while self.ready.is_empty() {
            let subscription = self.subscription.as_mut()?;
            let item = timeout(PATIENCE, subscription.next()).await.expect("an event is due")?;
            let Ok(item) = item;
            self.ready.extend(Seen::decode(&mut self.decoder, &item));
        }
        self.ready.pop_front()
    }

    /// Waits for the next event that was published.
    ///
    /// # Panics
    ///
    /// If a gap or an end comes first.
    pub async fn published(&mut self) -> Seen {
        loop {
            let seen = self.next().await.expect("the stream goes on");
            match seen.control() {
                None => return seen,
                Some("hello" | "at") => {}
                Some(control) => panic!("there is a hub:{control}: {}", seen.data),
            }
        }
    }
}

/// Publishes this data.
///
/// # Panics
///
/// If it fails.
pub async fn publish(hub: &Hub, topic: &str, data: impl AsRef<str>) -> Position {
    hub.publish(topic, Event::new().data(data)).await.expect("the event is published")
}

/// Makes a test of each law of [`hub::laws`](crate::hub::laws), on what `$nodes` makes: a future of
/// something that is a slice of two nodes, and holds what they need.
#[macro_export]
macro_rules! hub_contract {
    ($nodes:path) => {
        $crate::hub_contract!(@ $nodes:
            acknowledged_events_come_once_in_one_order_on_all_nodes
            a_publisher_s_events_keep_their_order
            a_client_resumes_on_another_node
            clients_that_are_cut_and_move_between_nodes_miss_nothing
            a_position_is_the_id_of_its_event
            a_snapshot_is_followed_without_a_hole
            newcomers_get_the_newest_events
            a_label_ends_subscriptions_on_all_nodes_in_order
            what_cannot_be_resumed_is_a_gap
            filters_see_every_event_once
        );
    };
    (@ $nodes:path: $($law:ident)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $law() {
            let nodes = $nodes().await;
            $crate::hub::laws::$law(nodes.as_ref()).await;
        }
    )*};
}
