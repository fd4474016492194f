//! A crowd of clients on one hub, whose connections are cut at random. Each client must end with
//! every event of its topics, once and in order, or have been told of a gap where events were lost.
//!
//! `cargo run --release -p e2e --bin crowd -- --clients 10000 --seconds 60 --rate 50 --life 10`

mod client;
mod record;
mod server;
mod verdict;

use crate::client::Client;
use crate::record::Record;
use crate::verdict::Verdict;
use clap::Parser;
use futures_util::future::join_all;
use std::net::SocketAddr;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How many busy topics there are.
const TOPICS: usize = 50;

/// How many events of the whole hub the positions of clients may be old. A quiet client that is
/// connected for some ten seconds gets past them, unless its position is refreshed.
const POSITIONS: usize = 2_000;

/// How many events a topic keeps.
const HISTORY: usize = 8;

/// How long the clients may take for what they have not seen when the last event is published.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Parser)]
#[command(about = "Cuts the connections of a crowd of clients, and counts what they were not told")]
struct Options {
    /// How many clients there are
    #[arg(long, default_value_t = 1_000)]
    clients: usize,
    /// For how many seconds events are published
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// How many events a second are published to the busy topics together
    #[arg(long, default_value_t = 100)]
    rate: u64,
    /// How many seconds a connection lasts, on average
    #[arg(long, default_value_t = 3.0)]
    life: f64,
    /// The seed of what is random, except for time
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs the server, which the program starts by itself
    #[arg(long, hide = true)]
    serve: bool,
}

impl Options {
    /// Whether a client has a quiet topic of its own.
    fn is_quiet(client: usize) -> bool {
        client % 20 < 3
    }

    /// The clients that have a quiet topic of their own.
    fn quiet(&self) -> impl Iterator<Item = usize> + use<> {
        (0..self.clients).filter(|client| Self::is_quiet(*client))
    }

    /// How many topics may have events: all that clients have, and some of those that come and go.
    fn max_topics(&self) -> usize {
        TOPICS + self.quiet().count() + 50
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    rlimit::increase_nofile_limit(u64::MAX).expect("the limit of open files can be raised");
    if options.serve {
        server::run(&options).await;
        return ExitCode::SUCCESS;
    }
    let verdict = crowd(&options).await;
    println!("{verdict}");
    if verdict.is_good() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the clients of this process against a server in another one.
async fn crowd(options: &Options) -> Verdict {
    let mut server = Command::new(std::env::current_exe().expect("this program has a path"))
        .args(std::env::args().skip(1))
        .arg("--serve")
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the server starts");
    let mut output = BufReader::new(server.stdout.take().expect("a pipe")).lines();
    let address = output.next_line().await.expect("a pipe").expect("the server prints its address");
    let address: SocketAddr = address.parse().expect("an address");

    let (finished, finish) = watch::channel(None);
    let clients: Vec<_> = (0..options.clients)
        .map(|number| tokio::spawn(Client::new(number, options).run(address, finish.clone())))
        .collect();
    sleep(Duration::from_secs(options.seconds)).await;
    let record = Arc::new(Record::new(&fetch_record(address).await, options.max_topics()));
    finished.send_replace(Some(record.clone()));

    let start = Instant::now();
    let mut verdict = Verdict::new(options.clients, record.len());
    for client in timeout(PATIENCE, join_all(clients)).await.expect("all clients get the last event") {
        verdict.add(&client.expect("a client"), &record);
    }
    eprintln!("all clients had the last event after {:.1} s", start.elapsed().as_secs_f32());
    verdict
}

/// Ends publishing, and returns what was published.
async fn fetch_record(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    stream.write_all(b"POST /finish HTTP/1.0\r\n\r\n").await.expect("an open connection");
    let mut response = String::new();
    stream.read_to_string(&mut response).await.expect("a response");
    response.split_once("\r\n\r\n").expect("a response").1.to_owned()
}
