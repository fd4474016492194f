//! Encoding: from the fields of an event to a chunk of a body.

mod results;

use crate::body::{Body, Items, Pace};
use crate::encoder;
use crate::fields::{Fields, PAYLOADS, Text};
use crate::measure::{Candidate, Cell, Sample, Settings};
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use http_body_util::BodyDataStream;
use rocket::local::blocking::Client;
use rocket::response::Responder;
use sse_core::{Decoder, Frame};
use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::mem;
use tokio_util::io::ReaderStream;
use warp::Reply;

/// In a pass.
const EVENTS: usize = 500;

const EVENT: &str = "`Event`";
const SSE: &str = "`Sse`";
const SSE_IN_AXUM: &str = "`Sse` in axum";
const AXUM: &str = "axum";
const SSE_STREAM: &str = "sse-stream";
const RUSSE: &str = "russe";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    ToBytes,
    Through(Pace),
}

impl Way {
    const ALL: [Self; 3] = [Self::ToBytes, Self::Through(Pace::OneATurn), Self::Through(Pace::AllReady)];

    fn name(self) -> &'static str {
        match self {
            Self::ToBytes => "to `Bytes`",
            Self::Through(Pace::OneATurn) => "through a body, one event ready at a time",
            Self::Through(Pace::AllReady) => "through a body, all events ready",
        }
    }
}

/// A payload on its way, checked and ready to be measured.
pub struct Checked {
    way: Way,
    payload: &'static str,
    text: &'static str,
    /// Whose bytes decode to something else.
    wrong: Vec<&'static str>,
    pub cell: Cell,
}

pub fn cells() -> impl Iterator<Item = Checked> {
    let rocket = rocket_request();
    Way::ALL.into_iter().flat_map(move |way| {
        PAYLOADS.into_iter().flat_map(move |payload| {
            [Checked::new::<&'static str>(way, payload, rocket), Checked::new::<String>(way, payload, rocket)]
        })
    })
}

impl Checked {
    fn new<T: Text>(way: Way, payload: &'static str, rocket: &'static rocket::Request<'static>) -> Self {
        let mut entries = Entries::<T>::new(payload);
        match way {
            Way::ToBytes => entries.encoders(),
            Way::Through(pace) => entries.bodies(pace, rocket),
        }
        let Entries { candidates, wrong, .. } = entries;
        let cell = Cell { name: cell_name(way, payload, T::NAME), events: EVENTS, candidates };
        Self { way, payload, text: T::NAME, wrong, cell }
    }
}

fn cell_name(way: Way, payload: &str, text: &str) -> String {
    format!("encode {payload} from {text} {}", way.name())
}

/// A request for responders that ask for one.
fn rocket_request() -> &'static rocket::Request<'static> {
    let quiet = rocket::Config { log_level: rocket::config::LogLevel::Off, ..rocket::Config::default() };
    let client = Client::untracked(rocket::custom(quiet)).expect("rocket starts");
    Box::leak(Box::new(Box::leak(Box::new(client)).get("/"))).inner()
}

/// The candidates of a cell, each checked when it enters.
struct Entries<T> {
    fields: Fields<T>,
    candidates: Vec<Candidate>,
    wrong: Vec<&'static str>,
}

impl<T: Text> Entries<T> {
    fn new(payload: &'static str) -> Self {
        Self { fields: Fields::of_first_event(payload), candidates: Vec::new(), wrong: Vec::new() }
    }

    fn encoders(&mut self) {
        self.encoder(EVENT, encoder::bytes);
        self.encoder(RUSSE, encoder::russe_bytes);
        self.encoder(SSE_STREAM, encoder::sse_stream_bytes);
        self.encoder("an exact `Vec`", encoder::exact_bytes);
    }

    fn bodies(&mut self, pace: Pace, rocket: &'static rocket::Request<'static>) {
        self.body(SSE, pace, |events| sse_core::Sse::new(events.map(encoder::event).map(infallible)));
        self.body(SSE_IN_AXUM, pace, |events| {
            let sse = sse_axum::Sse::new(events.map(encoder::event).map(infallible));
            sse.into_response().into_body().into_data_stream()
        });
        self.body(AXUM, pace, |events| {
            let sse = axum::response::Sse::new(events.map(encoder::axum).map(infallible));
            sse.into_response().into_body().into_data_stream()
        });
        self.body("warp", pace, |events| {
            let reply = warp::sse::reply(events.map(encoder::warp).map(infallible));
            BodyDataStream::new(reply.into_response().into_body())
        });
        self.body("rocket", pace, |events| {
            let stream = rocket::response::stream::EventStream::from(events.map(encoder::rocket));
            let mut response = stream.heartbeat(None).respond_to(rocket).expect("a stream is a response");
            // As rocket's server reads it.
            let body = mem::take(response.body_mut());
            ReaderStream::with_capacity(body, rocket::response::Body::DEFAULT_MAX_CHUNK)
        });
        self.body(SSE_STREAM, pace, |events| {
            BodyDataStream::new(sse_stream::SseBody::new(events.map(encoder::sse_stream).map(infallible)))
        });
    }

    fn encoder(&mut self, name: &'static str, encode: impl Fn(Fields<T>) -> Bytes + Copy + 'static) {
        self.check(name, &encode(self.fields.clone()), 1);
        let events = vec![self.fields.clone(); EVENTS];
        let work = move |events: &mut Vec<_>| {
            for fields in events.drain(..) {
                black_box(encode(fields));
            }
        };
        self.candidates.push(Candidate::with_input(name, move || events.clone(), work));
    }

    fn body<S, E>(&mut self, name: &'static str, pace: Pace, body: impl Fn(Items<Fields<T>>) -> S + 'static)
    where
        S: Stream<Item = Result<Bytes, E>> + 'static,
        E: Debug,
    {
        let events = vec![self.fields.clone(); EVENTS];
        let mut bytes = Vec::new();
        Body::new(events.clone(), pace, &body)
            .drain(|chunk| bytes.extend(chunk.expect("the body has no error")));
        self.check(name, &bytes, EVENTS);
        let input = move || Body::new(events.clone(), pace, &body);
        self.candidates.push(Candidate::with_input(name, input, |body| {
            body.drain(|chunk| _ = black_box(chunk));
        }));
    }

    fn check(&mut self, name: &'static str, mut bytes: &[u8], events: usize) {
        let Fields { event_type, id, data } = &self.fields;
        let event_type = event_type.as_ref().map_or("message", AsRef::as_ref);
        let id = id.as_ref().map_or("", AsRef::as_ref);
        let mut decoder = Decoder::new();
        let mut right = 0;
        while let Ok(Some(Frame::Message(message))) = decoder.decode(&mut bytes) {
            let same = message.event_type == event_type
                && message.last_event_id == id
                && message.data == data.as_ref();
            right += usize::from(same);
        }
        if right != events {
            self.wrong.push(name);
        }
    }
}

fn infallible<T>(item: T) -> Result<T, Infallible> {
    Ok(item)
}

pub struct Results(Vec<Measured>);

struct Measured {
    way: Way,
    payload: &'static str,
    text: &'static str,
    wrong: Vec<&'static str>,
    samples: Vec<Sample>,
}

pub fn measure(settings: &Settings) -> Results {
    let measured = cells().map(|Checked { way, payload, text, wrong, mut cell }| {
        let samples = cell.time(settings);
        Measured { way, payload, text, wrong, samples }
    });
    Results(measured.collect())
}
