//! How a stream of bytes is cut into chunks.

use crate::corpus::Corpus;
use bytes::Bytes;

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    Whole,
    /// A read from a busy socket into a buffer.
    Read,
    /// The payload of one packet over Ethernet.
    Segment,
    /// One event at a time.
    Event,
    Fragment64,
    Fragment10,
}

impl Delivery {
    pub const ALL: [Self; 6] =
        [Self::Whole, Self::Read, Self::Segment, Self::Event, Self::Fragment64, Self::Fragment10];

    pub fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Read => "16-KiB",
            Self::Segment => "1460-B",
            Self::Event => "by-event",
            Self::Fragment64 => "64-B",
            Self::Fragment10 => "10-B",
        }
    }

    /// All chunks share the bytes of the corpus.
    pub fn chunks(self, corpus: &Corpus) -> Vec<Bytes> {
        let length = corpus.bytes.len();
        match self {
            Self::Whole => vec![corpus.bytes.clone()],
            Self::Read => pieces(corpus, (16 << 10..length).step_by(16 << 10)),
            Self::Segment => pieces(corpus, (1460..length).step_by(1460)),
            Self::Event => pieces(corpus, corpus.ends[..corpus.ends.len() - 1].iter().copied()),
            Self::Fragment64 => pieces(corpus, (64..length).step_by(64)),
            Self::Fragment10 => pieces(corpus, (10..length).step_by(10)),
        }
    }
}

fn pieces(corpus: &Corpus, cuts: impl Iterator<Item = usize>) -> Vec<Bytes> {
    let mut start = 0;
    let ends = cuts.chain([corpus.bytes.len()]);
    ends.map(|end| corpus.bytes.slice(std::mem::replace(&mut start, end)..end)).collect()
}
