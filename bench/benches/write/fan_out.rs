//! One event to 1,000 bodies.

use crate::body::take_ready;
use crate::event;
use axum::response::{IntoResponse, sse};
use divan::Bencher;
use futures_util::{Stream, TryStreamExt};
use sse_bench::fields::Fields;
use sse_core::EncodedEvent;
use std::hint::black_box;
use std::sync::Arc;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

const BODIES: usize = 1000;

fn fields() -> Fields {
    Fields::of_first_event("openai")
}

/// The cost of the channel itself, without a body.
#[divan::bench]
fn channel(bencher: Bencher) {
    bench(bencher, EncodedEvent::from(event::ours(fields())), |events| events);
}

#[divan::bench]
fn ours_encoded(bencher: Bencher) {
    bench(bencher, EncodedEvent::from(event::ours(fields())), |events| {
        sse_axum::Sse::new(events).into_response().into_body().into_data_stream()
    });
}

#[divan::bench]
fn axum_event(bencher: Bencher) {
    bench(bencher, event::axum(fields()), |events| {
        axum::response::Sse::new(events).into_response().into_body().into_data_stream()
    });
}

#[divan::bench]
fn axum_text(bencher: Bencher) {
    let text: Arc<str> = fields().data.into();
    bench(bencher, text, |texts| {
        let events = texts.map_ok(|text| sse::Event::default().data(text));
        axum::response::Sse::new(events).into_response().into_body().into_data_stream()
    });
}

fn bench<T, S>(bencher: Bencher, item: T, body: impl Fn(BroadcastStream<T>) -> S)
where
    T: Clone + Send + 'static,
    S: Stream,
{
    let sender = broadcast::Sender::new(1);
    let mut bodies: Vec<_> =
        (0..BODIES).map(|_| Box::pin(body(BroadcastStream::new(sender.subscribe())))).collect();
    bencher.bench_local(|| {
        _ = sender.send(item.clone());
        let mut frames = 0;
        for body in &mut bodies {
            _ = take_ready(body.as_mut(), |frame| {
                black_box(frame);
                frames += 1;
            });
        }
        assert_eq!(frames, BODIES);
    });
}
