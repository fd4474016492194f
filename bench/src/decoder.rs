//! Our decoders and their peers.

use crate::message::Message;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream;
use std::convert::Infallible;
use std::fmt::Debug;
use std::num::NonZeroUsize;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Decoder {
    Decoder,
    EventStream,
    SseCoreDecoder,
    SseCoreStream,
    SseStream,
    Sseer,
    EventsourceStream,
}

/// The error is text.
type Outcome = Result<(), String>;

impl Decoder {
    pub const ALL: [Self; 7] = [
        Self::Decoder,
        Self::EventStream,
        Self::SseCoreDecoder,
        Self::SseCoreStream,
        Self::SseStream,
        Self::Sseer,
        Self::EventsourceStream,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Decoder => "Decoder",
            Self::EventStream => "EventStream",
            Self::SseCoreDecoder => "sse-core-decoder",
            Self::SseCoreStream => "sse-core",
            Self::SseStream => "sse-stream",
            Self::Sseer => "sseer",
            Self::EventsourceStream => "eventsource-stream",
        }
    }

    pub fn is_ours(self) -> bool {
        matches!(self, Self::Decoder | Self::EventStream)
    }

    /// Whether it takes a stream of `Bytes`; the others take slices.
    pub fn is_stream(self) -> bool {
        !matches!(self, Self::Decoder | Self::SseCoreDecoder)
    }

    /// # Errors
    ///
    /// Returns the error of the decoder as text.
    pub fn decode<'a>(
        self,
        chunks: impl Iterator<Item = &'a Bytes>,
        sink: impl FnMut(Message<'_>),
    ) -> Outcome {
        match self {
            Self::Decoder => decoder(chunks, sink),
            Self::EventStream => event_stream(chunks, sink),
            Self::SseCoreDecoder => sse_core_decoder(chunks, sink),
            Self::SseCoreStream => sse_core_stream(chunks, sink),
            Self::SseStream => sse_stream(chunks, sink),
            Self::Sseer => sseer(chunks, sink),
            Self::EventsourceStream => eventsource_stream(chunks, sink),
        }
    }
}

// These are not inlined, so that each is compiled on its own.

#[inline(never)]
fn decoder<'a>(chunks: impl Iterator<Item = &'a Bytes>, mut sink: impl FnMut(Message<'_>)) -> Outcome {
    let mut decoder = sse_core::Decoder::new();
    for chunk in chunks {
        let mut chunk = &chunk[..];
        while let Some(frame) = decoder.decode(&mut chunk).map_err(text)? {
            if let sse_core::Frame::Message(message) = frame {
                sink(Message {
                    event_type: &message.event_type,
                    data: &message.data,
                    last_event_id: &message.last_event_id,
                });
            }
        }
    }
    Ok(())
}

#[inline(never)]
fn event_stream<'a>(chunks: impl Iterator<Item = &'a Bytes>, mut sink: impl FnMut(Message<'_>)) -> Outcome {
    each(sse_core::EventStream::new(body(chunks)), |message| {
        sink(Message {
            event_type: &message.event_type,
            data: &message.data,
            last_event_id: &message.last_event_id,
        });
    })
}

#[inline(never)]
fn sse_core_decoder<'a>(
    chunks: impl Iterator<Item = &'a Bytes>,
    mut sink: impl FnMut(Message<'_>),
) -> Outcome {
    let mut decoder = sse_core_with_our_limit();
    for chunk in chunks {
        let mut chunk = &chunk[..];
        while let Some(event) = decoder.next(&mut chunk) {
            sse_core_event(event.map_err(text)?, &mut sink);
        }
    }
    Ok(())
}

#[inline(never)]
fn sse_core_stream<'a>(
    chunks: impl Iterator<Item = &'a Bytes>,
    mut sink: impl FnMut(Message<'_>),
) -> Outcome {
    let mut stream = peer_sse_core::SseStream::with_decoder(sse_core_with_our_limit());
    stream.attach(body(chunks));
    each(stream, |event| sse_core_event(event, &mut sink))
}

/// The default of `sse-core` is lower than the largest event.
fn sse_core_with_our_limit() -> peer_sse_core::SseDecoder {
    const LIMIT: NonZeroUsize = NonZeroUsize::new(32 << 20).expect("not zero");
    peer_sse_core::SseDecoder::with_limit(LIMIT)
}

#[inline(always)]
fn sse_core_event(event: peer_sse_core::SseEvent, sink: &mut impl FnMut(Message<'_>)) {
    if let peer_sse_core::SseEvent::Message(message) = event {
        sink(Message {
            event_type: &message.event,
            data: &message.data,
            last_event_id: message.last_event_id.as_deref().unwrap_or_default(),
        });
    }
}

#[inline(never)]
fn sse_stream<'a>(chunks: impl Iterator<Item = &'a Bytes>, mut sink: impl FnMut(Message<'_>)) -> Outcome {
    // It also yields blocks without data.
    each(sse_stream::SseByteStream::new(body(chunks)), |block| {
        if let Some(data) = &block.data {
            sink(Message {
                event_type: block.event.as_deref().unwrap_or("message"),
                data,
                last_event_id: block.id.as_deref().unwrap_or_default(),
            });
        }
    })
}

#[inline(never)]
fn sseer<'a>(chunks: impl Iterator<Item = &'a Bytes>, mut sink: impl FnMut(Message<'_>)) -> Outcome {
    each(sseer::EventStream::new(body(chunks)), |event| {
        sink(Message { event_type: &event.event, data: &event.data, last_event_id: &event.id });
    })
}

#[inline(never)]
fn eventsource_stream<'a>(
    chunks: impl Iterator<Item = &'a Bytes>,
    mut sink: impl FnMut(Message<'_>),
) -> Outcome {
    each(eventsource_stream::EventStream::new(body(chunks)), |event| {
        sink(Message { event_type: &event.event, data: &event.data, last_event_id: &event.id });
    })
}

/// The body of a response that has arrived in full.
fn body<'a>(chunks: impl Iterator<Item = &'a Bytes>) -> impl Stream<Item = Result<Bytes, Infallible>> {
    stream::iter(chunks.cloned().map(Ok))
}

#[inline(always)]
fn each<T, E: Debug>(stream: impl Stream<Item = Result<T, E>>, mut sink: impl FnMut(T)) -> Outcome {
    let mut stream = pin!(stream);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match stream.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(item)) => sink(item.map_err(text)?),
            Poll::Ready(None) => return Ok(()),
            // The body is always ready, so the stream only yields to other tasks.
            Poll::Pending => {}
        }
    }
}

fn text(error: impl Debug) -> String {
    format!("{error:?}")
}
