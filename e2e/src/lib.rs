//! Tests of real clients, and a real proxy, against a real server of each framework.
//!
//! A [`Lab`] has the streams of all scenarios. The page, `page.js`, runs them one after another in
//! a browser, records what it sees, and posts it back. The test compares that with what the
//! standard says, which is the same for every browser and every framework.
//!
//! The other clients are in `clients`: pages, which post what they see, and scripts, which print
//! it.

pub mod browser;
mod chat;
pub mod demo;
mod gemini;
mod hub;
mod mcp;
pub mod script;
pub mod server;
pub mod tap;

use futures_util::stream::{self, BoxStream, Stream, StreamExt, TryStreamExt};
use sse_core::{EncodedEvent, Event, KeepAlive};
use sse_hub::Hub;
use std::io;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::IntervalStream;

/// The page, which loads `/page.js`.
pub const PAGE: &str = "<!doctype html><meta charset=utf-8><title>lab</title><script src=/page.js></script>";

/// The script of the page.
pub const SCRIPT: &str = include_str!("page.js");

/// The server's side of each scenario, and its reports.
#[derive(Clone, Debug)]
pub struct Lab {
    reports: mpsc::UnboundedSender<Report>,
    ended: watch::Sender<Option<Instant>>,
    hub: Hub,
    hub_ended: watch::Sender<Option<(Instant, Duration)>>,
    port: u16,
}

/// What a client did or saw.
#[derive(Debug)]
pub enum Report {
    /// A page posted what it saw, as JSON.
    Page(String),
    /// A client of `/events/retry` reconnected after this time.
    Reconnected(Duration),
    /// A client came back after the hub had ended its stream and asked for that time.
    Returned {
        /// What the hub had asked for.
        retry: Duration,
        /// After how long the client came back.
        pause: Duration,
    },
    /// A client of `/events/stop` sent this last event ID.
    Connected(String),
    /// A watched stream was dropped.
    Dropped,
}

/// The answer to a request.
#[allow(missing_debug_implementations, reason = "a stream has nothing to show")]
pub enum Answer {
    /// Status 202.
    Accepted,
    /// Status 204.
    Stop,
    /// An event stream, with or without keep-alive.
    Events(Events, Option<KeepAlive>),
}

/// The events of a scenario.
pub type Events = BoxStream<'static, io::Result<EncodedEvent>>;

/// The same, before they are encoded.
pub(crate) type Scenario = BoxStream<'static, io::Result<Event>>;

impl Answer {
    pub(crate) fn of(scenario: Scenario, keep_alive: Option<KeepAlive>) -> Self {
        Self::Events(scenario.map_ok(EncodedEvent::from).boxed(), keep_alive)
    }
}

/// A keep-alive short enough for the pauses of a scenario.
fn comments() -> KeepAlive {
    KeepAlive::new().interval(Duration::from_millis(50))
}

impl Lab {
    /// Creates a lab on a free port, and the receiver of its reports.
    pub fn new() -> (Self, mpsc::UnboundedReceiver<Report>) {
        Self::on(0)
    }

    /// Creates a lab on this port, and the receiver of its reports.
    pub fn on(port: u16) -> (Self, mpsc::UnboundedReceiver<Report>) {
        let (sender, reports) = mpsc::unbounded_channel();
        let lab = Self {
            reports: sender,
            ended: watch::Sender::default(),
            hub: Hub::new(),
            hub_ended: watch::Sender::default(),
            port,
        };
        (lab, reports)
    }

    /// Takes what the page has posted: a command for the hub, or what it saw.
    pub fn report(&self, body: String) {
        if self.obey(&body) {
            return;
        }
        self.reports.send(Report::Page(body)).ok();
    }

    /// Plays a scenario. The suffix `.quiet` turns keep-alive off; `.line` sends comments without a
    /// blank line after them.
    pub fn events(&self, scenario: &str, last_event_id: &str) -> Answer {
        let (scenario, keep_alive) = match scenario.split_once('.') {
            Some((scenario, "quiet")) => (scenario, None),
            Some((scenario, "line")) => (scenario, Some(comments().event(EncodedEvent::raw(":\n")))),
            _ => (scenario, Some(comments())),
        };
        if let Some(topics) = scenario.strip_prefix("hub-") {
            return Answer::Events(self.subscribe(topics, last_event_id), keep_alive);
        }
        self.scenario(scenario, last_event_id).map_or(Answer::Stop, |events| Answer::of(events, keep_alive))
    }

    /// The events of a scenario. `None` is answered with status 204.
    fn scenario(&self, scenario: &str, last_event_id: &str) -> Option<Scenario> {
        let event = |text: &str| Event::new().data(text);
        let soon = Duration::from_millis(100);
        let events = match (scenario, last_event_id) {
            ("open" | "silent", _) => stream::pending().boxed(),
            ("comments", _) => {
                // A pause of several keep-alives.
                let later =
                    IntervalStream::new(tokio::time::interval(Duration::from_millis(400))).skip(1).take(1);
                later.map(move |_| Ok(event("late"))).chain(stream::pending()).boxed()
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
            ("retry", "") => {
                self.ended.send_replace(Some(Instant::now()));
                ending([numbered(1)], Event::new().retry(Duration::from_millis(500)))
            }
            ("retry", _) => {
                let pause = self.ended.send_replace(None).map(|ended| ended.elapsed());
                self.reports.send(Report::Reconnected(pause.unwrap_or_default())).ok();
                return None;
            }
            ("stop", seen) => {
                self.reports.send(Report::Connected(seen.to_owned())).ok();
                match seen {
                    "" => ending([numbered(1)], Event::new().retry(soon)),
                    _ => return None,
                }
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
                stream::iter([Ok(Event::new().retry(soon))]).chain(events).boxed()
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
            ("pauses", _) => paused([1, 2, 3].map(|n| event(&n.to_string()))).boxed(),
            ("numbers", "") => paused([numbered(1).retry(soon), numbered(2), numbered(3)]).boxed(),
            ("numbers", "3") => paused([4, 5].map(numbered)).boxed(),
            ("html" | "turbo", "") => paused([markup(scenario, 1).retry(soon), markup(scenario, 2)]).boxed(),
            ("html" | "turbo", "2") => {
                let rest = [markup(scenario, 3), Event::new().event("end").data("")];
                self.watched(paused(rest).chain(stream::pending()))
            }
            ("chat", _) => paused(chat::answer()).boxed(),
            ("chat-ids", _) => {
                let numbered =
                    (1..).zip(chat::answer()).map(|(id, event): (u32, _)| event.id(id.to_string()));
                paused(numbered).boxed()
            }
            ("chat-open", _) => self.watched(paused(chat::answer().take(1)).chain(stream::pending())),
            ("gemini", _) => gemini::answer(false),
            ("gemini-ids", _) => gemini::answer(true),
            _ => return None,
        };
        Some(events)
    }

    /// These events, with a report when they are dropped.
    fn watched(&self, events: impl Stream<Item = io::Result<Event>> + Send + 'static) -> Scenario {
        let dropped = Dropped(self.reports.clone());
        events.inspect(move |_| _ = &dropped).boxed()
    }
}

fn numbered(id: u32) -> Event {
    Event::new().id(id.to_string()).data(id.to_string())
}

/// A list item of several lines, as htmx or Turbo expects it.
fn markup(library: &str, id: u32) -> Event {
    let row = format!("<li>\n  row {id},\n\n  <b>in several lines</b>\n</li>");
    let action = |row| {
        format!("<turbo-stream action=append target=rows>\n<template>{row}</template>\n</turbo-stream>")
    };
    Event::new().id(id.to_string()).data(if library == "turbo" { action(row) } else { row })
}

/// These events on a connection that stays open.
fn held<const N: usize>(events: [Event; N]) -> Scenario {
    stream::iter(events).map(Ok).chain(stream::pending()).boxed()
}

/// These events, and one before them, on a connection that the server ends.
fn ending<const N: usize>(events: [Event; N], first: Event) -> Scenario {
    stream::iter([first]).chain(stream::iter(events)).map(Ok).boxed()
}

/// These events, followed at once by an error.
fn breaking(events: impl Iterator<Item = Event> + Send + 'static) -> Scenario {
    let error = stream::once(async { Err(io::Error::other("broken")) });
    stream::iter(events).map(Ok).chain(error).boxed()
}

/// These events, with a pause of several keep-alives before each.
fn paused<I>(events: I) -> impl Stream<Item = io::Result<Event>> + Send + 'static
where
    I: IntoIterator<Item = Event, IntoIter: Send + 'static>,
{
    stream::iter(events).then(|event| async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Ok(event)
    })
}

struct Dropped(mpsc::UnboundedSender<Report>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.send(Report::Dropped).ok();
    }
}

/// Turns each function into one test per browser. The function gets what opens the browser.
#[macro_export]
macro_rules! each_browser {
    ($($test:ident)*) => {
        $(
            mod $test {
                #[tokio::test(flavor = "multi_thread")]
                async fn chromium() {
                    super::$test($crate::browser::Browser::chromium).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn firefox() {
                    super::$test($crate::browser::Browser::firefox).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn webkit() {
                    super::$test($crate::browser::Browser::webkit).await;
                }
            }
        )*
    };
}

/// Turns each function into one test per framework. The function gets the framework's server or,
/// after `by name:`, the framework's name.
#[macro_export]
macro_rules! each_framework {
    (by name: $($test:ident)*) => {
        $crate::each_framework! { @ $($test ("actix", "axum", "rocket", "warp"))* }
    };
    (@ $($test:ident ($actix:expr, $axum:expr, $rocket:expr, $warp:expr))*) => {
        $(
            mod $test {
                #[tokio::test(flavor = "multi_thread")]
                async fn actix() {
                    super::$test($actix).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn axum() {
                    super::$test($axum).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn rocket() {
                    super::$test($rocket).await;
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn warp() {
                    super::$test($warp).await;
                }
            }
        )*
    };
    ($($test:ident)*) => {
        $crate::each_framework! {
            @ $($test (
                $crate::server::actix,
                $crate::server::axum,
                $crate::server::rocket,
                $crate::server::warp
            ))*
        }
    };
}

// Only here are all the crates that it names.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
