//! 1,000 events through the body of a response.

use crate::PAYLOADS;
use crate::event::{self, check};
use axum::response::IntoResponse;
use bytes::Bytes;
use divan::Bencher;
use futures_util::{Stream, StreamExt};
use http_body_util::BodyDataStream;
use rocket::local::blocking::Client;
use rocket::response::Responder;
use sse_bench::fields::Fields;
use std::convert::Infallible;
use std::fmt::Debug;
use std::hint::black_box;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::vec::IntoIter;
use tokio::runtime::{self, Runtime};
use tokio_util::io::ReaderStream;
use warp::Reply;

const EVENTS: usize = 1000;

/// How many events are ready when the server polls the body.
const READY: [usize; 2] = [1, EVENTS];

#[divan::bench(args = PAYLOADS, consts = READY)]
fn ours<const READY: usize>(bencher: Bencher, payload: &'static str) {
    bench::<READY, _, _>(bencher, payload, |fields| sse_core::Sse::new(fields.map(event::ours).map(ok)));
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn ours_keep_alive<const READY: usize>(bencher: Bencher, payload: &'static str) {
    let runtime = runtime();
    let _context = runtime.enter();
    bench::<READY, _, _>(bencher, payload, |fields| {
        sse_core::Sse::new(fields.map(event::ours).map(ok)).keep_alive(sse_core::KeepAlive::new())
    });
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn ours_in_axum<const READY: usize>(bencher: Bencher, payload: &'static str) {
    bench::<READY, _, _>(bencher, payload, |fields| {
        let sse = sse_axum::Sse::new(fields.map(event::ours).map(ok));
        sse.into_response().into_body().into_data_stream()
    });
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn axum<const READY: usize>(bencher: Bencher, payload: &'static str) {
    bench::<READY, _, _>(bencher, payload, |fields| {
        let sse = axum::response::Sse::new(fields.map(event::axum).map(ok));
        sse.into_response().into_body().into_data_stream()
    });
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn axum_keep_alive<const READY: usize>(bencher: Bencher, payload: &'static str) {
    let runtime = runtime();
    let _context = runtime.enter();
    bench::<READY, _, _>(bencher, payload, |fields| {
        let sse = axum::response::Sse::new(fields.map(event::axum).map(ok));
        let sse = sse.keep_alive(axum::response::sse::KeepAlive::new());
        sse.into_response().into_body().into_data_stream()
    });
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn warp<const READY: usize>(bencher: Bencher, payload: &'static str) {
    bench::<READY, _, _>(bencher, payload, |fields| {
        let reply = warp::sse::reply(fields.map(event::warp).map(ok));
        BodyDataStream::new(reply.into_response().into_body())
    });
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn rocket<const READY: usize>(bencher: Bencher, payload: &'static str) {
    let quiet = rocket::Config { log_level: rocket::config::LogLevel::Off, ..rocket::Config::default() };
    let client: &Client = Box::leak(Box::new(Client::untracked(rocket::custom(quiet)).expect("it starts")));
    let request: &rocket::Request<'_> = Box::leak(Box::new(client.get("/"))).inner();
    bench::<READY, _, _>(bencher, payload, |fields| {
        let stream = rocket::response::stream::EventStream::from(fields.map(event::rocket));
        let mut response = stream.heartbeat(None).respond_to(request).expect("a stream is a response");
        // Reads as Rocket's server does.
        let body = mem::take(response.body_mut());
        ReaderStream::with_capacity(body, rocket::response::Body::DEFAULT_MAX_CHUNK)
    });
}

#[divan::bench(args = PAYLOADS, consts = READY)]
fn sse_stream<const READY: usize>(bencher: Bencher, payload: &'static str) {
    bench::<READY, _, _>(bencher, payload, |fields| {
        BodyDataStream::new(sse_stream::SseBody::new(fields.map(event::sse_stream).map(ok)))
    });
}

fn ok<T>(item: T) -> Result<T, Infallible> {
    Ok(item)
}

/// For timers that are set but never fire here.
fn runtime() -> Runtime {
    runtime::Builder::new_current_thread().enable_time().build().expect("a runtime starts")
}

fn bench<const READY: usize, S, E>(bencher: Bencher, payload: &'static str, body: impl Fn(Items) -> S)
where
    S: Stream<Item = Result<Bytes, E>>,
    E: Debug,
{
    let fields = Fields::of_first_event(payload);
    let new = || {
        let ready = Arc::new(AtomicUsize::new(0));
        let items = vec![fields.clone(); EVENTS].into_iter();
        (Box::pin(body(Items { items, ready: ready.clone() })), ready)
    };
    // Polls as hyper does: until nothing is ready.
    let drain = |(body, ready): &mut (Pin<Box<S>>, Arc<AtomicUsize>), chunk: &mut dyn FnMut(S::Item)| {
        let mut end = Poll::Pending;
        while end.is_pending() {
            ready.store(READY, Ordering::Relaxed);
            end = take_ready(body.as_mut(), &mut *chunk);
        }
    };
    let mut bytes = Vec::new();
    drain(&mut new(), &mut |chunk| bytes.extend(chunk.expect("the body has no error")));
    check(&bytes, &fields, EVENTS);
    bencher.with_inputs(new).bench_local_refs(|body| drain(body, &mut |chunk| _ = black_box(chunk)));
}

/// Takes the chunks that are ready, and returns `Ready` after the last one of the body.
pub fn take_ready<S: Stream>(mut body: Pin<&mut S>, mut chunk: impl FnMut(S::Item)) -> Poll<()> {
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        match body.as_mut().poll_next(&mut cx) {
            Poll::Ready(Some(next)) => chunk(next),
            Poll::Ready(None) => return Poll::Ready(()),
            Poll::Pending => return Poll::Pending,
        }
    }
}

struct Items {
    items: IntoIter<Fields>,
    /// Loaded and stored, since a read-modify-write would cost as much as what is measured.
    ready: Arc<AtomicUsize>,
}

impl Stream for Items {
    type Item = Fields;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Fields>> {
        let Some(ready) = self.ready.load(Ordering::Relaxed).checked_sub(1) else { return Poll::Pending };
        self.ready.store(ready, Ordering::Relaxed);
        Poll::Ready(self.items.next())
    }
}
