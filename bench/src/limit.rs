//! What a decoder cannot do without, on the bytes that it is given: the limits of the machine.

use crate::corpus::Corpus;
use crate::measure::Candidate;
use bytes::Bytes;
use std::hint::black_box;
use std::mem;
use std::rc::Rc;

/// Finding the line feeds, and then checking with the standard library that the text is UTF-8.
pub const CORE: &str = "lines and UTF-8, core";
/// The same with the crate that the decoder uses.
pub const SIMDUTF8: &str = "lines and UTF-8, simdutf8";
pub const MEMCPY: &str = "memcpy";

pub fn candidates(corpus: &Corpus, chunks: &Rc<[Bytes]>) -> [Candidate; 3] {
    let lines_and_text = |name, is_text: fn(&[u8]) -> bool| {
        let (chunks, texts) = (chunks.clone(), texts(corpus, chunks));
        Candidate::new(name, move || {
            for (chunk, text) in chunks.iter().zip(&texts) {
                black_box(memchr::memchr_iter(b'\n', chunk).fold(0, usize::wrapping_add));
                black_box(is_text(text));
            }
        })
    };
    let copy = {
        let chunks = chunks.clone();
        let mut buffer = vec![0; chunks.iter().map(Bytes::len).max().unwrap_or(0)];
        move || {
            for chunk in chunks.iter() {
                buffer[..chunk.len()].copy_from_slice(chunk);
                black_box(&buffer);
            }
        }
    };
    [
        lines_and_text(CORE, |text| str::from_utf8(text).is_ok()),
        lines_and_text(SIMDUTF8, |text| simdutf8::basic::from_utf8(text).is_ok()),
        Candidate::new(MEMCPY, copy),
    ]
}

/// The chunks, cut between characters: one that began within a character would not be UTF-8, and checking it would end
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
