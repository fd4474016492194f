//! A proxy that counts the bytes of requests by its own reading of HTTP/1.1.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A proxy in front of a server.
#[derive(Debug)]
pub struct Tap {
    /// Where the proxy listens.
    pub address: SocketAddr,
    counts: Arc<Mutex<Counts>>,
}

/// What has passed, by the path and the parameter `page`.
type Counts = HashMap<(String, String), Count>;

/// What the requests of one kind, and their responses, have cost.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How many requests.
    pub requests: u64,
    /// How many bytes from the client.
    pub up: u64,
    /// How many bytes from the server.
    pub down: u64,
    /// How many of the requests are not answered to the end.
    pub open: u64,
}

impl Tap {
    /// Starts a proxy for this server.
    ///
    /// # Panics
    ///
    /// Panics if there is no free port.
    pub async fn start(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let counts = Arc::<Mutex<Counts>>::default();
        let all = counts.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server, all.clone()));
            }
        });
        Self { address, counts }
    }

    /// Returns the counts of this path by the page that named itself, leaving out pages that sent
    /// nothing there.
    ///
    /// # Panics
    ///
    /// Panics if counting has.
    pub fn counts(&self, path: &str) -> HashMap<String, Count> {
        let counts = self.counts.lock().expect("no panic");
        let of_path = counts.iter().filter(|((counted, _), _)| counted == path);
        of_path.map(|((_, page), count)| (page.clone(), *count)).collect()
    }

    /// Returns the paths of requests that are not answered to the end.
    ///
    /// # Panics
    ///
    /// Panics if counting has.
    pub fn open(&self) -> Vec<String> {
        let counts = self.counts.lock().expect("no panic");
        counts.iter().filter(|(_, count)| count.open > 0).map(|((path, _), _)| path.clone()).collect()
    }
}

/// Passes all that the two say to each other. When the client is gone, what the server still sends
/// is counted.
async fn pass(client: TcpStream, server: SocketAddr, counts: Arc<Mutex<Counts>>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    for socket in [&client, &server] {
        socket.set_nodelay(true).ok();
    }
    let exchange = Arc::new(Mutex::new(Exchange {
        counts,
        key: None,
        request: Vec::new(),
        response: Body::Head(Vec::new()),
    }));
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let asking = exchange.clone();
    let up = tokio::spawn(async move {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_client.read(&mut buffer).await {
            asking.lock().expect("no panic").up(&buffer[..read]);
            if to_server.write_all(&buffer[..read]).await.is_err() {
                break;
            }
        }
        to_server.shutdown().await.ok();
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(read @ 1..) = from_server.read(&mut buffer).await {
        exchange.lock().expect("no panic").down(&buffer[..read]);
        to_client.write_all(&buffer[..read]).await.ok();
    }
    to_client.shutdown().await.ok();
    up.abort();
    exchange.lock().expect("no panic").end();
}

/// A request and its response.
struct Exchange {
    counts: Arc<Mutex<Counts>>,
    /// Known when the head of the request is complete.
    key: Option<(String, String)>,
    request: Vec<u8>,
    response: Body,
}

/// Where in the response the next byte is.
enum Body {
    Head(Vec<u8>),
    /// So many bytes to the end of the response.
    Sized(usize),
    /// In the line with the size of a chunk.
    Size(Vec<u8>),
    /// So many bytes to the end of the chunk, with its line end.
    Chunk(usize),
    /// After status 101, or to the end of the connection.
    Endless,
}

impl Exchange {
    fn count(&self, change: impl FnOnce(&mut Count)) {
        if let Some(key) = &self.key {
            change(self.counts.lock().expect("no panic").entry(key.clone()).or_default());
        }
    }

    fn up(&mut self, bytes: &[u8]) {
        if self.key.is_some() {
            return self.count(|count| count.up += bytes.len() as u64);
        }
        self.request.extend_from_slice(bytes);
        let Some(end) = find(&self.request, b"\r\n\r\n") else { return };
        let head = String::from_utf8_lossy(&self.request[..end]).into_owned();
        let target = head.split(' ').nth(1).expect("a target");
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let page = query.split('&').find_map(|pair| pair.strip_prefix("page=")).unwrap_or("");
        self.key = Some((path.to_owned(), page.to_owned()));
        let length = std::mem::take(&mut self.request).len() as u64;
        self.count(|count| {
            count.requests += 1;
            count.open += 1;
            count.up += length;
        });
    }

    fn down(&mut self, mut bytes: &[u8]) {
        self.count(|count| count.down += bytes.len() as u64);
        while !bytes.is_empty() {
            match &mut self.response {
                Body::Head(head) => {
                    head.push(bytes[0]);
                    bytes = &bytes[1..];
                    if head.ends_with(b"\r\n\r\n") {
                        let head = String::from_utf8_lossy(head).to_lowercase();
                        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                        let status = head.split(' ').nth(1).expect("a status");
                        self.response = match length {
                            _ if status == "101" => Body::Endless,
                            _ if ["204", "304"].contains(&status) => Body::Sized(0),
                            Some(length) => Body::Sized(length.parse().expect("a length")),
                            None if head.contains("transfer-encoding: chunked") => Body::Size(Vec::new()),
                            None => Body::Endless,
                        };
                    }
                }
                Body::Sized(left) | Body::Chunk(left) => {
                    let passed = bytes.len().min(*left);
                    *left -= passed;
                    bytes = &bytes[passed..];
                    if let Body::Chunk(0) = self.response {
                        self.response = Body::Size(Vec::new());
                    }
                }
                Body::Size(line) => {
                    line.push(bytes[0]);
                    bytes = &bytes[1..];
                    if line.ends_with(b"\r\n") {
                        let size = String::from_utf8_lossy(line);
                        let size = usize::from_str_radix(size.trim(), 16).expect("a size");
                        self.response = if size == 0 { Body::Sized(2) } else { Body::Chunk(size + 2) };
                    }
                }
                Body::Endless => bytes = &[],
            }
        }
        if let Body::Sized(0) = self.response {
            self.end();
        }
    }

    fn end(&mut self) {
        self.count(|count| count.open -= 1);
        self.key = None;
        self.response = Body::Head(Vec::new());
    }
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}
