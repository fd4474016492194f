pub(crate) mod judge;
mod server;

pub(crate) use server::Server;

use redis::{Client as RedisClient, ErrorKind, RedisError, RedisResult};
use sse_core::Event;
use sse_hub::{Hub, Position, PublishError};
use sse_hub_redis::{Builder, Redis};
use sse_test::hub::{Client, Seen};
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

/// How long to wait for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until this holds.
#[track_caller]
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let message = format!("{}: {what} in time", std::panic::Location::caller());
    async move {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "{message}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The address of the master, as a name service tells it to a node.
#[derive(Clone)]
pub(crate) struct Address {
    port: Arc<AtomicU16>,
    open: Arc<AtomicBool>,
}

impl Address {
    pub(crate) fn of(server: &Server) -> Self {
        Self { port: Arc::new(server.port.into()), open: Arc::new(true.into()) }
    }

    pub(crate) fn lead_to(&self, server: &Server) {
        self.port.store(server.port, Ordering::SeqCst);
    }

    pub(crate) fn lead_through(&self, proxy: &Proxy) {
        self.port.store(proxy.port, Ordering::SeqCst);
    }

    /// New connections fail from now on.
    pub(crate) fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    pub(crate) fn open(&self) {
        self.open.store(true, Ordering::SeqCst);
    }

    /// Takes the tail of a node away, which finds no other way to the server.
    pub(crate) async fn deafen(&self, hub: &Hub, server: &Server) {
        self.close();
        server.cut_tails_until(|| matches!(hub.health(), sse_hub::Health::Unreachable(_))).await;
    }

    pub(crate) fn builder(&self) -> Builder {
        let Self { port, open } = self.clone();
        let client = move || -> RedisResult<RedisClient> {
            if !open.load(Ordering::SeqCst) {
                return Err(RedisError::from((ErrorKind::Io, "the address is closed")));
            }
            RedisClient::open(format!("redis://127.0.0.1:{}/", port.load(Ordering::SeqCst)))
        };
        Redis::builder_with(move || std::future::ready(client()))
    }

    pub(crate) async fn hub(&self) -> Hub {
        Hub::connect(self.builder().build()).await.expect("the server is there")
    }
}

pub(crate) async fn hub(server: &Server) -> Hub {
    Address::of(server).hub().await
}

pub(crate) fn event(data: &str) -> Event {
    Event::new().data(data)
}

/// Publishes as soon as Redis takes it.
///
/// The tests cut connections before they publish, and not while an event is on its way: an unknown
/// outcome is that of an event which was sent to a server that is no more.
pub(crate) async fn publish_soon(hub: &Hub, data: &str) -> Position {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match hub.publish("news", event(data)).await {
            Ok(position) => return position,
            Err(PublishError::Refused(_) | PublishError::Unknown(_)) if Instant::now() < deadline => {}
            Err(error) => panic!("{data} cannot be published: {error:?}"),
        }
        sleep(Duration::from_millis(20)).await;
    }
}

/// What a client sees until it sees this data: data, and `gap:` with its cause; no other control
/// events.
pub(crate) async fn story(client: &mut Client, last: &str) -> Vec<String> {
    let mut story = Vec::new();
    while story.last().is_none_or(|seen| seen != last) {
        story.extend(told(&client.next().await.expect("the stream goes on")));
    }
    story
}

/// The client's next event or gap.
pub(crate) async fn next(client: &mut Client) -> String {
    loop {
        if let Some(told) = told(&client.next().await.expect("the stream goes on")) {
            return told;
        }
    }
}

pub(crate) fn told(seen: &Seen) -> Option<String> {
    match seen.control() {
        None => Some(seen.data.clone()),
        Some("hello" | "at") => None,
        Some("gap") => {
            let cause = seen.data.split('"').nth(3).expect("a gap has a cause");
            Some(format!("gap:{cause}"))
        }
        Some(control) => Some(control.into()),
    }
}

/// Two nodes, and a client of each that has seen the event `0`.
pub(crate) struct Pair {
    pub(crate) addresses: [Address; 2],
    pub(crate) hubs: [Hub; 2],
    pub(crate) clients: [Client; 2],
}

impl Pair {
    pub(crate) async fn on(server: &Server) -> Self {
        let addresses = [Address::of(server), Address::of(server)];
        let hubs = [addresses[0].hub().await, addresses[1].hub().await];
        let mut clients = [Client::new(&hubs[0], &["news"]), Client::new(&hubs[1], &["news"])];
        publish_soon(&hubs[0], "0").await;
        for client in &mut clients {
            assert_eq!(story(client, "0").await, ["0"]);
        }
        Self { addresses, hubs, clients }
    }

    pub(crate) fn lead_to(&self, server: &Server) {
        self.addresses.iter().for_each(|address| address.lead_to(server));
    }

    /// Takes both nodes' tails away; their publishers stay connected.
    pub(crate) async fn deafen(&self, server: &Server) {
        for (address, hub) in self.addresses.iter().zip(&self.hubs) {
            address.deafen(hub, server).await;
        }
    }

    pub(crate) fn open(&self) {
        self.addresses.iter().for_each(Address::open);
    }

    /// Both clients see this until they see the last of it.
    #[track_caller]
    pub(crate) fn both_see(&mut self, expected: &[&str]) -> impl Future<Output = ()> {
        let caller = std::panic::Location::caller();
        async move {
            for (node, client) in self.clients.iter_mut().enumerate() {
                let seen = story(client, expected.last().expect("something")).await;
                assert_eq!(seen, expected, "on node {node}, {caller}");
            }
        }
    }

    /// Both clients see this, whatever comes before it.
    pub(crate) async fn both_reach(&mut self, last: &str) {
        for client in &mut self.clients {
            story(client, last).await;
        }
    }

    pub(crate) fn gaps(&self) -> u64 {
        self.hubs.iter().map(gaps).sum()
    }
}

pub(crate) fn gaps(hub: &Hub) -> u64 {
    let stats = hub.stats();
    stats.gaps_ahead + stats.gaps_epoch + stats.gaps_lagged + stats.gaps_malformed + stats.gaps_trimmed
}

/// A way to a server that notes what it is asked, and can lose its answers or hold them back.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    mute: Arc<AtomicBool>,
    held: watch::Sender<bool>,
    asked: Arc<Mutex<Vec<u8>>>,
    sockets: Arc<Mutex<Vec<tokio::task::AbortHandle>>>,
}

impl Proxy {
    pub(crate) async fn to(server: &Server) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let (mute, sockets) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (held, asked) = (watch::Sender::new(false), Arc::new(Mutex::new(Vec::new())));
        let proxy = Self {
            port,
            mute: mute.clone(),
            held: held.clone(),
            asked: asked.clone(),
            sockets: sockets.clone(),
        };
        let server = server.port;
        let accept = tokio::spawn(async move {
            while let Ok((node, _)) = listener.accept().await {
                let (mute, mut held, asked) = (mute.clone(), held.subscribe(), asked.clone());
                let pass = tokio::spawn(async move {
                    let Ok(redis) = tokio::net::TcpStream::connect(("127.0.0.1", server)).await else {
                        return;
                    };
                    let ((mut from_node, mut to_node), (mut from_redis, mut to_redis)) =
                        (node.into_split(), redis.into_split());
                    let questions = async {
                        let mut buffer = vec![0; 65_536];
                        while let Ok(len @ 1..) = from_node.read(&mut buffer).await {
                            proxy_lock(&asked).extend_from_slice(&buffer[..len]);
                            if to_redis.write_all(&buffer[..len]).await.is_err() {
                                break;
                            }
                        }
                    };
                    let answers = async {
                        let mut buffer = vec![0; 65_536];
                        while let Ok(len @ 1..) = from_redis.read(&mut buffer).await {
                            held.wait_for(|held| !held).await.expect("the proxy is there");
                            let muted = mute.load(Ordering::SeqCst);
                            if !muted && to_node.write_all(&buffer[..len]).await.is_err() {
                                break;
                            }
                        }
                    };
                    tokio::select! { () = questions => {}, () = answers => {} }
                });
                proxy_lock(&sockets).push(pass.abort_handle());
            }
        });
        proxy_lock(&proxy.sockets).push(accept.abort_handle());
        proxy
    }

    /// Drops all answers from now on, or passes them again.
    pub(crate) fn mute(&self, mute: bool) {
        self.mute.store(mute, Ordering::SeqCst);
    }

    /// Holds all answers back from now on, or lets them go.
    pub(crate) fn hold(&self, hold: bool) {
        self.held.send_replace(hold);
    }

    /// How often nodes have sent this word.
    pub(crate) fn asked(&self, word: &str) -> usize {
        proxy_lock(&self.asked).windows(word.len()).filter(|bytes| *bytes == word.as_bytes()).count()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }
}

fn proxy_lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("no test panics under the lock")
}

impl Drop for Proxy {
    fn drop(&mut self) {
        proxy_lock(&self.sockets).iter().for_each(tokio::task::AbortHandle::abort);
    }
}
