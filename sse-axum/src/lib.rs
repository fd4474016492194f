#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive};

use axum_core::BoxError;
use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use futures_util::stream::{TryStream, TryStreamExt};
use http::StatusCode;
use http::request::Parts;
use sse_core::TokioClock;
use std::fmt;
use std::ops::Deref;

/// A stream of events as a response.
///
/// The stream yields `Result<T, E>`, where `T` is an [`Event`], an [`EncodedEvent`] or anything
/// that converts into one. An error ends the response: the connection breaks 100 milliseconds after
/// the events before it were sent, and the client reconnects.
///
/// The body is an [`sse_core::Sse`] on tokio's clock.
///
/// ```
/// use futures_util::stream::{self, Stream};
/// use sse_axum::{Event, KeepAlive, Sse};
/// use std::convert::Infallible;
///
/// async fn hello() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     let events = stream::iter([Ok(Event::new().data("hello"))]);
///     Sse::new(events).keep_alive(KeepAlive::new())
/// }
/// # axum::Router::<()>::new().route("/", axum::routing::get(hello));
/// ```
#[derive(Clone)]
#[must_use]
pub struct Sse<S> {
    stream: S,
    keep_alive: Option<KeepAlive>,
}

impl<S> Sse<S> {
    /// Creates a response that sends these events, without keep-alive.
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

/// The stream of a response with keep-alive, under the name that axum's own module gives it: the
/// stream itself.
pub type KeepAliveStream<S> = S;

impl<S> IntoResponse for Sse<S>
where
    S: TryStream + Send + 'static,
    S::Ok: Into<EncodedEvent>,
    S::Error: Into<BoxError>,
{
    fn into_response(self) -> Response {
        // The body stores an error for a while. Boxed, the error is `Send`.
        let body = sse_core::Sse::new(self.stream.map_err(Into::into));
        match self.keep_alive {
            Some(keep_alive) => body.keep_alive(keep_alive).into_response().map(Body::new),
            None => body.clock(TokioClock::new()).into_response().map(Body::new),
        }
    }
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

/// Extracts the [last event ID](sse_core::LastEventId) of a request; it is empty if there is none.
///
/// As an `Option`, it is `None` if there is none. An ID that cannot come from an event gets status
/// 400, with the reason as text.
///
/// ```
/// use sse_axum::LastEventId;
///
/// async fn next(id: LastEventId) -> String {
///     id.parse::<u64>().map_or(0, |seen| seen.saturating_add(1)).to_string()
/// }
/// # axum::Router::<()>::new().route("/", axum::routing::get(next));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastEventId(pub sse_core::LastEventId);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let id = sse_core::LastEventId::from_http(&parts.headers, &parts.uri);
        id.map(Self).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for LastEventId {
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let Self(id) = <Self as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(id.non_empty().map(Self))
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
