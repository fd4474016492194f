//! A Redis server of a test's own.

use crate::client::PATIENCE;
use std::ffi::OsString;
use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Arguments for a server whose data outlives the process, which needs no sync: only the machine's
/// end would.
pub const LASTING: [&str; 4] = ["--appendonly", "yes", "--appendfsync", "no"];

/// A Redis server on a free port, with a directory of its own. It ends with this value.
pub struct Server {
    process: Option<Child>,
    /// What it keeps.
    pub directory: TempDir,
    /// Its port on 127.0.0.1.
    pub port: u16,
    arguments: Vec<String>,
    /// Variables that it is started with from now on.
    pub environment: Vec<(&'static str, OsString)>,
}

impl Server {
    /// A server with these arguments, which does not run yet.
    ///
    /// # Panics
    ///
    /// If there is no free port, or no place for a directory.
    pub fn new(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        Self {
            process: None,
            directory: tempfile::tempdir().expect("a directory"),
            port: port.expect("a free port").port(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            environment: Vec::new(),
        }
    }

    /// Starts a server with these arguments, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it cannot be started.
    pub fn start(arguments: &[&str]) -> Self {
        let mut server = Self::new(arguments);
        server.restart();
        server
    }

    /// Starts the server on what it kept, and waits until it answers.
    ///
    /// # Panics
    ///
    /// If it runs, or cannot be started.
    pub fn restart(&mut self) {
        self.launch();
        let deadline = Instant::now() + PATIENCE;
        while !self.answers() {
            assert!(Instant::now() < deadline, "redis-server answers in time");
            sleep(Duration::from_millis(10));
        }
    }

    /// Starts the server, and does not wait.
    ///
    /// # Panics
    ///
    /// If it runs, or cannot be started.
    pub fn launch(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"]);
        command.arg(self.directory.path()).args(&self.arguments);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        self.process =
            Some(process.expect("redis-server must be installed: it is in Debian's package of this name"));
    }

    /// Ends the server by SIGKILL.
    ///
    /// # Panics
    ///
    /// If it does not run.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    /// The ID of its process, if it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process.as_ref().map(Child::id)
    }

    /// Its URL, without a password.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Whether it has loaded what it kept. Without a password, it says no more than that it wants one.
    fn answers(&self) -> bool {
        let Ok(mut connection) = TcpStream::connect(("127.0.0.1", self.port)) else { return false };
        let mut answer = [0; 5];
        let asked = connection.write_all(b"PING\r\n").and_then(|()| connection.read_exact(&mut answer));
        asked.is_ok() && matches!(&answer, b"+PONG" | b"-NOAU")
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("port", &self.port).finish_non_exhaustive()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
