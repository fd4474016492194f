//! How often the codec allocates, and how much memory it keeps, measured by an allocator that
//! counts per thread.

use allocation_counter::measure;
use sse_core::{Decoder, EncodedEvent, Event, EventTooLarge, Frame};
use std::hint::black_box;
use std::iter::{once, repeat_n};

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;
/// What the buffers of a decoder may keep between events.
const KEPT: usize = 3 * 64 * KIB;

/// The numbers of events and of errors in these chunks.
fn count<'c>(decoder: &mut Decoder, chunks: impl IntoIterator<Item = &'c [u8]>) -> (usize, usize) {
    let (mut events, mut errors) = (0, 0);
    for mut chunk in chunks {
        loop {
            match decoder.decode(&mut chunk) {
                Ok(Some(Frame::Message(_))) => events += 1,
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(EventTooLarge { .. }) => errors += 1,
            }
        }
    }
    (events, errors)
}

/// Returns the peak memory use and what is still in use at the end, in bytes.
fn memory(run: impl FnOnce()) -> (usize, usize) {
    let info = measure(run);
    (info.bytes_max.try_into().unwrap(), info.bytes_current.try_into().unwrap())
}

#[test]
fn decoding_allocates_nothing_once_warm() {
    let small = "event: e\nid: 12345\nretry: 5\ndata: first line\ndata: 둘째 줄\n\n";
    let large = format!("id: {0}\nevent: {0}\ndata: {0}\n\n", "x".repeat(60 * KIB));
    for (event, times) in [(small, 1000), (&large, 3)] {
        let stream = event.repeat(times);
        for size in [1, 7, 100, stream.len()] {
            let mut decoder = Decoder::new().with_comments(true);
            let mut run = || assert_eq!(count(&mut decoder, stream.as_bytes().chunks(size)), (times, 0));
            run();
            assert_eq!(measure(run).count_total, 0, "chunks of {size} bytes");
        }
    }
}

#[test]
fn a_block_of_one_line_of_data_that_lies_in_its_chunk_is_not_copied() {
    let long = "둘째 줄".repeat(1000);
    for text in ["x", &long] {
        for (block, ids) in [
            (format!("data: {text}\n\n"), 0),
            (format!("data:{text}\n\n"), 0),
            (format!("data: {text}\r\n\r\n"), 0),
            (format!("event: {text}\ndata: {text}\n\n"), 0),
            (format!("event:{text}\r\ndata:{text}\r\n\r\n"), 0),
            (format!("id: {text}\nevent: {text}\ndata: {text}\n\n"), 1),
            (format!("event: {text}\nid:{text}\ndata: {text}\n\n"), 1),
        ] {
            let stream = block.repeat(3);
            let decode = || assert_eq!(count(&mut Decoder::new(), [stream.as_bytes()]), (3, 0));
            assert_eq!(measure(decode).count_total, ids, "{block:.20}");
        }
    }
}

#[test]
fn ten_million_tiny_events_allocate_as_often_as_a_thousand() {
    // The chunk size is not a multiple of the event size, so events are cut at every place.
    let stream = "id:1\ndata:x\n\n".repeat(1000);
    let asked = |times| {
        let chunks = repeat_n(stream.as_bytes(), times).flat_map(|stream| stream.chunks(1460));
        measure(|| assert_eq!(count(&mut Decoder::new(), chunks), (1000 * times, 0))).count_total
    };
    assert_eq!(asked(10_000), asked(1));
}

#[test]
fn a_line_of_1_gib_that_never_ends_is_one_error_in_constant_memory() {
    let x = [b'x'; KIB];
    for (start, errors, allowed) in [("data: ", 1, 2 * MIB), (":", 0, 100), ("", 0, 100)] {
        let mut decoder = Decoder::new().with_max_event_size(MIB);
        let (most, kept) = memory(|| {
            let chunks = once(start.as_bytes()).chain(repeat_n(&x[..], (1 << 30) / KIB));
            assert_eq!(count(&mut decoder, chunks), (0, errors), "{start:?}");
        });
        assert!(most <= allowed, "{start:?}: {most} bytes");
        assert!(kept <= KEPT, "{start:?}: {kept} bytes kept");
        assert_eq!(count(&mut decoder, ["\n\ndata: goes on\n\n".as_bytes()]), (1, 0));
    }
}

#[test]
fn endless_lines_of_data_are_one_error_in_constant_memory() {
    for line in ["data\n", "data:\r\n", "data: x\n", "event: e\n", "id: 1\n"] {
        let mut decoder = Decoder::new().with_max_event_size(MIB);
        let lines = line.repeat(1000);
        let (most, kept) = memory(|| {
            let chunks = repeat_n(lines.as_bytes(), 5000);
            assert_eq!(count(&mut decoder, chunks), (0, 1), "{line:?}");
        });
        assert!(most <= 2 * MIB, "{line:?}: {most} bytes");
        assert!(kept <= KEPT, "{line:?}: {kept} bytes kept");
        assert_eq!(count(&mut decoder, ["\ndata: goes on\n\n".as_bytes()]), (1, 0));
    }
}

#[test]
fn a_million_comments_allocate_nothing() {
    let comments = ": comment\n:\n\n".repeat(1000);
    for wanted in [false, true] {
        let mut decoder = Decoder::new().with_comments(wanted);
        let (most, _) = memory(|| {
            let chunks = repeat_n(comments.as_bytes(), 500).flat_map(|comments| comments.chunks(1460));
            assert_eq!(count(&mut decoder, chunks), (0, 0));
        });
        assert!(most < 100, "{most} bytes");
    }
}

#[test]
fn large_data_is_held_once() {
    let stream = format!("data: {}\n\n", "x".repeat(15 * MIB));
    for first in ["data: xxx", "data:", "dat"] {
        let (most, _) = memory(|| {
            let (first, rest) = stream.as_bytes().split_at(first.len());
            assert_eq!(count(&mut Decoder::new(), [first].into_iter().chain(rest.chunks(1000))), (1, 0));
        });
        assert!(most < 25 * MIB, "{most} bytes after a first chunk of {first:?}");
    }
}

#[test]
fn an_id_of_10_mib_is_returned_whole_and_its_memory_freed() {
    let id = "x".repeat(10 * MIB);
    let stream = format!("id: {id}\ndata\n\n");
    let mut decoder = Decoder::new();
    let (_, kept) = memory(|| {
        assert_eq!(count(&mut decoder, stream.as_bytes().chunks(1000)), (1, 0));
        assert!(decoder.last_event_id() == id);
        assert_eq!(count(&mut decoder, ["id: 1\ndata\n\n\n".as_bytes()]), (1, 0));
    });
    assert!(kept <= KEPT, "{kept} bytes kept");
}

#[test]
fn the_decoder_frees_its_memory_after_something_huge() {
    let x = "x".repeat(10 * MIB);
    for huge in [
        format!("data: {x}\n\n"),
        format!("data\ndata: {x}\n\n"),
        format!("event: {x}\ndata\n\n"),
        format!("id: {x}\ndata\n\nid: 1\ndata\n\n"),
        format!("id: {x}\0\ndata\n\n"),
        format!("retry: {x}\n\n"),
        format!(":{x}\n"),
        format!("data: {x}{x}{x}{x}\n\n"),
    ] {
        let mut decoder = Decoder::new().with_comments(true);
        let (most, kept) = memory(|| {
            // One more line follows, since the next call clears what the last frame borrowed.
            count(&mut decoder, huge.as_bytes().chunks(1000).chain([b"\n".as_slice()]));
        });
        let what = &huge[..10];
        assert!(most > 10 * MIB, "{what:?}: {most} bytes");
        assert!(kept <= KEPT, "{what:?}: {kept} bytes kept");
    }
}

#[test]
fn lines_without_meaning_are_not_stored() {
    let x = "x".repeat(10 * MIB);
    for start in [":", "unknown: ", "datum", "x", "dataX", "\u{FEFF}:"] {
        let stream = format!("{start}{x}\ndata: x\n\n");
        let (most, _) = memory(|| {
            assert_eq!(count(&mut Decoder::new(), stream.as_bytes().chunks(1000)), (1, 0));
        });
        assert!(most < 100, "{start:?}: {most} bytes");
    }
}

#[test]
fn an_event_of_one_field_is_written_and_frozen_in_one_allocation() {
    for data in ["x".repeat(250), "x\n".repeat(250), String::new()] {
        let write = || drop(black_box(EncodedEvent::from(Event::new().data(&data))));
        assert_eq!(measure(write).count_total, 1);
        let write = || drop(black_box(EncodedEvent::from(Event::new().comment(&data))));
        assert_eq!(measure(write).count_total, 1);
    }
}

#[test]
fn an_event_with_type_id_and_data_is_written_and_frozen_in_two_allocations() {
    for data in ["hello".to_owned(), "x".repeat(250), "x".repeat(10_000)] {
        let write = || drop(black_box(EncodedEvent::from(Event::new().event("tick").id("42").data(&data))));
        assert!(measure(write).count_total <= 2);
    }
}

#[test]
fn an_event_that_grows_line_by_line_doubles_its_buffer() {
    let grow = || drop(black_box((0..10_000).fold(Event::new(), |event, _| event.data("x"))));
    assert!(measure(grow).count_total < 20);
}

#[test]
fn a_clone_of_an_encoded_event_shares_its_bytes() {
    let event = EncodedEvent::from(Event::new().data("x"));
    // The first clone allocates a reference count, which all others share.
    assert_eq!(measure(|| drop(event.clone())).count_total, 1);
    assert_eq!(measure(|| drop(event.clone())).count_total, 0);
}
