use std::error::Error;
use std::fmt;

type Cause = Box<dyn Error + Send + Sync>;

/// Why an event was not published, or may not have been.
///
/// ```
/// use sse_core::Event;
/// use sse_hub::{Hub, PublishError};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let hub = Hub::new();
/// match hub.publish("hub:mine", Event::new().data("hello")).await {
///     Ok(position) => println!("published as {position}"),
///     Err(error @ (PublishError::Invalid(_) | PublishError::TooLarge { .. })) => {
///         eprintln!("bad input: {error}");
///     }
///     Err(PublishError::Refused(cause)) => eprintln!("not published, try again: {cause}"),
///     Err(error) => eprintln!("{error}"),
/// }
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The topic or the event cannot be published.
    Invalid(&'static str),
    /// The event is larger than the hub allows.
    TooLarge {
        /// The size of the event, in bytes on the wire without its ID.
        size: usize,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The engine refused the event. Nothing was written; try again.
    Refused(Cause),
    /// The engine did not answer. The event may have been published, so that publishing it again
    /// may publish it twice.
    Unknown(Cause),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(reason) => f.write_str(reason),
            Self::TooLarge { size, limit } => {
                write!(
                    f,
                    "the event has {size} bytes, but {limit} are allowed; shorten it, or raise `max_event_size`"
                )
            }
            Self::Refused(_) => f.write_str("the event was not published; try again"),
            Self::Unknown(_) => f.write_str("the event may have been published or not"),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Refused(cause) | Self::Unknown(cause) => Some(&**cause),
            Self::Invalid(_) | Self::TooLarge { .. } => None,
        }
    }
}

#[cfg(feature = "http")]
impl PublishError {
    /// Returns the status to answer a request with: 400 for a topic or an event that is invalid, 413
    /// for an event that is too large, 503 if it was refused, 504 if it may have been published.
    pub fn status(&self) -> http::StatusCode {
        match self {
            Self::Invalid(_) => http::StatusCode::BAD_REQUEST,
            Self::TooLarge { .. } => http::StatusCode::PAYLOAD_TOO_LARGE,
            Self::Refused(_) => http::StatusCode::SERVICE_UNAVAILABLE,
            Self::Unknown(_) => http::StatusCode::GATEWAY_TIMEOUT,
        }
    }
}

/// Answers with the [status](PublishError::status) of the error, and the error as text.
#[cfg(feature = "http")]
impl From<PublishError> for http::Response<String> {
    fn from(error: PublishError) -> Self {
        let mut response = Self::new(error.to_string());
        *response.status_mut() = error.status();
        response
    }
}

/// Settings of a [`Builder`](crate::Builder) that contradict each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidSettings(pub(crate) String);

impl fmt::Display for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for InvalidSettings {}
