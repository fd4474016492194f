//! A client, which writes down what it sees.

use crate::record::Record;
use crate::{Options, PATIENCE, TOPICS};
use fastrand::Rng;
use serde_json::Value;
use socket2::SockRef;
use sse_core::{Decoder, Frame, MessageEvent};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

/// What happened to a client.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Disconnected for so long.
    Connected(Duration),
    Event(u64),
    /// `hub:hello`
    Hello(u64),
    /// `hub:at`
    At(u64),
    /// `hub:gap`
    Gap(u64, String),
    /// Anything else, which is wrong.
    Unexpected(String),
}

impl Step {
    /// The number in the last event ID.
    fn number(&self) -> Option<u64> {
        match *self {
            Self::Event(number) | Self::Hello(number) | Self::At(number) | Self::Gap(number, _) => {
                Some(number)
            }
            Self::Connected(_) | Self::Unexpected(_) => None,
        }
    }
}

type Finish = watch::Receiver<Option<Arc<Record>>>;

pub(crate) struct Client {
    pub(crate) topics: Vec<String>,
    pub(crate) steps: Vec<Step>,
    pub(crate) cuts: usize,
    /// Those in the middle of an event.
    pub(crate) cuts_in_event: usize,
    decoder: Decoder,
    random: Rng,
    /// Stops reading now and then.
    slow: bool,
    life: f64,
    last_read: Instant,
}

impl Client {
    pub(crate) fn new(number: usize, options: &Options) -> Self {
        let mut random = Rng::with_seed(options.seed.wrapping_mul(1 << 32) + number as u64);
        let own = Options::is_quiet(number).then(|| format!("quiet-{number}"));
        let slow = number % 100 == 3;
        let topics = match number % 20 {
            0 | 1 => 0,
            3 if slow => TOPICS,
            3 => TOPICS / 2,
            _ => random.usize(1..4),
        };
        let topics =
            random.choose_multiple(0..TOPICS, topics).into_iter().map(|topic| format!("topic-{topic}"));
        Self {
            topics: topics.chain(own).collect(),
            steps: Vec::new(),
            cuts: 0,
            cuts_in_event: 0,
            decoder: Decoder::new(),
            random,
            slow,
            // Quiet clients stay for longer, so that their positions get old.
            life: if Options::is_quiet(number) { 3.0 * options.life } else { options.life },
            last_read: Instant::now(),
        }
    }

    /// Connects again and again, until it has seen the last event.
    pub(crate) async fn run(mut self, address: SocketAddr, mut finish: Finish) -> Self {
        // They do not all come at once.
        sleep(Duration::from_secs_f64(2.0 * self.random.f64())).await;
        self.last_read = Instant::now();
        while !self.has_all(&finish) {
            if self.connect(address, &mut finish).await.is_err() {
                sleep(Duration::from_millis(100)).await;
            }
            if self.random.u8(0..10) == 0 {
                // For longer than a busy topic's history lasts.
                let away = Duration::from_secs_f64(10.0 * self.random.f64());
                timeout(away, finish.wait_for(Option::is_some)).await.ok();
            }
        }
        self
    }

    fn has_all(&self, finish: &Finish) -> bool {
        let last = finish.borrow().as_ref().map(|record| record.last_of(&self.topics));
        last.is_some_and(|last| self.steps.iter().rev().find_map(Step::number) >= Some(last))
    }

    /// Reads until it has seen the last event, or cuts the connection.
    async fn connect(&mut self, address: SocketAddr, finish: &mut Finish) -> io::Result<()> {
        let mut stream = self.request(address).await?;
        self.steps.push(Step::Connected(self.last_read.elapsed()));
        let life = Duration::from_secs_f64(-self.life * (1.0 - self.random.f64()).ln());
        let end = Instant::now() + life.min(PATIENCE);
        let mut buffer = [0; 4096];
        while !self.has_all(finish) {
            tokio::select! {
                read = stream.read(&mut buffer) => self.see(&buffer[..read?])?,
                () = sleep_until(end), if finish.borrow().is_none() => {
                    return self.cut(stream).await;
                }
                _ = finish.changed() => {}
            }
            if self.slow && finish.borrow().is_none() && self.random.u8(0..200) == 0 {
                sleep(Duration::from_secs_f64(5.0 + 5.0 * self.random.f64())).await;
            }
        }
        Ok(())
    }

    /// Sends the request, and reads the head of the response. HTTP/1.0 has no chunks: the body is
    /// the stream.
    async fn request(&mut self, address: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if self.slow {
            socket.set_recv_buffer_size(4 * 1024)?;
        }
        let mut stream = socket.connect(address).await?;
        self.decoder.reconnect();
        let mut request = format!("GET /stream/{} HTTP/1.0\r\n", self.topics.join(",")).into_bytes();
        if let Some(id) = self.decoder.last_event_id_header() {
            request.extend_from_slice(b"last-event-id: ");
            request.extend_from_slice(id);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        stream.write_all(&request).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await?);
        }
        assert!(head.starts_with(b"HTTP/1.0 200 "), "{}", String::from_utf8_lossy(&head));
        Ok(stream)
    }

    /// Closes the connection, half of the time in the middle of an event and half of the time with
    /// a reset.
    async fn cut(&mut self, mut stream: TcpStream) -> io::Result<()> {
        if self.random.bool() {
            let mut few = [0; 64];
            let until_in_event = async {
                loop {
                    let size = self.random.usize(1..few.len());
                    let read = stream.read(&mut few[..size]).await?;
                    self.see(&few[..read])?;
                    if self.decoder.has_incomplete_event() {
                        return Ok::<_, io::Error>(());
                    }
                }
            };
            timeout(Duration::from_secs(3), until_in_event).await.unwrap_or(Ok(()))?;
        }
        if self.random.bool() {
            SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
        }
        self.cuts += 1;
        self.cuts_in_event += usize::from(self.decoder.has_incomplete_event());
        Ok(())
    }

    fn see(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        if bytes.is_empty() {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.last_read = Instant::now();
        while let Some(frame) = self.decoder.decode(&mut bytes).expect("events are small") {
            if let Frame::Message(message) = frame {
                self.steps.push(step(&message));
            }
        }
        Ok(())
    }
}

fn step(message: &MessageEvent<'_>) -> Step {
    let unexpected = || Step::Unexpected(format!("{message:?}"));
    let number = message.last_event_id.split_once(':').and_then(|(_, id)| u64::from_str_radix(id, 16).ok());
    let Some(number) = number else { return unexpected() };
    match &*message.event_type {
        "message" => Step::Event(number),
        "hub:hello" => Step::Hello(number),
        "hub:at" => Step::At(number),
        "hub:gap" => match serde_json::from_str::<Value>(&message.data).unwrap_or_default()["cause"].as_str()
        {
            Some(cause) => Step::Gap(number, cause.to_owned()),
            None => unexpected(),
        },
        _ => unexpected(),
    }
}
