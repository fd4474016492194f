//! Fan-out: one event to a thousand bodies.

use crate::allocations::Allocations;
use crate::body::take_ready;
use crate::encoder;
use crate::fields::Fields;
use crate::measure::{Candidate, Cell, Settings, nanoseconds};
use crate::report::{Section, Target, significant, table};
use axum::response::IntoResponse;
use axum::response::sse;
use futures_util::{Stream, TryStreamExt, stream};
use sse_core::EncodedEvent;
use std::cell::Cell as Slot;
use std::convert::Infallible;
use std::hint::black_box;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use tokio::sync::broadcast;
use tokio_stream::wrappers::BroadcastStream;

const BODIES: usize = 1000;

const CLONE: &str = "`Bytes`, cloned and dropped";
const SLOT: &str = "`Sse`, an `EncodedEvent` put where its stream looks";

pub fn cell() -> Cell {
    let candidates = vec![cloned(), slots(), broadcast_bytes(), ours(), axum_events(), axum_texts()];
    Cell { name: "fan-out".to_owned(), events: BODIES, candidates }
}

pub fn section(settings: &Settings, allocations: &Allocations) -> Section {
    let mut cell = cell();
    let samples = cell.time(settings);
    let nanoseconds = |name| nanoseconds(&samples, name, BODIES);
    let row = |name: &'static str| {
        vec![name.to_owned(), significant(nanoseconds(name)), allocations.show(&cell.name, name)]
    };
    let rows: Vec<_> = samples.iter().map(|sample| row(sample.name)).collect();
    Section {
        title: "Fan-out",
        text: format!(
            "One event of openai to {BODIES} bodies, each polled until it has nothing more to give.\n\n{}",
            table(&["", "ns a frame", "allocations a frame"], &rows),
        ),
        targets: vec![
            Target::at_most(
                "A frame from a shared `EncodedEvent` through `Sse` against cloning a `Bytes`",
                1.5,
                &[("", nanoseconds(SLOT) / nanoseconds(CLONE))],
            ),
            Target::at_most(
                "Allocations of such a frame",
                0.0,
                &[("", allocations.get(&cell.name, SLOT).unwrap_or(f64::NAN))],
            ),
        ],
        spread: samples.iter().map(|sample| sample.spread).collect(),
    }
}

fn fields() -> Fields<&'static str> {
    Fields::of_first_event("openai")
}

/// The limit.
fn cloned() -> Candidate {
    let bytes = encoder::bytes(fields());
    Candidate::new(CLONE, move || {
        for _ in 0..BODIES {
            black_box(bytes.clone());
        }
    })
}

/// The simplest stream that there is, in place of a channel.
fn slots() -> Candidate {
    let event = EncodedEvent::from(encoder::event(fields()));
    let body = || {
        let slot = Rc::new(Slot::new(None));
        let events = slot.clone();
        let events = stream::poll_fn(move |_| match events.take() {
            Some(event) => Poll::Ready(Some(Ok::<EncodedEvent, Infallible>(event))),
            None => Poll::Pending,
        });
        (slot, Box::pin(sse_core::Sse::new(events)))
    };
    let mut bodies: Vec<_> = (0..BODIES).map(|_| body()).collect();
    Candidate::new(SLOT, move || {
        let mut frames = 0;
        for (slot, body) in &mut bodies {
            slot.set(Some(event.clone()));
            frames += take_frames(body.as_mut());
        }
        assert_eq!(frames, BODIES);
    })
}

fn broadcast_bytes() -> Candidate {
    broadcast("`Bytes` over `broadcast`, no body", encoder::bytes(fields()), |bytes| bytes)
}

fn ours() -> Candidate {
    let event = EncodedEvent::from(encoder::event(fields()));
    broadcast("`Sse` in axum, `EncodedEvent` over `broadcast`", event, |events| {
        sse_axum::Sse::new(events).into_response().into_body().into_data_stream()
    })
}

fn axum_events() -> Candidate {
    broadcast("axum, its `Event` over `broadcast`", encoder::axum(fields()), |events| {
        axum::response::Sse::new(events).into_response().into_body().into_data_stream()
    })
}

fn axum_texts() -> Candidate {
    let text: Arc<str> = fields().data.into();
    broadcast("axum, text over `broadcast`", text, |texts| {
        let events = texts.map_ok(|text| sse::Event::default().data(text));
        axum::response::Sse::new(events).into_response().into_body().into_data_stream()
    })
}

fn broadcast<T, S>(name: &'static str, item: T, body: impl Fn(BroadcastStream<T>) -> S) -> Candidate
where
    T: Clone + Send + 'static,
    S: Stream + 'static,
{
    let sender = broadcast::Sender::new(1);
    let mut bodies: Vec<_> =
        (0..BODIES).map(|_| Box::pin(body(BroadcastStream::new(sender.subscribe())))).collect();
    Candidate::new(name, move || {
        _ = sender.send(item.clone());
        let frames = bodies.iter_mut().map(|body| take_frames(body.as_mut())).sum::<usize>();
        assert_eq!(frames, BODIES);
    })
}

fn take_frames(body: Pin<&mut impl Stream>) -> usize {
    let mut frames = 0;
    _ = take_ready(body, |frame| {
        black_box(frame);
        frames += 1;
    });
    frames
}
