//! The grammar of lines, which writing and reading share.

/// Dropped once, at the start of a stream.
pub(crate) const BYTE_ORDER_MARK: [u8; 3] = *b"\xEF\xBB\xBF";

/// The number of bytes that always suffice to tell a line's field and where its value starts: the
/// longest name, its colon and a space.
pub(crate) const LONGEST_HEAD: usize = "event: ".len();

/// Finds the first line feed or carriage return.
///
/// ```abnf
/// end-of-line = ( cr lf / cr / lf )
/// ```
#[inline]
pub(crate) fn find_end(bytes: &[u8]) -> Option<usize> {
    match bytes.first() {
        Some(b'\n' | b'\r') => Some(0),
        Some(_) => memchr::memchr2(b'\n', b'\r', bytes),
        None => None,
    }
}

/// Like [`find_end`], for an end that is probably within a few bytes.
// When lines have the same length, as comments usually do, the processor predicts these branches,
// which is faster than a search in a word.
#[inline]
pub(crate) fn find_end_nearby(bytes: &[u8]) -> Option<usize> {
    let Some(head) = bytes.first_chunk::<8>() else { return find_end_in_piece(bytes) };
    head.iter().position(|byte| matches!(byte, b'\n' | b'\r')).or_else(|| find_end(bytes))
}

/// Like [`find_end`], for a small piece of a line: up to 16 bytes are searched without a call.
#[inline]
pub(crate) fn find_end_in_piece(bytes: &[u8]) -> Option<usize> {
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) if bytes.len() <= first.len() + last.len() => {
            find_end_in_word(*first).or_else(|| Some(bytes.len() - last.len() + find_end_in_word(*last)?))
        }
        (None, _) => bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')),
        _ => find_end(bytes),
    }
}

#[inline]
fn find_end_in_word(bytes: [u8; 8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let word = u64::from_le_bytes(bytes);
    // Sets the top bit of the first matching byte, and of no byte before it.
    let find = |byte: u8| {
        let differences = word ^ (ONES * u64::from(byte));
        differences.wrapping_sub(ONES) & !differences & (ONES << 7)
    };
    match find(b'\n') | find(b'\r') {
        0 => None,
        found => Some(found.trailing_zeros() as usize / 8),
    }
}

/// The field of a line that is not blank.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Event,
    Data,
    Id,
    Retry,
    Comment,
    Unknown,
}

/// Splits a line, given without its end, into its field and the offset of its value.
///
/// ```abnf
/// comment = colon *any-char end-of-line
/// field   = 1*name-char [ colon [ space ] *any-char ] end-of-line
/// ```
#[inline(always)]
pub(crate) fn split_field(line: &[u8]) -> (Field, usize) {
    let (field, rest) = match line {
        [b'd', b'a', b't', b'a', rest @ ..] => (Field::Data, rest),
        [b'e', b'v', b'e', b'n', b't', rest @ ..] => (Field::Event, rest),
        [b'i', b'd', rest @ ..] => (Field::Id, rest),
        [b'r', b'e', b't', b'r', b'y', rest @ ..] => (Field::Retry, rest),
        [b':', ..] => return (Field::Comment, 1),
        _ => return (Field::Unknown, 0),
    };
    let name = line.len() - rest.len();
    match rest {
        [b':', b' ', ..] => (field, name + 2),
        [b':', ..] => (field, name + 1),
        [] => (field, name),
        _ => (Field::Unknown, 0),
    }
}

/// Splits the first bytes of a line, once they reach the value. With fewer than [`LONGEST_HEAD`]
/// bytes, the next one may be a space, which moves the value by one.
#[inline]
pub(crate) fn split_head(bytes: &[u8]) -> Option<(Field, usize)> {
    match split_field(bytes) {
        (Field::Unknown, _) => None,
        (field, value) => matches!(bytes[value - 1], b':' | b' ').then_some((field, value)),
    }
}

/// Returns whether a line that starts with these bytes is, or may become, part of an event. Takes
/// up to [`LONGEST_HEAD`] bytes, or more of a line that is known to be a field.
pub(crate) fn begins_event_field(bytes: &[u8]) -> bool {
    match split_field(bytes) {
        (Field::Event | Field::Data | Field::Id, _) => true,
        (Field::Retry | Field::Comment, _) => false,
        (Field::Unknown, _) => ["event", "data", "id"].iter().any(|name| name.as_bytes().starts_with(bytes)),
    }
}

/// Parses the value of a `retry` field: ASCII digits and nothing else.
pub(crate) fn milliseconds(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = value.iter().map(|byte| u64::from(byte - b'0'));
    Some(digits.fold(0, |sum: u64, digit| sum.saturating_mul(10).saturating_add(digit)))
}

/// Returns the lines of a text, without their ends: one more than there are ends.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let Some(end) = find_end(text) else {
            return rest.take();
        };
        let (line, tail) = text.split_at(end);
        rest = Some(tail.strip_prefix(b"\r\n").unwrap_or(&tail[1..]));
        Some(line)
    })
}
