//! The limit of the machine: what no decoder can do without, on the same bytes.

use crate::corpus::Corpus;
use crate::measure::Candidate;
use bytes::Bytes;
use std::hint::black_box;
use std::mem;
use std::rc::Rc;

pub const NAME: &str = "limit";

/// Finds the line feeds, then checks that the text is UTF-8, with the crates that the decoder uses.
pub fn candidate(corpus: &Corpus, chunks: Rc<[Bytes]>) -> Candidate {
    let texts = texts(corpus, &chunks);
    Candidate::new(NAME, move || {
        for (chunk, text) in chunks.iter().zip(&texts) {
            black_box(memchr::memchr_iter(b'\n', chunk).fold(0, usize::wrapping_add));
            black_box(simdutf8::basic::from_utf8(text).is_ok());
        }
    })
}

/// The chunks, cut between characters: the check of one that begins within a character would fail
/// at once.
fn texts(corpus: &Corpus, chunks: &[Bytes]) -> Vec<Bytes> {
    let text = str::from_utf8(&corpus.bytes).expect("a corpus is UTF-8");
    let (mut start, mut end) = (0, 0);
    let cut = |chunk: &Bytes| {
        end += chunk.len();
        let cut = text.ceil_char_boundary(end);
        corpus.bytes.slice(mem::replace(&mut start, cut)..cut)
    };
    chunks.iter().map(cut).collect()
}
