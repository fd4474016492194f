//! Real clients, and a real proxy, against a real server of each framework.
//!
//! A [`Lab`] has the streams of all scenarios. The page, `page.js`, runs them one after the other in a browser, writes down
//! what it sees, and posts it back; the test compares that with what the standard says, which is the same for every browser
//! and every framework.

pub mod browser;
pub mod server;

use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use sse_core::{Event, KeepAlive};
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::IntervalStream;

/// The page, which loads `/page.js`.
pub const PAGE: &str = "<!doctype html><meta charset=utf-8><title>lab</title><script src=/page.js></script>";

/// The script of the page.
pub const SCRIPT: &str = include_str!("page.js");

/// What the server does in a scenario, and what it sees.
#[derive(Clone, Debug)]
pub struct Lab {
    reports: mpsc::UnboundedSender<Report>,
    ended: watch::Sender<Option<Instant>>,
    port: u16,
}

/// What came back of a run.
#[derive(Debug)]
pub enum Report {
    /// The page has seen all this: a JSON object with a list of lines for each scenario.
    Page(String),
    /// A client of `/events/retry` came back after that time.
    Reconnected(Duration),
    /// The stream of `/events/close` or `/events/slow` was dropped.
    Dropped,
}

/// The answer to a request for `/events/{scenario}`.
#[allow(missing_debug_implementations, reason = "a stream has nothing to show")]
pub enum Answer {
    /// Status 204.
    Stop,
    /// An event stream, with or without keep-alive.
    Events(Events, Option<KeepAlive>),
}

/// The events of a scenario.
pub type Events = BoxStream<'static, io::Result<Event>>;

impl Lab {
    /// A lab on a free port, and what comes back of it.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Report>) {
        Self::on(0)
    }

    /// A lab on this port, and what comes back of it.
    pub fn on(port: u16) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (sender, reports) = mpsc::unbounded_channel();
        (Self { reports: sender, ended: watch::Sender::default(), port }, reports)
    }

    /// Takes what the page has posted.
    pub fn report(&self, body: String) {
        self.reports.send(Report::Page(body)).ok();
    }

    /// Plays a scenario. The suffix `.quiet` turns keep-alive off.
    pub fn events(&self, scenario: &str, last_event_id: &str) -> Answer {
        // So short that comments come between the events of a scenario.
        let comments = KeepAlive::new().interval(Duration::from_millis(50));
        let (scenario, keep_alive) = match scenario.split_once('.') {
            Some((scenario, "quiet")) => (scenario, None),
            _ => (scenario, Some(comments)),
        };
        self.scenario(scenario, last_event_id)
            .map_or(Answer::Stop, |events| Answer::Events(events, keep_alive))
    }

    fn scenario(&self, scenario: &str, last_event_id: &str) -> Option<Events> {
        let event = |text: &str| Event::new().data(text);
        let soon = Duration::from_millis(100);
        match (scenario, last_event_id) {
            ("open" | "silent", _) => Some(stream::pending().boxed()),
            ("comments", _) => {
                // A pause of several keep-alives.
                let later =
                    IntervalStream::new(tokio::time::interval(Duration::from_millis(400))).skip(1).take(1);
                Some(later.map(move |_| Ok(event("late"))).chain(stream::pending()).boxed())
            }
            ("fields", _) => held([
                event("plain"),
                Event::new().event("named").data("1"),
                event("several\r\nlines\n\nof data"),
                event("안녕하세요 😀"),
                event(""),
                Event::new().id("셋 3").data("with an ID"),
                event(" space "),
                Event::new().comment("unseen").event("end").data("x"),
            ]),
            ("resume", "") => ending([1, 2, 3].map(numbered), Event::new().retry(soon)),
            ("resume", "3") => ending([4, 5].map(numbered), Event::new().comment("again")),
            ("resume", _) => None,
            ("retry", "") => {
                self.ended.send_replace(Some(Instant::now()));
                ending([numbered(1)], Event::new().retry(Duration::from_millis(500)))
            }
            ("retry", _) => {
                let pause = self.ended.send_replace(None).map(|ended| ended.elapsed());
                self.reports.send(Report::Reconnected(pause.unwrap_or_default())).ok();
                None
            }
            ("close", _) => self.watched(stream::iter([Ok(event("1"))]).chain(stream::pending())),
            ("slow", _) => {
                let pause = stream::once(tokio::time::sleep(Duration::from_secs(2)));
                let second = pause.map(move |()| Ok(numbered(2)));
                self.watched(stream::iter([Ok(numbered(1))]).chain(second))
            }
            ("restart", seen) => {
                let next = seen.parse().map_or(1, |seen: u32| seen + 1);
                let ticks = IntervalStream::new(tokio::time::interval(soon));
                let events = stream::iter(next..).map(numbered).zip(ticks).map(|(event, _)| Ok(event));
                Some(stream::iter([Ok(Event::new().retry(soon))]).chain(events).boxed())
            }
            ("breaking", seen) => {
                let seen = seen.parse().unwrap_or(0);
                let last = match seen {
                    0..3 => 3,
                    3..5 => 5,
                    5.. => return None,
                };
                breaking((seen + 1..=last).map(|id| numbered(id).retry(Duration::from_millis(10))))
            }
            _ => None,
        }
    }

    /// These events, and a report when they are dropped.
    fn watched(&self, events: impl Stream<Item = io::Result<Event>> + Send + 'static) -> Option<Events> {
        let dropped = Dropped(self.reports.clone());
        Some(events.inspect(move |_| _ = &dropped).boxed())
    }
}

fn numbered(id: u32) -> Event {
    Event::new().id(id.to_string()).data(id.to_string())
}

/// These events on a connection that stays open.
fn held<const N: usize>(events: [Event; N]) -> Option<Events> {
    Some(stream::iter(events).map(Ok).chain(stream::pending()).boxed())
}

/// These events, and one before them, on a connection that the server ends.
fn ending<const N: usize>(events: [Event; N], first: Event) -> Option<Events> {
    Some(stream::iter([first]).chain(stream::iter(events)).map(Ok).boxed())
}

/// These events, followed at once by an error.
fn breaking(events: impl Iterator<Item = Event> + Send + 'static) -> Option<Events> {
    let error = stream::once(async { Err(io::Error::other("broken")) });
    Some(stream::iter(events).map(Ok).chain(error).boxed())
}

struct Dropped(mpsc::UnboundedSender<Report>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send(Report::Dropped).ok();
    }
}
