//! Decoding: ten corpora, six deliveries, our decoders and their peers.

use crate::corpus::Corpus;
use crate::decoder::Decoder;
use crate::delivery::Delivery;
use crate::limit;
use crate::measure::{Candidate, Sample, Settings, time};
use crate::message::Digest;
use crate::report::{Section, significant, table};
use bytes::Bytes;
use std::fmt::{self, Display};
use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A pass takes a few milliseconds. A decoder that takes this much longer scans the same bytes over
/// and over.
const PATIENCE: Duration = Duration::from_millis(200);

/// One corpus in one delivery.
pub struct Measured {
    pub corpus: &'static str,
    pub delivery: Delivery,
    bytes: usize,
    flaws: Vec<(Decoder, Flaw)>,
    samples: Vec<Sample>,
}

/// Why a decoder is excluded from a cell.
enum Flaw {
    Wrong(String),
    TooSlow,
}

pub fn measure(settings: &Settings) -> Vec<Measured> {
    let corpora = Corpus::NAMES.map(Corpus::generate);
    let cells = corpora.iter().flat_map(|corpus| Delivery::ALL.map(|delivery| (corpus, delivery)));
    cells.map(|(corpus, delivery)| Measured::new(settings, corpus, delivery)).collect()
}

/// One pass, as it is timed.
pub fn decode(decoder: Decoder, chunks: &[Bytes]) {
    // `check` reports the error.
    _ = decoder.decode(chunks.iter(), |message| {
        black_box(message);
    });
}

fn check(decoder: Decoder, corpus: &Corpus, chunks: &[Bytes]) -> Option<Flaw> {
    let start = Instant::now();
    let mut digest = Digest::default();
    let result = decoder
        .decode(chunks.iter().take_while(|_| start.elapsed() < PATIENCE), |message| digest.add(&message));
    let expected = &corpus.expected;
    match result {
        _ if start.elapsed() >= PATIENCE => Some(Flaw::TooSlow),
        Err(error) => Some(Flaw::Wrong(error)),
        Ok(()) if digest.messages != expected.messages => {
            Some(Flaw::Wrong(format!("{} events, not {}", digest.messages, expected.messages)))
        }
        Ok(()) if digest != *expected => Some(Flaw::Wrong("the events differ".to_owned())),
        Ok(()) => None,
    }
}

impl Measured {
    fn new(settings: &Settings, corpus: &Corpus, delivery: Delivery) -> Self {
        eprintln!("{}, {}", corpus.name, delivery.name());
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
        candidates.push(limit::candidate(corpus, chunks));
        let samples = time(settings, &mut candidates);
        Self { corpus: corpus.name, delivery, bytes: corpus.bytes.len(), flaws, samples }
    }

    /// Gigabytes per second.
    pub fn speed(&self, name: &str) -> Option<f64> {
        let sample = self.samples.iter().find(|sample| sample.name == name)?;
        Some(self.bytes as f64 / sample.seconds / 1e9)
    }

    /// How many times as fast as the best peer one of ours is. A stream is compared only with
    /// streams.
    fn ratio(&self, ours: Decoder) -> f64 {
        let correct = |decoder: Decoder| self.flaws.iter().all(|(flawed, _)| *flawed != decoder);
        let peers = Decoder::ALL
            .into_iter()
            .filter(|peer| !peer.is_ours() && correct(*peer) && (peer.is_stream() || !ours.is_stream()));
        let best = peers.filter_map(|peer| self.speed(peer.name())).fold(0.0, f64::max);
        self.speed(ours.name()).unwrap_or(0.0) / best
    }

    fn row(&self) -> Vec<String> {
        let speed = |name| self.speed(name).map_or("–".to_owned(), significant);
        let decoder = |decoder: Decoder| {
            let wrong = self.flaws.iter().any(|(d, flaw)| *d == decoder && matches!(flaw, Flaw::Wrong(_)));
            speed(decoder.name()) + if wrong { " ✗" } else { "" }
        };
        let ratio = |ours| format!("{:.2}", self.ratio(ours));
        let mut row = vec![self.corpus.to_owned()];
        row.extend(Decoder::ALL.map(decoder));
        row.extend([Decoder::Decoder, Decoder::EventStream].map(ratio));
        row.push(speed(limit::NAME));
        row
    }
}

pub fn section(cells: &[Measured]) -> Section {
    let mut text = String::from(
        "GB/s. The ratios are `Decoder` to the best peer, and `EventStream` to the best peer that also takes a stream. \
         A decoder with ✗ is incorrect, one with – takes too long; neither counts as a peer there.\n",
    );
    let mut header = vec![""];
    header.extend(Decoder::ALL.map(Decoder::name));
    header.extend(["Decoder / peers", "EventStream / peers", limit::NAME]);
    for delivery in Delivery::ALL {
        let rows: Vec<_> = cells.iter().filter(|m| m.delivery == delivery).map(Measured::row).collect();
        text += &format!("\n### {}\n\n{}", delivery.name(), table(&header, &rows));
    }
    text += "\n### Flaws\n\n";
    for Measured { corpus, delivery, flaws, .. } in cells {
        for (decoder, flaw) in flaws {
            text += &format!("- {}, {corpus}, {}: {flaw}\n", decoder.name(), delivery.name());
        }
    }
    let spread = cells.iter().flat_map(|cell| &cell.samples).map(|sample| sample.spread).collect();
    Section { title: "Decoding", text, spread }
}

impl Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(how) => write!(f, "incorrect: {how}"),
            Self::TooSlow => write!(f, "takes more than {PATIENCE:?} for a pass"),
        }
    }
}
