//! What keep-alive costs an event.

use crate::body::{Body, Items, Pace};
use crate::encoder;
use crate::fields::Fields;
use crate::measure::{Candidate, Cell, Sample, Settings, nanoseconds};
use crate::report::{Section, Target, significant, table};
use axum::response::IntoResponse;
use futures_util::{Stream, StreamExt};
use std::convert::Infallible;
use std::hint::black_box;
use tokio::runtime;

const EVENTS: usize = 500;

const PACES: [(&str, Pace); 2] = [("one event a turn", Pace::OneATurn), ("all ready", Pace::AllReady)];

const WITHOUT: &str = "`Sse`";
const WITH: &str = "`Sse` with keep-alive";
const AXUM_WITHOUT: &str = "axum";
const AXUM_WITH: &str = "axum with keep-alive";

pub fn section(settings: &Settings) -> Section {
    // Timers are set, but nothing here lasts until one fires.
    let runtime = runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts");
    let _context = runtime.enter();
    let cells = PACES.map(|(name, pace)| (name, cell(name, pace).time(settings)));
    let nanoseconds = |samples: &[Sample], name| nanoseconds(samples, name, EVENTS);
    let row = |name: &'static str| {
        let times = cells.iter().map(|(_, samples)| significant(nanoseconds(samples, name)));
        [name.to_owned()].into_iter().chain(times).collect()
    };
    let rows = [WITHOUT, WITH, AXUM_WITHOUT, AXUM_WITH].map(row);
    let text = "Nanoseconds for an event of openai, written from constants.\n\n".to_owned()
        + &table(&["", PACES[0].0, PACES[1].0], &rows);
    let ratios = cells
        .each_ref()
        .map(|(name, samples)| (*name, nanoseconds(samples, WITH) / nanoseconds(samples, WITHOUT)));
    Section {
        title: "Keep-alive",
        text,
        targets: vec![Target::at_most("`Sse` with keep-alive against without", 1.1, &ratios)],
        spread: cells.iter().flat_map(|(_, samples)| samples).map(|sample| sample.spread).collect(),
    }
}

fn cell(name: &str, pace: Pace) -> Cell {
    let ours = |events: Items<_>| sse_core::Sse::new(events.map(encoder::event).map(Ok::<_, Infallible>));
    let axum =
        |events: Items<_>| axum::response::Sse::new(events.map(encoder::axum).map(Ok::<_, Infallible>));
    let candidates = vec![
        candidate(WITHOUT, pace, ours),
        candidate(WITH, pace, move |events| ours(events).keep_alive(sse_core::KeepAlive::new())),
        candidate(AXUM_WITHOUT, pace, move |events| {
            axum(events).into_response().into_body().into_data_stream()
        }),
        candidate(AXUM_WITH, pace, move |events| {
            let sse = axum(events).keep_alive(axum::response::sse::KeepAlive::new());
            sse.into_response().into_body().into_data_stream()
        }),
    ];
    Cell { name: format!("keep-alive {name}"), events: EVENTS, candidates }
}

fn candidate<S: Stream + 'static>(
    name: &'static str,
    pace: Pace,
    body: impl Fn(Items<Fields<&'static str>>) -> S + 'static,
) -> Candidate {
    let events = vec![Fields::of_first_event("openai"); EVENTS];
    let input = move || Body::new(events.clone(), pace, &body);
    Candidate::with_input(name, input, |body| body.drain(|chunk| _ = black_box(chunk)))
}
