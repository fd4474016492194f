//! From bytes to text.

use super::lines::Span;
use alloc::borrow::Cow;
use alloc::string::String;

/// How many bytes simdutf8 validates at a time.
const VALIDATION_BLOCK: usize = 64;

/// Returns a part of a chunk as text if it is valid. The part ends at a line end.
#[inline]
pub(super) fn valid_text(chunk: &[u8], part: Span) -> Option<&str> {
    match part.len() {
        ..VALIDATION_BLOCK => simdutf8::basic::from_utf8(part.of(chunk)).ok(),
        _ => long_valid_text(chunk, part),
    }
}

// Validating an incomplete last block takes as long as several whole ones. The part is therefore
// extended into what follows it in the chunk, unless that would cut a character.
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

/// Returns the text of these bytes, with U+FFFD for what is invalid.
pub(super) fn lossy_text(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
