//! What an `EventSource` adds to the time of an `EventStream`, on bytes in memory.

use crate::corpus::Corpus;
use crate::decode::decode;
use crate::decoder::Decoder;
use crate::delivery::Delivery;
use crate::measure::{Candidate, Sample, Settings, time};
use crate::message::{Digest, Message};
use crate::report::{Section, significant, table};
use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::Response;
use hyper::body::Frame;
use sse_source::{Error, EventSource};
use std::convert::Infallible;
use std::hint::black_box;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

pub const NAME: &str = "EventSource";

const DELIVERIES: [Delivery; 3] = [Delivery::Read, Delivery::Segment, Delivery::Event];

/// # Panics
///
/// If an `EventSource` yields other messages than the corpus has.
pub fn section(quick: bool) -> Section {
    let settings = if quick { &Settings::QUICK } else { &Settings::FULL };
    let mut text = String::from(
        "Millions of messages per second through `EventStream`, and through `EventSource::message` on the same bytes. \
         The ratio is the time of `EventSource` to that of `EventStream`. `keepalive` has no messages.\n",
    );
    let mut spread = Vec::new();
    for delivery in DELIVERIES {
        let mut rows = Vec::new();
        for corpus in Corpus::NAMES.map(Corpus::generate) {
            eprintln!("source: {}, {}", corpus.name, delivery.name());
            let [stream, source] = measure(settings, &corpus, delivery);
            let speed = |sample: &Sample| match corpus.expected.messages {
                0 => "–".to_owned(),
                messages => significant(messages as f64 / sample.seconds / 1e6),
            };
            let ratio = format!("{:.2}", source.seconds / stream.seconds);
            rows.push(vec![corpus.name.to_owned(), speed(&stream), speed(&source), ratio]);
            spread.extend([stream.spread, source.spread]);
        }
        let header = ["", Decoder::EventStream.name(), NAME, "ratio"];
        text += &format!("\n### {}\n\n{}", delivery.name(), table(&header, &rows));
    }
    Section { title: "An event source in memory", text, spread }
}

fn measure(settings: &Settings, corpus: &Corpus, delivery: Delivery) -> [Sample; 2] {
    let chunks = delivery.chunks(corpus);
    let runtime = Builder::new_current_thread().enable_time().build().expect("it needs no I/O");
    let (for_stream, for_source): (Rc<[Bytes]>, Arc<[Bytes]>) = (chunks.clone().into(), chunks.into());
    let mut digest = Digest::default();
    read(&runtime, for_source.clone(), |message| digest.add(&message));
    assert!(digest == corpus.expected, "the messages of {} differ", corpus.name);
    let mut candidates = [
        Candidate::new(Decoder::EventStream.name(), move || decode(Decoder::EventStream, &for_stream)),
        Candidate::new(NAME, move || pass(&runtime, &for_source)),
    ];
    time(settings, &mut candidates).try_into().unwrap_or_else(|_| unreachable!("there are two candidates"))
}

/// Reads these chunks this many times, for a profiler.
pub fn passes(chunks: Vec<Bytes>, passes: usize) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("it needs no I/O");
    let chunks = chunks.into();
    for _ in 0..passes {
        pass(&runtime, &chunks);
    }
}

fn pass(runtime: &Runtime, chunks: &Arc<[Bytes]>) {
    read(runtime, chunks.clone(), |message| {
        black_box(message);
    });
}

/// Reads the messages of one response to its end.
#[inline(never)]
fn read(runtime: &Runtime, chunks: Arc<[Bytes]>, mut sink: impl FnMut(Message<'_>)) {
    let _context = runtime.enter();
    let mut events = EventSource::new(move |_| {
        let chunks = chunks.clone();
        let frames =
            (0..chunks.len()).map(move |index| Ok::<_, Infallible>(Frame::data(chunks[index].clone())));
        let response = Response::builder().header("content-type", "text/event-stream");
        let response = response.body(StreamBody::new(stream::iter(frames)));
        async { response }
    })
    .idle_timeout(Duration::from_secs(60))
    .retry_when(|_, _| false);
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let mut message = pin!(events.message());
        let message = loop {
            // The body is always ready, so the source only yields to other tasks.
            if let Poll::Ready(message) = message.as_mut().poll(&mut cx) {
                break message;
            }
        };
        match message {
            Ok(Some(message)) => sink(Message {
                event_type: &message.event_type,
                data: &message.data,
                last_event_id: &message.last_event_id,
            }),
            // A response without messages is lost, and not complete.
            Ok(None) | Err(Error::Ended) => return,
            Err(error) => panic!("{error}"),
        }
    }
}
