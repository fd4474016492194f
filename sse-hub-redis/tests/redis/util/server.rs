use redis::{Client, Connection, Value};
use sse_test::redis::LASTING;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A Redis server of a test's own, and what can happen to it. It ends with the test.
pub(crate) struct Server {
    process: sse_test::redis::Server,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&LASTING)
    }

    /// Starts a server with these arguments.
    pub(crate) fn with(arguments: &[&str]) -> Self {
        let mut server = Self::new(arguments);
        server.restart();
        server
    }

    /// Starts a server whose clock is this many seconds ahead.
    pub(crate) fn ahead(seconds: u64) -> Self {
        let mut server = Self::new(&LASTING);
        let clock = server.clock();
        server.process.environment =
            vec![("LD_PRELOAD", clock.into()), ("SECONDS_AHEAD", seconds.to_string().into())];
        server.restart();
        server
    }

    fn new(arguments: &[&str]) -> Self {
        let for_all = ["--enable-debug-command", "yes", "--repl-diskless-sync-delay", "0"];
        let process = sse_test::redis::Server::new(&[&for_all, arguments].concat());
        Self { port: process.port, process }
    }

    /// Starts a server that follows this one, and waits until it has everything.
    pub(crate) fn replica(&self) -> Self {
        let replica = Self::start();
        replica.follow(self);
        replica
    }

    pub(crate) fn follow(&self, master: &Self) {
        self.run(&format!("REPLICAOF 127.0.0.1 {}", master.port));
        self.until("it follows", || self.info("master_link_status") == "up" && self.caught_up_with(master));
    }

    pub(crate) fn caught_up_with(&self, master: &Self) -> bool {
        self.info("master_repl_offset") == master.info("master_repl_offset")
    }

    /// Gets nothing more from its master.
    pub(crate) fn cut_off(&self) {
        self.run("REPLICAOF 127.0.0.1 1");
    }

    pub(crate) fn promote(&self) {
        self.run("REPLICAOF NO ONE");
    }

    /// Waits until the append-only file has all: while an older part of it is being synced, Redis
    /// holds back what it has acknowledged.
    pub(crate) fn written(&self) {
        self.until("it writes", || self.info("aof_buffer_length") == "0");
    }

    /// A field of `INFO`.
    pub(crate) fn info(&self, field: &str) -> String {
        let info: String = redis::from_redis_value(self.run("INFO everything")).expect("it is text");
        let mut lines = info.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(name, _)| *name == field).expect("there is such a field").1.into()
    }

    /// Cuts the connections that wait for entries, until this holds.
    pub(crate) async fn cut_tails_until(&self, holds: impl Fn() -> bool) {
        super::until("the tails are gone", || {
            let list: String = redis::from_redis_value(self.run("CLIENT LIST")).expect("it is text");
            for client in list.lines().filter(|client| client.contains(" cmd=xread ")) {
                let id = client.split(['=', ' ']).nth(1).expect("a client has an ID");
                // It may be gone by itself.
                let _ = redis::cmd("CLIENT").arg("KILL").arg("ID").arg(id).exec(&mut self.connection());
            }
            holds()
        })
        .await;
    }

    pub(crate) fn url(&self) -> String {
        self.process.url()
    }

    /// Starts the server, which was killed, on what it kept.
    pub(crate) fn restart(&mut self) {
        self.process.restart();
    }

    /// Starts the server, and does not wait.
    pub(crate) fn launch(&mut self) {
        self.process.launch();
    }

    /// Compiles the clock: Debian's `faketime` does not work with the allocator of Redis.
    fn clock(&self) -> std::path::PathBuf {
        let library = self.process.directory.path().join("clock.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/redis/util/clock.c");
        let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
        assert!(status.expect("cc is there, since Rust links with it").success());
        library
    }

    /// Sets the clock right, from the next start on.
    pub(crate) fn correct_clock(&mut self) {
        self.process.environment.clear();
    }

    /// Ends the server without a chance to save anything.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Copies what it has on disk.
    pub(crate) fn back_up(&self) -> TempDir {
        let backup = tempfile::tempdir().expect("a directory");
        copy(self.process.directory.path(), backup.path());
        backup
    }

    /// Gives the server, which was killed, what it had on disk before.
    pub(crate) fn restore(&mut self, backup: TempDir) {
        assert!(self.process.process_id().is_none(), "it runs");
        self.process.directory = backup;
    }

    fn client(&self) -> Client {
        Client::open(self.url()).expect("the URL is right")
    }

    pub(crate) fn connection(&self) -> Connection {
        self.client().get_connection().expect("the server is there")
    }

    /// Sends a command, and returns what it says.
    pub(crate) fn run(&self, command: &str) -> Value {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().expect("a command"));
        for word in words {
            command.arg(word);
        }
        command.query(&mut self.connection()).expect("the command is right")
    }

    /// Sends the process a signal, such as `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let process = self.process.process_id().expect("it runs").to_string();
        let status = Command::new("kill").args([&format!("-{signal}"), &process]).status();
        assert!(status.expect("kill is there").success());
    }

    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let deadline = Instant::now() + super::PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "{what} in time");
            sleep(Duration::from_millis(10));
        }
    }
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    for file in std::fs::read_dir(from).expect("it is a directory") {
        let file = file.expect("it can be read");
        let to = to.join(file.file_name());
        if file.path().is_dir() {
            std::fs::create_dir(&to).expect("it is new");
            copy(&file.path(), &to);
        } else {
            std::fs::copy(file.path(), to).expect("it can be copied");
        }
    }
}
