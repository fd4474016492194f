use crate::clock::{Clock, NoClock};
use crate::event::EncodedEvent;
use crate::keep_alive::{KeepAlive, KeepAliveStream};
use alloc::boxed::Box;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use futures_core::stream::{FusedStream, Stream, TryStream};

/// The size up to which events are joined, in bytes: what a server writes to the network at once.
const MAX_CHUNK: usize = 16 * 1024;

/// How many events are sent before other tasks get a turn and the server can flush.
const EVENTS: usize = 64;

/// How long events are joined at most, since a slow stream may never be `Pending`.
const JOINING: Duration = Duration::from_millis(1);

/// How long an error is held back. When a body fails, HTTP/2 servers discard what is queued, and
/// browsers discard what is unread. With Nagle's algorithm, the queue waits for an acknowledgement
/// that may be delayed by 40 ms.
const HOLD: Duration = Duration::from_millis(100);

pin_project_lite::pin_project! {
    /// The body of an SSE response: a stream of events in, a stream of byte chunks out.
    ///
    /// The events are a `Stream<Item = Result<T, E>>` where `T` is an [`Event`](crate::Event), an
    /// [`EncodedEvent`], or anything that converts into one. The body is these events and nothing
    /// else. Events that are ready together leave as one chunk of up to 16 KiB, or of one event if
    /// that is larger; a lone event leaves as its own bytes, uncopied. A stream that is always
    /// ready is interrupted after 64 events, or a millisecond by the body's [clock](Self::clock),
    /// to let other tasks run and the server flush.
    ///
    /// An error ends the body. A body with a [clock](Self::clock) holds it back for 100
    /// milliseconds, so that the events before it, or the head of the response if there are none,
    /// reach every client that reads within this time. A body without a clock holds it back for one
    /// turn of the executor: enough for HTTP/1.1 on a runtime of one thread, and no more than that.
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
    pub struct Sse<S, C = NoClock>
    where
        S: TryStream,
        C: Clock,
    {
        #[pin]
        stream: S,
        clock: C,
        // An event that the last chunk had no room for.
        ahead: Option<Bytes>,
        // How many events have come since the body was last `Pending`.
        run: usize,
        // The error that ends the body, and how long it is held back.
        failed: Option<(S::Error, Pin<Box<C::Sleep>>)>,
        ended: bool,
    }
}

impl<S: TryStream> Sse<S> {
    /// A body of these events, without keep-alive and without a clock.
    pub fn new(stream: S) -> Self
    where
        S::Ok: Into<EncodedEvent>,
    {
        Self { stream, clock: NoClock, ahead: None, run: 0, failed: None, ended: false }
    }
}

impl<S, C> Sse<S, C>
where
    S: TryStream,
    S::Ok: Into<EncodedEvent>,
    C: Clock,
{
    /// Gives the body a clock, which it reads when events are joined and sleeps on before an error.
    pub fn clock<K: Clock>(self, clock: K) -> Sse<S, K> {
        Sse { stream: self.stream, clock, ahead: None, run: 0, failed: None, ended: false }
    }

    /// Sends a comment first, and whenever no event has been sent for a while, so that the response
    /// begins at once, proxies and clients keep the connection, and the server notices a client
    /// that is gone.
    ///
    /// Keep-alive and the body use tokio's clock. [`keep_alive_on`](Self::keep_alive_on) takes
    /// another one.
    #[cfg(feature = "tokio")]
    pub fn keep_alive(self, keep_alive: KeepAlive) -> Sse<KeepAliveStream<S>, crate::TokioClock> {
        self.keep_alive_on(crate::TokioClock::new(), keep_alive)
    }

    /// Sends a comment first, and whenever no event has been sent for a while by this clock, which
    /// the body uses as well.
    pub fn keep_alive_on<K>(self, clock: K, keep_alive: KeepAlive) -> Sse<KeepAliveStream<S, K>, K>
    where
        K: Clock + Clone,
    {
        Sse::new(KeepAliveStream::new(self.stream, clock.clone(), keep_alive)).clock(clock)
    }

    /// The whole response: status 200, the [headers](crate::header::RESPONSE), and this body.
    #[cfg(feature = "http")]
    pub fn into_response(self) -> http::Response<Self> {
        let mut response = http::Response::new(self);
        for &(name, value) in crate::header::RESPONSE {
            let name = http::HeaderName::from_static(name);
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        response
    }
}

impl<S, C> Stream for Sse<S, C>
where
    S: TryStream,
    S::Ok: Into<EncodedEvent>,
    C: Clock,
{
    type Item = Result<Bytes, S::Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            let this = self.as_mut().project();
            if *this.ended {
                return Poll::Ready(None);
            }
            if let Some((_, hold)) = this.failed {
                ready!(hold.as_mut().poll(cx));
                *this.ended = true;
                return Poll::Ready(this.failed.take().map(|(error, _)| Err(error)));
            }
            if *this.run >= EVENTS {
                *this.run = 0;
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            let first = match this.ahead.take() {
                Some(event) => event,
                None => match this.stream.try_poll_next(cx) {
                    Poll::Ready(Some(Ok(event))) => {
                        *this.run += 1;
                        event.into().into()
                    }
                    Poll::Ready(Some(Err(error))) => {
                        *this.failed = Some((error, Box::pin(this.clock.sleep(HOLD))));
                        continue;
                    }
                    Poll::Ready(None) => {
                        *this.ended = true;
                        continue;
                    }
                    Poll::Pending => {
                        *this.run = 0;
                        return Poll::Pending;
                    }
                },
            };
            let chunk = self.as_mut().join_ready(first, cx);
            if !chunk.is_empty() {
                return Poll::Ready(Some(Ok(chunk)));
            }
        }
    }
}

impl<S, C> Sse<S, C>
where
    S: TryStream,
    S::Ok: Into<EncodedEvent>,
    C: Clock,
{
    /// Appends to the first event what else is ready.
    fn join_ready(self: Pin<&mut Self>, first: Bytes, cx: &mut Context<'_>) -> Bytes {
        let mut this = self.project();
        // The clock is read only when a second event is joined.
        let mut start = None;
        let mut joined = Vec::new();
        let mut length = first.len();
        while length < MAX_CHUNK && *this.run < EVENTS {
            match this.stream.as_mut().try_poll_next(cx) {
                Poll::Ready(Some(Ok(event))) => {
                    *this.run += 1;
                    let next: Bytes = event.into().into();
                    if length + next.len() > MAX_CHUNK {
                        *this.ahead = Some(next);
                        break;
                    }
                    length += next.len();
                    if joined.is_empty() {
                        joined.reserve(MAX_CHUNK.min(8 * length));
                        joined.extend_from_slice(&first);
                    }
                    joined.extend_from_slice(&next);
                    let now = this.clock.now();
                    if now.saturating_sub(*start.get_or_insert(now)) >= JOINING {
                        *this.run = EVENTS;
                    }
                }
                Poll::Ready(Some(Err(error))) => {
                    *this.failed = Some((error, Box::pin(this.clock.sleep(HOLD))));
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

impl<S, C> FusedStream for Sse<S, C>
where
    S: TryStream,
    S::Ok: Into<EncodedEvent>,
    C: Clock,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

#[cfg(feature = "http")]
impl<S, C> http_body::Body for Sse<S, C>
where
    S: TryStream,
    S::Ok: Into<EncodedEvent>,
    C: Clock,
{
    type Data = Bytes;
    type Error = S::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, S::Error>>> {
        self.poll_next(cx).map_ok(http_body::Frame::data)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl<S: TryStream, C: Clock> fmt::Debug for Sse<S, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sse")
            .field("stream", &format_args!("{}", core::any::type_name::<S>()))
            .field("failed", &self.failed.is_some())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
