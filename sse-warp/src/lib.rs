#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive, KeepAliveStream, LastEventId};

use futures_core::{Stream, TryStream};
use serde_core::de::{Deserialize, Deserializer, Error as _};
use sse_core::header::LAST_EVENT_ID;
use std::error::Error;
use std::str::FromStr;
use sync_wrapper::SyncStream;
use warp::http::{HeaderMap, HeaderValue};
use warp::reply::{Reply, Response};
use warp::{Filter, Rejection};

/// A stream of events as a reply.
///
/// The stream yields `Result<T, E>` where `T` is an [`Event`], an [`EncodedEvent`] or anything that turns into one. An error
/// ends the response: the client sees the connection break, after the events before it, and reconnects.
///
/// It adds the conversion into warp's reply to [`sse_core::Sse`], where the body is described.
#[derive(Debug)]
#[must_use]
pub struct Sse<S: TryStream>(sse_core::Sse<S>);

impl<S, T, E> Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    /// A reply of these events, without keep-alive.
    pub fn new(stream: S) -> Self {
        Self(sse_core::Sse::new(stream))
    }

    /// Sends a comment whenever no event has gone out for a while.
    pub fn keep_alive(self, keep_alive: KeepAlive) -> Sse<KeepAliveStream<S>>
    where
        T: From<Event>,
    {
        Sse(self.0.keep_alive(keep_alive))
    }
}

impl<S: TryStream> From<sse_core::Sse<S>> for Sse<S> {
    fn from(sse: sse_core::Sse<S>) -> Self {
        Self(sse)
    }
}

impl<S, T, E> Reply for Sse<S>
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Into<EncodedEvent>,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'static,
{
    fn into_response(self) -> Response {
        let (head, body) = self.0.into_response().into_parts();
        // warp wants a body that is `Sync`, and never shares it.
        let mut response = warp::reply::stream(SyncStream::new(body)).into_response();
        *response.headers_mut() = head.headers;
        response
    }
}

/// Extracts the last event ID of a request; an empty one where there is none.
///
/// An ID that no event can have had is rejected, which warp answers with status 400.
pub fn last_event_id() -> impl Filter<Extract = (LastEventId,), Error = Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    let valid =
        warp::header::headers_cloned().and(query).and_then(async |headers: HeaderMap, query: String| {
            let header = headers.get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
            LastEventId::from_request(header, Some(&query)).map_err(|_| warp::reject::not_found())
        });
    // warp has status 400 for its own rejections only, so they are made by asking for what no header and no query can be.
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
