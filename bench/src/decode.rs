//! Decoding: ten corpora, six deliveries, ours and the peers.

mod results;

use crate::corpus::Corpus;
use crate::decoder::Decoder;
use crate::delivery::Delivery;
use crate::limit;
use crate::measure::{Candidate, Cell, Sample, Settings, find};
use crate::message::Digest;
use bytes::Bytes;
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A pass takes some milliseconds at worst. Who takes so much longer goes over the same bytes again and again.
const PATIENCE: Duration = Duration::from_millis(200);

/// The deliveries whose allocations are counted.
pub const COUNTED: [Delivery; 2] = [Delivery::Read, Delivery::Fragment64];

/// A corpus in a delivery, checked and ready to be measured.
pub struct Checked {
    corpus: &'static str,
    delivery: Delivery,
    bytes: usize,
    flaws: Vec<(Decoder, Flaw)>,
    pub cell: Cell,
}

/// Why a decoder is no peer in a cell.
enum Flaw {
    Wrong(String),
    TooSlow,
}

impl Checked {
    pub fn new(corpus: &Corpus, delivery: Delivery) -> Self {
        let chunks: Rc<[Bytes]> = delivery.chunks(corpus).into();
        let mut flaws = Vec::new();
        let mut candidates = Vec::new();
        for decoder in Decoder::ALL {
            let flaw = check(decoder, corpus, &chunks);
            if !matches!(flaw, Some(Flaw::TooSlow)) {
                let chunks = chunks.clone();
                candidates.push(Candidate::new(decoder.name(), move || decode(decoder, &chunks)));
            }
            flaws.extend(flaw.map(|flaw| (decoder, flaw)));
        }
        candidates.extend(limit::candidates(corpus, &chunks));
        let name = cell_name(corpus.name, delivery);
        let cell = Cell { name, events: corpus.ends.len(), candidates };
        Self { corpus: corpus.name, delivery, bytes: corpus.bytes.len(), flaws, cell }
    }
}

fn cell_name(corpus: &str, delivery: Delivery) -> String {
    format!("decode {corpus} {}", delivery.name())
}

/// One pass, as it is timed.
pub fn decode(decoder: Decoder, chunks: &[Bytes]) {
    // Who fails is marked by `check`.
    _ = decoder.decode(chunks.iter(), |message| {
        black_box(message);
    });
}

fn check(decoder: Decoder, corpus: &Corpus, chunks: &[Bytes]) -> Option<Flaw> {
    let start = Instant::now();
    let mut digest = Digest::default();
    let result = decoder
        .decode(chunks.iter().take_while(|_| start.elapsed() < PATIENCE), |message| digest.add(&message));
    if start.elapsed() >= PATIENCE {
        return Some(Flaw::TooSlow);
    }
    let expected = &corpus.expected;
    match result {
        Err(error) => Some(Flaw::Wrong(error)),
        Ok(()) if digest.messages != expected.messages => {
            Some(Flaw::Wrong(format!("{} events, not {}", digest.messages, expected.messages)))
        }
        Ok(()) if digest != *expected => Some(Flaw::Wrong("the events are others".to_owned())),
        Ok(()) => None,
    }
}

pub struct Results(Vec<Measured>);

pub struct Measured {
    pub corpus: &'static str,
    pub delivery: Delivery,
    bytes: usize,
    flaws: Vec<(Decoder, Flaw)>,
    samples: Vec<Sample>,
}

pub fn measure(settings: &Settings) -> Results {
    let corpora = Corpus::NAMES.map(Corpus::generate);
    let cells = corpora.iter().flat_map(|corpus| Delivery::ALL.map(|delivery| (corpus, delivery)));
    let measured = cells.map(|(corpus, delivery)| {
        let Checked { corpus, delivery, bytes, flaws, mut cell } = Checked::new(corpus, delivery);
        Measured { corpus, delivery, bytes, flaws, samples: cell.time(settings) }
    });
    Results(measured.collect())
}

impl Measured {
    /// Gigabytes a second.
    pub fn speed(&self, name: &str) -> Option<f64> {
        find(&self.samples, name).map(|sample| self.bytes as f64 / sample.seconds / 1e9)
    }

    /// How many times as fast as the best peer one of ours is. A stream is held against streams.
    fn ratio(&self, ours: Decoder) -> f64 {
        let right = |decoder: Decoder| self.flaws.iter().all(|(flawed, _)| *flawed != decoder);
        let peers = Decoder::ALL
            .into_iter()
            .filter(|peer| !peer.is_ours() && right(*peer) && (peer.is_stream() || !ours.is_stream()));
        let best = peers.filter_map(|peer| self.speed(peer.name())).fold(0.0, f64::max);
        self.speed(ours.name()).unwrap_or(0.0) / best
    }

    /// The faster of the two limits.
    pub fn limit(&self) -> f64 {
        let limits = [limit::CORE, limit::SIMDUTF8].map(|name| self.speed(name).unwrap_or(0.0));
        limits[0].max(limits[1])
    }

    fn part_of_limit(&self) -> f64 {
        self.speed(Decoder::Decoder.name()).unwrap_or(0.0) / self.limit()
    }
}
