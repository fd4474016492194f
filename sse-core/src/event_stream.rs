use crate::decode::{Decoded, Decoder, EventTooLarge};
use crate::message::{Frame, MessageEvent};
use alloc::borrow::Cow;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Poll, ready};
use core::time::Duration;
use futures_core::stream::{FusedStream, Stream, TryStream};

/// How many chunks without a frame are decoded before other tasks get a turn.
const CHUNKS: usize = 32;

pin_project_lite::pin_project! {
    /// Reads the events of a body: a stream of chunks in, a stream of [`MessageEvent`]s out.
    ///
    /// The body is any `Stream<Item = Result<impl AsRef<[u8]>, E>>`, such as what HTTP clients give
    /// for a response. The stream ends with the body, also after an error of the body, and stays
    /// ended. That is no proof that the body was complete: see
    /// [`has_incomplete_event`](Self::has_incomplete_event). An event that exceeds the limit is an
    /// error, after which the stream continues.
    ///
    /// ```
    /// use futures_util::stream::{self, TryStreamExt};
    /// use sse_core::EventStream;
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let body = stream::iter([Ok::<_, Infallible>("id: 1\ndata: one\n\nda"), Ok("ta: two\n\n")]);
    /// let mut events = EventStream::new(body);
    /// while let Some(event) = events.try_next().await.unwrap() {
    ///     println!("{}", event.data);
    /// }
    /// assert_eq!(events.last_event_id(), "1");
    /// # }
    /// ```
    ///
    /// The next connection continues with the last event ID of this one:
    ///
    /// ```
    /// # use futures_util::stream;
    /// # use sse_core::EventStream;
    /// # use std::{convert::Infallible, pin::pin};
    /// # let connect = |_last_event_id: Option<&[u8]>| stream::empty::<Result<&[u8], Infallible>>();
    /// let mut events = pin!(EventStream::new(connect(None)));
    /// // ... until the body ends, and after `events.reconnection_time()`:
    /// let body = connect(events.last_event_id_header());
    /// events.as_mut().reconnect(body);
    /// ```
    #[must_use = "streams do nothing unless polled"]
    pub struct EventStream<B>
    where
        B: TryStream,
    {
        #[pin]
        body: B,
        decoder: Decoder,
        // The current chunk, and how much of it has been decoded.
        chunk: Option<B::Ok>,
        decoded: usize,
        ended: bool,
    }
}

impl<B> EventStream<B>
where
    B: TryStream,
    B::Ok: AsRef<[u8]>,
{
    /// Reads a body with a new [`Decoder`].
    pub fn new(body: B) -> Self {
        Self::with_decoder(body, Decoder::new())
    }

    /// Reads a body with a decoder of your own, such as one with another limit.
    pub fn with_decoder(body: B, decoder: Decoder) -> Self {
        Self { body, decoder, chunk: None, decoded: 0, ended: false }
    }

    /// Gives the decoder back, [prepared](Decoder::reconnect) for the next connection.
    pub fn into_decoder(mut self) -> Decoder {
        self.decoder.reconnect();
        self.decoder
    }

    /// Continues with the body of a new connection, as [`Decoder::reconnect`] does. The rest of the
    /// old body is dropped.
    pub fn reconnect(self: Pin<&mut Self>, body: B) {
        let mut this = self.project();
        this.body.set(body);
        this.decoder.reconnect();
        *this.chunk = None;
        *this.ended = false;
    }

    /// The frames of the body: retries, and comments if the decoder is [told
    /// to](Decoder::with_comments) return them, as well as messages.
    ///
    /// ```
    /// use futures_util::stream::{self, StreamExt};
    /// use sse_core::{Decoder, EventStream, Frame};
    /// use std::convert::Infallible;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let body = stream::iter([Ok::<_, Infallible>(":still here\n\nretry: 500\n\n")]);
    /// let mut frames = EventStream::with_decoder(body, Decoder::new().with_comments(true)).frames();
    /// assert_eq!(frames.next().await, Some(Ok(Frame::Comment("still here".into()))));
    /// assert!(matches!(frames.next().await, Some(Ok(Frame::Retry(_)))));
    /// assert_eq!(frames.next().await, None);
    /// # }
    /// ```
    pub fn frames(self) -> Frames<B> {
        Frames { events: self }
    }

    /// Returns the body.
    pub fn body(&self) -> &B {
        &self.body
    }

    /// Returns the body, such as to change its options. Chunks that you take from it are not decoded.
    pub fn body_mut(self: Pin<&mut Self>) -> Pin<&mut B> {
        self.project().body
    }

    /// Returns the last event ID; empty if there is none.
    pub fn last_event_id(&self) -> &str {
        self.decoder.last_event_id()
    }

    /// Replaces the last event ID, until an event brings another.
    pub fn set_last_event_id(self: Pin<&mut Self>, id: &str) {
        self.project().decoder.set_last_event_id(id);
    }

    /// Returns the value of the `Last-Event-ID` header for the next connection, as
    /// [`Decoder::last_event_id_header`] does.
    pub fn last_event_id_header(&self) -> Option<&[u8]> {
        self.decoder.last_event_id_header()
    }

    /// Returns how long to wait before the next connection, as [`Decoder::reconnection_time`] does.
    pub fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }

    /// Returns whether an event has begun whose blank line has not come: at the end of the stream,
    /// whether the body was cut off in the middle of an event. See
    /// [`Decoder::has_incomplete_event`].
    pub fn has_incomplete_event(&self) -> bool {
        self.decoder.has_incomplete_event()
    }

    /// Decodes up to the next item: a message, or another frame that `other` turns into an item.
    #[inline]
    fn poll_item<T>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        message: impl Fn(MessageEvent<'static>) -> T,
        other: impl Fn(Frame<'_>) -> Option<T>,
    ) -> Poll<Option<Result<T, EventStreamError<B::Error>>>> {
        let mut this = self.project();
        if *this.ended {
            return Poll::Ready(None);
        }
        // Two loops, because a chunk is moved only once it has yielded an item, and most small
        // chunks yield none. A function that both share takes more instructions.
        if let Some(chunk) = this.chunk {
            let chunk = chunk.as_ref();
            let mut rest = &chunk[*this.decoded..];
            loop {
                let next = this.decoder.decode_parts(&mut rest);
                *this.decoded = chunk.len() - rest.len();
                match next {
                    Ok(Some(Decoded::Message { event_type, data, last_event_id })) => {
                        return Poll::Ready(Some(Ok(message(copy(event_type, data, last_event_id)))));
                    }
                    Ok(Some(Decoded::Frame(Frame::Message(event)))) => {
                        return Poll::Ready(Some(Ok(message(event.into_owned()))));
                    }
                    Ok(Some(Decoded::Frame(frame))) => {
                        if let Some(item) = other(frame) {
                            return Poll::Ready(Some(Ok(item)));
                        }
                    }
                    Ok(None) => break,
                    Err(error) => return Poll::Ready(Some(Err(EventStreamError::TooLarge(error)))),
                }
            }
            *this.chunk = None;
        }
        for _ in 0..CHUNKS {
            match ready!(this.body.as_mut().try_poll_next(cx)) {
                Some(Ok(chunk)) => {
                    let mut rest = chunk.as_ref();
                    let item = loop {
                        match this.decoder.decode_parts(&mut rest) {
                            Ok(Some(Decoded::Message { event_type, data, last_event_id })) => {
                                break Some(Ok(message(copy(event_type, data, last_event_id))));
                            }
                            Ok(Some(Decoded::Frame(Frame::Message(event)))) => {
                                break Some(Ok(message(event.into_owned())));
                            }
                            Ok(Some(Decoded::Frame(frame))) => {
                                if let Some(item) = other(frame) {
                                    break Some(Ok(item));
                                }
                            }
                            Ok(None) => break None,
                            Err(error) => break Some(Err(EventStreamError::TooLarge(error))),
                        }
                    };
                    if item.is_some() {
                        if !rest.is_empty() {
                            *this.decoded = chunk.as_ref().len() - rest.len();
                            *this.chunk = Some(chunk);
                        }
                        return Poll::Ready(item);
                    }
                }
                Some(Err(error)) => {
                    *this.ended = true;
                    return Poll::Ready(Some(Err(EventStreamError::Body(error))));
                }
                None => {
                    *this.ended = true;
                    return Poll::Ready(None);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<B> Stream for EventStream<B>
where
    B: TryStream,
    B::Ok: AsRef<[u8]>,
{
    type Item = Result<MessageEvent<'static>, EventStreamError<B::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx, |message| message, |_| None)
    }
}

// Like `into_owned`, but copies straight from the borrowed parts: moving a message that has just
// been written to memory stalls the processor.
#[inline]
fn copy(event_type: &str, data: &str, last_event_id: &str) -> MessageEvent<'static> {
    MessageEvent {
        event_type: if event_type == MessageEvent::DEFAULT_EVENT_TYPE {
            Cow::Borrowed(MessageEvent::DEFAULT_EVENT_TYPE)
        } else {
            Cow::Owned(event_type.into())
        },
        data: Cow::Owned(data.into()),
        last_event_id: Cow::Owned(last_event_id.into()),
    }
}

impl<B> FusedStream for EventStream<B>
where
    B: TryStream,
    B::Ok: AsRef<[u8]>,
{
    fn is_terminated(&self) -> bool {
        self.ended
    }
}

impl<B: TryStream> fmt::Debug for EventStream<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("decoder", &self.decoder).finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// The frames of an [`EventStream`], as [`EventStream::frames`] makes it.
    #[must_use = "streams do nothing unless polled"]
    pub struct Frames<B>
    where
        B: TryStream,
    {
        #[pin]
        events: EventStream<B>,
    }
}

impl<B: TryStream> Frames<B> {
    /// Returns the stream of events, which continues where this one stopped.
    pub fn into_events(self) -> EventStream<B> {
        self.events
    }

    /// The stream of events.
    pub fn events(&self) -> &EventStream<B> {
        &self.events
    }

    /// The stream of events, to [reconnect](EventStream::reconnect) it.
    pub fn events_mut(self: Pin<&mut Self>) -> Pin<&mut EventStream<B>> {
        self.project().events
    }
}

impl<B> Stream for Frames<B>
where
    B: TryStream,
    B::Ok: AsRef<[u8]>,
{
    type Item = Result<Frame<'static>, EventStreamError<B::Error>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.project().events.poll_item(cx, Frame::Message, |frame| Some(frame.into_owned()))
    }
}

impl<B> FusedStream for Frames<B>
where
    B: TryStream,
    B::Ok: AsRef<[u8]>,
{
    fn is_terminated(&self) -> bool {
        self.events.ended
    }
}

impl<B: TryStream> fmt::Debug for Frames<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("events", &self.events).finish()
    }
}

/// The error of an [`EventStream`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventStreamError<E> {
    /// The body's own error, which ends the stream.
    Body(E),
    /// An event exceeded the decoder's limit. The stream continues after it.
    TooLarge(EventTooLarge),
}

impl<E> From<EventTooLarge> for EventStreamError<E> {
    fn from(error: EventTooLarge) -> Self {
        Self::TooLarge(error)
    }
}

impl<E: fmt::Display> fmt::Display for EventStreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Body(error) => error.fmt(f),
            Self::TooLarge(error) => error.fmt(f),
        }
    }
}

impl<E: core::error::Error> core::error::Error for EventStreamError<E> {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Body(error) => error.source(),
            Self::TooLarge(error) => error.source(),
        }
    }
}
