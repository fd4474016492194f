//! How often a source allocates, measured by an allocator that counts for each thread.

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::{FutureExt, stream};
use http_body::Frame;
use http_body_util::StreamBody;
use sse_source::{EventSource, Signal, event_stream};
use std::convert::Infallible;
use std::time::Duration;

/// Events, and how many texts of its own each message of them has.
const EVENTS: [(&str, u64); 4] = [
    ("data: first\n\n", 1),
    ("event: tick\ndata: first\ndata: second\n\n", 2),
    ("id: 12345\nevent: tick\ndata: first\n\n", 3),
    ("retry: 1000\n: still here\nid: 12345\n\ndata: first\n\n", 2),
];

const PIECES: [usize; 4] = [1, 7, 100, 16 * 1024];

/// An endless body that repeats events, cut in pieces of this size. Reading it allocates nothing.
fn response(
    events: &str,
    size: usize,
) -> http::Response<impl http_body::Body<Data = Bytes, Error = Infallible> + use<>> {
    let events = Bytes::from(events.repeat(size));
    let pieces: Vec<_> =
        (0..events.len()).step_by(size).map(|start| events.slice(start..start + size)).collect();
    let frames = (0..).map(move |number| Ok(Frame::data(pieces[number % pieces.len()].clone())));
    let response = http::Response::builder().header("content-type", "text/event-stream");
    response.body(StreamBody::new(stream::iter(frames))).unwrap()
}

fn source(events: &'static str, size: usize) -> EventSource {
    EventSource::new(move |_| async move { Ok::<_, Infallible>(response(events, size)) })
        .idle_timeout(Duration::from_secs(60))
}

/// Counts the allocations of a thousand calls, after so many that each buffer was used.
fn allocations(mut next: impl FnMut()) -> u64 {
    (0..3000).for_each(|_| next());
    measure(|| (0..1000).for_each(|_| next())).count_total
}

// The bodies are always ready, so the sources only yield to other tasks.

#[tokio::test]
async fn a_message_allocates_its_own_texts_and_nothing_else() {
    for ((events, texts), size) in EVENTS.into_iter().flat_map(|events| PIECES.map(|size| (events, size))) {
        let mut source = source(events, size);
        let count = allocations(|| while !matches!(source.message().now_or_never(), Some(Ok(Some(_)))) {});
        assert_eq!(count, 1000 * texts, "`message` of {events:?} in pieces of {size}");
    }
}

#[tokio::test]
async fn a_comment_allocates_its_text_and_nothing_else() {
    let mut source = source(":still here\n\n", 7).comments(true);
    let count =
        allocations(|| while !matches!(source.next().now_or_never(), Some(Some(Ok(Signal::Comment(_))))) {});
    assert_eq!(count, 1000);
}

#[tokio::test]
async fn a_message_of_one_response_allocates_its_own_texts_and_nothing_else() {
    for ((events, texts), size) in EVENTS.into_iter().flat_map(|events| PIECES.map(|size| (events, size))) {
        let mut stream = event_stream(response(events, size)).await.unwrap();
        let count = allocations(|| while !matches!(stream.message().now_or_never(), Some(Ok(Some(_)))) {});
        assert_eq!(count, 1000 * texts, "{events:?} in pieces of {size}");
    }
}
