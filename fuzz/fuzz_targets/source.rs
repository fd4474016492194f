//! Whatever servers answer and however their responses end, a source yields what each of them says,
//! asks the next one after the last event ID, and polls no body after its end.
#![no_main]

use bytes::Bytes;
use http::{Response, header::CONTENT_TYPE};
use http_body::{Body, Frame};
use sse_fuzz::{Decoded, chunks, oracle};
use sse_source::{Attempt, EventSource, ReadyState, Signal};
use std::collections::VecDeque;
use std::future::pending;
use std::mem::take;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Builder;

const LIMIT: usize = 64;

/// Each chunk of the input is a step of the server. Instead of a response, `!` is an error, `~`
/// silence, a digit a refusal, and anything else an event stream. Within a response, `!` and `~` are
/// the same, `.` is a pause, an empty chunk the end, and anything else its bytes.
#[derive(Default)]
struct Server {
    steps: VecDeque<Vec<u8>>,
    last_event_id: String,
    sent: Vec<u8>,
}

struct Answer {
    server: Arc<Mutex<Server>>,
    ended: bool,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        assert!(!self.ended, "a body is polled after its end");
        let step = self.server.lock().unwrap().steps.pop_front().unwrap_or_default();
        self.ended = matches!(&step[..], b"" | b"!");
        match &step[..] {
            b"" => Poll::Ready(None),
            b"!" => Poll::Ready(Some(Err("reset"))),
            b"~" => Poll::Pending,
            b"." => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => {
                self.server.lock().unwrap().sent.extend_from_slice(&step);
                Poll::Ready(Some(Ok(Frame::data(step.into()))))
            }
        }
    }
}

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    let steps = chunks(input).into_iter().map(<[u8]>::to_vec).collect();
    let server = Arc::new(Mutex::new(Server { steps, ..Server::default() }));
    let clock = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    clock.block_on(run(server));
});

async fn run(server: Arc<Mutex<Server>>) {
    let answer = {
        let server = server.clone();
        move |attempt| answer(&server, attempt)
    };
    let mut events = EventSource::new(answer)
        .idle_timeout(Duration::from_secs(60))
        .max_event_size(LIMIT)
        .comments(true)
        .retry_when(|error, _| error.is_temporary());
    let (mut seen, mut opened) = (Decoded::new(), false);
    while events.ready_state() != ReadyState::Closed {
        match events.next().await {
            Some(Ok(Signal::Open(_))) => opened = true,
            Some(Ok(Signal::Comment(text))) => seen.push(Ok(sse_core::Frame::Comment(text.into()))),
            Some(Ok(Signal::TooLarge(error))) => seen.push(Err(error.limit())),
            Some(Ok(Signal::Message(message))) => {
                // The server can make the source drop the rest of a response.
                let reconnect = message.data == "r";
                assert_eq!(events.current_event_id(), message.last_event_id);
                seen.push(Ok(sse_core::Frame::Message(message)));
                if reconnect {
                    events.reconnect();
                    let mut server = server.lock().unwrap();
                    let decoded = decoded(&mut server, opened);
                    assert!(decoded.starts_with(&seen), "{seen:?}, not {decoded:?}");
                    server.last_event_id = events.current_event_id().to_owned();
                    (seen, opened) = (Decoded::new(), false);
                }
            }
            _ => {
                let decoded = decoded(&mut server.lock().unwrap(), opened);
                assert_eq!(seen, decoded);
                (seen, opened) = (Decoded::new(), false);
            }
        }
        let server = server.lock().unwrap();
        if server.last_event_id.len() >= LIMIT {
            return;
        }
        if !opened {
            assert_eq!(events.current_event_id(), server.last_event_id);
        }
    }
    assert!(events.next().await.is_none());
}

fn answer(
    server: &Arc<Mutex<Server>>,
    attempt: Attempt,
) -> impl Future<Output = Result<Response<Answer>, &'static str>> + use<> {
    let body = Answer { server: server.clone(), ended: false };
    let mut server = server.lock().unwrap();
    let id = &server.last_event_id;
    let carried = !id.is_empty() && id.chars().all(|c| c == '\t' || !c.is_ascii_control());
    let asked = attempt.headers.get("last-event-id").map(|id| id.as_bytes());
    assert_eq!(asked, carried.then_some(id.as_bytes()));
    let step = server.steps.pop_front();
    async move {
        let status = match step.as_deref() {
            None => 204,
            Some(b"!") => return Err("unreachable"),
            Some(b"~") => pending().await,
            Some([digit @ b'2'..=b'9', ..]) => u16::from(digit - b'0') * 100 + 3,
            Some(_) => 200,
        };
        Ok(Response::builder().status(status).header(CONTENT_TYPE, "text/event-stream").body(body).unwrap())
    }
}

/// What a response says, after the responses before it. A refusal says nothing.
fn decoded(server: &mut Server, opened: bool) -> Decoded {
    let sent = if opened { take(&mut server.sent) } else { Vec::new() };
    server.sent.clear();
    let sent = sent.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&sent);
    let outcome = oracle(&[b"id: ", server.last_event_id.as_bytes(), b"\n\n", sent].concat(), LIMIT);
    server.last_event_id = outcome.last_event_id;
    outcome.decoded.into_iter().filter(|item| !matches!(item, Ok(sse_core::Frame::Retry(_)))).collect()
}
