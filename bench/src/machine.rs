//! The machine, the date and the versions of a run.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

/// What was measured, and what it runs on.
const CRATES: [&str; 19] = [
    "sse-proto",
    "sse-axum",
    "sse-hub",
    "sse-hub-redis",
    "sse-source",
    "sse-core",
    "sse-stream",
    "sseer",
    "eventsource-stream",
    "sse-reqwest-client",
    "eventsource-client",
    "redis",
    "reqwest",
    "axum",
    "hyper",
    "tokio",
    "bytes",
    "memchr",
    "simdutf8",
];

/// The machine, the date and the compiler.
pub fn summary() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    format!("{}, {cores} cores, {date}, {}", cpu(), env!("RUSTC_VERSION"))
}

pub fn describe() -> String {
    let versions = CRATES.map(|name| format!("{name} {}", version(name))).join(", ");
    format!(
        "{}, commit {}. The load was {} at the end.\n\n{versions}. `sse-core` is another project's; ours is `sse-proto`.\n",
        summary(),
        commit(),
        load(),
    )
}

fn cpu() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("Unknown processor", |(_, model)| model).to_owned()
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

fn commit() -> String {
    let home = env!("CARGO_MANIFEST_DIR");
    let output = Command::new("git").args(["-C", home, "describe", "--always", "--dirty"]).output();
    let commit = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    commit.ok().filter(|commit| !commit.is_empty()).unwrap_or("unknown".to_owned())
}

/// The version of a crate in the lock file.
fn version(name: &str) -> &'static str {
    let (_, package) = include_str!("../Cargo.lock")
        .split_once(&format!("name = \"{name}\"\nversion = \""))
        .expect("the crate is a dependency");
    package.split('"').next().expect("a split has a first part")
}
