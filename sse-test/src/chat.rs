//! What the example `chat` of each adapter must do.

#![allow(clippy::missing_panics_doc, reason = "they are tests")]

use crate::client::{PATIENCE, Response, get, request};
use futures_util::future::BoxFuture;
use sse_hub::Hub;
use std::net::SocketAddr;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A chat that runs.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// The hub of a chat, with limits that a test can reach.
pub fn hub() -> Hub {
    Hub::builder().history_events(8).max_event_size(1024).build().expect("the settings are valid")
}

impl Server {
    /// Starts a server that serves a listener until this future says that it is stopped.
    pub async fn start<F>(serve: impl FnOnce(TcpListener, Hub, BoxFuture<'static, ()>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let stopped = Box::pin(async { drop(stopped.await) });
        Self::new(address, stop, tokio::spawn(serve(listener, hub(), stopped)))
    }

    /// A server that ends its task some time after it is told to stop.
    pub fn new(address: SocketAddr, stop: oneshot::Sender<()>, task: JoinHandle<()>) -> Self {
        Self { address, stop, task }
    }

    async fn post(&self, body: &str) -> Response {
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        crate::client::request_with_body(self.address, "POST", "/post", head.as_bytes(), body).await
    }

    async fn say(&self, topic: &str, text: &str) -> String {
        let mut response = self.post(&format!("{{\"topic\":\"{topic}\",\"text\":\"{text}\"}}")).await;
        assert_eq!(response.status, 200);
        response.text().await
    }
}

fn event(id: &str, text: &str) -> String {
    format!("id: {id}\ndata: {{\"text\":\"{text}\"}}\n\n")
}

/// Reads chunks until the text ends with this.
async fn until(response: &mut Response, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        text += &response.chunk().await.expect("an open connection").expect("a stream that goes on");
    }
    // Keep-alive sends a comment where nothing is ready.
    text.replace(":\n\n", "")
}

/// A client that is cut reads on after its last ID, and misses nothing.
pub async fn a_client_that_is_cut_misses_nothing(server: Server) {
    let mut client = get(server.address, "/stream?topics=a,b").await;
    until(&mut client, "data: {}\n\n").await;
    let first = server.say("a", "1").await;
    assert_eq!(until(&mut client, &event(&first, "1")).await, event(&first, "1"));
    drop(client);
    let second = server.say("b", "2").await;
    server.say("c", "not for this client").await;
    let third = server.say("a", "3").await;
    let missed = event(&second, "2") + &event(&third, "3");

    let header = format!("last-event-id: {first}\r\n");
    let mut client = request(server.address, "GET", "/stream?topics=a,b", header.as_bytes()).await;
    let text = until(&mut client, "data: {}\n\n").await;
    assert!(text.starts_with(&missed) && text[missed.len()..].starts_with("event: hub:at\n"), "{text}");

    // As a page does that was loaded again.
    let path = format!("/stream?topics=a,b&lastEventId={}", first.replace(':', "%3A"));
    let mut client = get(server.address, &path).await;
    let text = until(&mut client, "data: {}\n\n").await;
    assert!(text.starts_with(&missed) && text[missed.len()..].starts_with("event: hub:at\n"), "{text}");
}

/// A client whose history is gone is told of a gap.
pub async fn a_client_that_missed_too_much_is_told_of_a_gap(server: Server) {
    let first = server.say("a", "1").await;
    for _ in 0..9 {
        server.say("a", "more").await;
    }
    let header = format!("last-event-id: {first}\r\n");
    let mut client = request(server.address, "GET", "/stream?topics=a", header.as_bytes()).await;
    let text = until(&mut client, "\n\n").await;
    assert!(text.contains("event: hub:gap\n") && text.contains("\"cause\":\"trimmed\""), "{text}");
}

/// Bad input is answered with 400, too large an event with 413.
pub async fn what_cannot_be_published_is_refused(server: Server) {
    assert_eq!(server.post(r#"{"topic":"hub:x","text":"1"}"#).await.status, 400);
    let long = format!(r#"{{"topic":"a","text":"{}"}}"#, "x".repeat(2000));
    let mut response = server.post(&long).await;
    assert_eq!(response.status, 413);
    assert!(response.text().await.contains("1024 are allowed"));
}

/// The page is there, and counts who listens.
pub async fn the_page_counts_the_listeners(server: Server) {
    let page = get(server.address, "/").await.text().await;
    assert!(page.contains("new EventSource("), "{page}");
    let mut client = get(server.address, "/stream?topics=a").await;
    until(&mut client, "data: {}\n\n").await;
    assert_eq!(get(server.address, "/listeners?topics=a,b").await.text().await, "1");
}

/// Polls that each continue after the last ID see every event.
pub async fn polls_miss_nothing(server: Server) {
    let hello = get(server.address, "/poll?topics=a").await.text().await;
    assert!(hello.contains(r#""event":"hub:hello""#), "{hello}");
    let id = hello.split('"').nth(3).expect("an ID").to_owned();
    let path = |id: &str| format!("/poll?topics=a&lastEventId={}", id.replace(':', "%3A"));
    // It waits for the next event.
    let waiting = tokio::spawn({
        let (address, path) = (server.address, path(&id));
        async move { get(address, &path).await.text().await }
    });
    while get(server.address, "/listeners?topics=a").await.text().await == "0" {
        assert!(!waiting.is_finished(), "a poll that is answered without an event");
    }
    let first = server.say("a", "1").await;
    let answer = timeout(PATIENCE, waiting).await.expect("an answer").expect("no panic");
    assert!(answer.contains(&format!(r#""id":"{first}""#)), "{answer}");
    // These come between two polls.
    let (second, third) = (server.say("a", "2").await, server.say("a", "3").await);
    let answer = get(server.address, &path(&first)).await.text().await;
    for id in [second, third] {
        assert_eq!(answer.matches(&format!(r#""id":"{id}","event":"message""#)).count(), 1, "{answer}");
    }
}

/// A server that stops ends its streams with an event, and then itself.
pub async fn a_server_that_stops_tells_its_clients(server: Server) {
    let mut client = get(server.address, "/stream?topics=a").await;
    until(&mut client, "data: {}\n\n").await;
    server.stop.send(()).expect("a server that waits for this");
    let (text, end) = client.rest().await;
    assert!(text.contains("event: hub:end\n") && text.contains("\"cause\":\"draining\""), "{text}");
    assert!(text.contains("retry: "), "{text}");
    assert_eq!(end, Ok(()));
    timeout(PATIENCE, server.task).await.expect("a server that ends").expect("no panic");
}

/// Makes a test of each of these for the servers that this function starts.
#[macro_export]
macro_rules! chat {
    ($start:path) => {
        $crate::chat! { $start:
            a_client_that_is_cut_misses_nothing
            a_client_that_missed_too_much_is_told_of_a_gap
            what_cannot_be_published_is_refused
            the_page_counts_the_listeners
            polls_miss_nothing
            a_server_that_stops_tells_its_clients
        }
    };
    ($start:path: $($law:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread")]
            async fn $law() {
                $crate::chat::$law($start().await).await;
            }
        )*
    };
}
