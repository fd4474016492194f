//! Validating text.

use super::lines::Span;
use alloc::borrow::Cow;
use alloc::string::String;

/// What the validation of UTF-8 takes at once, in bytes.
const VALIDATION_BLOCK: usize = 64;

/// A part of a chunk that ends with a line, if it is valid.
#[inline]
pub(super) fn valid_text(chunk: &[u8], part: Span) -> Option<&str> {
    match part.len() {
        ..VALIDATION_BLOCK => simdutf8::basic::from_utf8(part.of(chunk)).ok(),
        _ => long_valid_text(chunk, part),
    }
}

// What is left at the end takes the validation as long as several times what it takes at once. So it gets the start of
// what follows, too, unless that would cut a character: 270-byte events are a tenth faster for it.
#[inline(never)]
fn long_valid_text(chunk: &[u8], part: Span) -> Option<&str> {
    let end = part.start + part.len().next_multiple_of(VALIDATION_BLOCK);
    if chunk.get(end).is_some_and(|byte| !(0x80..0xC0).contains(byte)) {
        if let Ok(text) = simdutf8::basic::from_utf8(&chunk[part.start..end]) {
            return Some(&text[..part.len()]);
        }
    }
    simdutf8::basic::from_utf8(part.of(chunk)).ok()
}

pub(super) fn lossy_text(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
