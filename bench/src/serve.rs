//! The server that is measured, as a process of its own. Each stream has two routes: ours, and the
//! same with axum's `Sse`.

use crate::corpus::Corpus;
use crate::delivery::Delivery;
use crate::fields::Fields;
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::response::{IntoResponse, sse};
use axum::routing::get;
use futures_util::{Stream, StreamExt, stream};
use std::convert::Infallible;
use std::io;
use std::process;
use std::task::{Poll, ready};
use std::thread;
use std::time::{Duration, Instant, SystemTime};
use tokio::net::TcpListener;
use tokio::runtime;
use tokio::time::{MissedTickBehavior, interval};

/// The time from one burst to the next.
const INTERVAL: Duration = Duration::from_millis(2);

/// How many events are slow, and how much processor time each takes.
pub const SLOW_EVENTS: usize = 60;
pub const SLOW_EVENT: Duration = Duration::from_millis(20);

// For each stream, our route and axum's. The routes of bursts take two more segments: the size of a
// burst and the number of bursts.
pub const ENDLESS: [&str; 2] = ["/endless", "/axum/endless"];
pub const SLOW: [&str; 2] = ["/slow", "/axum/slow"];
pub const TINY: [&str; 2] = ["/tiny", "/axum/tiny"];
pub const OPENAI: [&str; 2] = ["/openai", "/axum/openai"];
/// A corpus, whose name and number of repetitions are two more segments.
pub const CORPUS: &str = "/corpus";
/// A response of a few bytes, which is not a stream.
pub const PLAIN: &str = "/plain";

/// Serves on this many threads, on a port that it prints, until its standard input ends.
///
/// # Errors
///
/// Returns an error when the server cannot run.
pub fn serve(threads: usize) -> io::Result<()> {
    until_stdin_ends();
    let mut runtime = match threads {
        1 => runtime::Builder::new_current_thread(),
        _ => runtime::Builder::new_multi_thread(),
    };
    runtime.worker_threads(threads).enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("{}", listener.local_addr()?);
        axum::serve(listener, app()).await
    })
}

/// Ends this process when its standard input ends.
pub fn until_stdin_ends() {
    thread::spawn(|| {
        _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
}

fn app() -> Router {
    let openai: &'static str = Fields::of_first_event("openai").data.leak();
    let bursts = |path| format!("{path}/{{size}}/{{count}}");
    let of_tiny = |Path((size, count))| in_bursts(size, count, tiny);
    let of_openai = move |Path((size, count))| in_bursts(size, count, move |_| openai);
    Router::new()
        .route(&format!("{CORPUS}/{{name}}/{{times}}"), get(async |Path((name, times))| corpus(name, times)))
        .route(PLAIN, get(async || "plain"))
        .route(ENDLESS[0], get(async || ours(endless())))
        .route(ENDLESS[1], get(async || axum(endless())))
        .route(SLOW[0], get(async || ours(slow())))
        .route(SLOW[1], get(async || axum(slow())))
        .route(&bursts(TINY[0]), get(async move |path| ours(of_tiny(path))))
        .route(&bursts(TINY[1]), get(async move |path| axum(of_tiny(path))))
        .route(&bursts(OPENAI[0]), get(async move |path| ours(of_openai(path))))
        .route(&bursts(OPENAI[1]), get(async move |path| axum(of_openai(path))))
}

fn ours<T: AsRef<str>>(data: impl Stream<Item = T> + Send + 'static) -> impl IntoResponse {
    sse_axum::Sse::new(data.map(|data| Ok::<_, Infallible>(sse_axum::Event::new().data(data))))
}

fn axum<T: AsRef<str>>(data: impl Stream<Item = T> + Send + 'static) -> impl IntoResponse {
    axum::response::Sse::new(data.map(|data| Ok::<_, Infallible>(sse::Event::default().data(data))))
}

/// The bytes of a corpus in chunks of 16 KiB, as they are.
fn corpus(name: String, times: usize) -> impl IntoResponse {
    let corpus = Corpus::generate(Corpus::NAMES.into_iter().find(|known| *known == name).expect("it exists"));
    let chunks = vec![Delivery::Read.chunks(&corpus); times].into_iter().flatten();
    (
        [("content-type", "text/event-stream")],
        Body::from_stream(stream::iter(chunks.map(Ok::<_, Infallible>))),
    )
}

/// 1 to 8 bytes of data.
fn tiny(number: usize) -> &'static str {
    &"12345678"[..1 + number % 8]
}

/// A stream that is always ready and never ends.
fn endless() -> impl Stream<Item = &'static str> {
    stream::iter((0..).map(tiny))
}

/// Events that are computed by the stream itself, as by a model in the same process. Their data is
/// the time at which they are ready.
fn slow() -> impl Stream<Item = String> {
    stream::iter((0..SLOW_EVENTS).map(|_| {
        let start = Instant::now();
        while start.elapsed() < SLOW_EVENT {}
        now().as_nanos().to_string()
    }))
}

fn in_bursts<T>(size: usize, count: usize, data: impl Fn(usize) -> T) -> impl Stream<Item = T> {
    let mut interval = interval(INTERVAL);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut numbers = 0..size * count;
    stream::poll_fn(move |cx| {
        if numbers.start % size == 0 && !numbers.is_empty() {
            ready!(interval.poll_tick(cx));
        }
        Poll::Ready(numbers.next().map(&data))
    })
}

/// The time by the clock that the server and its clients share.
pub fn now() -> Duration {
    SystemTime::UNIX_EPOCH.elapsed().expect("the epoch is in the past")
}
