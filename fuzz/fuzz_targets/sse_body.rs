//! A body consists of exactly the events that its stream yields before an error. No chunk cuts an
//! event, whatever the schedule.
#![no_main]

use futures_util::{FutureExt, StreamExt, stream};
use libfuzzer_sys::fuzz_target;
use sse_core::{Decoder, Event, KeepAlive, Sse};
use sse_fuzz::{decode, message};
use std::time::Duration;
use tokio::{runtime::Builder, task::yield_now, time::sleep};

// `.` is a pause, `z` a pause of ten seconds, `!` an error, and an uppercase letter an event larger
// than a chunk.
fuzz_target!(|schedule: &[u8]| {
    let data = |step: u8| "x".repeat(usize::from(step) * if step.is_ascii_uppercase() { 256 } else { 16 });
    let events = || {
        stream::iter(schedule).filter_map(async |&step| match step {
            b'.' => yield_now().map(|()| None).await,
            b'z' => sleep(Duration::from_secs(10)).map(|()| None).await,
            b'!' => Some(Err("failed")),
            _ => Some(Ok(Event::new().data(data(step)))),
        })
    };
    let (plain, kept) = (Sse::new(events()), Sse::new(events()).keep_alive(KeepAlive::new()));
    let clock = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    let bodies: [Vec<_>; 2] = clock.block_on(async { [plain.collect().await, kept.collect().await] });
    let yielded = schedule.iter().take_while(|step| **step != b'!').filter(|step| !b".z".contains(step));
    let expected: Vec<_> = yielded.map(|&step| Ok(message("message", &data(step), ""))).collect();
    for body in bodies {
        let chunks: Vec<_> = body.iter().map_while(|chunk| chunk.as_deref().ok()).collect();
        assert_eq!(body.len(), chunks.len() + usize::from(schedule.contains(&b'!')));
        assert!(chunks.iter().all(|chunk| chunk.ends_with(b"\n\n")), "no event is cut");
        assert_eq!(decode(&mut Decoder::new(), chunks), expected);
    }
});
