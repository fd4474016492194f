//! What the tests and the fuzz targets of the codec share.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate that uses some of it")]

use sse_core::{Decoder, Frame, MessageEvent};
use std::borrow::Cow;
use std::time::Duration;

/// Frames and, for each event that exceeds the limit, the limit.
pub type Decoded = Vec<Result<Frame<'static>, usize>>;

/// All frames of these chunks, copied.
pub fn decode<'c>(decoder: &mut Decoder, chunks: impl IntoIterator<Item = &'c [u8]>) -> Decoded {
    let mut decoded = Vec::new();
    for mut chunk in chunks {
        while let Some(frame) = decoder.decode(&mut chunk).transpose() {
            decoded.push(frame.map(Frame::into_owned).map_err(|error| error.limit()));
        }
        assert!(chunk.is_empty(), "`Ok(None)` means that the chunk is used up");
    }
    decoded
}

/// The frames of one stream, which is decoded whole and without errors.
#[track_caller]
pub fn frames(stream: impl AsRef<[u8]>) -> Vec<Frame<'static>> {
    let decoded = decode(&mut Decoder::new().with_comments(true), [stream.as_ref()]);
    decoded.into_iter().map(|frame| frame.expect("no event exceeds the limit")).collect()
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

/// The text with each line break as LF, as data and comments are read back.
pub fn with_lf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\r', "\n")
}

/// What a stream decodes to.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub decoded: Decoded,
    pub last_event_id: String,
    /// Whether it ends in the middle of an event.
    pub incomplete: bool,
}

impl Outcome {
    /// What was decoded from a stream with this decoder.
    pub fn of(decoded: Decoded, decoder: &Decoder) -> Self {
        let last_event_id = decoder.last_event_id().to_owned();
        Self { decoded, last_event_id, incomplete: decoder.has_incomplete_event() }
    }
}

/// What a stream must decode to, written after the standard without regard to speed (WHATWG HTML
/// 9.2.5 and 9.2.6): cut it into lines, cut lines into fields, and interpret these. Values are
/// decoded as UTF-8 where they are used. Decoding first would give the same result, since line ends
/// and colons are ASCII.
pub fn oracle(stream: &[u8], limit: usize) -> Outcome {
    let (lines, open) = lines(stream.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(stream));
    let steps =
        lines.into_iter().map(|line| if line.is_empty() { Step::Dispatch } else { field(line) }).collect();
    let (steps, incomplete) = within(limit, steps, open);
    let (decoded, last_event_id) = interpret(steps, limit);
    Outcome { decoded, last_event_id, incomplete }
}

/// The lines of a stream without their ends, and what comes after the last end.
fn lines(mut stream: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let mut lines = Vec::new();
    while let Some(end) = stream.iter().position(|byte| b"\r\n".contains(byte)) {
        lines.push(&stream[..end]);
        let after = if stream[end..].starts_with(b"\r\n") { end + 2 } else { end + 1 };
        stream = &stream[after..];
    }
    (lines, stream)
}

enum Step<'s> {
    /// A comment has no name.
    Field {
        name: &'s [u8],
        value: &'s [u8],
    },
    Dispatch,
    /// The block exceeds the limit here.
    TooLarge,
}

fn field(line: &[u8]) -> Step<'_> {
    match line.iter().position(|&byte| byte == b':') {
        None => Step::Field { name: line, value: b"" },
        Some(0) => Step::Field { name: b"", value: &line[1..] },
        Some(colon) => {
            let value = &line[colon + 1..];
            Step::Field { name: &line[..colon], value: value.strip_prefix(b" ").unwrap_or(value) }
        }
    }
}

/// The fields that make up an event.
const EVENT_FIELDS: [&[u8]; 3] = [b"event", b"data", b"id"];

/// The steps up to where each block exceeds the limit, and whether the stream ends in the middle of
/// an event. Of an open line at the end, all that is known is whether it exceeds the limit, and
/// only once its colon is there.
fn within<'s>(limit: usize, steps: Vec<Step<'s>>, open: &'s [u8]) -> (Vec<Step<'s>>, bool) {
    let mut within = Vec::new();
    let (mut size, mut too_large) = (0, false);
    let exceeds = |step: &Step<'_>, size: &mut usize| {
        let Step::Field { name, value } = step else { return false };
        let counts = EVENT_FIELDS.contains(name);
        let exceeds =
            (counts || [b"".as_slice(), b"retry"].contains(name)) && *size + value.len() + 1 > limit;
        *size += if counts { value.len() + 1 } else { 0 };
        exceeds
    };
    for step in steps {
        if let Step::Dispatch = step {
            (size, too_large) = (0, false);
            within.push(step);
        } else if !too_large {
            too_large = exceeds(&step, &mut size);
            within.push(if too_large { Step::TooLarge } else { step });
        }
    }
    let mut incomplete = too_large || size > 0;
    let name = open.split(|&byte| byte == b':').next().unwrap_or_default();
    if name.len() < open.len() {
        incomplete |= EVENT_FIELDS.contains(&name);
        if !too_large && exceeds(&field(open), &mut size) {
            within.push(Step::TooLarge);
            incomplete = true;
        }
    } else if !open.is_empty() {
        // The name may continue.
        incomplete |= EVENT_FIELDS.iter().any(|field| field.starts_with(open));
    }
    (within, incomplete)
}

fn interpret(steps: Vec<Step<'_>>, limit: usize) -> (Decoded, String) {
    let (mut decoded, mut last_event_id) = (Vec::new(), String::new());
    let (mut event_type, mut id, mut data) = (String::new(), None, Vec::new());
    for step in steps {
        match step {
            Step::Dispatch => {
                last_event_id = id.take().unwrap_or(last_event_id);
                if !data.is_empty() {
                    let event_type = if event_type.is_empty() { "message" } else { &event_type };
                    decoded.push(Ok(message(event_type, &data.join("\n"), &last_event_id)));
                }
                (event_type, data) = (String::new(), Vec::new());
            }
            Step::TooLarge => {
                decoded.push(Err(limit));
                (event_type, id, data) = (String::new(), None, Vec::new());
            }
            Step::Field { name, value } => {
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
            }
        }
    }
    (decoded, last_event_id)
}
