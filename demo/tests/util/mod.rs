//! The program on a free port, and a client that counts its bytes.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use serde_json::Value;
use sse_core::{Decoder, Frame};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Demo {
    pub process: Child,
    pub address: String,
}

impl Demo {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(arguments: &[&str]) -> Self {
        let mut process = command(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (_, address) = line.trim().split_once("http://").expect("a URL in the first line");
        Self { address: address.to_owned(), process }
    }

    pub fn client(&self) -> Client {
        let connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        Client { connection: BufReader::new(connection), up: 0, down: 0 }
    }

    /// Sends a request on a connection of its own, and returns the head and the body.
    pub fn request(&self, method: &str, path: &str, body: &str) -> (String, String) {
        let mut client = self.client();
        client.send(method, path, "content-type: application/json\r\n", body);
        client.answer()
    }

    pub fn get(&self, path: &str) -> (String, String) {
        self.request("GET", path, "")
    }

    pub fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.get(path).1).unwrap()
    }

    /// Reads the stream at this path.
    pub fn events(&self, path: &str, headers: &str) -> Events {
        let mut client = self.client();
        client.send("GET", path, headers, "");
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("content-type: text/event-stream\r\n"), "{head}");
        Events { client, decoder: Decoder::new(), read: Vec::new() }
    }

    /// Waits for the program to exit on its own, and returns whether it succeeded.
    pub fn ended(mut self) -> bool {
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("the demo does not stop");
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    if !arguments.contains(&"--addr") {
        command.args(["--addr", "127.0.0.1:0"]);
    }
    command.args(arguments);
    command
}

/// A connection, which may be used again.
pub struct Client {
    connection: BufReader<TcpStream>,
    pub up: u64,
    pub down: u64,
}

impl Client {
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &str) {
        let length = body.len();
        let head =
            format!("{method} {path} HTTP/1.1\r\nhost: demo\r\ncontent-length: {length}\r\n{headers}\r\n");
        self.write(format!("{head}{body}").as_bytes());
    }

    pub fn write(&mut self, bytes: &[u8]) {
        self.connection.get_mut().write_all(bytes).unwrap();
        self.up += bytes.len() as u64;
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.down += self.connection.read_line(&mut line).unwrap() as u64;
        line
    }

    pub fn head(&mut self) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let line = self.line();
            assert!(!line.is_empty(), "the response ends within its head: {head:?}");
            head += &line;
        }
        head
    }

    pub fn read(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.connection.read_exact(&mut bytes).unwrap();
        self.down += length as u64;
        bytes
    }

    /// Reads a response whose length is known.
    pub fn answer(&mut self) -> (String, String) {
        let head = self.head();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = self.read(length.map_or(0, |length| length.parse().unwrap()));
        (head, String::from_utf8(body).unwrap())
    }

    /// Reads a chunk of a chunked body, or `None` at its end. An error, or the end of the
    /// connection, is an end without an order.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>, ()> {
        let mut size = String::new();
        self.down += self.connection.read_line(&mut size).map_err(drop)? as u64;
        let size = usize::from_str_radix(size.trim(), 16).map_err(drop)?;
        let chunk = self.read(size);
        self.read(2);
        Ok((size > 0).then_some(chunk))
    }
}

pub struct Events {
    pub client: Client,
    decoder: Decoder,
    read: Vec<[String; 3]>,
}

impl Events {
    /// Returns the ID, the type and the data of the next event, or `None` at the end of the stream.
    pub fn next(&mut self) -> Option<[String; 3]> {
        while self.read.is_empty() {
            let chunk = self.client.chunk().ok()??;
            let mut chunk = chunk.as_slice();
            while let Some(frame) = self.decoder.decode(&mut chunk).unwrap() {
                if let Frame::Message(message) = frame {
                    self.read.push([
                        message.last_event_id.to_string(),
                        message.event_type.to_string(),
                        message.data.to_string(),
                    ]);
                }
            }
        }
        Some(self.read.remove(0))
    }

    /// Skips what comes before an event of this type, and returns the ID and the data of that one.
    #[track_caller]
    pub fn until(&mut self, event_type: &str) -> [String; 2] {
        loop {
            let [id, found, data] = self.next().expect("the stream to go on");
            if found == event_type {
                return [id, data];
            }
        }
    }

    /// Reads to the end, and returns the last event ID.
    pub fn last_event_id(&mut self) -> String {
        while self.next().is_some() {}
        self.decoder.last_event_id().to_owned()
    }

    pub fn reconnection_time(&self) -> Option<Duration> {
        self.decoder.reconnection_time()
    }
}

impl Demo {
    /// Opens a WebSocket in the comparison.
    pub fn socket(&self, page: &str) -> Socket {
        let mut client = self.client();
        let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                       sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        client.send("GET", &format!("/compare/socket?page={page}"), upgrade, "");
        let head = client.head();
        assert!(head.starts_with("HTTP/1.1 101"), "{head}");
        Socket { client }
    }
}

pub struct Socket {
    pub client: Client,
}

impl Socket {
    /// Returns the text of the next frame, or `None` at the end.
    pub fn frame(&mut self) -> Option<String> {
        let mut head = [0; 2];
        self.client.connection.read_exact(&mut head).ok()?;
        self.client.down += 2;
        let length = match head[1] {
            126 => u16::from_be_bytes(self.client.read(2).try_into().unwrap()).into(),
            length => usize::from(length),
        };
        let payload = self.client.read(length);
        // 1 is a text; 8 closes.
        (head[0] & 0x0f == 1).then(|| String::from_utf8(payload).unwrap())
    }
}
