//! The server: what it publishes, and its record of that.

use crate::{HISTORY, Options, POSITIONS, TOPICS};
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use fastrand::Rng;
use sse_axum::{Event, KeepAlive, LastEventId, Sse};
use sse_hub::{Hub, Subscription};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::interval;

/// How many events a second are published to quiet topics, and to topics that nobody has.
const OTHERS: u64 = 350;

#[derive(Clone)]
struct Server {
    hub: Hub,
    finish: mpsc::Sender<oneshot::Sender<String>>,
}

/// Prints its address, then serves until it is killed.
pub(crate) async fn run(options: &Options) {
    let hub = Hub::builder()
        .positions(POSITIONS)
        .history_events(HISTORY)
        .max_topics(options.max_topics())
        .build()
        .expect("the settings fit together");
    let (finish, finished) = mpsc::channel(1);
    tokio::spawn(Publisher::new(hub.clone(), options).run(options.clone(), finished));
    let app = Router::new()
        .route("/stream/{topics}", get(stream))
        .route("/finish", post(end))
        .with_state(Server { hub, finish });

    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    // Small, so that the hub soon notices a client that does not read.
    socket.set_send_buffer_size(8 * 1024).expect("a socket");
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a free port");
    socket.listen(4_096).expect("a socket");
    socket.set_nonblocking(true).expect("a socket");
    let listener = TcpListener::from_std(socket.into()).expect("a listener");
    println!("{}", listener.local_addr().expect("an address"));
    let app = tower::make::Shared::new(app.into_service::<axum::body::Body>());
    axum::serve(listener, app).await.expect("the server never ends");
}

async fn stream(
    State(server): State<Server>,
    Path(topics): Path<String>,
    id: LastEventId,
) -> Sse<sse_axum::KeepAliveStream<Subscription>> {
    let keep_alive = KeepAlive::new().interval(Duration::from_secs(1));
    Sse::new(server.hub.subscribe(topics.split(',')).after(&id)).keep_alive(keep_alive)
}

async fn end(State(server): State<Server>) -> String {
    let (sender, record) = oneshot::channel();
    server.finish.send(sender).await.expect("the publisher waits for this");
    record.await.expect("the publisher answers")
}

struct Publisher {
    hub: Hub,
    random: Rng,
    /// The number and the topic of each event.
    record: String,
    quiet: Vec<usize>,
}

impl Publisher {
    fn new(hub: Hub, options: &Options) -> Self {
        let random = Rng::with_seed(options.seed);
        Self { hub, random, record: String::new(), quiet: options.quiet().collect() }
    }

    async fn run(mut self, options: Options, mut finish: mpsc::Receiver<oneshot::Sender<String>>) {
        let all = options.rate + OTHERS;
        let mut interval = interval(Duration::from_secs(1) / u32::try_from(all).expect("a rate"));
        loop {
            tokio::select! {
                _ = interval.tick() => self.publish_any(options.rate, all).await,
                Some(sender) = finish.recv() => {
                    self.publish_last().await;
                    sender.send(self.record).expect("the handler waits");
                    return;
                }
            }
        }
    }

    async fn publish_any(&mut self, busy: u64, all: u64) {
        let topic = if self.random.u64(0..all) < busy {
            format!("topic-{}", self.random.usize(0..TOPICS))
        } else if self.random.u8(0..20) == 0 {
            format!("quiet-{}", self.random.choice(&self.quiet).expect("there are quiet clients"))
        } else {
            // Nobody has it, and it is soon forgotten.
            format!("passing-{}", self.random.u64(..))
        };
        self.publish(&topic).await;
    }

    /// Publishes an event to each topic that clients have.
    async fn publish_last(&mut self) {
        for client in self.quiet.clone() {
            self.publish(&format!("quiet-{client}")).await;
        }
        for topic in 0..TOPICS {
            self.publish(&format!("topic-{topic}")).await;
        }
    }

    async fn publish(&mut self, topic: &str) {
        let data = "x".repeat(self.random.usize(1..300));
        let position = self.hub.publish(topic, Event::new().data(data)).await.expect("a valid event");
        writeln!(self.record, "{} {topic}", position.major).expect("a string takes everything");
    }
}
