use crate::body::Body;
use crate::error::{BoxError, Error};
use crate::response;
use crate::session::{Attempt, Session, cut};
use futures_core::Stream;
use futures_core::stream::FusedStream;
use http::StatusCode;
use sse_core::{Decoder, EventStream, EventTooLarge, Frame, Frames, MessageEvent};
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use sync_wrapper::SyncWrapper;
use tokio::time::{Instant, Sleep, sleep};

/// How many frames that are no items are passed over before other tasks get a turn.
const FRAMES: usize = 32;

/// A connection to an event stream that comes back when it is lost (WHATWG HTML 9.2.2).
///
/// As a stream, it yields [`Signal`]s, and ends after an `Err` or with `None`.
/// [`message`](Self::message) returns the messages alone. Nothing happens until one of them is
/// polled, and only while it is polled.
///
/// ```
/// use axum::{Router, routing::get};
/// use sse_source::{EventSource, sse_core::Event};
/// use tower::ServiceExt;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), sse_source::Error> {
/// let app = Router::new().route(
///     "/events",
///     get(async || ([("content-type", "text/event-stream")], Event::new().data("hello").to_string())),
/// );
/// let mut events = EventSource::new(move |attempt| {
///     let mut request = http::Request::get("/events").body(String::new()).unwrap();
///     request.headers_mut().extend(attempt.headers);
///     app.clone().oneshot(request)
/// });
/// assert_eq!(events.message().await?.unwrap().data, "hello");
/// # Ok(()) }
/// ```
///
/// # Panics
///
/// The first poll panics without a tokio runtime whose time is enabled. A panic of the connect
/// function or its future closes the source.
#[must_use = "an `EventSource` does nothing unless polled"]
pub struct EventSource {
    connect: SyncWrapper<Connect>,
    retry_when: SyncWrapper<RetryWhen>,
    idle_timeout: Option<Duration>,
    session: Session,
    frames: Frames<Body>,
    state: State,
    /// Whether this connection was yielded as [`Signal::Open`].
    announced: bool,
}

type Connecting = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Error>> + Send>>;
type Connect = Box<dyn FnMut(Attempt, Option<Duration>) -> Connecting + Send>;
type RetryWhen = Box<dyn FnMut(&Error, u32) -> bool + Send>;
type Item = Option<Result<Signal, Error>>;

enum State {
    New,
    Connecting(SyncWrapper<Connecting>),
    Open(Box<Open>),
    Waiting(Pin<Box<Sleep>>),
    Closed,
}

struct Open {
    head: http::Response<()>,
    since: Instant,
}

/// What an [`EventSource`] yields.
#[derive(Debug)]
#[non_exhaustive]
pub enum Signal {
    /// A connection is open; this is the head of its response.
    Open(http::Response<()>),
    /// An event was dispatched.
    Message(MessageEvent<'static>),
    /// The text of a comment, if [asked for](EventSource::comments).
    Comment(String),
    /// An event exceeded the [limit](EventSource::max_event_size) and was skipped. Its ID was not
    /// taken, so the next connection may bring it again.
    TooLarge(EventTooLarge),
    /// The connection was lost, or not made. The next attempt is made after the delay.
    Reconnecting {
        /// Why.
        cause: Error,
        /// The time until the next attempt.
        delay: Duration,
    },
}

/// The state of an [`EventSource`], as in a browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReadyState {
    /// It is connecting, or waits to do so.
    Connecting,
    /// It has a response.
    Open,
    /// It does not connect again.
    Closed,
}

impl EventSource {
    /// Creates a source that connects with this function, which is called for each attempt.
    ///
    /// The function sends a request with the [headers](Attempt::headers) that it is given, and
    /// returns the response: an `http::Response`, or what converts into one, such as that of
    /// reqwest. Whatever must be fresh for each connection, such as a token, is made there.
    pub fn new<F, Fut, R, B, E>(mut connect: F) -> Self
    where
        F: FnMut(Attempt) -> Fut + Send + 'static,
        Fut: Future<Output = Result<R, E>> + Send + 'static,
        R: Into<http::Response<B>> + 'static,
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
        E: Into<BoxError> + 'static,
    {
        let connect: Connect =
            Box::new(move |attempt, idle_timeout| Box::pin(response::open(connect(attempt), idle_timeout)));
        Self {
            connect: SyncWrapper::new(connect),
            retry_when: SyncWrapper::new(Box::new(|error, _| error.is_transient())),
            idle_timeout: None,
            session: Session::new(),
            frames: EventStream::new(Body::none()).frames(),
            state: State::New,
            announced: false,
        }
    }

    /// Sets the last event ID that the first connection continues after, such as one that was
    /// stored.
    pub fn last_event_id(self, id: impl Into<String>) -> Self {
        self.decoder(|decoder| decoder.with_last_event_id(id))
    }

    /// Limits the size of an event, in bytes, as
    /// [`Decoder::with_max_event_size`](sse_core::Decoder::with_max_event_size) does; 32 MiB by
    /// default.
    pub fn max_event_size(self, bytes: usize) -> Self {
        self.decoder(|decoder| decoder.with_max_event_size(bytes))
    }

    /// Sets whether comments are yielded. By default, they are skipped.
    pub fn comments(self, shown: bool) -> Self {
        self.decoder(|decoder| decoder.with_comments(shown))
    }

    /// Sets the reconnection time until the server sets another; 3 seconds by default, and at least
    /// 500 milliseconds.
    pub fn reconnection_time(mut self, time: Duration) -> Self {
        self.session.reconnection_time = cut(time);
        self
    }

    /// Limits how far failures extend the delay between two attempts; 30 seconds by default.
    ///
    /// The delay doubles with each useless connection after the first. A reconnection time of the
    /// server that is longer than this limit is kept to. Jitter comes on top, up to half of the
    /// delay.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.session.max_delay = cut(delay);
        self
    }

    /// Limits the delay that a server can ask for, by `retry` and by `Retry-After`; 1 hour by
    /// default.
    pub fn server_delay_limit(mut self, limit: Duration) -> Self {
        self.session.server_delay_limit = cut(limit);
        self
    }

    /// Takes a connection for lost when no byte has come for so long, or no response. By default,
    /// there is no such limit.
    ///
    /// Set it to more than the interval of the server's keep-alive. Only time in which the source
    /// waits for the server counts.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = Some(timeout);
        self
    }

    /// Decides which lost connections are followed by another attempt. The default is
    /// [`Error::is_transient`].
    ///
    /// The number is that of useless connections in a row. The function is not asked after status
    /// 204, by which a server ends a source, or after a [`Final`](crate::Final).
    pub fn retry_when(mut self, retry: impl FnMut(&Error, u32) -> bool + Send + 'static) -> Self {
        self.retry_when = SyncWrapper::new(Box::new(retry));
        self
    }

    fn decoder(mut self, change: impl FnOnce(Decoder) -> Decoder) -> Self {
        let decoder = self.frames.into_events().into_decoder();
        self.frames = EventStream::with_decoder(Body::none(), change(decoder)).frames();
        self
    }

    /// Waits until the source is open, and returns the head of the response. The source still
    /// yields [`Signal::Open`].
    ///
    /// It is cancel safe.
    ///
    /// # Errors
    ///
    /// Returns why the first attempt failed. [`ready_state`](Self::ready_state) tells whether the
    /// source will make another. A source that is closed is [`Error::Ended`], also by status 204.
    pub async fn opened(&mut self) -> Result<http::Response<()>, Error> {
        match poll_fn(|cx| self.poll_open(cx)).await {
            Ok(head) => Ok(head),
            Err(Some(Ok(Signal::Reconnecting { cause, .. }) | Err(cause))) => Err(cause),
            Err(_) => Err(Error::Ended),
        }
    }

    /// Returns the next message. `None` is the end, as it is for the stream.
    ///
    /// Lost connections are not shown; [`next`](Self::next) shows them. It is cancel safe.
    ///
    /// # Errors
    ///
    /// Returns the error that closes the source, and [`Error::TooLarge`], after which the source
    /// goes on.
    pub async fn message(&mut self) -> Result<Option<MessageEvent<'static>>, Error> {
        poll_fn(|cx| {
            for _ in 0..FRAMES {
                return Poll::Ready(match ready!(self.poll_signal(cx)) {
                    Some(Ok(Signal::Message(message))) => Ok(Some(message)),
                    Some(Ok(Signal::TooLarge(error))) => Err(Error::TooLarge(error)),
                    Some(Ok(_)) => continue,
                    Some(Err(error)) => Err(error),
                    None => Ok(None),
                });
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await
    }

    /// Returns the next item of the stream. It is cancel safe.
    pub async fn next(&mut self) -> Option<Result<Signal, Error>> {
        poll_fn(|cx| self.poll_signal(cx)).await
    }

    /// Returns the state of the source.
    pub fn ready_state(&self) -> ReadyState {
        match self.state {
            State::New | State::Connecting(_) | State::Waiting(_) => ReadyState::Connecting,
            State::Open(_) => ReadyState::Open,
            State::Closed => ReadyState::Closed,
        }
    }

    /// Returns the last event ID, which is empty if there is none: what the next connection
    /// continues after.
    pub fn current_event_id(&self) -> &str {
        self.frames.events().last_event_id()
    }

    /// Replaces the last event ID, until an event brings another.
    ///
    /// A source whose ID the server no longer knows can continue from a fresh state in this way.
    /// The delay before the next attempt stays.
    pub fn set_last_event_id(&mut self, id: &str) {
        self.events_mut().set_last_event_id(id);
    }

    /// Makes a new connection at once, such as after the network has changed.
    ///
    /// What has come over the old connection and was not yielded is dropped; the new connection
    /// continues after the last event that was. Does nothing once the source is closed.
    pub fn reconnect(&mut self) {
        if self.ready_state() != ReadyState::Closed {
            self.end_connection(false);
            self.state = State::New;
        }
    }

    /// Closes the source. The connection is dropped at once.
    pub fn close(&mut self) {
        self.end_connection(false);
    }

    fn poll_signal(&mut self, cx: &mut Context<'_>) -> Poll<Item> {
        if !self.announced {
            return Poll::Ready(match ready!(self.poll_open(cx)) {
                Ok(head) => {
                    self.announced = true;
                    Some(Ok(Signal::Open(head)))
                }
                Err(item) => item,
            });
        }
        for _ in 0..FRAMES {
            let cause = match ready!(Pin::new(&mut self.frames).poll_next(cx)) {
                Some(Ok(Frame::Message(message))) => {
                    self.session.received = true;
                    return Poll::Ready(Some(Ok(Signal::Message(message))));
                }
                Some(Ok(Frame::Comment(text))) => {
                    return Poll::Ready(Some(Ok(Signal::Comment(text.into_owned()))));
                }
                Some(Ok(Frame::Retry(_))) => continue,
                Some(Err(error)) => match Error::of_stream(error) {
                    Error::TooLarge(error) => return Poll::Ready(Some(Ok(Signal::TooLarge(error)))),
                    error => error,
                },
                None if self.frames.events().has_incomplete_event() => Error::CutOff,
                None => Error::Ended,
            };
            return Poll::Ready(self.lose(cause));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Polls until the source is open. An item is the end of an attempt, or of the stream.
    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<Result<http::Response<()>, Item>> {
        loop {
            // It stays closed if what is called here panics.
            match mem::replace(&mut self.state, State::Closed) {
                State::New => {
                    // Without a timer, this panics now and not at the first outage.
                    drop(sleep(Duration::ZERO));
                    self.connect();
                }
                State::Waiting(mut timer) => match timer.as_mut().poll(cx) {
                    Poll::Ready(()) => self.connect(),
                    Poll::Pending => {
                        self.state = State::Waiting(timer);
                        return Poll::Pending;
                    }
                },
                State::Connecting(mut connecting) => match connecting.get_mut().as_mut().poll(cx) {
                    Poll::Ready(Ok(response)) => {
                        let (head, body) = response.into_parts();
                        self.events_mut().reconnect(body);
                        let head = http::Response::from_parts(head, ());
                        self.state = State::Open(Box::new(Open { head, since: Instant::now() }));
                    }
                    Poll::Ready(Err(cause)) => return Poll::Ready(Err(self.lose(cause))),
                    Poll::Pending => {
                        self.state = State::Connecting(connecting);
                        return Poll::Pending;
                    }
                },
                State::Open(open) => {
                    let head = open.head.clone();
                    self.state = State::Open(open);
                    return Poll::Ready(Ok(head));
                }
                State::Closed => return Poll::Ready(Err(None)),
            }
        }
    }

    fn connect(&mut self) {
        let events = self.frames.events();
        let attempt = self.session.attempt(events.last_event_id(), events.last_event_id_header());
        let connecting = self.connect.get_mut()(attempt, self.idle_timeout);
        self.state = State::Connecting(SyncWrapper::new(connecting));
    }

    fn lose(&mut self, cause: Error) -> Item {
        let useful = self.end_connection(matches!(cause, Error::Ended));
        if cause.status() == Some(StatusCode::NO_CONTENT) {
            return None;
        }
        self.session.lost(&cause, useful);
        let retry = !cause.is_final() && self.retry_when.get_mut()(&cause, self.session.failures);
        if !retry {
            let complete = useful && matches!(cause, Error::Ended);
            return (!complete).then_some(Err(cause));
        }
        let server_time = self.frames.events().reconnection_time();
        let delay = self.session.delay(server_time, &cause, fastrand::f64());
        self.state = State::Waiting(Box::pin(sleep(delay)));
        Some(Ok(Signal::Reconnecting { cause, delay }))
    }

    /// Drops the connection and closes the source. Returns whether the connection was useful.
    fn end_connection(&mut self, in_order: bool) -> bool {
        let open = match mem::replace(&mut self.state, State::Closed) {
            State::Open(open) => Some(open.since.elapsed()),
            _ => None,
        };
        self.announced = false;
        self.events_mut().reconnect(Body::none());
        let events = self.frames.events();
        self.session.end_connection(in_order, open, events.last_event_id(), events.reconnection_time())
    }

    fn events_mut(&mut self) -> Pin<&mut EventStream<Body>> {
        Pin::new(&mut self.frames).events_mut()
    }
}

impl Stream for EventSource {
    type Item = Result<Signal, Error>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_signal(cx)
    }
}

impl FusedStream for EventSource {
    fn is_terminated(&self) -> bool {
        self.ready_state() == ReadyState::Closed
    }
}

impl fmt::Debug for EventSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSource")
            .field("ready_state", &self.ready_state())
            .field("events", self.frames.events())
            .field("failures", &self.session.failures)
            .finish_non_exhaustive()
    }
}
