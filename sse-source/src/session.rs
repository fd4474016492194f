//! What a source remembers from one connection to the next. It knows no clock and does no I/O.

use crate::error::Error;
use http::header::{ACCEPT, CACHE_CONTROL, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use sse_core::Decoder;
use std::time::{Duration, SystemTime};

/// A shorter time between two connections is no pause at all.
const MIN_DELAY: Duration = Duration::from_millis(500);

/// How long a connection must have been open for a new last event ID to make it useful.
const SETTLED: Duration = Duration::from_secs(1);

/// The longest last event ID that is sent. Servers refuse longer headers, and a refusal is final.
const MAX_ID: usize = 4096;

/// What the connect function of an [`EventSource`](crate::EventSource) gets for each connection.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Attempt {
    /// The headers of the request: `Accept`, `Cache-Control` and, if there is a last event ID that
    /// a header can carry, `Last-Event-ID`.
    ///
    /// Add them to those of your request. An ID is left out if it is longer than 4 KiB or contains
    /// a control character, since servers refuse such a request.
    pub headers: HeaderMap,
    /// How many connections in a row were useless: refused, not made, or lost at once.
    pub failures: u32,
    /// The status of the response, if the last attempt was refused. After 401, get a new token.
    pub refused: Option<StatusCode>,
}

pub(crate) struct Session {
    pub(crate) reconnection_time: Duration,
    pub(crate) max_delay: Duration,
    pub(crate) server_delay_limit: Duration,
    pub(crate) failures: u32,
    refused: Option<StatusCode>,
    /// The delay before this connection.
    delay: Duration,
    /// The last event ID that this connection was asked with.
    asked_with: String,
    /// Whether a message came over this connection.
    pub(crate) received: bool,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            reconnection_time: Duration::from_secs(3),
            max_delay: Duration::from_secs(30),
            server_delay_limit: Duration::from_secs(60 * 60),
            failures: 0,
            refused: None,
            delay: Duration::ZERO,
            asked_with: String::new(),
            received: false,
        }
    }

    /// Begins an attempt. `id` is the last event ID, `header` what a header can carry of it.
    pub(crate) fn attempt(&mut self, id: &str, header: Option<&[u8]>) -> Attempt {
        self.asked_with.clear();
        self.asked_with.push_str(id);
        self.received = false;
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        let header = header.filter(|id| id.len() <= MAX_ID);
        if let Some(id) = header.and_then(|id| HeaderValue::from_bytes(id).ok()) {
            headers.insert(HeaderName::from_static(sse_core::header::LAST_EVENT_ID), id);
        }
        Attempt { headers, failures: self.failures, refused: self.refused.take() }
    }

    /// Returns whether the connection that has ended was useful; if so, earlier failures no longer
    /// count.
    ///
    /// `in_order` says that the server ended it, `open` how long it was open, if it ever was, `id`
    /// is the last event ID at its end, and `server_time` the reconnection time that the server has
    /// set.
    pub(crate) fn end_connection(
        &mut self,
        in_order: bool,
        open: Option<Duration>,
        id: &str,
        server_time: Option<Duration>,
    ) -> bool {
        let useful = open.is_some_and(|open| {
            let server_time = self.obeyed(server_time.unwrap_or_default());
            in_order && self.received
                || open >= SETTLED && id != self.asked_with
                || open > self.delay.max(server_time).max(self.reconnection_time)
        });
        if useful {
            self.failures = 0;
        }
        self.delay = Duration::ZERO;
        useful
    }

    /// Counts a connection that was not ended by the client.
    pub(crate) fn lost(&mut self, cause: &Error, useful: bool) {
        self.refused = cause.status();
        if !useful {
            self.failures = self.failures.saturating_add(1);
        }
    }

    /// Chooses the delay before the next connection. `random` is from 0 to 1.
    pub(crate) fn delay(&mut self, server_time: Option<Duration>, cause: &Error, random: f64) -> Duration {
        let server_time = server_time.map(|time| self.obeyed(time));
        let retry_after = self.obeyed(retry_after(cause).unwrap_or_default());
        let base = server_time.unwrap_or(self.reconnection_time).max(MIN_DELAY).max(retry_after);
        let doublings = self.failures.saturating_sub(1).min(31);
        let delay = base.max(base.saturating_mul(1 << doublings).min(self.max_delay));
        // Clients that a restart has cut off together must not come back together.
        let jitter = if self.failures < 2 { 0.2 } else { 0.5 };
        self.delay = delay + delay.mul_f64(jitter * random);
        self.delay
    }

    fn obeyed(&self, time: Duration) -> Duration {
        time.min(self.server_delay_limit)
    }
}

/// Times of a client's own are cut to the longest that a server can set, so that no sum overflows.
pub(crate) fn cut(time: Duration) -> Duration {
    time.min(Decoder::MAX_RECONNECTION_TIME)
}

/// Reads `Retry-After`, in seconds or as a date (RFC 9110, 10.2.3), from a refusal.
fn retry_after(cause: &Error) -> Option<Duration> {
    let value = cause.response()?.headers().get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    httpdate::parse_http_date(value).ok()?.duration_since(SystemTime::now()).ok()
}
