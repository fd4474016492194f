//! An HTTP/1.1 client that sees every byte.

use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The error of a broken connection.
pub const BROKEN: &str = "the connection broke";

/// A response, read as it arrives.
#[derive(Debug)]
pub struct Response {
    connection: TcpStream,
    unread: Vec<u8>,
    /// The status code.
    pub status: u16,
    /// The lines of the head after the first, names in lower case, sorted.
    pub headers: Vec<String>,
}

/// Sends a GET request without headers of its own.
pub async fn get(address: SocketAddr, path: &str) -> Response {
    request(address, "GET", path, b"").await
}

/// Sends a request with these lines, each with its line end, in its head.
///
/// # Panics
///
/// Panics if there is no response.
pub async fn request(address: SocketAddr, method: &str, path: &str, lines: &[u8]) -> Response {
    request_with_body(address, method, path, lines, "").await
}

/// Sends a request with these lines in its head, and this body, whose length the lines tell.
///
/// # Panics
///
/// If there is no response.
pub async fn request_with_body(
    address: SocketAddr,
    method: &str,
    path: &str,
    lines: &[u8],
    body: &str,
) -> Response {
    let mut connection = TcpStream::connect(address).await.expect("a server");
    let head = format!("{method} {path} HTTP/1.1\r\nhost: {address}\r\n");
    connection
        .write_all(&[head.as_bytes(), lines, b"\r\n", body.as_bytes()].concat())
        .await
        .expect("an open connection");
    let mut response = Response { connection, unread: Vec::new(), status: 0, headers: Vec::new() };
    let head = response.read_until(b"\r\n\r\n").await.expect("the head of a response");
    let head = String::from_utf8(head).expect("a head in UTF-8");
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    response.status = status.and_then(|status| status.parse().ok()).expect("a status");
    response.headers = lines
        .map(|line| line.split_once(':').expect("a name and a value"))
        .map(|(name, value)| format!("{}:{value}", name.to_lowercase()))
        .collect();
    response.headers.sort();
    response
}

impl Response {
    /// Returns the next chunk of the body, or `None` at its orderly end.
    ///
    /// # Errors
    ///
    /// Returns an error when the connection breaks.
    ///
    /// # Panics
    ///
    /// Panics if the body is not chunked text, or if nothing arrives for too long.
    pub async fn chunk(&mut self) -> Result<Option<String>, &'static str> {
        let size = String::from_utf8(self.read_until(b"\r\n").await?).expect("the size of a chunk");
        let size = usize::from_str_radix(size.trim_end(), 16).expect("the size of a chunk");
        while self.unread.len() < size + 2 {
            self.read().await?;
        }
        let mut chunk: Vec<u8> = self.unread.drain(..size + 2).collect();
        chunk.truncate(size);
        Ok(Some(String::from_utf8(chunk).expect("text")).filter(|chunk| !chunk.is_empty()))
    }

    /// Returns the rest of the chunks, and how the body ended.
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

    /// Returns the body of a response with a content length.
    ///
    /// # Panics
    ///
    /// Panics if there is none, or if the body is not text.
    pub async fn text(&mut self) -> String {
        let length = self.headers.iter().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.and_then(|length| length.parse().ok()).expect("a content length");
        while self.unread.len() < length {
            self.read().await.expect("the whole body");
        }
        String::from_utf8(self.unread.drain(..length).collect()).expect("text")
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
            Ok(0) | Err(_) => Err(BROKEN),
            Ok(_) => Ok(()),
        }
    }
}
