//! Allocations per event, counted by the program of that name.

use crate::machine;
use std::collections::HashMap;
use std::env;
use std::io;
use std::process::{Command, Stdio};

#[derive(Default)]
pub struct Allocations(HashMap<(String, String), f64>);

impl Allocations {
    /// Builds and runs the program that counts.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub fn count() -> io::Result<Self> {
        let cargo = env::var_os("CARGO").unwrap_or("cargo".into());
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let output = Command::new(cargo)
            .args(["run", "--quiet", "--bin", "allocations", "--manifest-path", manifest])
            .args(["--profile", &machine::profile()])
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(io::Error::other("`allocations` failed"));
        }
        Ok(Self(String::from_utf8_lossy(&output.stdout).lines().filter_map(parse).collect()))
    }

    pub fn get(&self, cell: &str, candidate: &str) -> Option<f64> {
        self.0.get(&(cell.to_owned(), candidate.to_owned())).copied()
    }

    pub fn show(&self, cell: &str, candidate: &str) -> String {
        let Some(count) = self.get(cell, candidate) else { return "–".to_owned() };
        let count = format!("{count:.2}");
        count.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// One line of its output.
pub fn line(cell: &str, candidate: &str, per_event: f64) -> String {
    format!("{cell}\t{candidate}\t{per_event}")
}

fn parse(line: &str) -> Option<((String, String), f64)> {
    let mut parts = line.split('\t');
    let (cell, candidate, count) = (parts.next()?, parts.next()?, parts.next()?);
    Some(((cell.to_owned(), candidate.to_owned()), count.parse().ok()?))
}
