#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive};

use futures_core::Stream;
use futures_util::{StreamExt, TryStreamExt};
use rocket::http::Status;
use rocket::request::{FromRequest, Outcome, Request};
use rocket::response::{self, Responder, Response};
use sse_core::header;
use std::error::Error;
use std::fmt;
use std::io;
use std::ops::Deref;
use tokio_util::io::StreamReader;

/// The size up to which an event is one chunk, in bytes: what the body joins events up to.
const CHUNK: usize = 16 * 1024;

/// A stream of events as a response.
///
/// The stream yields `Result<T, E>` where `T` is an [`Event`], an [`EncodedEvent`] or anything that turns into one. It may
/// borrow from the request. It ends with an error, or when Rocket shuts down.
///
/// It adds the conversion into Rocket's response to [`sse_core::Sse`], where the body is described. Keep-alive is on, since
/// Rocket notices that a client is gone only when it writes.
#[must_use]
pub struct Sse<S> {
    stream: S,
    keep_alive: KeepAlive,
}

impl<S, T, E> Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent> + From<Event>,
{
    /// A response of these events, with an empty comment whenever none has gone out for 15 seconds.
    pub fn new(stream: S) -> Self {
        Self { stream, keep_alive: KeepAlive::new() }
    }

    /// Sends something else than that comment, or at another interval.
    pub fn keep_alive(self, keep_alive: KeepAlive) -> Self {
        Self { keep_alive, ..self }
    }
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

impl<'r, S, T, E> Responder<'r, 'r> for Sse<S>
where
    S: Stream<Item = Result<T, E>> + Send + 'r,
    T: Into<EncodedEvent> + From<Event>,
    E: Into<Box<dyn Error + Send + Sync>> + Send + 'r,
{
    fn respond_to(self, request: &'r Request<'_>) -> response::Result<'r> {
        let body = sse_core::Sse::new(self.stream).keep_alive(self.keep_alive);
        let body = body.map_err(io::Error::other).take_until(request.rocket().shutdown());
        let mut response = Response::build();
        for (name, value) in header::RESPONSE {
            response.raw_header(name, value);
        }
        response.streamed_body(StreamReader::new(body)).max_chunk_size(CHUNK).ok()
    }
}

/// The [last event ID](sse_core::LastEventId) of a request, as a request guard; an empty one where there is none.
///
/// The guard fails with status 400 for an ID that no event can have had. One that is not UTF-8 does not get here: Rocket
/// drops such headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastEventId(pub sse_core::LastEventId);

impl Deref for LastEventId {
    type Target = sse_core::LastEventId;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

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
