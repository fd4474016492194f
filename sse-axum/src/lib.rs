#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive, KeepAliveStream};

use axum_core::BoxError;
use axum_core::body::Body;
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use futures_core::{Stream, TryStream};
use http::StatusCode;
use http::request::Parts;

/// A stream of events as a response.
///
/// The stream yields `Result<T, E>` where `T` is an [`Event`], an [`EncodedEvent`] or anything that turns into one. An error
/// ends the response: the client sees the connection break, after the events before it, and reconnects.
///
/// It adds the conversion into axum's response to [`sse_core::Sse`], where the body is described.
#[derive(Debug)]
#[must_use]
pub struct Sse<S: TryStream>(sse_core::Sse<S>);

impl<S, T, E> Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    /// A response of these events, without keep-alive.
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

impl<S, T, E> IntoResponse for Sse<S>
where
    S: Stream<Item = Result<T, E>> + Send + 'static,
    T: Into<EncodedEvent>,
    E: Into<BoxError> + Send + 'static,
{
    fn into_response(self) -> Response {
        self.0.into_response().map(Body::new)
    }
}

/// Extracts the [last event ID](sse_core::LastEventId) of a request; an empty one where there is none.
///
/// As an `Option` it is `None` where there is none. An ID that no event can have had is answered with status 400,
/// and the reason as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub sse_core::LastEventId);

impl<S: Sync> FromRequestParts<S> for LastEventId {
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        let header = parts.headers.get(sse_core::header::LAST_EVENT_ID);
        let id = sse_core::LastEventId::from_request(header.map(|value| value.as_bytes()), parts.uri.query());
        id.map(Self).map_err(|error| (StatusCode::BAD_REQUEST, error.to_string()))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for LastEventId {
    type Rejection = (StatusCode, String);

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Self::Rejection> {
        let id = <Self as FromRequestParts<S>>::from_request_parts(parts, state).await?;
        Ok(Some(id).filter(|id| !id.0.is_empty()))
    }
}
