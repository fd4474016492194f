//! What every adapter must do, written once.
//!
//! An adapter's tests have one function, which starts a real server of its framework with the
//! streams of a [`Probe`] on these paths. They pass it to [`contract!`], which turns each law in
//! [`laws`] into a test:
//!
//! | path | answer |
//! |---|---|
//! | `/script` | [`Probe::script`] |
//! | `/live` | [`Probe::live`] with [`keep_alive`], ended by [`Probe::stopped`] unless the adapter ends streams itself |
//! | `/quiet` | the same without keep-alive |
//! | `/farewell` | [`Probe::farewell`] |
//! | `/endless` | [`Probe::endless`], on sockets with [`close_stalled`], if the framework gives access to its sockets |
//! | `/resume` | [`Probe::after`] the request's last event ID |
//! | `/once` | status 204 if the request has a last event ID, else `Probe::script` |
//!
//! Tests of your own start a server with [`Running::start`].

pub mod chat;
pub mod client;
pub mod hub;
pub mod laws;
pub mod redis;

use crate::client::PATIENCE;
use futures_util::stream::{self, Stream, StreamExt};
use sse_core::{Event, KeepAlive};
use std::cell::Cell;
use std::convert::Infallible;
use std::error::Error;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// The bytes of [`Probe::script`].
pub const SCRIPT: &str = "\
:the script\nretry: 1500\n\n\
event: greeting\nid: 1\ndata: 안녕하세요 😀\n\n\
id: 2\ndata: crlf\ndata: lf\ndata: cr\ndata: \ndata: end\n\n\
data: \n\n\
id: 셋\ndata:  two spaces\n\n";

/// The bytes of [`Probe::farewell`].
pub const FAREWELL: &str = "event: farewell\ndata: see you\n\n";

const KEEP_ALIVE_INTERVAL: Duration = Duration::from_millis(50);

/// Returns a keep-alive with an interval short enough for a test.
pub fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(KEEP_ALIVE_INTERVAL).text("still here")
}

/// How long a client may go without reading.
const STALLED: Duration = Duration::from_secs(2);

/// Makes Linux close a connection whose client does not read, as the READMEs advise, but sooner.
/// Connections inherit these options from their listener.
///
/// # Panics
///
/// Panics if the socket does not accept an option.
#[cfg(target_os = "linux")]
pub fn close_stalled<S: std::os::fd::AsFd>(socket: &S) {
    let socket = socket2::SockRef::from(socket);
    socket.set_tcp_nodelay(true).expect("an open socket");
    socket.set_tcp_user_timeout(Some(STALLED)).expect("an open socket");
    socket.set_send_buffer_size(64 * 1024).expect("an open socket");
}

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends when it has shut down.
    pub ended: JoinHandle<()>,
    /// How a response ends after an error of its stream.
    pub after_error: End,
}

/// The end of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The last chunk arrived, or the HTTP/2 stream ended.
    InOrder,
    /// The connection broke, or the HTTP/2 stream was reset.
    Broken,
}

/// A server under test, and the test's control over its streams.
#[derive(Debug)]
pub struct Running {
    /// The server.
    pub server: Server,
    stop: watch::Sender<bool>,
    live: mpsc::UnboundedReceiver<mpsc::UnboundedSender<Event>>,
}

impl Running {
    /// Starts a server with a new probe.
    pub async fn start<F: Future<Output = Server>>(start: impl FnOnce(Probe) -> F) -> Self {
        let (sender, live) = mpsc::unbounded_channel();
        let (stop, stopped) = watch::channel(false);
        Self { server: start(Probe { live: sender, stopped }).await, stop, live }
    }

    /// Returns the sender of the next [`Probe::live`] stream.
    ///
    /// # Panics
    ///
    /// Panics if no client requests one.
    pub async fn live(&mut self) -> mpsc::UnboundedSender<Event> {
        timeout(PATIENCE, self.live.recv()).await.expect("a live stream").expect("a probe")
    }

    /// Makes [`Probe::stopped`] complete.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

/// The streams that a server sends.
#[derive(Debug, Clone)]
pub struct Probe {
    live: mpsc::UnboundedSender<mpsc::UnboundedSender<Event>>,
    stopped: watch::Receiver<bool>,
}

impl Probe {
    /// One event of each kind, then an error.
    pub fn script(&self) -> impl Stream<Item = Result<Event, ScriptError>> + Send + use<> {
        let steps = [
            Some(Event::new().comment("the script").retry(Duration::from_millis(1500))),
            Some(Event::new().event("greeting").id("1").data("안녕하세요 😀")),
            Some(Event::new().id("2").data("crlf\r\nlf\ncr\r\rend")),
            Some(Event::new().data("")),
            Some(Event::new().id("셋").data(" two spaces")),
            None,
            Some(Event::new().data("after the error")),
        ];
        stream::iter(steps).map(|step| step.ok_or_else(ScriptError::default))
    }

    /// Events that the test sends one by one, as a stream that is not `Sync`.
    pub fn live(&self) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
        let (sender, mut events) = mpsc::unbounded_channel();
        self.live.send(sender).ok();
        let not_sync = Cell::new(());
        stream::poll_fn(move |cx| {
            not_sync.set(());
            events.poll_recv(cx).map(|event| event.map(Ok))
        })
    }

    /// One event when the server stops, according to the framework or else to
    /// [`stopped`](Self::stopped).
    pub fn farewell<F>(&self, stopped: F) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<F>
    where
        F: Future<Output = ()> + Send,
    {
        stream::once(async {
            stopped.await;
            Ok(Event::new().event("farewell").data("see you"))
        })
    }

    /// An endless stream of events that is always ready. [`Running::live`] returns a sender that
    /// closes when the stream is dropped.
    pub fn endless(&self) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
        let (sender, owned) = mpsc::unbounded_channel();
        self.live.send(sender).ok();
        stream::repeat_with(move || {
            let _ = &owned;
            Ok(Event::new().data("x".repeat(1000)))
        })
    }

    /// Three events with the IDs after this one, or from 1.
    pub fn after(&self, last_event_id: &str) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
        let next = last_event_id.parse::<u32>().map_or(1, |seen| seen.saturating_add(1));
        stream::iter(next..=u32::MAX).take(3).map(|id| Ok(Event::new().id(id.to_string()).data("x")))
    }

    /// Completes when the server must stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopped = self.stopped.clone();
        async move {
            stopped.wait_for(|&stopped| stopped).await.ok();
        }
    }
}

/// The error at the end of [`Probe::script`]. It is not `Send`, because no adapter may require
/// that.
#[derive(Debug, Clone, Default)]
pub struct ScriptError(PhantomData<Rc<()>>);

impl From<ScriptError> for Box<dyn Error + Send + Sync> {
    fn from(_: ScriptError) -> Self {
        "the script ends with an error".into()
    }
}

impl From<ScriptError> for Box<dyn Error> {
    fn from(_: ScriptError) -> Self {
        "the script ends with an error".into()
    }
}

/// Asserts that the first block of code in this section of a README is part of this source, except
/// for layout and visibility.
///
/// # Panics
///
/// Panics if it is not.
pub fn assert_documented(readme: &str, section: &str, source: &str) {
    let (_, section) = readme.split_once(&format!("\n## {section}\n")).expect("a section of that name");
    let (_, block) = section.split_once("```rust\n").expect("a block of code");
    let (block, _) = block.split_once("\n```").expect("an end of the block");
    let words =
        |code: &str| code.replace("pub(crate) ", "").replace(char::is_whitespace, "").replace(",)", ")");
    assert!(words(source).contains(&words(block)), "the source does not contain this code: {block}");
}

/// Last event IDs that a client may send, and what the log in all READMEs sends after each.
pub fn documented_log() -> [(&'static str, String); 8] {
    let lines = |from: u64| (from..10).map(|n| format!("id: {n}\ndata: line {n}\n\n")).collect();
    [
        ("", lines(0)),
        ("7", lines(8)),
        ("9", String::new()),
        ("18446744073709551614", String::new()),
        ("18446744073709551615", String::new()),
        ("18446744073709551616", lines(0)),
        ("-1", lines(0)),
        ("한", lines(0)),
    ]
}

/// Turns each law, or those named, into a test of the servers that this function starts: an
/// `async fn(Probe) -> Server`.
///
/// The servers run on several threads, as those of users do.
#[macro_export]
macro_rules! contract {
    ($start:path) => {
        $crate::contract! { $start:
            the_head_declares_an_event_stream
            the_body_is_the_script_byte_for_byte_and_ends_as_declared
            the_response_begins_at_once
            each_event_arrives_whole_before_the_next_is_sent
            keep_alive_comes_first_and_fills_the_pauses
            without_keep_alive_the_body_is_the_events_and_nothing_else
            events_before_an_error_arrive
            a_client_resumes_after_the_id_in_its_header
            a_client_resumes_after_the_id_in_its_query
            a_last_event_id_that_no_event_can_have_is_a_400
            a_204_tells_the_client_to_stop
            a_head_request_gets_the_head_alone
            a_client_that_is_gone_has_its_kept_alive_stream_dropped
            shutdown_ends_open_streams_in_order
            a_last_event_arrives_at_shutdown
        }
    };
    ($start:path: $($law:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $law() {
                $crate::laws::$law($start).await;
            }
        )*
    };
}
