//! Markdown, and the verdict on each target.

use crate::machine;
use crate::measure::quantile;
use std::fmt::Write;

/// One part of the results.
pub struct Section {
    pub title: &'static str,
    pub text: String,
    pub targets: Vec<Target>,
    /// How far the rounds of each candidate in each cell are spread.
    pub spread: Vec<f64>,
}

pub struct Target {
    pub what: String,
    pub goal: String,
    pub measured: String,
    pub met: bool,
}

impl Target {
    /// That each of some values is to reach.
    pub fn at_least(what: &str, least: f64, values: &[(&str, f64)]) -> Self {
        let met = values.iter().all(|(_, value)| hundredths(*value) >= least);
        Self::new(what, format!("at least {least}"), values, met)
    }

    /// That none of some values is to pass.
    pub fn at_most(what: &str, most: f64, values: &[(&str, f64)]) -> Self {
        let met = values.iter().all(|(_, value)| hundredths(*value) <= most);
        Self::new(what, format!("at most {most}"), values, met)
    }

    fn new(what: &str, goal: String, values: &[(&str, f64)], met: bool) -> Self {
        let values: Vec<_> = values.iter().map(|(name, value)| format!("{value:.2} {name}")).collect();
        Self { what: what.to_owned(), goal, measured: values.join(", ").trim_end().to_owned(), met }
    }
}

/// A value as it is shown, so that the verdict is the one that a reader comes to.
pub fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

pub fn markdown(sections: &[Section]) -> String {
    let mut text = format!("# Results\n\n{}\n## Targets\n\n", machine::describe());
    let target = |Target { what, goal, measured, met }: &Target| {
        let met = if *met { "met" } else { "**not met**" };
        vec![what.clone(), goal.clone(), measured.clone(), met.to_owned()]
    };
    let targets: Vec<_> = sections.iter().flat_map(|section| &section.targets).map(target).collect();
    text += &table(&["", "goal", "measured", ""], &targets);
    for Section { title, text: body, spread, .. } in sections {
        _ = write!(text, "\n## {title}\n\n{body}");
        if !spread.is_empty() {
            let percent = |part| 100.0 * quantile(spread.clone(), part, 10);
            _ = writeln!(
                text,
                "\nNoise: the middle half of the rounds is spread over {:.1} % of the median or less in half of all \
                 measurements, over {:.1} % or less in nine of ten.",
                percent(5),
                percent(9),
            );
        }
    }
    text
}

/// A table whose first column has the names of its rows.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = format!("| {} |\n|---|{}\n", header.join(" | "), "---:|".repeat(header.len() - 1));
    for row in rows {
        _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Three digits.
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
