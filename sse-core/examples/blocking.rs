//! Prints the events of a stream from standard input, without an async runtime.
//!
//! `curl -sN https://example.com/events | cargo run -p sse-proto --example blocking`

use sse_core::{Decoder, Frame, MessageEvent};
use std::io::{self, BufRead, ErrorKind};

/// Reads a body to its end and hands over each message.
pub(crate) fn read(mut body: impl BufRead, mut each: impl FnMut(MessageEvent<'_>)) -> io::Result<()> {
    let mut decoder = Decoder::new();
    loop {
        let chunk = body.fill_buf()?;
        let length = chunk.len();
        if length == 0 {
            break;
        }
        // `decode` moves the start of this slice past what it has read.
        let mut rest = chunk;
        while let Some(frame) = decoder.decode(&mut rest).map_err(io::Error::other)? {
            if let Frame::Message(message) = frame {
                each(message);
            }
        }
        body.consume(length);
    }
    if decoder.has_incomplete_event() {
        return Err(io::Error::new(ErrorKind::UnexpectedEof, "the stream was cut off in an event"));
    }
    Ok(())
}

fn main() -> io::Result<()> {
    read(io::stdin().lock(), |message| println!("{}: {}", message.event_type, message.data))
}
