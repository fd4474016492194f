//! When a source connects again, and with what.

mod util;

use futures_util::StreamExt;
use futures_util::stream::FusedStream;
use proptest::prelude::*;
use sse_source::{Error, EventSource, Final, ReadyState, Signal};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tokio::time::{Instant, timeout};
use util::{breaks, data, ends, ends_after, holds, lost, refuses, source, unreachable, with_header};

const MINUTE: Duration = Duration::from_secs(60);

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// How long the next delays are, without what jitter adds: up to 20 percent first, and up to half
/// from the second failure on.
#[track_caller]
fn check_delays(delays: &[Duration], expected: &[f64]) {
    assert_eq!(delays.len(), expected.len());
    for (number, (delay, least)) in delays.iter().zip(expected).enumerate() {
        let jitter = if number == 0 { 1.2 } else { 1.5 };
        assert!((*least..=*least * jitter).contains(&delay.as_secs_f64()), "{delays:?}");
    }
}

async fn delays(events: &mut EventSource, count: usize) -> Vec<Duration> {
    let mut delays = Vec::new();
    for _ in 0..count {
        delays.push(lost(events).await.1);
    }
    delays
}

#[tokio::test(start_paused = true)]
async fn delays_double_with_each_failure_up_to_a_limit() {
    let (mut events, requests) = source(|_| unreachable());
    let all = delays(&mut events, 8).await;
    check_delays(&all, &[3.0, 6.0, 12.0, 24.0, 30.0, 30.0, 30.0, 30.0]);
    assert_ne!(all[6], all[7], "jitter");
    let asked = requests.all();
    for (number, pair) in asked.windows(2).enumerate() {
        let waited = pair[1].at - pair[0].at;
        assert!((all[number]..all[number] + Duration::from_millis(2)).contains(&waited), "{waited:?}");
        assert_eq!(pair[1].attempt.failures, number as u32 + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_the_delay_is_a_setting() {
    let (events, _) = source(|_| unreachable());
    let mut events = events.max_delay(seconds(5.0)).reconnection_time(seconds(1.0));
    check_delays(&delays(&mut events, 5).await, &[1.0, 2.0, 4.0, 5.0, 5.0]);
}

/// Firefox has this floor, too.
#[tokio::test(start_paused = true)]
async fn the_least_delay_is_half_a_second() {
    let (events, _) = source(|_| unreachable());
    let mut events = events.reconnection_time(Duration::ZERO);
    check_delays(&delays(&mut events, 3).await, &[0.5, 1.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_server_is_a_minimum_beyond_the_limit_for_failures() {
    let (mut events, _) =
        source(|number| if number == 0 { breaks("retry: 45000\n\n") } else { unreachable() });
    check_delays(&delays(&mut events, 3).await, &[45.0, 45.0, 45.0]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_the_server_replaces_that_of_the_client() {
    let (mut events, _) =
        source(|number| if number == 0 { breaks("retry: 1000\n\n") } else { unreachable() });
    check_delays(&delays(&mut events, 2).await, &[1.0, 2.0]);
}

#[tokio::test(start_paused = true)]
async fn a_server_cannot_silence_a_client_for_years() {
    let (mut events, _) = source(|_| breaks("retry: 99999999999999\n\n"));
    check_delays(&delays(&mut events, 1).await, &[3600.0]);

    let (events, _) = source(|_| breaks("retry: 99999999999999\n\n"));
    let mut events = events.server_delay_limit(MINUTE);
    check_delays(&delays(&mut events, 1).await, &[60.0]);

    let date = httpdate::fmt_http_date(SystemTime::now() + 100_000 * MINUTE);
    for retry_after in ["99999999999", "99999999999999999999999999", &date] {
        let retry_after = retry_after.to_owned();
        let (events, _) = source(move |_| with_header(refuses(503), "retry-after", &retry_after));
        let mut events = events.retry_when(|_, _| true).server_delay_limit(MINUTE);
        check_delays(&delays(&mut events, 1).await, &[60.0]);
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_a_minimum_in_seconds_or_as_a_date() {
    for (retry_after, least) in [("10", 10.0), ("1", 3.0), ("soon", 3.0), ("", 3.0), ("-5", 3.0)] {
        let (events, _) = source(move |_| with_header(refuses(503), "retry-after", retry_after));
        let mut events = events.retry_when(|_, _| true);
        check_delays(&delays(&mut events, 1).await, &[least]);
    }
    let date = httpdate::fmt_http_date(SystemTime::now() + 10 * MINUTE);
    let (events, _) = source(move |_| with_header(refuses(503), "retry-after", &date));
    let (_, delay) = lost(&mut events.retry_when(|_, _| true)).await;
    assert!((seconds(590.0)..seconds(720.0)).contains(&delay), "{delay:?}");
}

/// It counts for one attempt.
#[tokio::test(start_paused = true)]
async fn retry_after_is_forgotten() {
    let (events, _) = source(|number| match number {
        0 => with_header(refuses(503), "retry-after", "100"),
        _ => unreachable(),
    });
    let mut events = events.retry_when(|_, _| true);
    check_delays(&delays(&mut events, 2).await, &[100.0, 6.0]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_delay_is_never_below_the_time_of_the_server_nor_above_the_bound(
        client in any::<u64>(),
        server in proptest::option::of(any::<u64>()),
        max_delay in any::<u64>(),
        limit in any::<u64>(),
    ) {
        const YEAR: u128 = 365 * 24 * 60 * 60 * 1000;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let (events, _) = source(move |number| match server {
                Some(time) if number == 0 => breaks(&format!("retry: {time}\n\n")),
                _ => unreachable(),
            });
            let mut events = events
                .reconnection_time(Duration::from_millis(client))
                .max_delay(Duration::from_millis(max_delay))
                .server_delay_limit(Duration::from_millis(limit));
            let millis = |time: u64| u128::from(time).min(YEAR);
            let server = server.map(|time| millis(time).min(millis(limit)));
            let least = server.unwrap_or(millis(client)).max(500);
            for number in 0..5 {
                let (_, delay) = lost(&mut events).await;
                let most = least.max(millis(max_delay));
                let most = if number == 0 { least * 12 / 10 } else { most * 3 / 2 };
                assert!((least..=most + 1).contains(&delay.as_millis()), "{number}: {delay:?}");
                events.reconnect();
            }
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ends_in_order_after_each_batch_is_met_at_its_own_pace() {
    let (mut events, requests) =
        source(|number| ends(&format!("retry: 1000\nid: {number}\ndata: batch\n\n")));
    _ = timeout(10 * MINUTE, async { while events.message().await.unwrap().is_some() {} }).await;
    // A browser makes 600 without jitter.
    assert!((500..=600).contains(&requests.count()), "{}", requests.count());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_greets_and_crashes_is_not_hammered() {
    for answer in [breaks, |text: &str| ends(&format!("{text}data: cut"))] {
        let (mut events, requests) =
            source(move |number| answer(&format!("retry: 0\n\nevent: hello\nid: {number}\ndata: hi\n\n")));
        _ = timeout(10 * MINUTE, async { while events.message().await.unwrap().is_some() {} }).await;
        assert!((15..=30).contains(&requests.count()), "{}", requests.count());
    }
}

#[tokio::test(start_paused = true)]
async fn endless_empty_answers_are_not_asked_for_often() {
    let (mut events, requests) = source(|_| ends("retry: 0\n\n"));
    _ = timeout(10 * MINUTE, events.message()).await;
    assert!((15..=30).contains(&requests.count()), "{}", requests.count());
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_that_is_cut_every_ten_seconds_is_down_for_a_quarter_of_the_time_at_most() {
    let (mut events, requests) = source(|_| ends_after(": quiet\n\n", seconds(10.0)));
    let start = Instant::now();
    let mut down = Duration::ZERO;
    // So long that jitter is close to its mean.
    while start.elapsed() < 1000 * MINUTE {
        down += lost(&mut events).await.1;
    }
    assert!(down * 4 <= start.elapsed(), "{down:?} of {:?}", start.elapsed());
    assert!(requests.all().iter().all(|asked| asked.attempt.failures == 0));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_was_open_for_a_second_and_brought_an_id_forgives_failures() {
    for (open, id, failures) in [(1.0, "id: 1\n", 0), (0.9, "id: 1\n", 4), (1.0, "", 4)] {
        let (mut events, requests) = source(move |number| match number {
            3 => ends_after(&format!("{id}data: x\n\ndata: cut"), seconds(open)),
            _ => unreachable(),
        });
        for _ in 0..4 {
            lost(&mut events).await;
        }
        _ = timeout(MINUTE, events.next()).await;
        assert_eq!(requests.all()[4].attempt.failures, failures, "{open} {id:?}");
    }
}

/// A source that was told to wait for a minute is not back to normal after ten seconds.
#[tokio::test(start_paused = true)]
async fn a_connection_that_lasted_for_less_than_the_delay_before_it_forgives_nothing() {
    for (open, failures) in [(29.0, 6), (46.0, 0)] {
        let (mut events, requests) = source(move |number| match number {
            5 => ends_after(": quiet\n\n", seconds(open)),
            _ => unreachable(),
        });
        for _ in 0..6 {
            lost(&mut events).await;
        }
        _ = timeout(MINUTE, events.next()).await;
        assert_eq!(requests.all()[6].attempt.failures, failures, "{open}");
    }
    // Nor after less than the server's own time, or the client's.
    for (answer, client) in [("retry: 20000\n\n", 3.0), (":\n\n", 20.0)] {
        let (events, requests) = source(move |_| ends_after(answer, seconds(15.0)));
        let mut events = events.reconnection_time(seconds(client));
        for _ in 0..2 {
            lost(&mut events).await;
        }
        assert_eq!(requests.all()[1].attempt.failures, 1, "{answer:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_event_id_is_sent_again() {
    let (mut events, requests) = source(|number| match number {
        0 => breaks("id: a\ndata: 1\n\ndata: 2\n\nid: b\ndata: cut"),
        1 => unreachable(),
        _ => holds("data: 3\n\n"),
    });
    assert_eq!(data(&mut events, 3).await, ["1", "2", "3"]);
    assert_eq!(requests.last_event_ids(), ["", "a", "a"]);
}

#[tokio::test(start_paused = true)]
async fn a_stored_id_begins_the_first_request() {
    let (events, requests) = source(|_| holds("data: 1\n\n"));
    let mut events = events.last_event_id("stored");
    assert_eq!(events.current_event_id(), "stored");
    assert_eq!(events.message().await.unwrap().unwrap().last_event_id, "stored");
    assert_eq!(requests.last_event_ids(), ["stored"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_no_header_can_carry_is_left_out() {
    let long = "x".repeat(4097);
    let longest = "x".repeat(4096);
    for (id, sent) in [
        ("a\u{1}b", ""),
        ("a\u{7f}b", ""),
        (&*long, ""),
        (&*longest, &*longest),
        ("…", "…"),
        ("a\tb", "a\tb"),
    ] {
        let (events, requests) = source(|_| holds("data: 1\n\n"));
        let mut events = events.last_event_id(id);
        assert_eq!(data(&mut events, 1).await, ["1"]);
        assert_eq!(requests.last_event_ids(), [sent]);
        assert_eq!(events.current_event_id(), id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_read_anew_after_410_goes_on_from_its_own_id() {
    let (events, requests) = source(|number| match number {
        0 => breaks("id: old\ndata: 1\n\n"),
        1 => refuses(410),
        _ => holds("data: 2\n\n"),
    });
    let mut events = events
        .retry_when(|error, _| error.is_transient() || error.response().is_some_and(|r| r.status() == 410));
    lost(&mut events).await;
    let (cause, delay) = lost(&mut events).await;
    assert_eq!(cause.response().unwrap().status(), 410);
    let relisted = Instant::now();
    events.set_last_event_id("new");
    assert_eq!(events.current_event_id(), "new");
    assert_eq!(data(&mut events, 1).await, ["2"]);
    assert_eq!(requests.last_event_ids(), ["", "old", "new"]);
    assert!(requests.all()[2].at - relisted >= delay);
    assert_eq!(requests.all()[2].attempt.refused.unwrap(), 410);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_renewed_after_401() {
    let token = Arc::new(Mutex::new("stale".to_owned()));
    let mut events = EventSource::new(move |attempt| {
        if attempt.refused.is_some_and(|status| status == 401) {
            *token.lock().unwrap() = "fresh".to_owned();
        }
        let token = token.lock().unwrap().clone();
        async move { if token == "fresh" { holds("data: in\n\n") } else { refuses(401) } }
    })
    .retry_when(|error, failures| error.is_transient() || failures < 3);
    assert_eq!(data(&mut events, 1).await, ["in"]);
}

/// `refused` is about the attempt before.
#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_once() {
    let (events, requests) = source(|number| match number {
        0 => refuses(503),
        1 => unreachable(),
        _ => holds(""),
    });
    let mut events = events.retry_when(|_, _| true);
    events.next().await;
    events.next().await;
    events.next().await;
    let refused: Vec<_> =
        requests.all().iter().map(|asked| asked.attempt.refused.map(|status| status.as_u16())).collect();
    assert_eq!(refused, [None, Some(503), None]);
}

#[tokio::test(start_paused = true)]
async fn what_is_temporary_can_be_retried() {
    for status in [408, 425, 429, 500, 502, 503, 504] {
        let (events, _) =
            source(move |number| if number == 0 { refuses(status) } else { holds("data: up\n\n") });
        let mut events = events.retry_when(|error, _| error.is_temporary());
        assert_eq!(data(&mut events, 1).await, ["up"]);
    }
    for status in [201, 301, 400, 401, 403, 404, 410, 501, 505] {
        let (events, requests) = source(move |_| refuses(status));
        let mut events = events.retry_when(|error, _| error.is_temporary());
        assert_eq!(events.message().await.unwrap_err().response().unwrap().status(), status);
        assert_eq!(requests.count(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_of_204_ends_the_source_whatever_retry_when_says() {
    let (events, requests) = source(|number| if number == 0 { ends("data: 1\n\n") } else { refuses(204) });
    let mut events = events.retry_when(|_, _| true);
    assert_eq!(data(&mut events, 1).await, ["1"]);
    assert!(events.message().await.unwrap().is_none());
    assert!(events.next().await.is_none());
    assert_eq!((events.ready_state(), requests.count()), (ReadyState::Closed, 2));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_useful_connection_that_is_not_retried_is_no_error() {
    let (events, _) = source(|_| ends("data: 1\n\n"));
    let mut events = events.retry_when(|error, _| !matches!(error, Error::Ended));
    assert_eq!(data(&mut events, 1).await, ["1"]);
    assert!(events.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn giving_up_is_an_error() {
    let (events, requests) = source(|_| ends(""));
    let mut events = events.retry_when(|_, failures| failures < 4);
    assert!(matches!(events.message().await, Err(Error::Ended)));
    assert!(events.message().await.unwrap().is_none());
    assert_eq!(requests.count(), 4);

    let (events, _) = source(|_| ends("data: 1\n\ndata: cut"));
    let mut events = events.retry_when(|_, _| false);
    assert_eq!(data(&mut events, 1).await, ["1"]);
    assert!(matches!(events.message().await, Err(Error::CutOff)));
}

#[tokio::test(start_paused = true)]
async fn an_error_is_final_and_the_source_fused() {
    let (mut events, requests) = source(|_| refuses(404));
    assert!(!events.is_terminated());
    assert!(events.next().await.unwrap().is_err());
    assert!(events.is_terminated());
    assert!(StreamExt::next(&mut events).await.is_none());
    assert!(events.message().await.unwrap().is_none());
    events.reconnect();
    assert!(events.next().await.is_none());
    assert_eq!((events.ready_state(), requests.count()), (ReadyState::Closed, 1));
}

#[derive(Debug)]
struct Wrapped(Final);

impl std::fmt::Display for Wrapped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("no login")
    }
}

impl std::error::Error for Wrapped {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_connect_function_can_give_up_for_good() {
    let (events, requests) = source(|_| Err(Final("no token".into()).into()));
    let error = events.retry_when(|_, _| true).message().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect: no token");
    assert!(!error.is_transient() && !error.is_temporary());
    assert_eq!(requests.count(), 1);

    let (events, _) = source(|_| Err(Wrapped(Final("no token".into())).into()));
    let error = events.retry_when(|_, _| true).message().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect: no login: no token");

    let (mut events, _) = source(|_| Err(Final(Wrapped(Final("no token".into())).into()).into()));
    let error = events.message().await.unwrap_err();
    assert_eq!(error.to_string(), "cannot connect: no login: no token");
}

#[tokio::test(start_paused = true)]
async fn a_new_connection_can_be_asked_for() {
    let (mut events, requests) = source(|number| holds(&format!("id: {number}\ndata: a\n\ndata: b\n\n")));
    assert_eq!(data(&mut events, 1).await, ["a"]);
    let start = Instant::now();
    events.reconnect();
    assert_eq!(events.ready_state(), ReadyState::Connecting);
    // What has come over the old connection is dropped.
    assert!(matches!(events.next().await, Some(Ok(Signal::Open(_)))));
    assert_eq!(data(&mut events, 2).await, ["a", "b"]);
    assert_eq!(requests.last_event_ids(), ["", "0"]);
    assert_eq!(start.elapsed(), Duration::ZERO);

    let (mut events, requests) =
        source(|number| if number == 0 { unreachable() } else { holds("data: a\n\n") });
    lost(&mut events).await;
    events.reconnect();
    assert_eq!(data(&mut events, 1).await, ["a"]);
    assert_eq!(requests.count(), 2);
}

/// As in a laptop that has slept.
#[tokio::test(start_paused = true)]
async fn a_new_connection_after_a_long_one_forgets_failures() {
    let (mut events, requests) = source(|number| if number < 3 { unreachable() } else { holds("") });
    for _ in 0..3 {
        lost(&mut events).await;
    }
    events.opened().await.unwrap();
    _ = timeout(MINUTE, events.message()).await;
    events.reconnect();
    events.opened().await.unwrap();
    assert_eq!(requests.all()[4].attempt.failures, 0);
}
