#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive, LastEventId};

use futures_util::stream::{TryStream, TryStreamExt};
use serde_core::de::{Deserialize, Deserializer, Error as _};
use sse_core::TokioClock;
use sse_core::header::LAST_EVENT_ID;
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use sync_wrapper::SyncStream;
use warp::http::{HeaderMap, HeaderValue};
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

type BoxError = Box<dyn Error + Send + Sync>;

/// A stream of events as a reply.
///
/// The stream yields `Result<T, E>`, where `T` is an [`Event`], an [`EncodedEvent`] or anything
/// that converts into one. It must be `Send`, but need not be `Sync`. An error ends the response:
/// the connection breaks 100 milliseconds after the events before it were sent, and the client
/// reconnects.
///
/// The body is an [`sse_core::Sse`] on tokio's clock.
///
/// ```
/// use futures_util::stream;
/// use sse_warp::{Event, KeepAlive, Sse};
/// use std::convert::Infallible;
/// use warp::Filter;
///
/// let hello = warp::path("hello").map(|| {
///     let events = stream::iter([Ok::<_, Infallible>(Event::new().data("hello"))]);
///     Sse::new(events).keep_alive(KeepAlive::new())
/// });
/// ```
#[derive(Clone)]
#[must_use]
pub struct Sse<S> {
    stream: S,
    keep_alive: Option<KeepAlive>,
}

impl<S> Sse<S> {
    /// Creates a reply that sends these events, without keep-alive.
    pub fn new(stream: S) -> Self
    where
        S: TryStream + Send + 'static,
        S::Ok: Into<EncodedEvent>,
        S::Error: Into<BoxError>,
    {
        Self { stream, keep_alive: None }
    }

    /// Sends a comment first if no event is ready, and again whenever the stream has been idle for
    /// a while.
    pub fn keep_alive(self, keep_alive: KeepAlive) -> Self {
        Self { keep_alive: Some(keep_alive), ..self }
    }
}

impl<S> Reply for Sse<S>
where
    S: TryStream + Send + 'static,
    S::Ok: Into<EncodedEvent>,
    S::Error: Into<BoxError>,
{
    fn into_response(self) -> Response {
        // The body stores an error for a while. Boxed, the error is `Send`.
        let body = sse_core::Sse::new(self.stream.map_err(Into::into));
        match self.keep_alive {
            Some(keep_alive) => reply(body.keep_alive(keep_alive)),
            None => reply(body.clock(TokioClock::new())),
        }
    }
}

fn reply<S>(body: sse_core::Sse<S, TokioClock>) -> Response
where
    S: TryStream<Error = BoxError> + Send + 'static,
    S::Ok: Into<EncodedEvent>,
{
    let (head, body) = body.into_response().into_parts();
    // warp requires the body to be `Sync`, but never shares it.
    let mut response = warp::reply::stream(SyncStream::new(body)).into_response();
    *response.headers_mut() = head.headers;
    response
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

/// Extracts the last event ID of a request, which is empty in a first request.
///
/// It is read from the `Last-Event-ID` header or, failing that, from the query parameter
/// `lastEventId`. An ID that no event can have is rejected, and warp answers with status 400.
///
/// ```
/// use sse_warp::{LastEventId, last_event_id};
/// use warp::Filter;
///
/// let resume = warp::path("log").and(last_event_id()).map(|id: LastEventId| match id.non_empty() {
///     Some(id) => format!("what came after {id}"),
///     None => "all of it".to_owned(),
/// });
/// ```
pub fn last_event_id() -> impl Filter<Extract = (LastEventId,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let valid =
        warp::header::headers_cloned().and(query).and_then(async |headers: HeaderMap, query: String| {
            let header = headers.get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
            LastEventId::from_request(header, Some(&query)).map_err(|_| warp::reject::not_found())
        });
    // Only warp's own rejections get status 400. These filters provoke them: no header and no query
    // parses as `Never`.
    let invalid = warp::header::optional::<Never>(LAST_EVENT_ID).and(warp::query::<Never>());
    valid.or(invalid.map(|_, never| match never {})).unify()
}

#[derive(Clone, Copy)]
enum Never {}

impl FromStr for Never {
    type Err = ();

    fn from_str(_: &str) -> Result<Self, ()> {
        Err(())
    }
}

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom("not a last event ID"))
    }
}
