#![doc = include_str!("../README.md")]

pub use sse_core::{self, EncodedEvent, Event, InvalidLastEventId, KeepAlive};

use actix_web::body::BoxBody;
use actix_web::dev::Payload;
use actix_web::error::{Error, ErrorBadRequest};
use actix_web::http::header::{ContentEncoding, HeaderValue};
use actix_web::http::{ConnectionType, Method, Version};
use actix_web::web::Bytes;
use actix_web::{FromRequest, HttpRequest, HttpResponse, Responder};
use futures_util::stream::{self, TryStream};
use sse_core::header;
use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::ops::Deref;

type BoxError = Box<dyn std::error::Error>;

/// A stream of events as a response.
///
/// The stream yields `Result<T, E>`, where `T` is an [`Event`], an [`EncodedEvent`] or anything
/// that converts into one. It need not be `Send`. An error ends the response: the connection breaks
/// 100 milliseconds after the events before it were sent, and the client reconnects.
///
/// The body is an [`sse_core::Sse`] on tokio's clock. Keep-alive is on, because Actix Web notices
/// that a client is gone only when it writes. The `Compress` middleware leaves the response as it
/// is.
///
/// ```
/// use actix_web::get;
/// use futures_util::stream::{self, Stream};
/// use sse_actix::{Event, Sse};
/// use std::convert::Infallible;
///
/// #[get("/hello")]
/// async fn hello() -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
///     Sse::new(stream::iter([Ok(Event::new().data("hello"))]))
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
        S: TryStream + 'static,
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

impl<S> Responder for Sse<S>
where
    S: TryStream + 'static,
    S::Ok: Into<EncodedEvent>,
    S::Error: Into<BoxError>,
{
    type Body = BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for &header in header::RESPONSE {
            response.insert_header(header);
        }
        // `Compress` ignores `no-transform`, but not this.
        response.insert_header(ContentEncoding::Identity);
        let mut response = if request.method() == Method::HEAD {
            // Over HTTP/1.1 the server sends no body, but polls it to its end, which may never come.
            response.streaming(stream::empty::<Result<Bytes, Infallible>>())
        } else {
            response.streaming(sse_core::Sse::new(self.stream).keep_alive(self.keep_alive))
        };
        if request.version() < Version::HTTP_11 {
            // HTTP/1.0 has no chunks, but the server would send them.
            response.head_mut().no_chunking(true);
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }
}

impl<S> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse").field("keep_alive", &self.keep_alive).finish_non_exhaustive()
    }
}

/// Extracts the [last event ID](sse_core::LastEventId) of a request; it is empty if there is none.
///
/// It is read from the `Last-Event-ID` header or, failing that, from the query parameter
/// `lastEventId`. An ID that no event can have gets status 400, with the reason as text.
///
/// Don't extract an `Option<LastEventId>`: Actix Web makes it `Some` of an empty ID in a first
/// request, and `None` of an ID that would otherwise get 400. Call
/// [`non_empty`](Self::non_empty) instead.
///
/// ```
/// use actix_web::get;
/// use sse_actix::LastEventId;
///
/// #[get("/log")]
/// async fn log(id: LastEventId) -> String {
///     match id.non_empty() {
///         Some(id) => format!("what came after {id}"),
///         None => "all of it".to_owned(),
///     }
/// }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LastEventId(pub sse_core::LastEventId);

impl LastEventId {
    /// Returns the ID, or `None` in a first request.
    pub fn non_empty(self) -> Option<Self> {
        self.0.non_empty().map(Self)
    }
}

impl FromRequest for LastEventId {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _payload: &mut Payload) -> Self::Future {
        let header = request.headers().get(header::LAST_EVENT_ID).map(HeaderValue::as_bytes);
        let id = sse_core::LastEventId::from_request(header, Some(request.query_string()));
        ready(id.map(Self).map_err(ErrorBadRequest))
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
