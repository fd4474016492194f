//! A handle to a server in a process of its own.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The names of what is served, in the order of the routes.
pub const OURS_AND_AXUM: [&str; 2] = ["`Sse`", "axum"];

/// A process that prints its address, and ends when its standard input does.
pub struct Process {
    process: Child,
    pub address: String,
}

pub struct Server {
    process: Process,
}

impl Server {
    /// Starts a server with this many threads.
    ///
    /// # Errors
    ///
    /// Returns an error when this program cannot start itself again.
    pub fn start(threads: usize) -> io::Result<Self> {
        let mut command = Command::new(env::current_exe()?);
        Ok(Self { process: Process::start(command.args(["serve", &threads.to_string()]))? })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.process.address)
    }

    /// Makes a request and reads the head of the response.
    ///
    /// # Errors
    ///
    /// Returns an error when the server does not answer with 200.
    pub fn get(&self, path: &str) -> io::Result<BufReader<TcpStream>> {
        let mut connection = TcpStream::connect(&self.process.address)?;
        write!(connection, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut response = BufReader::with_capacity(64 << 10, connection);
        let mut line = String::new();
        response.read_line(&mut line)?;
        if !line.contains("200") {
            return Err(io::Error::new(ErrorKind::InvalidData, format!("{path}: {line}")));
        }
        while line != "\r\n" {
            line.clear();
            response.read_line(&mut line)?;
        }
        Ok(response)
    }

    /// The processor time that it has used.
    ///
    /// # Errors
    ///
    /// Returns an error where there is no `/proc`.
    pub fn processor_time(&self) -> io::Result<Duration> {
        Process::processor_time_of(self.process.id())
    }
}

impl Process {
    /// # Errors
    ///
    /// Returns an error when the command cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut address = String::new();
        BufReader::new(process.stdout.take().expect("it is piped")).read_line(&mut address)?;
        if address.is_empty() {
            return Err(io::Error::other("the server did not start"));
        }
        address.truncate(address.trim_end().len());
        Ok(Self { process, address })
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// The processor time that the process with this ID has used.
    ///
    /// # Errors
    ///
    /// Returns an error where there is no `/proc`.
    pub fn processor_time_of(id: u32) -> io::Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{id}/stat"))?;
        // The name of the program may have spaces and ends with a parenthesis. `utime` and `stime`
        // are the twelfth and thirteenth fields after it, in hundredths of a second.
        let (_, fields) = stat.rsplit_once(')').unwrap_or_default();
        let times = fields.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        Ok(Duration::from_millis(10 * times.sum::<u64>()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        _ = self.process.wait();
    }
}
