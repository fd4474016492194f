//! From the fields of an event to a `Bytes`.

use crate::PAYLOADS;
use crate::event::{self, check};
use bytes::Bytes;
use divan::Bencher;
use sse_bench::fields::Fields;
use sse_core::EncodedEvent;

#[divan::bench(args = PAYLOADS)]
fn ours(bencher: Bencher, payload: &'static str) {
    bench(bencher, payload, |fields| EncodedEvent::from(event::ours(fields)).into());
}

#[divan::bench(args = PAYLOADS)]
fn russe(bencher: Bencher, payload: &'static str) {
    bench(bencher, payload, |fields| {
        event::russe(fields).into_bytestring().expect("the fields are valid").into_bytes()
    });
}

#[divan::bench(args = PAYLOADS)]
fn sse_stream(bencher: Bencher, payload: &'static str) {
    bench(bencher, payload, |fields| event::sse_stream(fields).encode().expect("the fields are valid"));
}

/// What you would write by hand for these fields, without checking them.
#[divan::bench(args = PAYLOADS)]
fn by_hand(bencher: Bencher, payload: &'static str) {
    bench(bencher, payload, |Fields { event_type, id, data }| {
        let lines = [("event: ", event_type), ("id: ", id.as_deref()), ("data: ", Some(&*data))];
        let lines = lines.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let length: usize = lines.clone().map(|(name, value)| name.len() + value.len() + 1).sum();
        let mut bytes = Vec::with_capacity(length + 1);
        for (name, value) in lines {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(value.as_bytes());
            bytes.push(b'\n');
        }
        bytes.push(b'\n');
        Bytes::from(bytes)
    });
}

fn bench(bencher: Bencher, payload: &'static str, encode: impl Fn(Fields) -> Bytes) {
    let fields = Fields::of_first_event(payload);
    check(&encode(fields.clone()), &fields, 1);
    let encode = |fields| divan::black_box_drop(encode(fields));
    bencher.with_inputs(|| fields.clone()).bench_local_values(encode);
}
