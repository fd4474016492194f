//! The tables and the targets of encoding.

use super::{AXUM, EVENT, EVENTS, Measured, RUSSE, Results, SSE_IN_AXUM, SSE_STREAM, Way, cell_name};
use crate::allocations::Allocations;
use crate::body::Pace;
use crate::fields::Text;
use crate::measure::{Sample, nanoseconds};
use crate::report::{Section, Target, significant, table};

impl Measured {
    fn nanoseconds(&self, name: &str) -> f64 {
        nanoseconds(&self.samples, name, EVENTS)
    }

    fn entry(&self, name: &str, allocations: &Allocations) -> String {
        let wrong = if self.wrong.contains(&name) { " ✗" } else { "" };
        let time = self.nanoseconds(name);
        let ratio = time / self.nanoseconds(self.samples[0].name);
        let count = allocations.show(&cell_name(self.way, self.payload, self.text), name);
        format!("{} ×{ratio:.2} ({count}){wrong}", significant(time))
    }
}

impl Results {
    pub fn section(&self, allocations: &Allocations) -> Section {
        let mut text = String::from(
            "Nanoseconds for an event, how many times those of the first row they are, and in brackets its allocations. \
             The fields are given as constants or as `String`s, made before. ✗ decodes to something else.\n",
        );
        for way in Way::ALL {
            let cells: Vec<_> = self.0.iter().filter(|measured| measured.way == way).collect();
            let columns: Vec<_> = cells.iter().map(|m| format!("{}, `{}`", m.payload, m.text)).collect();
            let header: Vec<_> = [""].into_iter().chain(columns.iter().map(String::as_str)).collect();
            let row = |sample: &Sample| {
                let entries = cells.iter().map(|measured| measured.entry(sample.name, allocations));
                [sample.name.to_owned()].into_iter().chain(entries).collect()
            };
            let rows: Vec<_> = cells[0].samples.iter().map(row).collect();
            text += &format!("\n### {}\n\n{}", way.name(), table(&header, &rows));
        }
        let spread = self.0.iter().flat_map(|m| &m.samples).map(|sample| sample.spread).collect();
        Section { title: "Encoding", text, targets: self.targets(allocations), spread }
    }

    fn targets(&self, allocations: &Allocations) -> Vec<Target> {
        let constants = |way| self.0.iter().filter(move |m| m.way == way && m.text == <&str>::NAME);
        let ratios = |way, ratio: &dyn Fn(&Measured) -> f64| -> Vec<_> {
            constants(way).map(|m| (m.payload, ratio(m))).collect()
        };
        let one_a_turn = Way::Through(Pace::OneATurn);
        let to_bytes = ratios(Way::ToBytes, &|m| m.nanoseconds(EVENT));
        let axum = ratios(one_a_turn, &|m| m.nanoseconds(AXUM));
        let against_axum =
            axum.iter().zip(&to_bytes).map(|((payload, axum), (_, ours))| (*payload, axum / ours));
        let through_body = ratios(one_a_turn, &|m| m.nanoseconds(AXUM) / m.nanoseconds(SSE_IN_AXUM));
        let peers = ratios(Way::ToBytes, &|m| {
            m.nanoseconds(RUSSE).min(m.nanoseconds(SSE_STREAM)) / m.nanoseconds(EVENT)
        });
        let counts = ratios(Way::ToBytes, &|m| {
            allocations.get(&cell_name(m.way, m.payload, m.text), EVENT).unwrap_or(f64::NAN)
        });
        vec![
            Target::at_least(
                "`Event` to `Bytes` against axum, which has only its body",
                3.0,
                &against_axum.collect::<Vec<_>>(),
            ),
            Target::at_least("`Event` through `Sse` in axum against axum's own", 3.0, &through_body),
            Target::at_least("`Event` to `Bytes` against the better of russe and sse-stream", 1.4, &peers),
            Target::at_most("Allocations of `Event` to `Bytes`", 1.0, &counts),
        ]
    }
}
