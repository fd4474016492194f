use crate::body::Body;
use crate::error::{BoxError, Error};
use crate::idle::Idle;
use bytes::Bytes;
use futures_core::Stream;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Poll, ready};
use std::time::Duration;
use tokio::time::timeout;

/// How much of the body of a refusal is read, and for how long.
const REFUSAL_SIZE: usize = 64 * 1024;
const REFUSAL_TIME: Duration = Duration::from_secs(5);

/// How many chunks are read before other tasks get a turn.
const CHUNKS: usize = 32;

/// Waits for a response and checks it.
pub(crate) async fn open<F, R, B, E>(
    response: F,
    idle_timeout: Option<Duration>,
) -> Result<http::Response<Body>, Error>
where
    F: Future<Output = Result<R, E>>,
    R: Into<http::Response<B>>,
    B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    E: Into<BoxError>,
{
    let mut response = pin!(response);
    let mut idle = Idle::new(idle_timeout);
    let response = poll_fn(|cx| match response.as_mut().poll(cx) {
        Poll::Ready(Ok(response)) => Poll::Ready(Ok(response.into().map(Body::new))),
        Poll::Ready(Err(error)) => Poll::Ready(Err(Error::Connect(error.into()))),
        Poll::Pending => idle.poll(cx).map(|timeout| Err(Error::Idle(timeout))),
    });
    let mut response = check(response.await?).await?;
    response.body_mut().set_idle_timeout(idle_timeout);
    Ok(response)
}

/// Returns a response that is an event stream (WHATWG HTML 9.2.3), and any other as an error with
/// the beginning of its body.
pub(crate) async fn check(response: http::Response<Body>) -> Result<http::Response<Body>, Error> {
    if problem(&response).is_none() {
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let text = if head.status == StatusCode::NO_CONTENT { Bytes::new() } else { beginning(body).await };
    Err(Error::Response(Box::new(http::Response::from_parts(head, text))))
}

/// Says why a response is not an event stream.
pub(crate) fn problem<B>(response: &http::Response<B>) -> Option<String> {
    let status = response.status();
    if status != StatusCode::OK {
        return Some(format!("the server answered with status {status}"));
    }
    if let Some(encoding) = content_encoding(response.headers()) {
        return Some(format!(
            "the event stream is compressed (content-encoding: {encoding}), and the HTTP client does not \
             decompress it; enable that, or send `accept-encoding: identity`"
        ));
    }
    match response.headers().get(CONTENT_TYPE) {
        None => Some("the response has no content type; it must be text/event-stream".to_owned()),
        Some(value) if sse_core::header::is_event_stream(value) => None,
        Some(value) => Some(format!("the response has content type {value:?} instead of text/event-stream")),
    }
}

/// Returns an encoding that changes the body. Some servers send `none`, on purpose.
fn content_encoding(headers: &HeaderMap) -> Option<String> {
    let value = String::from_utf8_lossy(headers.get(CONTENT_ENCODING)?.as_bytes());
    let plain = ["", "identity", "none"].iter().any(|plain| value.trim().eq_ignore_ascii_case(plain));
    (!plain).then(|| value.into_owned())
}

async fn beginning(mut body: Body) -> Bytes {
    let mut text = Vec::new();
    let read = poll_fn(|cx| {
        for _ in 0..CHUNKS {
            match ready!(Pin::new(&mut body).poll_next(cx)) {
                Some(Ok(chunk)) if text.len() < REFUSAL_SIZE => {
                    text.extend_from_slice(&chunk[..chunk.len().min(REFUSAL_SIZE - text.len())]);
                }
                _ => return Poll::Ready(()),
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    });
    // What has come by then is enough.
    _ = timeout(REFUSAL_TIME, read).await;
    text.into()
}
