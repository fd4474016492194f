#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use redis::{Client, Connection};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A Redis server of a test's own. It ends with the test.
pub struct Server {
    process: Option<Child>,
    directory: TempDir,
    pub port: u16,
    arguments: Vec<String>,
}

impl Server {
    pub fn start() -> Self {
        Self::with(&["--appendonly", "yes", "--appendfsync", "always"])
    }

    /// Starts a server with these arguments.
    pub fn with(arguments: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let mut server = Self {
            process: None,
            directory: tempfile::tempdir().expect("a directory"),
            port: port.expect("a free port").port(),
            arguments: arguments.iter().map(ToString::to_string).collect(),
        };
        server.restart();
        server
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// Starts the server, which was killed, on what it kept.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let process = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(self.directory.path())
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server must be installed: it is in Debian's package of this name");
        self.process = Some(process);
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.client().get_connection().is_err() {
            assert!(Instant::now() < deadline, "the server does not start");
            sleep(Duration::from_millis(10));
        }
    }

    /// Ends the server without a chance to save anything.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("it runs");
        process.kill().expect("it can be killed");
        process.wait().expect("it ends");
    }

    fn client(&self) -> Client {
        Client::open(self.url()).expect("the URL is right")
    }

    pub fn connection(&self) -> Connection {
        self.client().get_connection().expect("the server is there")
    }

    /// Sends a command, and returns what it says.
    pub fn run(&self, command: &str) -> redis::Value {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().expect("a command"));
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.connection()).expect("the command is right")
    }

    /// Sends the process a signal, such as `STOP`.
    pub fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs").id().to_string();
        let status = Command::new("kill").args([&format!("-{signal}"), &process]).status();
        assert!(status.expect("kill is there").success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}
