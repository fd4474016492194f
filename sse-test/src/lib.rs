//! What every adapter must do, written once.
//!
//! An adapter's tests have one function that starts a real server of its framework, with the streams of a [`Probe`] on
//! these paths, and give it to [`contract!`], which makes a test of each law in [`laws`]:
//!
//! | path | answer |
//! |---|---|
//! | `/script` | [`Probe::script`] |
//! | `/live` | [`Probe::live`], with [`keep_alive`], ending when [`Probe::stopped`] does if the adapter does not see to it |
//! | `/resume` | [`Probe::after`] the request's last event ID |
//! | `/once` | status 204 if the request has a last event ID, else `Probe::script` |

pub mod client;
pub mod laws;

use futures_util::stream::{self, Stream, StreamExt};
use sse_core::{Event, KeepAlive};
use std::cell::Cell;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

/// The bytes of [`Probe::script`].
pub const SCRIPT: &str = "\
:the script\nretry: 1500\n\n\
event: greeting\nid: 1\ndata: 안녕하세요 😀\n\n\
id: 2\ndata: crlf\ndata: lf\ndata: cr\ndata: \ndata: end\n\n\
data: \n\n\
id: 셋\ndata:  two spaces\n\n";

/// A keep-alive that a test need not wait for.
pub fn keep_alive() -> KeepAlive {
    KeepAlive::new().interval(Duration::from_millis(50)).text("still here")
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Ends when it has shut down.
    pub ended: JoinHandle<()>,
}

/// The streams that a server sends, and the test's hand on them.
#[derive(Debug, Clone)]
pub struct Probe {
    live: mpsc::UnboundedSender<mpsc::UnboundedSender<Event>>,
    stopped: watch::Receiver<bool>,
}

impl Probe {
    /// One event of each kind, then an error.
    pub fn script(&self) -> impl Stream<Item = Result<Event, ScriptError>> + Send + use<> {
        stream::iter([
            Ok(Event::new().comment("the script").retry(Duration::from_millis(1500))),
            Ok(Event::new().event("greeting").id("1").data("안녕하세요 😀")),
            Ok(Event::new().id("2").data("crlf\r\nlf\ncr\r\rend")),
            Ok(Event::new().data("")),
            Ok(Event::new().id("셋").data(" two spaces")),
            Err(ScriptError),
            Ok(Event::new().data("after the error")),
        ])
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

    /// Three events whose IDs go on after this one, or from 1.
    pub fn after(&self, last_event_id: &str) -> impl Stream<Item = Result<Event, Infallible>> + Send + use<> {
        let next = last_event_id.parse().map_or(1, |seen: u32| seen + 1);
        stream::iter(next..next + 3).map(|id| Ok(Event::new().id(id.to_string()).data("x")))
    }

    /// Waits until the server is to stop.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut stopped = self.stopped.clone();
        async move {
            stopped.wait_for(|&stopped| stopped).await.ok();
        }
    }
}

/// The error at the end of [`Probe::script`].
#[derive(Debug, Clone, Copy)]
pub struct ScriptError;

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the script ends with an error")
    }
}

impl std::error::Error for ScriptError {}

/// Makes a test of each law, or of those named, for the servers that this function starts: an `async fn(Probe) -> Server`.
#[macro_export]
macro_rules! contract {
    ($start:path) => {
        $crate::contract! { $start:
            the_head_is_that_of_an_event_stream
            the_body_is_the_script_byte_for_byte
            the_opening_comment_comes_at_once
            each_event_is_a_chunk_as_it_is_sent
            keep_alive_fills_the_pauses
            a_client_resumes_after_the_id_in_its_header
            a_client_resumes_after_the_id_in_its_query
            a_last_event_id_that_no_event_can_have_is_a_400
            a_204_ends_it
            a_head_request_gets_the_head_alone
            a_client_that_is_gone_has_its_stream_dropped
            shutdown_ends_open_streams_in_order
        }
    };
    ($start:path: $($law:ident)*) => {
        $(
            #[tokio::test]
            async fn $law() {
                $crate::laws::$law($start).await;
            }
        )*
    };
}
