//! A bar chart of decoding, for a light or a dark page.

use crate::decode::Measured;
use crate::decoder::Decoder;
use crate::delivery::Delivery;
use crate::limit;
use crate::machine;
use crate::report::significant;
use std::fmt::Write;

const BARS: [(Decoder, &str); 6] = [
    (Decoder::Decoder, "#1f6feb"),
    (Decoder::EventStream, "#58a6ff"),
    (Decoder::SseCoreDecoder, "#bf8700"),
    (Decoder::SseStream, "#8957e5"),
    (Decoder::Sseer, "#2da44e"),
    (Decoder::EventsourceStream, "#cf222e"),
];
/// Readable on white and on black.
const TEXT: &str = "#7a828e";

const TOP: usize = 76;
const BAR: usize = 12;
const GROUP: usize = BAR * BARS.len() + 40;
/// The length of the longest bar, which leaves room for a number.
const LENGTH: f64 = 330.0;
const COLUMN: usize = 400;
const COLUMNS: usize = 2;

/// Draws decoding in 16 KiB reads: for each corpus, a bar for each decoder and a stroke at the
/// limit. Each corpus has its own scale.
pub fn draw(cells: &[Measured]) -> String {
    let corpora: Vec<_> = cells.iter().filter(|cell| cell.delivery == Delivery::Read).collect();
    let height = TOP + GROUP * corpora.len().div_ceil(COLUMNS);
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {} {height}" font-family="sans-serif" font-size="12" fill="{TEXT}" role="img">
<title>Decoding event streams in 16 KiB reads, gigabytes a second</title>
<text y="16" font-size="15" font-weight="bold">Decoding event streams in 16 KiB reads, GB/s</text>
<text y="36">{}</text>
"#,
        COLUMN * COLUMNS,
        machine::summary(),
    );
    legend(&mut svg);
    for (index, corpus) in corpora.iter().enumerate() {
        let (x, y) = (COLUMN * (index % COLUMNS), TOP + GROUP * (index / COLUMNS));
        _ = writeln!(svg, r#"<g transform="translate({x} {y})">"#);
        group(&mut svg, corpus);
        svg += "</g>\n";
    }
    svg + "</svg>\n"
}

fn legend(svg: &mut String) {
    let mut x = 0;
    for (decoder, color) in BARS {
        let name = decoder.name();
        _ = writeln!(svg, r#"<rect x="{x}" y="48" width="10" height="10" fill="{color}"/>"#);
        _ = writeln!(svg, r#"<text x="{}" y="57">{name}</text>"#, x + 14);
        x += 36 + 7 * name.len();
    }
    _ = writeln!(svg, r#"<path d="M{x} 47v12" stroke="{TEXT}" stroke-width="2"/>"#);
    _ = writeln!(svg, r#"<text x="{}" y="57">limit</text>"#, x + 6);
}

fn group(svg: &mut String, corpus: &Measured) {
    let speeds = BARS.map(|(decoder, _)| corpus.speed(decoder.name()));
    let limit = corpus.speed(limit::NAME).unwrap_or(0.0);
    let scale = LENGTH / speeds.iter().flatten().copied().fold(limit, f64::max);
    _ = writeln!(svg, r#"<text y="12" font-weight="bold">{}</text>"#, corpus.corpus);
    for (index, (speed, (_, color))) in speeds.into_iter().zip(BARS).enumerate() {
        let y = 18 + BAR * index;
        let length = speed.unwrap_or(0.0) * scale;
        let speed = speed.map_or("–".to_owned(), significant);
        _ = writeln!(svg, r#"<rect y="{y}" width="{length:.1}" height="{}" fill="{color}"/>"#, BAR - 1);
        _ = writeln!(svg, r#"<text x="{:.1}" y="{}" font-size="10">{speed}</text>"#, length + 5.0, y + 9);
    }
    let (x, height) = (limit * scale, BAR * BARS.len());
    let limit = significant(limit);
    _ = writeln!(svg, r#"<path d="M{x:.1} 16v{}" stroke="{TEXT}" stroke-width="2"/>"#, height + 4);
    _ = writeln!(svg, r#"<text x="{:.1}" y="{}" font-size="10">{limit}</text>"#, x + 5.0, height + 15);
}
