#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive};

use futures_util::FutureExt;
use futures_util::stream::{self, Stream, StreamExt, TryStream, TryStreamExt};
use rocket::Shutdown;
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::{self, Responder, Response};
use sse_core::header;
use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Deref;
use std::task::Poll;
use tokio_util::io::StreamReader;

type BoxError = Box<dyn Error + Send + Sync>;

/// The size of Rocket's chunks in bytes, which is also the size up to which the body joins events.
const CHUNK: usize = 16 * 1024;

/// How many events a stream may still send after Rocket has begun to shut down.
const FAREWELL: usize = 64;

/// A stream of events as a response.
///
/// The stream yields `Result<T, E>`, where `T` is an [`Event`], an [`EncodedEvent`] or anything
/// that converts into one. It may borrow from the request and from managed state.
///
/// An error ends the response in order, so that it looks complete to the client. When Rocket shuts
/// down, the response ends after the events that the stream has ready, at most 64.
///
/// The body is an [`sse_core::Sse`] on tokio's clock. Keep-alive is on, because Rocket notices that
/// a client is gone only when it writes.
///
/// ```
/// use futures_util::stream::{self, Stream};
/// use rocket::get;
/// use sse_rocket::{Event, Sse};
/// use std::convert::Infallible;
///
/// #[get("/hello/<name>")]
/// fn hello(name: &str) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     Sse::new(stream::iter([Ok(Event::new().event("hello").data(name))]))
/// }
/// ```
#[derive(Clone)]
#[must_use]
pub struct Sse<S> {
    stream: S,
    keep_alive: KeepAlive,
}

impl<S> Sse<S> {
    /// Creates a response that sends these events.
    ///
    /// An empty comment is sent first if no event is ready, and again whenever the stream has been
    /// idle for 15 seconds.
    pub fn new(stream: S) -> Self
    where
        S: TryStream + Send,
        S::Ok: Into<EncodedEvent>,
        S::Error: Into<BoxError>,
    {
        Self { stream, keep_alive: KeepAlive::new() }
    }

    /// Replaces the keep-alive. An interval of [`Duration::ZERO`](std::time::Duration::ZERO) turns
    /// it off.
    pub fn keep_alive(self, keep_alive: KeepAlive) -> Self {
        Self { keep_alive, ..self }
    }
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

impl<'r, S> Responder<'r, 'r> for Sse<S>
where
    S: TryStream + Send + 'r,
    S::Ok: Into<EncodedEvent>,
    S::Error: Into<BoxError>,
{
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        let events = until(request.rocket().shutdown(), self.stream.map_err(io::Error::other));
        let body = sse_core::Sse::new(events).keep_alive(self.keep_alive);
        let mut response = Response::build();
        for &(name, value) in header::RESPONSE {
            response.raw_header(name, value);
        }
        response.streamed_body(StreamReader::new(body)).max_chunk_size(CHUNK).ok()
    }
}

/// Ends the stream when Rocket shuts down, after the items that are ready: a stream may wait for
/// the shutdown to send a last event.
fn until<S: Stream>(mut shutdown: Shutdown, stream: S) -> impl Stream<Item = S::Item> {
    let mut stream = Box::pin(stream);
    let mut left = None;
    stream::poll_fn(move |cx| {
        if left.is_none() && shutdown.poll_unpin(cx).is_ready() {
            left = Some(FAREWELL);
        }
        match (stream.poll_next_unpin(cx), &mut left) {
            (Poll::Pending, Some(_)) | (Poll::Ready(_), Some(0)) => Poll::Ready(None),
            (Poll::Ready(item), Some(left)) => {
                *left -= 1;
                Poll::Ready(item)
            }
            (next, None) => next,
        }
    })
}

/// A request guard for the [last event ID](sse_core::LastEventId), empty in a first request.
///
/// It is read from the `Last-Event-ID` header or, failing that, from the query parameter
/// `lastEventId`. The guard fails with status 400 if no event can have the ID. Rocket drops headers
/// that are not UTF-8, so an ID in such a header counts as none.
///
/// ```
/// use rocket::get;
/// use sse_rocket::LastEventId;
///
/// #[get("/log")]
/// fn log(id: LastEventId) -> String {
///     if id.is_empty() { "all of it".to_owned() } else { format!("what came after {id}") }
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastEventId(pub sse_core::LastEventId);

#[rocket::async_trait]
impl<'r> FromRequest<'r> for LastEventId {
    type Error = InvalidLastEventId;

    async fn from_request(request: &'r Request<'_>) -> Outcome<Self, Self::Error> {
        let header = request.headers().get_one(header::LAST_EVENT_ID).map(str::as_bytes);
        let query = request.uri().query().map(|query| query.as_str());
        match sse_core::LastEventId::from_request(header, query) {
            Ok(id) => Outcome::Success(Self(id)),
            Err(error) => Outcome::Error((Status::BadRequest, error)),
        }
    }
}

impl Deref for LastEventId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for LastEventId {
    fn as_ref(&self) -> &str {
        self
    }
}

impl PartialEq<str> for LastEventId {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for LastEventId {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl fmt::Display for LastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<LastEventId> for String {
    fn from(id: LastEventId) -> Self {
        id.0.into()
    }
}
