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
/// The stream yields `Result<T, E>` where `T` is an [`Event`], an [`EncodedEvent`] or anything that turns into one. An error
/// ends the response: the client sees the connection break, 100 milliseconds after the events before it, and reconnects.
///
/// The body is an [`sse_core::Sse`] on tokio's clock.
#[derive(Clone)]
#[must_use]
pub struct Sse<S> {
    stream: S,
    keep_alive: Option<KeepAlive>,
}

impl<S> Sse<S> {
    /// A response of these events, without keep-alive.
    pub fn new(stream: S) -> Self
    where
        S: TryStream + Send + 'static,
        S::Ok: Into<EncodedEvent>,
        S::Error: Into<BoxError>,
    {
        Self { stream, keep_alive: None }
    }

    /// Sends a comment first, and whenever no event has been sent for a while.
    pub fn keep_alive(self, keep_alive: KeepAlive) -> Self {
        Self { keep_alive: Some(keep_alive), ..self }
    }
}

/// The stream of a response that is kept alive, for those who name it as axum's own module does: the stream itself.
pub type KeepAliveStream<S> = S;

impl<S> IntoResponse for Sse<S>
where
    S: TryStream + Send + 'static,
    S::Ok: Into<EncodedEvent>,
    S::Error: Into<BoxError>,
{
    fn into_response(self) -> Response {
        // The body holds errors back, and as boxes they are `Send`.
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

/// Extracts the [last event ID](sse_core::LastEventId) of a request; an empty one if there is none.
///
/// As an `Option` it is `None` if there is none. An ID that no event can have had is answered with status 400 and the reason
/// as text.
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
