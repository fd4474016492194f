//! What the tests of the codec share.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate that uses some of it")]

use proptest::prelude::*;
use sse_core::{Decoder, Frame, MessageEvent};
use std::borrow::Cow;
use std::time::Duration;

/// Frames, and for each event over the limit, that limit.
pub type Decoded = Vec<Result<Frame<'static>, usize>>;

/// All frames of these chunks, copied.
pub fn decode<'c>(decoder: &mut Decoder, chunks: impl IntoIterator<Item = &'c [u8]>) -> Decoded {
    let mut decoded = Vec::new();
    for mut chunk in chunks {
        while let Some(frame) = decoder.decode(&mut chunk).transpose() {
            decoded.push(frame.map(owned).map_err(|error| error.limit()));
        }
        assert!(chunk.is_empty(), "`Ok(None)` says that the chunk is used up");
    }
    decoded
}

pub fn owned(frame: Frame<'_>) -> Frame<'static> {
    match frame {
        Frame::Message(message) => Frame::Message(message.into_owned()),
        Frame::Retry(time) => Frame::Retry(time),
        Frame::Comment(text) => Frame::Comment(Cow::Owned(text.into_owned())),
    }
}

/// The frames of one stream, given whole, without errors.
#[track_caller]
pub fn frames(stream: impl AsRef<[u8]>) -> Vec<Frame<'static>> {
    let decoded = decode(&mut Decoder::new().with_comments(true), [stream.as_ref()]);
    decoded.into_iter().map(|frame| frame.expect("no event is over the limit")).collect()
}

pub fn message(event_type: &str, data: &str, last_event_id: &str) -> Frame<'static> {
    Frame::Message(MessageEvent {
        event_type: Cow::Owned(event_type.to_owned()),
        data: Cow::Owned(data.to_owned()),
        last_event_id: Cow::Owned(last_event_id.to_owned()),
    })
}

pub fn comment(text: &str) -> Frame<'static> {
    Frame::Comment(Cow::Owned(text.to_owned()))
}

/// Cuts bytes into pieces of these sizes, over and over.
pub fn pieces<'b>(bytes: &'b [u8], sizes: &[usize]) -> Vec<&'b [u8]> {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    for &size in sizes.iter().cycle() {
        let (piece, tail) = rest.split_at(size.min(rest.len()));
        pieces.push(piece);
        rest = tail;
        if rest.is_empty() {
            break;
        }
    }
    pieces
}

/// Sizes for [`pieces`], which sometimes has empty ones.
pub fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(prop_oneof![3 => 1..4usize, 1 => Just(0), 2 => 1..40usize], 1..8)
        .prop_filter("the pieces must come to an end", |sizes| sizes.iter().any(|&size| size > 0))
}

/// What a stream must decode to, written down from the standard with no thought of speed: decode it all as UTF-8 without
/// a byte order mark, cut it into lines, take the lines one by one (WHATWG HTML 9.2.5 and 9.2.6).
pub fn oracle(stream: &[u8], limit: usize) -> (Decoded, String) {
    let text = String::from_utf8_lossy(stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream)).into_owned();
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = text.split('\n').peekable();

    let mut decoded = Vec::new();
    let mut last_event_id = String::new();
    let (mut event_type, mut id, mut data) = (String::new(), None, Vec::new());
    let (mut size, mut too_large) = (0, false);
    while let Some(line) = lines.next() {
        // The last line has no end: all that can be known of it is that it is too large, once its colon is there.
        let unfinished = lines.peek().is_none();
        if unfinished && !line.contains(':') {
            break;
        }
        if line.is_empty() {
            last_event_id = id.take().unwrap_or(last_event_id);
            if !data.is_empty() {
                let event_type = if event_type.is_empty() { "message" } else { &event_type };
                decoded.push(Ok(message(event_type, &data.join("\n"), &last_event_id)));
            }
            (event_type, data, size, too_large) = (String::new(), Vec::new(), 0, false);
            continue;
        }
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let value = if name.is_empty() { value } else { value.strip_prefix(' ').unwrap_or(value) };
        if too_large || !["", "event", "data", "id", "retry"].contains(&name) {
            continue;
        }
        if size + value.len() + 1 > limit {
            decoded.push(Err(limit));
            (event_type, id, data, too_large) = (String::new(), None, Vec::new(), true);
            continue;
        }
        if unfinished {
            break;
        }
        match name {
            "event" => event_type = value.to_owned(),
            "data" => data.push(value.to_owned()),
            "id" if !value.contains('\0') => id = Some(value.to_owned()),
            "retry" if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) => {
                let millis: u128 = value.parse().unwrap_or(u128::MAX);
                let seconds = u64::try_from(millis / 1000);
                decoded.push(Ok(Frame::Retry(seconds.map_or(Duration::MAX, |seconds| {
                    Duration::from_secs(seconds) + Duration::from_millis((millis % 1000) as u64)
                }))));
            }
            "" => decoded.push(Ok(comment(value))),
            _ => {}
        }
        if !["", "retry"].contains(&name) {
            size += value.len() + 1;
        }
    }
    (decoded, last_event_id)
}
