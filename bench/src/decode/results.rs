//! The tables and the targets of decoding.

use super::{COUNTED, Flaw, Measured, PATIENCE, Results, cell_name};
use crate::allocations::Allocations;
use crate::corpus::Corpus;
use crate::decoder::Decoder;
use crate::delivery::Delivery;
use crate::limit;
use crate::report::{Section, Target, hundredths, significant, table};

impl Results {
    pub fn in_reads(&self) -> impl Iterator<Item = &Measured> {
        self.0.iter().filter(|measured| measured.delivery == Delivery::Read)
    }

    pub fn section(&self, allocations: &Allocations) -> Section {
        let mut text = String::from(
            "GB/s. The ratios are those of `Decoder` to the best peer, and of `EventStream` to the best peer that \
             takes a stream, too. ✗ decodes wrongly and – takes too long, see below; neither counts as a peer there.\n",
        );
        for delivery in Delivery::ALL {
            let rows: Vec<_> = self.0.iter().filter(|m| m.delivery == delivery).map(Measured::row).collect();
            text += &format!("\n### {}\n\n{}", delivery.name(), table(&header(), &rows));
        }
        text += &format!("\n### Flaws\n\n{}", self.flaws());
        for delivery in COUNTED {
            text += &format!("\n### Allocations per block, {}\n\n", delivery.name());
            text += &self.allocations(delivery, allocations);
        }
        Section { title: "Decoding", text, targets: self.targets(), spread: self.spread() }
    }

    fn flaws(&self) -> String {
        let mut text = String::new();
        for Measured { corpus, delivery, flaws, .. } in &self.0 {
            for (decoder, flaw) in flaws {
                let flaw = match flaw {
                    Flaw::Wrong(how) => format!("decodes wrongly: {how}"),
                    Flaw::TooSlow => format!("takes more than {PATIENCE:?} for a pass"),
                };
                text += &format!("- {}, {corpus}, {}: {flaw}\n", decoder.name(), delivery.name());
            }
        }
        if text.is_empty() { "None.\n".to_owned() } else { text }
    }

    fn allocations(&self, delivery: Delivery, allocations: &Allocations) -> String {
        let header: Vec<_> = [""].into_iter().chain(Decoder::ALL.map(Decoder::name)).collect();
        let rows = Corpus::NAMES.map(|corpus| {
            let count = |d: Decoder| allocations.show(&cell_name(corpus, delivery), d.name());
            [corpus.to_owned()].into_iter().chain(Decoder::ALL.map(count)).collect()
        });
        table(&header, &rows)
    }

    fn targets(&self) -> Vec<Target> {
        let in_large_pieces = |m: &Measured| matches!(m.delivery, Delivery::Whole | Delivery::Read);
        let text = |m: &Measured| matches!(m.corpus, "openai" | "anthropic" | "korean" | "openai_crlf");
        let decoder = |m: &Measured| m.ratio(Decoder::Decoder);
        let event_stream = |m: &Measured| m.ratio(Decoder::EventStream);
        vec![
            self.target(
                "`Decoder`, openai, anthropic, korean, openai_crlf in whole and 16 KiB reads",
                2.5,
                |m| in_large_pieces(m) && text(m),
                decoder,
            ),
            self.target(
                "`Decoder`, tiny, whole and 16 KiB reads",
                4.0,
                |m| in_large_pieces(m) && m.corpus == "tiny",
                decoder,
            ),
            self.target(
                "`Decoder`, every other cell",
                1.0,
                |m| !(in_large_pieces(m) && (text(m) || m.corpus == "tiny")),
                decoder,
            ),
            self.target(
                "`EventStream`, openai and anthropic at 16 KiB",
                1.5,
                |m| m.delivery == Delivery::Read && matches!(m.corpus, "openai" | "anthropic"),
                event_stream,
            ),
            self.target("`EventStream`, every cell", 0.9, |_| true, event_stream),
            self.target(
                "`Decoder` against the limit, openai, wikimedia, big40k at 16 KiB",
                0.8,
                |m| m.delivery == Delivery::Read && matches!(m.corpus, "openai" | "wikimedia" | "big40k"),
                Measured::part_of_limit,
            ),
        ]
    }

    /// A target that each of some cells is to reach. It shows the worst of them, or all that fall short.
    fn target(
        &self,
        what: &str,
        least: f64,
        cells: impl Fn(&Measured) -> bool,
        value: impl Fn(&Measured) -> f64,
    ) -> Target {
        let mut values: Vec<_> = self.0.iter().filter(|m| cells(m)).map(|m| (value(m), m)).collect();
        values.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let short = values.iter().filter(|(value, _)| hundredths(*value) < least).count();
        let show = |(value, m): &(f64, &Measured)| format!("{value:.2} {} {}", m.corpus, m.delivery.name());
        let shown: Vec<_> = values[..short.max(1)].iter().map(show).collect();
        Target {
            what: what.to_owned(),
            goal: format!("at least {least}"),
            measured: format!(
                "{} of {} cells; lowest {}",
                values.len() - short,
                values.len(),
                shown.join(", ")
            ),
            met: short == 0,
        }
    }

    fn spread(&self) -> Vec<f64> {
        self.0.iter().flat_map(|measured| &measured.samples).map(|sample| sample.spread).collect()
    }
}

fn header() -> Vec<&'static str> {
    let ratios = ["Decoder / peers", "EventStream / peers"];
    let limits = [limit::CORE, limit::SIMDUTF8, limit::MEMCPY];
    [""].into_iter().chain(Decoder::ALL.map(Decoder::name)).chain(ratios).chain(limits).collect()
}

impl Measured {
    fn row(&self) -> Vec<String> {
        let decoder = |decoder: Decoder| {
            let speed = self.speed(decoder.name()).map_or("–".to_owned(), significant);
            let wrong = self.flaws.iter().any(|(d, f)| *d == decoder && matches!(f, Flaw::Wrong(_)));
            if wrong { format!("{speed} ✗") } else { speed }
        };
        let limit = |name| self.speed(name).map_or("–".to_owned(), significant);
        let mut row = vec![self.corpus.to_owned()];
        row.extend(Decoder::ALL.map(decoder));
        row.extend([Decoder::Decoder, Decoder::EventStream].map(|ours| format!("{:.2}", self.ratio(ours))));
        row.extend([limit::CORE, limit::SIMDUTF8, limit::MEMCPY].map(limit));
        row
    }
}
