//! Measures ours beside the peers, prints Markdown tables, and writes them down with a chart.

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use sse_bench::allocations::Allocations;
use sse_bench::corpus::Corpus;
use sse_bench::decoder::Decoder;
use sse_bench::delivery::Delivery;
use sse_bench::measure::Settings;
use sse_bench::report::markdown;
use sse_bench::{burst, chart, decode, encode, fairness, fan_out, keep_alive, machine, memory, serve};
use std::error::Error;
use std::fs;
use std::path::Path;

/// Measures the codec and the body of a response beside the crates that one would take instead.
///
/// The results go to standard output, as Markdown. A whole run also writes them to `results.md` and draws `chart.svg`,
/// next to this program's README; a run of another profile than `release` puts the profile's name before the dot. What a
/// quick or a partial run writes goes to `target`.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// What to measure; all of it, if nothing is named
    sections: Vec<Section>,
    /// Takes seconds, and says nothing but that everything runs
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Ten corpora in six deliveries, from bytes to events
    Decode,
    /// From the fields of an event to a chunk of a body; what keep-alive costs
    Encode,
    /// One event to a thousand bodies
    FanOut,
    /// Bursts of events over the loopback interface
    Server,
    /// What streams that never pause do to other requests and to their own events
    Fairness,
    /// The memory of an idle connection
    Memory,
}

#[derive(Subcommand)]
enum Command {
    /// Decodes a corpus so many times and does nothing else, for a profiler; prints its size in bytes
    One {
        #[arg(value_parser = PossibleValuesParser::new(Decoder::ALL.map(Decoder::name)))]
        decoder: String,
        #[arg(value_parser = PossibleValuesParser::new(Corpus::NAMES))]
        corpus: String,
        #[arg(value_parser = PossibleValuesParser::new(Delivery::ALL.map(Delivery::name)))]
        delivery: String,
        passes: usize,
    },
    /// Serves what `server`, `fairness` and `memory` measure
    #[command(hide = true)]
    Serve { threads: usize },
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { sections, quick, command } = Arguments::parse();
    match command {
        Some(Command::One { decoder, corpus, delivery, passes }) => one(&decoder, &corpus, &delivery, passes),
        Some(Command::Serve { threads }) => serve::serve(threads)?,
        None => measure(&sections, quick)?,
    }
    Ok(())
}

fn one(decoder: &str, corpus: &str, delivery: &str, passes: usize) {
    let named = "the name is one of those that are possible";
    let decoder = Decoder::ALL.into_iter().find(|d| d.name() == decoder).expect(named);
    let corpus = Corpus::generate(Corpus::NAMES.into_iter().find(|name| *name == corpus).expect(named));
    let delivery = Delivery::ALL.into_iter().find(|d| d.name() == delivery).expect(named);
    let chunks = delivery.chunks(&corpus);
    for _ in 0..passes {
        decode::decode(decoder, &chunks);
    }
    println!("{}", corpus.bytes.len());
}

fn measure(sections: &[Section], quick: bool) -> Result<(), Box<dyn Error>> {
    let whole = sections.is_empty();
    let wants = |section| whole || sections.contains(&section);
    let settings = if quick { Settings::QUICK } else { Settings::FULL };
    let mut results = Vec::new();
    let mut drawing = None;
    let allocations = if [Section::Decode, Section::Encode, Section::FanOut].into_iter().any(wants) {
        eprintln!("allocations");
        Allocations::count()?
    } else {
        Allocations::default()
    };
    if wants(Section::Decode) {
        let decoded = decode::measure(&settings);
        drawing = Some(chart::draw(&decoded));
        results.push(decoded.section(&allocations));
    }
    if wants(Section::Encode) {
        results.push(encode::measure(&settings).section(&allocations));
        results.push(keep_alive::section(&settings));
    }
    if wants(Section::FanOut) {
        results.push(fan_out::section(&settings, &allocations));
    }
    if wants(Section::Server) {
        results.push(burst::section(quick)?);
    }
    if wants(Section::Fairness) {
        results.push(fairness::section(quick)?);
    }
    if wants(Section::Memory) {
        results.push(memory::section(quick)?);
    }

    let text = markdown(&results);
    println!("{text}");
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let directory = if whole && !quick { home.to_owned() } else { home.join("target") };
    let suffix = match &*machine::profile() {
        "release" => String::new(),
        profile => format!("-{profile}"),
    };
    fs::write(directory.join(format!("results{suffix}.md")), text)?;
    if let Some(drawing) = drawing {
        fs::write(directory.join(format!("chart{suffix}.svg")), drawing)?;
    }
    Ok(())
}
