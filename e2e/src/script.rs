//! Clients that run as a script in Node or Python.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// How long to wait for the next line of a script, which usually takes a few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running script. Dropping it kills the script.
#[derive(Debug)]
pub struct Script {
    lines: Lines<BufReader<ChildStdout>>,
    install: &'static str,
    _process: Child,
}

impl Script {
    /// Runs a script of `clients` in Node, with the URL of a server as its argument.
    ///
    /// # Panics
    ///
    /// Panics if Node or its packages are not installed.
    pub fn node(name: &str, url: &str) -> Self {
        expect_npm();
        Self::start("node".into(), name, url, "install Node.js 18 or newer")
    }

    /// Runs a script of `clients` in Python, with the URL of a server as its argument.
    ///
    /// # Panics
    ///
    /// Panics if Python is not installed in `.venv`.
    pub fn python(name: &str, url: &str) -> Self {
        let install = "run `python3 -m venv .venv && .venv/bin/pip install --no-deps -r requirements.txt` in the \
                       directory e2e";
        Self::start(directory().join(".venv/bin/python"), name, url, install)
    }

    fn start(program: PathBuf, name: &str, url: &str, install: &'static str) -> Self {
        let mut process = Command::new(&program)
            .arg(directory().join("clients").join(name))
            .arg(url)
            // What a script prints must arrive before the script ends.
            .env("PYTHONUNBUFFERED", "1")
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}; {install}", program.display()));
        let lines = BufReader::new(process.stdout.take().expect("a pipe")).lines();
        Self { lines, install, _process: process }
    }

    /// Returns the next line that the script prints, which is JSON.
    ///
    /// # Panics
    ///
    /// Panics if the script ends instead.
    pub async fn seen(&mut self) -> Value {
        let line = timeout(PATIENCE, self.lines.next_line()).await.expect("a line from the script");
        let line = line.expect("a pipe");
        let line =
            line.unwrap_or_else(|| panic!("the script failed; if it lacks a package, {}", self.install));
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("the script printed {line}"))
    }
}

/// Checks that the packages of `package.json` are installed.
///
/// # Panics
///
/// Panics if one is missing.
pub fn expect_npm() {
    let package = fs::read(directory().join("package.json")).expect("package.json");
    let package: Value = serde_json::from_slice(&package).expect("JSON");
    for name in package["devDependencies"].as_object().expect("dependencies").keys() {
        let installed = directory().join("node_modules").join(name).exists();
        assert!(installed, "{name} is not installed; run `npm ci` in the directory e2e");
    }
}

fn directory() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
