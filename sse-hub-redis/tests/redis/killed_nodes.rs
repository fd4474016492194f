//! Two nodes, each a process of its own, which are killed in turn.

use crate::pubsub::example;
use crate::util;
use crate::util::judge::{Published, has_reached, judge, position};
use crate::util::{PATIENCE, Server};
use sse_core::{Decoder, Frame};
use sse_hub::Position;
use sse_test::hub::Seen;
use std::env;
use std::io;
use std::net::TcpListener as StdListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

const PUBLISHERS: usize = 8;
const CLIENTS: usize = 6;
const KILLS: usize = 8;

/// The URL of Redis and the node's port.
const ARGUMENTS: &str = "SSE_HUB_REDIS_NODE";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it is a node, which the other test starts"]
async fn node() {
    let Ok(arguments) = env::var(ARGUMENTS) else { return };
    let (url, port) = arguments.split_once(' ').expect("a URL and a port");
    let app = example::node(url).await.expect("the server is there");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a free port");
    axum::serve(listener, app).await.expect("it serves");
}

struct Node {
    process: Child,
    url: String,
    port: u16,
}

impl Node {
    fn start(server: &Server) -> Self {
        let listener = StdListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let (url, port) = (server.url(), listener.expect("a free port").port());
        Self { process: Self::launch(&url, port), url, port }
    }

    fn launch(url: &str, port: u16) -> Child {
        let mut command = Command::new(env::current_exe().expect("this program has a path"));
        command.args(["--ignored", "--exact", "killed_nodes::node"]).env(ARGUMENTS, format!("{url} {port}"));
        command.stdout(Stdio::null()).spawn().expect("it starts")
    }

    /// Ends the process by SIGKILL.
    fn kill(&mut self) {
        self.process.kill().expect("it runs");
        self.process.wait().expect("it ends");
    }

    fn restart(&mut self) {
        self.process = Self::launch(&self.url, self.port);
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

/// What publishers and clients share.
struct World {
    ports: [u16; 2],
    published: Mutex<Published>,
    publishing: AtomicBool,
    /// How many events each client has seen.
    seen: [AtomicUsize; CLIENTS],
    end: watch::Sender<Option<Position>>,
}

impl World {
    fn note(&self, data: String, outcome: Outcome) {
        let mut published = self.published.lock().expect("no panics");
        match outcome {
            Outcome::Acknowledged(position) => drop(published.acknowledged.insert(position, data)),
            Outcome::Refused => published.refused += 1,
            Outcome::Unknown => drop(published.unknown.insert(data)),
        }
    }

    fn seen(&self) -> [usize; CLIENTS] {
        self.seen.each_ref().map(|seen| seen.load(Ordering::SeqCst))
    }
}

/// Sends a request as HTTP/1.0 does, so that a body ends with its connection.
async fn request(port: u16, request: String) -> io::Result<TcpStream> {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).await?;
    connection.write_all(request.as_bytes()).await?;
    Ok(connection)
}

enum Outcome {
    Acknowledged(Position),
    Refused,
    Unknown,
}

async fn post(port: u16, data: &str) -> Outcome {
    let head = format!("POST /post HTTP/1.0\r\ncontent-length: {}\r\n\r\n{data}", data.len());
    let Ok(mut connection) = request(port, head).await else { return Outcome::Refused };
    let mut answer = String::new();
    let read = timeout(PATIENCE, connection.read_to_string(&mut answer)).await.expect("an answer in time");
    match (read, answer.split(' ').nth(1), answer.split_once("\r\n\r\n")) {
        (Ok(_), Some("200"), Some((_, id))) => Outcome::Acknowledged(position(id)),
        (Ok(_), Some("503"), _) => Outcome::Refused,
        _ => Outcome::Unknown,
    }
}

/// Publishes one event after the other, to the other node if one does not answer.
async fn publisher(world: Arc<World>, number: usize) {
    let (mut node, mut event) = (number % 2, 0);
    while world.publishing.load(Ordering::SeqCst) {
        let data = format!("{number}:{event}");
        let outcome = post(world.ports[node], &data).await;
        if !matches!(outcome, Outcome::Acknowledged(_)) {
            node = 1 - node;
        }
        world.note(data, outcome);
        event += 1;
        sleep(Duration::from_millis(2)).await;
    }
}

/// Reads until the end, and returns all that it saw. If a connection breaks, it resumes on the other
/// node.
async fn client(world: Arc<World>, number: usize) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let (mut node, mut ends) = (number % 2, world.end.subscribe());
    loop {
        let id = seen.last().map_or("", |seen| &seen.id);
        let head = format!("GET /stream HTTP/1.0\r\nlast-event-id: {id}\r\n\r\n");
        if let Ok(mut connection) = request(world.ports[node], head).await {
            let (mut decoder, mut buffer, mut in_body) = (Decoder::new(), Vec::new(), false);
            loop {
                let end = *ends.borrow_and_update();
                if end.is_some_and(|end| seen.last().is_some_and(|seen| has_reached(&seen.id, end))) {
                    return seen;
                }
                match timeout(Duration::from_millis(100), connection.read_buf(&mut buffer)).await {
                    Ok(Ok(1..)) => {}
                    Ok(_) => break,
                    Err(_) => continue,
                }
                if !in_body {
                    let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
                    assert!(buffer.starts_with(b"HTTP/1.0 200"), "{}", String::from_utf8_lossy(&buffer));
                    buffer.drain(..at + 4);
                    in_body = true;
                }
                let mut chunk = &buffer[..];
                while let Some(frame) = decoder.decode(&mut chunk).expect("events are small") {
                    let Frame::Message(message) = frame else { continue };
                    seen.push(Seen {
                        event_type: message.event_type.into_owned(),
                        data: message.data.into_owned(),
                        id: message.last_event_id.into_owned(),
                    });
                    if seen.last().is_some_and(|seen| seen.control().is_none()) {
                        world.seen[number].fetch_add(1, Ordering::SeqCst);
                    }
                }
                buffer.clear();
            }
        }
        node = 1 - node;
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until all clients have seen more, and returns how long that took.
async fn all_see_more(world: &World) -> Duration {
    let (start, before) = (Instant::now(), world.seen());
    let more = || world.seen().iter().zip(before).all(|(now, before)| *now > before + 8);
    util::until("all clients see more", more).await;
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_nodes_lose_and_double_nothing() {
    let server = Server::start();
    let mut nodes = [Node::start(&server), Node::start(&server)];
    let world = Arc::new(World {
        ports: nodes.each_ref().map(|node| node.port),
        published: Mutex::default(),
        publishing: AtomicBool::new(true),
        seen: Default::default(),
        end: watch::Sender::new(None),
    });
    let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(client(world.clone(), number))).collect();
    let publishers: Vec<_> =
        (0..PUBLISHERS).map(|number| tokio::spawn(publisher(world.clone(), number))).collect();
    all_see_more(&world).await;
    let mut waits = Vec::new();
    for kill in 0..KILLS {
        sleep(Duration::from_millis(500)).await;
        nodes[kill % 2].kill();
        waits.push(all_see_more(&world).await);
        nodes[kill % 2].restart();
        let listens = async || TcpStream::connect(("127.0.0.1", world.ports[kill % 2])).await.is_ok();
        while !listens().await {
            sleep(Duration::from_millis(20)).await;
        }
    }

    world.publishing.store(false, Ordering::SeqCst);
    for publisher in publishers {
        publisher.await.expect("no panic");
    }
    let Outcome::Acknowledged(end) = post(world.ports[0], "end").await else { panic!("the node is there") };
    world.published.lock().expect("no panics").acknowledged.insert(end, "end".into());
    world.end.send_replace(Some(end));
    let mut stories = Vec::new();
    for client in clients {
        stories.push(timeout(PATIENCE, client).await.expect("it reaches the end").expect("no panic"));
    }

    let published = world.published.lock().expect("no panics");
    let verdict = judge(&published, &stories);
    println!(
        "{KILLS} kills: {} acknowledged, {} unknown of which {} came, {} refused; \
         {CLIENTS} clients: {} lost, {} doubled, gaps {:?}; all see more after {waits:?}",
        published.acknowledged.len(),
        published.unknown.len(),
        verdict.unknown_that_came.len(),
        published.refused,
        verdict.lost.len(),
        verdict.doubled.len(),
        verdict.gaps,
    );
    assert!(verdict.lost.is_empty(), "lost: {:?}", verdict.lost);
    assert!(verdict.doubled.is_empty(), "doubled: {:?}", verdict.doubled);
    assert!(verdict.gaps.is_empty(), "nothing was missed: {:?}", verdict.gaps);
    assert!(published.acknowledged.len() > 2_000, "enough was published to tell");
}
