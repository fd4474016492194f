//! The results as Markdown.

use crate::machine;
use crate::measure::quantile;
use std::fmt::Write;

/// One part of the results.
pub struct Section {
    pub title: &'static str,
    pub text: String,
    /// How far the rounds of each measurement are spread.
    pub spread: Vec<f64>,
}

pub fn markdown(sections: &[Section]) -> String {
    let mut text = format!("# Results\n\n{}", machine::describe());
    for Section { title, text: body, spread } in sections {
        let percent = |part| 100.0 * quantile(spread.clone(), part, 10);
        _ = write!(text, "\n## {title}\n\n{body}");
        _ = writeln!(
            text,
            "\nNoise: the interquartile range of the rounds is at most {:.1} % of their median in half of all \
             measurements, and at most {:.1} % in nine of ten.",
            percent(5),
            percent(9),
        );
    }
    text
}

/// A table whose first column names the rows.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|{}\n", header.join(" | "), "---:|".repeat(header.len() - 1));
    for row in rows {
        _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Three significant digits.
pub fn significant(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        ..0.01 => format!("{value:.4}"),
        ..1.0 => format!("{value:.3}"),
        ..10.0 => format!("{value:.2}"),
        ..100.0 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}
