//! Measures our crates beside their peers, prints Markdown tables, and saves them with a chart.

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use sse_bench::corpus::Corpus;
use sse_bench::decoder::Decoder;
use sse_bench::delivery::Delivery;
use sse_bench::measure::Settings;
use sse_bench::report::markdown;
use sse_bench::{
    burst, chart, clients, connections, decode, fairness, hub, hub_clients, hub_server, nodes, serve, source,
};
use std::error::Error;
use std::fs;
use std::path::Path;

/// Measures decoding and a server beside the alternatives.
///
/// The results go to standard output as Markdown. A full run in the release profile also writes
/// `results.md` and `chart.svg` next to the README. Any other run writes them to `target`.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    /// What to measure, instead of everything
    section: Option<Section>,
    /// Takes seconds and only shows that everything runs
    #[arg(long)]
    quick: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Ten corpora in six deliveries, from bytes to events
    Decode,
    /// `EventSource` in memory beside `EventStream`, and its peers over the loopback interface
    Source,
    /// Fairness and bursts, over the loopback interface
    Server,
    /// The hub beside tokio's channels
    Hub,
    /// Two hubs over Redis, beside a loop over the stream and Redis's own publish and subscribe
    Nodes,
    /// The hub behind servers with many connections, beside axum's own and nchan
    Connections,
}

#[derive(Subcommand)]
enum Command {
    /// Decodes a corpus this many times, for a profiler, and prints its size in bytes
    One {
        #[arg(value_parser = PossibleValuesParser::new(Decoder::ALL.map(Decoder::name).into_iter().chain([source::NAME])))]
        decoder: String,
        #[arg(value_parser = PossibleValuesParser::new(Corpus::NAMES))]
        corpus: String,
        #[arg(value_parser = PossibleValuesParser::new(Delivery::ALL.map(Delivery::name)))]
        delivery: String,
        passes: usize,
    },
    /// Serves what `server` measures
    #[command(hide = true)]
    Serve { threads: usize },
    /// Serves what `connections` measures
    #[command(hide = true)]
    ServeHub { variant: hub_server::Variant },
    /// Connects clients to a server
    #[command(hide = true)]
    ClientsOfHub {
        address: String,
        connections: usize,
        #[arg(long)]
        pipelined: bool,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { section, quick, command } = Arguments::parse();
    match command {
        Some(Command::One { decoder, corpus, delivery, passes }) => one(&decoder, &corpus, &delivery, passes),
        Some(Command::Serve { threads }) => serve::serve(threads)?,
        Some(Command::ServeHub { variant }) => hub_server::serve(variant)?,
        Some(Command::ClientsOfHub { address, connections, pipelined }) => {
            hub_clients::run(&address, connections, pipelined)?;
        }
        None => measure(section, quick)?,
    }
    Ok(())
}

fn one(decoder: &str, corpus: &str, delivery: &str, passes: usize) {
    let named = "the parser allows these names only";
    let corpus = Corpus::generate(Corpus::NAMES.into_iter().find(|name| *name == corpus).expect(named));
    let delivery = Delivery::ALL.into_iter().find(|d| d.name() == delivery).expect(named);
    let chunks = delivery.chunks(&corpus);
    match Decoder::ALL.into_iter().find(|known| known.name() == decoder) {
        Some(decoder) => (0..passes).for_each(|_| decode::decode(decoder, &chunks)),
        None => source::passes(chunks, passes),
    }
    println!("{}", corpus.bytes.len());
}

fn measure(section: Option<Section>, quick: bool) -> Result<(), Box<dyn Error>> {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let full = section.is_none() && !quick && !cfg!(debug_assertions);
    let directory = if full { home.to_owned() } else { home.join("target") };
    fs::create_dir_all(&directory)?;
    let mut results = Vec::new();
    let wanted = |this| section.is_none_or(|section| section == this);
    if wanted(Section::Decode) {
        let cells = decode::measure(if quick { &Settings::QUICK } else { &Settings::FULL });
        fs::write(directory.join("chart.svg"), chart::draw(&cells))?;
        results.push(decode::section(&cells));
    }
    if wanted(Section::Source) {
        results.push(source::section(quick));
        results.push(clients::section(quick)?);
    }
    if wanted(Section::Server) {
        results.push(fairness::section(quick)?);
        results.push(burst::section(quick)?);
    }
    if wanted(Section::Hub) {
        results.push(hub::section(quick)?);
    }
    if wanted(Section::Nodes) {
        results.push(nodes::section(quick)?);
    }
    if wanted(Section::Connections) {
        results.push(connections::section(quick)?);
    }
    let text = markdown(&results);
    println!("{text}");
    fs::write(directory.join("results.md"), text)?;
    Ok(())
}
