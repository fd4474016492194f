use crate::response::problem;
use bytes::Bytes;
use http::StatusCode;
use sse_core::{EventStreamError, EventTooLarge};
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// The error of an HTTP client or of a body, whatever its type.
pub type BoxError = Box<dyn StdError + Send + Sync>;

/// How much of the body of a refusal its error shows, in characters.
const SHOWN: usize = 200;

/// Why a connection was not made, or was lost.
///
/// The text includes the error's causes, and leaves out the query of every URL, since tokens are
/// passed there. For this reason there is no [`source`](StdError::source).
#[non_exhaustive]
pub enum Error {
    /// The connect function failed.
    Connect(BoxError),
    /// The response is not an event stream: its status is not 200, its content type is not
    /// `text/event-stream`, or it is compressed. Of its body, at most 64 KiB are read, for at most
    /// 5 seconds.
    Response(Box<http::Response<Bytes>>),
    /// The body failed.
    Body(BoxError),
    /// The body ended.
    Ended,
    /// The body ended in the middle of an event.
    CutOff,
    /// Nothing came for the length of the idle time-out.
    Idle(Duration),
    /// An event exceeded the limit and was skipped. The stream continues after it.
    TooLarge(EventTooLarge),
}

impl Error {
    /// Returns whether an `EventSource` of a browser would reconnect (WHATWG HTML 9.2.3): after any
    /// error but a response that is not an event stream, or a [`Final`] of the connect function.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) => !self.is_final(),
            Self::Body(_) | Self::Ended | Self::CutOff | Self::Idle(_) => true,
            Self::Response(_) | Self::TooLarge(_) => false,
        }
    }

    /// Returns whether it may help to connect again: if the error [is
    /// transient](Self::is_transient), or is a response with status 408, 425, 429, 500, 502, 503 or
    /// 504.
    pub fn is_temporary(&self) -> bool {
        self.is_transient()
            || self
                .status()
                .is_some_and(|status| matches!(status.as_u16(), 408 | 425 | 429 | 500 | 502..=504))
    }

    /// Returns the response that is not an event stream.
    pub fn response(&self) -> Option<&http::Response<Bytes>> {
        match self {
            Self::Response(response) => Some(response),
            _ => None,
        }
    }

    pub(crate) fn of_stream(error: EventStreamError<Self>) -> Self {
        match error {
            EventStreamError::Body(error) => error,
            EventStreamError::TooLarge(error) => Self::TooLarge(error),
            error => Self::Body(error.into()),
        }
    }

    /// Returns whether the connect function does not want to be called again.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Connect(error) if causes(&**error).any(|error| error.is::<Final>()))
    }

    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.response().map(http::Response::status)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) => write!(f, "cannot connect: {}", Chain(&**error)),
            Self::Response(response) => {
                f.write_str(&problem(response).unwrap_or_default())?;
                let text = String::from_utf8_lossy(response.body());
                if !text.trim().is_empty() {
                    let shown: String = text.trim().chars().take(SHOWN).collect();
                    write!(f, ": {}", shown.escape_debug())?;
                }
                Ok(())
            }
            Self::Body(error) => write!(f, "the connection was lost: {}", Chain(&**error)),
            Self::Ended => f.write_str("the server ended the stream"),
            Self::CutOff => f.write_str("the stream ended in the middle of an event"),
            Self::Idle(timeout) => write!(f, "nothing came from the server for {timeout:?}"),
            Self::TooLarge(error) => error.fmt(f),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variant = match self {
            Self::Connect(_) => "Connect",
            Self::Response(_) => "Response",
            Self::Body(_) => "Body",
            Self::Ended => "Ended",
            Self::CutOff => "CutOff",
            Self::Idle(_) => "Idle",
            Self::TooLarge(_) => "TooLarge",
        };
        // Not the derived text, which would have the URLs with their queries.
        f.debug_tuple(variant).field(&self.to_string()).finish()
    }
}

impl StdError for Error {}

/// An error and its causes, without the queries of URLs.
struct Chain<'a>(&'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut texts: Vec<String> = Vec::new();
        for error in causes(self.0) {
            let text = error.to_string();
            // Some errors repeat the text of their cause.
            if !texts.last().is_some_and(|last| last.ends_with(&text)) {
                texts.push(text);
            }
        }
        f.write_str(&without_queries(&texts.join(": ")))
    }
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}

fn without_queries(text: &str) -> String {
    // A URL ends before the first character that it would have to encode.
    let ends_url = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>' | '`');
    let mut kept = String::with_capacity(text.len());
    for word in text.split_inclusive(ends_url) {
        match word.find("://").and_then(|start| Some(start + word[start..].find('?')?)) {
            Some(query) => {
                kept.push_str(&word[..query]);
                // A parenthesis around the URL stays.
                let after = word.trim_end_matches(|c: char| ends_url(c) || matches!(c, ')' | ':' | ','));
                let closed = word[after.len()..].rfind(')').filter(|_| word[..query].contains('('));
                let end = closed.map_or(word.trim_end_matches(ends_url).len(), |at| after.len() + at);
                kept.push_str(&word[end..]);
            }
            None => kept.push_str(word),
        }
    }
    kept
}

/// An error of a connect function after which the source does not try again.
///
/// It is recognized as the error itself, or among its [sources](StdError::source). An
/// `anyhow::Error` around it hides it.
///
/// ```
/// use sse_source::{BoxError, EventSource, Final};
///
/// # fn token() -> Option<String> { None }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let mut events = EventSource::new(|_attempt| async {
///     let token = token().ok_or(Final("there is no token; log in first".into()))?;
///     # _ = token;
///     # Ok::<http::Response<String>, BoxError>(http::Response::default())
/// });
/// let error = events.message().await.unwrap_err();
/// assert_eq!(error.to_string(), "cannot connect: there is no token; log in first");
/// # }
/// ```
#[derive(Debug)]
pub struct Final(pub BoxError);

impl fmt::Display for Final {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl StdError for Final {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}
