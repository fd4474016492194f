use crate::error::{BoxError, Error};
use crate::idle::Idle;
use bytes::{Buf, Bytes};
use futures_core::Stream;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use sync_wrapper::SyncWrapper;

type ChunkStream = Pin<Box<dyn Stream<Item = Result<Bytes, BoxError>> + Send>>;

/// The body of a response, its type erased, as a stream of chunks. It fails if nothing comes for
/// the length of a time-out.
pub(crate) struct Body {
    chunks: Option<SyncWrapper<ChunkStream>>,
    idle: Idle,
}

impl Body {
    pub(crate) fn new<B>(body: B) -> Self
    where
        B: http_body::Body<Error: Into<BoxError>> + Send + 'static,
    {
        Self { chunks: Some(SyncWrapper::new(Box::pin(Chunks { body }))), idle: Idle::default() }
    }

    /// The body of no response.
    pub(crate) fn none() -> Self {
        Self { chunks: None, idle: Idle::default() }
    }

    pub(crate) fn set_idle_timeout(&mut self, timeout: Option<Duration>) {
        self.idle = Idle::new(timeout);
    }
}

impl Stream for Body {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { chunks, idle } = &mut *self;
        let Some(chunks) = chunks else { return Poll::Ready(None) };
        match chunks.get_mut().as_mut().poll_next(cx) {
            Poll::Ready(chunk) => {
                idle.reset();
                Poll::Ready(chunk.map(|chunk| chunk.map_err(Error::Body)))
            }
            Poll::Pending => idle.poll(cx).map(|timeout| Some(Err(Error::Idle(timeout)))),
        }
    }
}

pin_project_lite::pin_project! {
    struct Chunks<B> {
        #[pin]
        body: B,
    }
}

impl<B> Stream for Chunks<B>
where
    B: http_body::Body<Error: Into<BoxError>>,
{
    type Item = Result<Bytes, BoxError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(ready!(self.project().body.poll_frame(cx)).map(|frame| {
            // Trailers are an empty chunk, so that the reader counts them.
            let data = frame.map_err(Into::into)?.into_data();
            Ok(data.map_or_else(|_| Bytes::new(), |mut data| data.copy_to_bytes(data.remaining())))
        }))
    }
}
