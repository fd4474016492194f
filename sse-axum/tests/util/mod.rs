//! A server on a free port and a client that sees every byte.
#![allow(dead_code, unreachable_pub, reason = "each test file is a crate that uses some of it")]

use axum::Router;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub async fn serve(app: Router) -> SocketAddr {
    serve_until(app, std::future::pending()).await.0
}

pub async fn serve_until(
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> (SocketAddr, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = axum::serve(listener, app).with_graceful_shutdown(shutdown);
    (address, tokio::spawn(server.into_future()))
}

/// A response over HTTP/1.1, as it comes.
pub struct Response {
    connection: TcpStream,
    pub status: u16,
    /// Without `date`, sorted.
    pub headers: Vec<String>,
    unread: Vec<u8>,
}

/// Sends a request with these lines after its first.
pub async fn request(address: SocketAddr, method: &str, path: &str, lines: &[u8]) -> Response {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
    connection.write_all(&[head.as_bytes(), lines, b"\r\n"].concat()).await.unwrap();
    let mut response = Response { connection, status: 0, headers: Vec::new(), unread: Vec::new() };
    let head = response.read_until(b"\r\n\r\n").await.expect("the head of a response");
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    response.status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    response.headers = lines.filter(|line| !line.starts_with("date:")).map(str::to_owned).collect();
    response.headers.sort();
    response
}

pub async fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path, b"").await
}

impl Response {
    /// The next chunk of the body; `None` at its orderly end, an error when the connection breaks.
    pub async fn chunk(&mut self) -> Result<Option<String>, &'static str> {
        let size = self.read_until(b"\r\n").await?;
        let size = usize::from_str_radix(std::str::from_utf8(&size).unwrap().trim_end(), 16).unwrap();
        while self.unread.len() < size + 2 {
            self.read().await?;
        }
        let chunk = self.unread.drain(..size + 2).collect();
        let chunk: String = String::from_utf8(chunk).unwrap();
        Ok(Some(chunk[..size].to_owned()).filter(|chunk| !chunk.is_empty()))
    }

    /// The rest of the body, chunks and all, and whether it ended in order.
    pub async fn rest(&mut self) -> (String, Result<(), &'static str>) {
        let mut rest = String::new();
        loop {
            match self.chunk().await {
                Ok(Some(chunk)) => rest += &chunk,
                Ok(None) => return (rest, Ok(())),
                Err(error) => return (rest, Err(error)),
            }
        }
    }

    /// The body of a response that says its length.
    pub async fn text(&mut self) -> String {
        let length = self.headers.iter().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.expect("a content length").parse().unwrap();
        while self.unread.len() < length {
            self.read().await.unwrap();
        }
        String::from_utf8(self.unread.clone()).unwrap()
    }

    async fn read_until(&mut self, end: &[u8]) -> Result<Vec<u8>, &'static str> {
        loop {
            if let Some(at) = self.unread.windows(end.len()).position(|window| window == end) {
                return Ok(self.unread.drain(..at + end.len()).collect());
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Result<(), &'static str> {
        let read = timeout(PATIENCE, self.connection.read_buf(&mut self.unread)).await;
        match read.expect("the server to send something") {
            Ok(0) | Err(_) => Err("the connection broke"),
            Ok(_) => Ok(()),
        }
    }
}
