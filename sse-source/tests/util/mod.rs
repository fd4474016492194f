#![allow(dead_code, reason = "each test uses its part")]

use bytes::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::{Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use sse_source::{Attempt, BoxError, Error, EventSource, Signal};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) type Body = StreamBody<BoxStream<'static, Result<Frame<Bytes>, BoxError>>>;
pub(crate) type Answer = Result<Response<Body>, BoxError>;

/// A request of a source.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) at: Instant,
    pub(crate) attempt: Attempt,
}

/// The requests that a source has made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Requests(Arc<Mutex<Vec<Asked>>>);

impl Requests {
    pub(crate) fn all(&self) -> Vec<Asked> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    /// The `Last-Event-ID` of each request, empty if it had none.
    pub(crate) fn last_event_ids(&self) -> Vec<String> {
        let id = |asked: &Asked| {
            let id = asked.attempt.headers.get("last-event-id");
            id.map_or(String::new(), |id| String::from_utf8_lossy(id.as_bytes()).into_owned())
        };
        self.0.lock().unwrap().iter().map(id).collect()
    }
}

/// A source whose requests are answered by a function, which gets their number, from 0.
pub(crate) fn source(mut answer: impl FnMut(usize) -> Answer + Send + 'static) -> (EventSource, Requests) {
    let requests = Requests::default();
    let log = requests.clone();
    let events = EventSource::new(move |attempt| {
        let number = log.count();
        log.0.lock().unwrap().push(Asked { at: Instant::now(), attempt });
        let answer = answer(number);
        async move { answer }
    });
    (events, requests)
}

pub(crate) fn frames(
    frames: impl Stream<Item = Result<Frame<Bytes>, BoxError>> + Send + 'static,
) -> Response<Body> {
    let response = Response::builder().header("content-type", "text/event-stream");
    response.body(StreamBody::new(frames.boxed())).unwrap()
}

pub(crate) fn chunks(chunks: impl Stream<Item = String> + Send + 'static) -> Response<Body> {
    frames(chunks.map(|chunk| Ok(Frame::data(chunk.into()))))
}

fn once(text: &str) -> impl Stream<Item = String> + use<> {
    stream::iter([text.to_owned()])
}

/// Answers with a body that ends in order.
pub(crate) fn ends(text: &str) -> Answer {
    Ok(chunks(once(text)))
}

/// Answers with a body that goes on, without anything to say.
pub(crate) fn holds(text: &str) -> Answer {
    Ok(chunks(once(text).chain(stream::pending())))
}

/// Answers with a body that ends in order after this time.
pub(crate) fn ends_after(text: &str, time: Duration) -> Answer {
    let rest = stream::once(async move {
        tokio::time::sleep(time).await;
        String::new()
    });
    Ok(chunks(once(text).chain(rest)))
}

/// Answers with a body that fails.
pub(crate) fn breaks(text: &str) -> Answer {
    let text = Frame::data(text.to_owned().into());
    Ok(frames(stream::iter([Ok(text), Err("reset".into())])))
}

pub(crate) fn refuses(status: u16) -> Answer {
    let mut response = ends("why not").unwrap();
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    Ok(response)
}

pub(crate) fn with_header(answer: Answer, name: &'static str, value: &str) -> Answer {
    let mut response = answer.unwrap();
    response.headers_mut().insert(name, value.parse().unwrap());
    Ok(response)
}

pub(crate) fn unreachable() -> Answer {
    Err("unreachable".into())
}

/// Polls on to the next lost connection, and returns its cause and the delay.
pub(crate) async fn lost(events: &mut EventSource) -> (Error, Duration) {
    loop {
        match events.next().await {
            Some(Ok(Signal::Reconnecting { cause, delay })) => return (cause, delay),
            Some(Ok(_)) => {}
            item => panic!("the source ends with {item:?}"),
        }
    }
}

/// The data of the next messages.
pub(crate) async fn data(events: &mut EventSource, count: usize) -> Vec<String> {
    let mut data = Vec::new();
    for _ in 0..count {
        data.push(events.message().await.unwrap().unwrap().data.into_owned());
    }
    data
}
