use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// How long a client may take; a browser usually needs some ten seconds.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// A port that was just free, for a server that binds it at once.
pub(crate) fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// The lab or the demo as a process of its own, which can be killed.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) reports: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts it, and waits until it listens.
    pub(crate) async fn start(name: &str, port: u16) -> Self {
        Self::start_with(name, port, &[]).await
    }

    pub(crate) async fn start_with(name: &str, port: u16, options: &[&str]) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_e2e"))
            .args([name, &port.to_string()])
            .args(options)
            .kill_on_drop(true)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let reports = BufReader::new(process.stdout.take().unwrap()).lines();
        let listens = async {
            while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, listens).await.expect("the process to listen");
        Self { process, reports }
    }

    pub(crate) async fn report(&mut self) -> String {
        let line = timeout(PATIENCE, self.reports.next_line()).await;
        line.expect("the page to report").unwrap().expect("the server to run")
    }
}
