use crate::body::Body;
use crate::error::{BoxError, Error};
use crate::response::check;
use futures_core::Stream;
use futures_core::stream::FusedStream;
use sse_core::{EventStream, MessageEvent};
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// Reads the events of one response, such as a language model's answer to a POST.
///
/// It never asks again. Takes an `http::Response`, or what converts into one, such as that of
/// reqwest.
///
/// ```
/// use sse_source::event_stream;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), sse_source::Error> {
/// # let body = "data: Hel\n\ndata: lo\n\ndata: [DONE]\n\n".to_owned();
/// # let response = http::Response::builder().header("content-type", "text/event-stream").body(body).unwrap();
/// let mut events = event_stream(response).await?;
/// let mut answer = String::new();
/// while let Some(message) = events.message().await? {
///     if message.data == "[DONE]" {
///         break;
///     }
///     answer += &message.data;
/// }
/// assert_eq!(answer, "Hello");
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Returns [`Error::Response`] with the beginning of the body if the response is not an event
/// stream.
pub async fn event_stream<R, B>(response: R) -> Result<Events, Error>
where
    R: Into<http::Response<B>>,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
{
    let response = check(response.into().map(Body::new)).await?;
    Ok(Events { events: EventStream::new(response.into_body()), ended: false })
}

/// The events of one response, as [`event_stream`] returns them.
///
/// The stream ends with the body. A body that ends in the middle of an event is
/// [`Error::CutOff`]; a body that ends between two events may still be incomplete, which only a
/// mark of the server's own, such as `[DONE]`, can tell.
#[must_use = "streams do nothing unless polled"]
pub struct Events {
    events: EventStream<Body>,
    ended: bool,
}

impl Events {
    /// Fails with [`Error::Idle`] when no byte has come for so long. By default, there is no such
    /// limit.
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        Pin::new(&mut self.events).body_mut().set_idle_timeout(Some(timeout));
        self
    }

    /// Returns the next message, or `None` at the end of the body. It is cancel safe.
    ///
    /// # Errors
    ///
    /// Returns an error that ends the stream, or [`Error::TooLarge`], after which it continues.
    pub async fn message(&mut self) -> Result<Option<MessageEvent<'static>>, Error> {
        self.next().await.transpose()
    }

    /// Returns the next item of the stream. It is cancel safe.
    pub async fn next(&mut self) -> Option<Result<MessageEvent<'static>, Error>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// Returns the last event ID, which is empty if there is none.
    pub fn last_event_id(&self) -> &str {
        self.events.last_event_id()
    }
}

impl Stream for Events {
    type Item = Result<MessageEvent<'static>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let item = ready!(Pin::new(&mut self.events).poll_next(cx));
        self.ended = self.events.is_terminated();
        Poll::Ready(match item {
            Some(item) => Some(item.map_err(Error::of_stream)),
            None => self.events.has_incomplete_event().then_some(Err(Error::CutOff)),
        })
    }
}

impl FusedStream for Events {
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("events", &self.events).finish_non_exhaustive()
    }
}
