use crate::event::EncodedEvent;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::mem;
use core::pin::Pin;
use core::task::{Context, Poll};
use futures_core::stream::{FusedStream, Stream, TryStream};

/// An empty comment. Proxies pass the head of a response on when its first byte comes, and so does Firefox.
const OPENING: &[u8] = b":\n\n";

/// The size that events are joined up to, in bytes: what a response takes to the network in one go.
const JOINED: usize = 16 * 1024;

pin_project_lite::pin_project! {
    /// The body of an SSE response: a stream of events in, a stream of byte chunks out.
    ///
    /// The events are a `Stream<Item = Result<T, E>>` where `T` is an [`Event`](crate::Event), an [`EncodedEvent`], or
    /// anything that turns into one. If none is ready at first, an opening comment goes out at once. Events that are
    /// ready together leave as one chunk of up to 16 KiB, or of one event if that is larger; one alone leaves as its own
    /// bytes, uncopied.
    ///
    /// An error ends the body. What came before it, be it only the head of the response, gets a turn of the executor to
    /// reach the network, so that all but a client which reads too slowly will see it.
    ///
    /// ```
    /// use bytes::Bytes;
    /// use futures_util::stream::{self, StreamExt};
    /// use sse_core::{Event, Sse};
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let events = stream::iter(["one", "two"]).map(|text| Ok::<_, Infallible>(Event::new().data(text)));
    /// let mut body = Sse::new(events);
    /// assert_eq!(body.next().await, Some(Ok(Bytes::from("data: one\n\ndata: two\n\n"))));
    /// assert_eq!(body.next().await, None);
    /// # }
    /// ```
    #[must_use = "a body does nothing unless it is sent"]
    pub struct Sse<S>
    where
        S: TryStream,
    {
        #[pin]
        stream: S,
        // What came from the stream behind the last chunk: bytes that it had no room for, or an error.
        ahead: Option<Result<Bytes, S::Error>>,
        opened: bool,
        // The caller has had something since it last had a turn to send it.
        unsent: bool,
        ended: bool,
    }
}

impl<S, T, E> Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    /// A body of these events, without keep-alive.
    pub fn new(stream: S) -> Self {
        Self { stream, ahead: None, opened: false, unsent: true, ended: false }
    }

    /// Sends a comment whenever no event has gone out for a while, so that proxies and clients keep the connection, and
    /// the server notices a client that is gone.
    #[cfg(feature = "tokio")]
    pub fn keep_alive(self, keep_alive: crate::KeepAlive) -> Sse<crate::KeepAliveStream<S>>
    where
        T: From<crate::Event>,
    {
        Sse::new(crate::KeepAliveStream::new(self.stream, keep_alive))
    }

    /// The whole response: status 200, the [headers](crate::header::RESPONSE), and this body.
    #[cfg(feature = "http")]
    pub fn into_response(self) -> http::Response<Self> {
        let mut response = http::Response::new(self);
        for (name, value) in crate::header::RESPONSE {
            let name = http::HeaderName::from_static(name);
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        response
    }
}

impl<S, T, E> Stream for Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    type Item = Result<Bytes, E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.as_mut().project();
        if *this.ended {
            return Poll::Ready(None);
        }
        let next = match this.ahead.take() {
            Some(next) => Poll::Ready(Some(next)),
            None => poll_bytes(this.stream, cx),
        };
        let first_poll = !mem::replace(this.opened, true);
        match next {
            Poll::Ready(Some(Ok(bytes))) => {
                *this.unsent = true;
                Poll::Ready(Some(Ok(self.join_ready(bytes, cx))))
            }
            Poll::Ready(Some(Err(error))) if *this.unsent => {
                *this.unsent = false;
                *this.ahead = Some(Err(error));
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Poll::Pending if first_poll => Poll::Ready(Some(Ok(Bytes::from_static(OPENING)))),
            Poll::Pending => {
                *this.unsent = false;
                Poll::Pending
            }
            Poll::Ready(end) => {
                *this.ended = true;
                Poll::Ready(end)
            }
        }
    }
}

impl<S, T, E> Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    /// Adds to the first event what else is ready.
    fn join_ready(self: Pin<&mut Self>, first: Bytes, cx: &mut Context<'_>) -> Bytes {
        let mut this = self.project();
        let mut joined = Vec::new();
        let mut length = first.len();
        while length < JOINED {
            match poll_bytes(this.stream.as_mut(), cx) {
                Poll::Ready(Some(Ok(next))) if length + next.len() <= JOINED => {
                    length += next.len();
                    if joined.is_empty() {
                        joined.reserve(JOINED.min(8 * length));
                        joined.extend_from_slice(&first);
                    }
                    joined.extend_from_slice(&next);
                }
                Poll::Ready(Some(next)) => {
                    *this.ahead = Some(next);
                    break;
                }
                Poll::Ready(None) => {
                    *this.ended = true;
                    break;
                }
                Poll::Pending => break,
            }
        }
        if joined.is_empty() { first } else { Bytes::from(joined) }
    }
}

fn poll_bytes<S, T, E>(stream: Pin<&mut S>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, E>>>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    stream.poll_next(cx).map_ok(|event| event.into().into())
}

impl<S, T, E> FusedStream for Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

#[cfg(feature = "http")]
impl<S, T, E> http_body::Body for Sse<S>
where
    S: Stream<Item = Result<T, E>>,
    T: Into<EncodedEvent>,
{
    type Data = Bytes;
    type Error = E;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, E>>> {
        self.poll_next(cx).map_ok(http_body::Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl<S: TryStream> fmt::Debug for Sse<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse")
            .field("stream", &format_args!("{}", core::any::type_name::<S>()))
            .field("opened", &self.opened)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
