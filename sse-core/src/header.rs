//! The headers of requests for event streams, and of their responses.

use crate::preview::Preview;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Deref;

/// The headers of every response that is an event stream, in lower case.
///
/// `no-cache` stops caches from answering with an old stream, `no-transform` stops proxies from
/// compressing it, which would delay events, and `x-accel-buffering` stops nginx, and the proxies
/// that have learned it from nginx, from buffering. There is no `connection` header: HTTP/1.1
/// implies it, and HTTP/2 forbids it.
pub const RESPONSE: &[(&str, &str)] = &[
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
];

/// The name of the request header that tells where the client left off, in lower case.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// Returns whether a response with this `Content-Type` is an event stream: whether the essence is
/// `text/event-stream`, in any case and with any parameters.
///
/// Check it before you decode a body: an error page decodes to no event and to no error.
///
/// ```
/// use sse_core::header::is_event_stream;
///
/// assert!(is_event_stream("Text/Event-Stream; charset=utf-8"));
/// assert!(!is_event_stream("application/json"));
/// ```
pub fn is_event_stream(content_type: impl AsRef<[u8]>) -> bool {
    let content_type = content_type.as_ref();
    let end = memchr::memchr(b';', content_type).unwrap_or(content_type.len());
    content_type[..end].trim_ascii().eq_ignore_ascii_case(b"text/event-stream")
}

/// The name of the query parameter that replaces the header for clients that cannot set one.
const QUERY_PARAMETER: &str = "lastEventId";

/// The last event ID of a request: the ID of the event that the client received last.
///
/// It is empty in a first request, as is the standard's "last event ID string" (WHATWG HTML 9.2.2).
/// It dereferences to `str`: `last_event_id.parse()` reads a number.
///
/// ```
/// use sse_core::LastEventId;
///
/// let from_header = LastEventId::from_request(Some(b"42"), None)?;
/// assert_eq!(from_header.parse(), Ok(42));
///
/// let from_polyfill = LastEventId::from_request(None, Some("room=1&lastEventId=%ED%95%9C"))?;
/// assert_eq!(&*from_polyfill, "한");
///
/// assert!(LastEventId::from_request(None, None)?.is_empty());
/// # Ok::<(), sse_core::InvalidLastEventId>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct LastEventId(String);

impl LastEventId {
    /// Reads the ID from the value of the [`Last-Event-ID`](LAST_EVENT_ID) header. If there is
    /// none, or an empty one, reads it from the query parameter `lastEventId`, which polyfills of
    /// `EventSource` send.
    ///
    /// The query is what follows the `?` in the URL of the request, percent-encoded.
    ///
    /// # Errors
    ///
    /// Returns an error if the ID is not UTF-8, or if it contains a line feed, a carriage return or
    /// a NUL, which the ID of an event cannot contain. Answer such a request with status 400.
    pub fn from_request(header: Option<&[u8]>, query: Option<&str>) -> Result<Self, InvalidLastEventId> {
        match header {
            Some(id) if !id.is_empty() => Self::new(id.to_vec(), Source::Header),
            _ => match query.and_then(from_query) {
                Some(id) => Self::new(id, Source::Query),
                None => Ok(Self::default()),
            },
        }
    }

    /// Reads the ID from the head of a request, as [`from_request`](Self::from_request) does.
    ///
    /// # Errors
    ///
    /// Returns the same errors as [`from_request`](Self::from_request).
    #[cfg(feature = "http")]
    pub fn from_http(headers: &http::HeaderMap, uri: &http::Uri) -> Result<Self, InvalidLastEventId> {
        Self::from_request(headers.get(LAST_EVENT_ID).map(http::HeaderValue::as_bytes), uri.query())
    }

    /// Returns the ID, or `None` in a first request, for frameworks where an optional extractor
    /// would be `Some` of an empty ID.
    pub fn non_empty(self) -> Option<Self> {
        Some(self).filter(|id| !id.is_empty())
    }

    fn new(id: Vec<u8>, source: Source) -> Result<Self, InvalidLastEventId> {
        let invalid = |reason| InvalidLastEventId { source, reason };
        let id = String::from_utf8(id).map_err(|_| invalid(Reason::NotUtf8))?;
        match memchr::memchr3(b'\n', b'\r', b'\0', id.as_bytes()) {
            Some(_) => Err(invalid(Reason::ControlCharacter)),
            None => Ok(Self(id)),
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

impl fmt::Debug for LastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LastEventId").field(&Preview(self.0.as_bytes())).finish()
    }
}

impl From<LastEventId> for String {
    fn from(id: LastEventId) -> Self {
        id.0
    }
}

/// Returns the bytes of the first `lastEventId` in an `application/x-www-form-urlencoded` query.
fn from_query(query: &str) -> Option<Vec<u8>> {
    query.split('&').find_map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name) == QUERY_PARAMETER.as_bytes()).then(|| decode(value))
    })
}

fn decode(text: &str) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        decoded.push(match first {
            b'+' => b' ',
            b'%' => match percent_encoded(tail) {
                Some(byte) => {
                    rest = &tail[2..];
                    byte
                }
                None => b'%',
            },
            &byte => byte,
        });
    }
    decoded
}

fn percent_encoded(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(16 * digit(0)? + digit(1)?).ok()
}

/// The error of a last event ID that cannot come from an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLastEventId {
    source: Source,
    reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Header,
    Query,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    NotUtf8,
    ControlCharacter,
}

impl fmt::Display for InvalidLastEventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.source {
            Source::Header => "the `Last-Event-ID` header",
            Source::Query => "the `lastEventId` query parameter",
        })?;
        f.write_str(match self.reason {
            Reason::NotUtf8 => " is not UTF-8; send the ID as it was received",
            Reason::ControlCharacter => " has a line break or a NUL; send the ID as it was received",
        })
    }
}

impl core::error::Error for InvalidLastEventId {}
