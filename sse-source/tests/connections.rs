//! Scripted connections, most of them from the web platform tests: what the client shows, and what
//! it asks for.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt};
use http::header::{CONTENT_TYPE, LOCATION};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response};
use http_body_util::Empty;
use serde::Deserialize;
use serde_json::{Value, json};
use sse_source::{Attempt, Error, EventSource, ReadyState, Signal};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::timeout;
use tower::ServiceExt;

#[derive(Deserialize)]
struct Vectors {
    cases: Vec<Case>,
}

#[derive(Deserialize, Clone)]
struct Case {
    id: String,
    connections: Vec<Connection>,
    expect: Expect,
    #[serde(default)]
    close_after: Option<String>,
}

#[derive(Deserialize, Clone)]
struct Connection {
    respond: Respond,
    #[serde(default)]
    expect_request: ExpectRequest,
}

#[derive(Deserialize, Clone)]
struct Respond {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    then: Then,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize, Clone, Copy, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Then {
    Close,
    Hold,
    Reset,
}

#[derive(Deserialize, Clone, Default)]
struct ExpectRequest {
    method: Option<String>,
    path_suffix: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
}

#[derive(Deserialize, Clone)]
struct Expect {
    signals: Vec<Value>,
    requests: usize,
    /// In milliseconds.
    delay_ms: Option<[u64; 2]>,
}

fn cases() -> Vec<Case> {
    let vectors: Vectors = serde_json::from_str(include_str!("vectors/connection-behaviour.json")).unwrap();
    assert_eq!(vectors.cases.len(), 55);
    vectors.cases
}

#[derive(Debug)]
struct Asked {
    method: Method,
    path: String,
    headers: HeaderMap,
}

impl Case {
    /// Plays the case, and checks what the client shows and what it asked for.
    async fn check(&self, mut events: EventSource, asked: &Mutex<Vec<Asked>>, shown: &Notify) {
        let mut signals = Vec::new();
        assert_eq!(events.ready_state(), ReadyState::Connecting);
        while signals.len() < self.expect.signals.len() {
            let item = timeout(Duration::from_secs(60), events.next()).await;
            let item = item.unwrap_or_else(|_| panic!("after {signals:?} nothing comes"));
            let (signal, state) = match &item {
                Some(Ok(Signal::Open(_))) => (json!({ "open": true }), ReadyState::Open),
                Some(Ok(Signal::Message(message))) => {
                    let message = json!({
                        "event": message.event_type,
                        "data": message.data,
                        "id": message.last_event_id,
                    });
                    (json!({ "message": message }), ReadyState::Open)
                }
                Some(Ok(Signal::Reconnecting { delay, .. })) => {
                    if let Some([least, most]) = self.expect.delay_ms {
                        assert!((least..=most).contains(&(delay.as_millis() as u64)), "{delay:?}");
                    }
                    (json!({ "error": "reconnecting" }), ReadyState::Connecting)
                }
                Some(Ok(signal)) => panic!("{signal:?}"),
                Some(Err(_)) | None => (json!({ "error": "failed" }), ReadyState::Closed),
            };
            assert_eq!(events.ready_state(), state, "{signal}");
            if signal.get("message").is_some() {
                shown.notify_one();
                if self.close_after.is_some() {
                    events.close();
                    assert_eq!(events.ready_state(), ReadyState::Closed);
                }
            }
            signals.push(signal);
        }
        assert_eq!(signals, self.expect.signals);
        match timeout(Duration::from_millis(300), events.next()).await {
            Err(_) => assert_eq!(events.ready_state(), ReadyState::Open),
            Ok(item) => assert!(item.is_none() && events.ready_state() == ReadyState::Closed, "{item:?}"),
        }

        let asked = asked.lock().unwrap();
        assert_eq!(asked.len(), self.expect.requests, "{asked:#?}");
        for (connection, asked) in self.connections.iter().zip(&*asked) {
            let expected = &connection.expect_request;
            assert!(expected.method.as_ref().is_none_or(|method| asked.method == **method));
            assert!(
                expected
                    .path_suffix
                    .as_ref()
                    .is_none_or(|path| asked.path.trim_matches('/') == path.trim_matches('/'))
            );
            for (name, value) in &expected.headers {
                assert_eq!(
                    asked.headers.get(name).map(|value| value.as_bytes()),
                    value.as_ref().map(String::as_bytes),
                    "{name}"
                );
            }
        }
    }

    /// The headers of a response, where `{self}` is the URL of the case.
    fn headers(&self, number: usize, url: &str) -> HeaderMap {
        let headers = self.connections[number].respond.headers.iter();
        headers
            .map(|(name, value)| (name.parse().unwrap(), value.replace("{self}", url).parse().unwrap()))
            .collect()
    }
}

/// How a response is written.
#[derive(Debug, Clone, Copy)]
struct Writing {
    chunked: bool,
    by_byte: bool,
}

const WRITINGS: [Writing; 4] = [
    Writing { chunked: false, by_byte: false },
    Writing { chunked: false, by_byte: true },
    Writing { chunked: true, by_byte: false },
    Writing { chunked: true, by_byte: true },
];

impl Writing {
    async fn answer(
        self,
        case: &Case,
        number: usize,
        stream: &mut TcpStream,
        shown: &Notify,
    ) -> std::io::Result<()> {
        let url = format!("http://{}", stream.local_addr()?);
        let respond = &case.connections[number].respond;
        let mut head = format!("HTTP/1.1 {} {}\r\n", respond.status, respond.reason).into_bytes();
        for (name, value) in &case.headers(number, &url) {
            head.extend_from_slice(format!("{name}: ").as_bytes());
            head.extend_from_slice(value.as_bytes());
            head.extend_from_slice(b"\r\n");
        }
        let has_body = respond.status != 204;
        let chunked = has_body && self.chunked;
        head.extend_from_slice(if chunked { b"transfer-encoding: chunked\r\n" } else { b"" });
        head.extend_from_slice(b"connection: close\r\n\r\n");
        stream.write_all(&head).await?;
        let piece_size = if self.by_byte { 1 } else { usize::MAX };
        for piece in respond.body.as_bytes().chunks(piece_size).filter(|_| has_body) {
            if chunked {
                stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes()).await?;
            }
            stream.write_all(piece).await?;
            if chunked {
                stream.write_all(b"\r\n").await?;
            }
        }
        match respond.then {
            Then::Close if chunked => stream.write_all(b"0\r\n\r\n").await?,
            Then::Close => {}
            Then::Hold => std::future::pending().await,
            Then::Reset => {
                // It discards what the client has not read.
                shown.notified().await;
                stream.set_zero_linger()?;
            }
        }
        Ok(())
    }
}

async fn read_request(stream: &mut TcpStream) -> Asked {
    let mut lines = BufReader::new(stream);
    let mut line = Vec::new();
    lines.read_until(b'\n', &mut line).await.unwrap();
    let first = String::from_utf8(line.clone()).unwrap();
    let mut first = first.split(' ');
    let method = first.next().unwrap().parse().unwrap();
    let path = first.next().unwrap().to_owned();
    let mut headers = HeaderMap::new();
    loop {
        line.clear();
        lines.read_until(b'\n', &mut line).await.unwrap();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { break };
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).unwrap();
        headers.append(HeaderName::from_bytes(&line[..colon]).unwrap(), value);
    }
    Asked { method, path, headers }
}

/// Plays all cases over sockets, in all writings.
async fn over_sockets(source: fn(SocketAddr) -> EventSource) {
    let cases = cases();
    let plays = cases.iter().flat_map(|case| WRITINGS.map(|writing| (case.clone(), writing)));
    let plays = plays.map(async |(case, writing)| {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shown = Arc::new(Notify::new());
        let name = format!("{} {writing:?}", case.id);
        let server = tokio::spawn({
            let (case, asked, shown) = (case.clone(), asked.clone(), shown.clone());
            async move {
                let mut connections = Vec::new();
                loop {
                    let (mut stream, _) = listener.accept().await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    let request = read_request(&mut stream).await;
                    let number = asked.lock().unwrap().len();
                    asked.lock().unwrap().push(request);
                    if number < case.connections.len() {
                        let (case, shown) = (case.clone(), shown.clone());
                        connections.push(tokio::spawn(async move {
                            // The client may be gone.
                            _ = writing.answer(&case, number, &mut stream, &shown).await;
                        }));
                    }
                }
            }
        });
        println!("{name}");
        let client = tokio::spawn(async move { case.check(source(address), &asked, &shown).await });
        let result = client.await;
        server.abort();
        result.map_err(|error| (name, error))
    });
    let failed: Vec<_> = join_all(plays).await.into_iter().filter_map(Result::err).collect();
    assert!(failed.is_empty(), "{failed:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reqwest() {
    over_sockets(|address| {
        let client = reqwest::Client::new();
        EventSource::new(move |attempt| {
            client.get(format!("http://{address}")).headers(attempt.headers).send()
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reqwest_012() {
    over_sockets(|address| {
        let client = reqwest_012::Client::new();
        EventSource::new(move |attempt| {
            client.get(format!("http://{address}")).headers(attempt.headers).send()
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hyper_util() {
    use hyper_util::client::legacy::Client;
    use hyper_util::rt::TokioExecutor;

    over_sockets(|address| {
        let client = Client::builder(TokioExecutor::new()).build_http();
        EventSource::new(move |attempt| {
            let client = client.clone();
            follow(format!("http://{address}/"), attempt, move |request| client.request(request))
        })
    })
    .await;
}

/// Follows redirects, for clients that do not.
async fn follow<F, B, E>(
    mut url: String,
    attempt: Attempt,
    send: impl Fn(Request<Empty<Bytes>>) -> F,
) -> Result<Response<B>, E>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    loop {
        let mut request = Request::get(&url).body(Empty::new()).unwrap();
        request.headers_mut().extend(attempt.headers.clone());
        let response = send(request).await?;
        match response.headers().get(LOCATION) {
            Some(location) if response.status().is_redirection() => {
                url = location.to_str().unwrap().to_owned();
            }
            _ => return Ok(response),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_router_in_process() {
    for case in cases() {
        for by_byte in [false, true] {
            println!("{} {by_byte}", case.id);
            let asked = Arc::new(Mutex::new(Vec::new()));
            let app = router(case.clone(), by_byte, asked.clone());
            let events = EventSource::new(move |attempt| {
                let app = app.clone();
                follow("http://case/".to_owned(), attempt, move |request| app.clone().oneshot(request))
            });
            case.check(events, &asked, &Notify::new()).await;
        }
    }
}

fn router(case: Case, by_byte: bool, asked: Arc<Mutex<Vec<Asked>>>) -> Router {
    let shared = Arc::new((case, asked));
    Router::new().fallback(async move |request: Request<Body>| {
        let (case, asked) = &*shared;
        let number = asked.lock().unwrap().len();
        asked.lock().unwrap().push(Asked {
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            headers: request.headers().clone(),
        });
        let respond = &case.connections[number].respond;
        let piece_size = if by_byte { 1 } else { usize::MAX };
        let pieces: Vec<_> = respond
            .body
            .as_bytes()
            .chunks(piece_size)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        let end = match respond.then {
            Then::Close => stream::empty().left_stream(),
            Then::Hold => stream::pending().left_stream().right_stream(),
            Then::Reset => stream::iter([Err("reset")]).right_stream().right_stream(),
        };
        let mut response = Response::new(Body::from_stream(stream::iter(pieces).chain(end)));
        *response.status_mut() = respond.status.try_into().unwrap();
        *response.headers_mut() = case.headers(number, "http://case");
        response
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_down_is_asked_until_it_is_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = reqwest::Client::new();
    let mut events = EventSource::new(move |attempt| {
        client.get(format!("http://{address}/?token=secret")).headers(attempt.headers).send()
    })
    .reconnection_time(Duration::ZERO);
    let Some(Ok(Signal::Reconnecting { cause, .. })) = events.next().await else { panic!() };
    let text = cause.to_string();
    assert!(
        matches!(cause, Error::Connect(_)) && text.ends_with("Connection refused (os error 111)"),
        "{text}"
    );
    assert!(!text.contains("secret") && !format!("{cause:?}").contains("secret"), "{text}");

    let listener = TcpListener::bind(address).await.unwrap();
    let app = Router::new().route("/", get(async || ([(CONTENT_TYPE, "text/event-stream")], "data: up\n\n")));
    let server = tokio::spawn(async move { axum::serve(listener, app).await });
    assert_eq!(events.message().await.unwrap().unwrap().data, "up");
    server.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_blocked_worker_thread_does_not_make_a_server_idle() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    // Its server must not be blocked.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        assert_ne!(stream.read(&mut [0; 4096]).unwrap(), 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n").unwrap();
        while stream.write_all(b":\n\n").is_ok() {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let client = reqwest::Client::new();
    let mut events = EventSource::new(move |attempt| {
        client.get(format!("http://{address}")).headers(attempt.headers).send()
    })
    .idle_timeout(Duration::from_millis(500));
    assert!(matches!(events.next().await, Some(Ok(Signal::Open(_)))));
    for _ in 0..3 {
        // It waits when the thread is blocked, so the time-out is running.
        let quiet = timeout(Duration::from_millis(100), events.next()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        let blocked = tokio::spawn(async { std::thread::sleep(Duration::from_secs(1)) });
        let quiet = timeout(Duration::from_millis(1500), events.next()).await;
        assert!(quiet.is_err(), "{quiet:?}");
        blocked.await.unwrap();
    }
}
