//! Where and when, with what.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;

/// What was measured, and what it runs in.
const CRATES: [&str; 16] = [
    "sse-proto",
    "sse-axum",
    "sse-core",
    "sse-stream",
    "sseer",
    "eventsource-stream",
    "russe",
    "axum",
    "warp",
    "rocket",
    "hyper",
    "tokio",
    "tokio-stream",
    "bytes",
    "memchr",
    "simdutf8",
];

/// The name of the profile that this program was built with, which is that of its directory.
pub fn profile() -> String {
    let program = env::current_exe().expect("the program knows where it is");
    let directory = program.parent().and_then(Path::file_name).and_then(OsStr::to_str);
    directory.map_or("release", |name| if name == "debug" { "dev" } else { name }).to_owned()
}

/// The machine, the date and the profile.
pub fn summary() -> String {
    let cores = available_parallelism().map_or(0, usize::from);
    let date = jiff::Timestamp::now().strftime("%Y-%m-%d");
    format!("{}, {cores} cores, {date}, {}, profile {}", cpu(), env!("RUSTC_VERSION"), profile())
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

/// The version that the lock file has for a crate.
fn version(name: &str) -> &'static str {
    let (_, package) = include_str!("../Cargo.lock")
        .split_once(&format!("name = \"{name}\"\nversion = \""))
        .expect("the crate is a dependency");
    package.split('"').next().expect("a split has a first part")
}
