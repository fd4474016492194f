//! What the tests and the fuzz targets of the codec share.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate that uses some of it")]

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
            decoded.push(frame.map(Frame::into_owned).map_err(|error| error.limit()));
        }
        assert!(chunk.is_empty(), "`Ok(None)` says that the chunk is used up");
    }
    decoded
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
    if sizes.iter().all(|&size| size == 0) {
        return vec![bytes];
    }
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

/// The text with each of its line breaks as LF, as data and comments come back.
pub fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What must come of a stream.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub decoded: Decoded,
    pub last_event_id: String,
    /// It ends in the middle of an event.
    pub incomplete: bool,
}

impl Outcome {
    /// What has come of a stream, and the decoder that was used for it.
    pub fn of(decoded: Decoded, decoder: &Decoder) -> Self {
        let last_event_id = decoder.last_event_id().to_owned();
        Self { decoded, last_event_id, incomplete: decoder.has_incomplete_event() }
    }
}

/// What a stream must decode to, written down from the standard with no thought of speed: leave out a byte order mark,
/// cut it into lines, take the lines one by one (WHATWG HTML 9.2.5 and 9.2.6). Values are decoded as UTF-8 where they
/// are used, which is the same as doing it first, since what ends a line or a name is ASCII.
pub fn oracle(stream: &[u8], limit: usize) -> Outcome {
    let mut lines = lines(stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream)).into_iter().peekable();

    let mut decoded = Vec::new();
    let mut last_event_id = String::new();
    let (mut event_type, mut id, mut data) = (String::new(), None, Vec::new());
    let (mut size, mut too_large, mut open) = (0, false, false);
    while let Some(line) = lines.next() {
        // The last line has no end: all that can be known of it is that it is too large, once its colon is there.
        let unfinished = lines.peek().is_none();
        let colon = line.iter().position(|&byte| byte == b':');
        open =
            unfinished && !line.is_empty() && in_event(&line[..colon.unwrap_or(line.len())], colon.is_none());
        if unfinished && colon.is_none() {
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
        let (name, value) =
            colon.map_or((line, b"".as_slice()), |colon| (&line[..colon], &line[colon + 1..]));
        let value = if name.is_empty() { value } else { value.strip_prefix(b" ").unwrap_or(value) };
        if too_large || ![b"".as_slice(), b"event", b"data", b"id", b"retry"].contains(&name) {
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
        let text = String::from_utf8_lossy(value).into_owned();
        match name {
            b"event" => event_type = text,
            b"data" => data.push(text),
            b"id" if !value.contains(&0) => id = Some(text),
            b"retry" if !value.is_empty() && value.iter().all(u8::is_ascii_digit) => {
                let time = text.parse().map_or(Duration::MAX, Duration::from_millis);
                decoded.push(Ok(Frame::Retry(time.min(Decoder::MAX_RECONNECTION_TIME))));
            }
            b"" => decoded.push(Ok(comment(&text))),
            _ => {}
        }
        if ![b"".as_slice(), b"retry"].contains(&name) {
            size += value.len() + 1;
        }
    }
    Outcome { decoded, last_event_id, incomplete: open || too_large || size > 0 }
}

/// Whether a line with this name is part of an event, or may become one while the name goes on.
fn in_event(name: &[u8], goes_on: bool) -> bool {
    let names = [b"event".as_slice(), b"data", b"id"];
    names.iter().any(|field| *field == name || goes_on && field.starts_with(name))
}

/// The lines of a stream without their ends, the last of which has none.
fn lines(mut stream: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = stream.iter().position(|byte| b"\r\n".contains(byte)) {
        lines.push(&stream[..end]);
        let after = if stream[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        stream = &stream[after..];
    }
    lines.push(stream);
    lines
}
