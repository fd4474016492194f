//! Runs the demo as a user does: the program on a free port, and a client.

use sse_core::{Decoder, Frame};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives up.
const PATIENCE: Duration = Duration::from_secs(20);

struct Demo {
    process: Child,
    address: String,
}

impl Demo {
    fn start() -> Self {
        let mut process = command("127.0.0.1:0").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let (_, address) = line.trim().split_once("http://").expect("a URL in the first line");
        Self { address: address.to_owned(), process }
    }

    /// Sends a request. Over HTTP/1.0 the body is not chunked, and ends with the connection.
    fn request(&self, request: &str, headers: &str) -> Response {
        let mut connection = TcpStream::connect(&self.address).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(connection, "{request} HTTP/1.0\r\n{headers}\r\n").unwrap();
        let mut body = BufReader::new(connection);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(body.read_line(&mut head).unwrap() > 0, "the response ends within its head: {head:?}");
        }
        Response { head, body, decoder: Decoder::new(), pings: Vec::new() }
    }

    fn events(&self, headers: &str) -> Response {
        let response = self.request("GET /events", headers);
        assert!(response.head.starts_with("HTTP/1.0 200 OK\r\n"), "{}", response.head);
        assert!(response.head.contains("content-type: text/event-stream\r\n"), "{}", response.head);
        response
    }

    /// Waits for the program to exit on its own, and returns whether it succeeded.
    fn ended(mut self) -> bool {
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

fn command(addr: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(["--addr", addr]);
    command
}

struct Response {
    head: String,
    body: BufReader<TcpStream>,
    decoder: Decoder,
    pings: Vec<u64>,
}

impl Response {
    /// Returns the ID of the next ping, or `None` at the end of the stream.
    fn ping(&mut self) -> Option<u64> {
        while self.pings.is_empty() {
            let mut chunk = self.body.fill_buf().expect("the server to send something");
            if chunk.is_empty() {
                return None;
            }
            let read = chunk.len();
            while let Some(frame) = self.decoder.decode(&mut chunk).unwrap() {
                if let Frame::Message(message) = frame {
                    assert_eq!(message.event_type, "ping");
                    let data: serde_json::Value = serde_json::from_str(&message.data).unwrap();
                    assert!(data["time"].as_str().unwrap().starts_with("20"), "{data}");
                    self.pings.push(message.last_event_id.parse().unwrap());
                }
            }
            self.body.consume(read);
        }
        Some(self.pings.remove(0))
    }
}

#[test]
fn the_stream_is_pings_with_ids_that_count_up() {
    let demo = Demo::start();
    let mut events = demo.events("");
    let first = events.ping().unwrap();
    assert_eq!(events.ping(), Some(first + 1));
    assert_eq!(events.ping(), Some(first + 2));
    assert_eq!(events.decoder.reconnection_time(), Some(Duration::from_secs(2)));
}

#[test]
fn a_client_that_was_dropped_resumes_without_a_gap() {
    let demo = Demo::start();
    let mut events = demo.events("");
    let mut seen = events.ping().unwrap();
    assert!(demo.request("POST /drop", "content-length: 0\r\n").head.starts_with("HTTP/1.0 204"));
    while let Some(id) = events.ping() {
        seen = id;
    }
    // Another client sees that the clock keeps ticking.
    let mut other = demo.events("");
    while other.ping().unwrap() < seen + 2 {}

    let mut again = demo.events(&format!("Last-Event-ID: {seen}\r\n"));
    assert_eq!(again.ping(), Some(seen + 1));
    assert_eq!(again.ping(), Some(seen + 2));
}

#[test]
fn an_unknown_id_starts_with_the_newest_tick() {
    let demo = Demo::start();
    let newest = demo.events("").ping().unwrap();
    for id in ["1000000", "18446744073709551615", "not a number"] {
        let ping = demo.events(&format!("Last-Event-ID: {id}\r\n")).ping().unwrap();
        assert!((newest..newest + 100).contains(&ping), "{ping}");
    }
}

#[test]
fn the_page_finds_its_files_and_other_paths_are_404() {
    let demo = Demo::start();
    let text = |path: &str, media_type: &str| {
        let mut response = demo.request(&format!("GET {path}"), "");
        assert!(response.head.contains(&format!("content-type: {media_type}")), "{}", response.head);
        let mut text = String::new();
        response.body.read_to_string(&mut text).unwrap();
        text
    };
    let page = text("/", "text/html");
    assert!(page.contains(r#"href="style.css""#) && page.contains(r#"src="app.js""#));
    assert!(text("/style.css", "text/css").contains(".clock"));
    assert!(text("/app.js", "text/javascript").contains(r#"new EventSource("events")"#));
    assert!(demo.request("GET /nothing", "").head.starts_with("HTTP/1.0 404"));
}

#[test]
fn the_error_of_a_busy_port_says_what_to_do() {
    let demo = Demo::start();
    let output = command(&demo.address).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.starts_with(&format!("error: cannot listen on {}: ", demo.address)), "{error}");
    assert!(error.contains("--addr 127.0.0.1:0"), "{error}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_kill_end_open_streams_and_the_program() {
    for signal in ["-INT", "-TERM"] {
        let demo = Demo::start();
        let mut events = demo.events("");
        events.ping().unwrap();
        let kill = format!("kill {signal} {}", demo.process.id());
        let kill = Command::new("sh").args(["-c", &kill]).status().unwrap();
        assert!(kill.success());
        while events.ping().is_some() {}
        assert!(demo.ended());
    }
}
