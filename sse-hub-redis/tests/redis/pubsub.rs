//! The example, as two nodes over real TCP.

#[path = "../../examples/pubsub.rs"]
#[allow(dead_code, reason = "its main function is for people")]
pub(crate) mod example;

use crate::util::Server;
use sse_test::client::{get, request, request_with_body};
use std::net::SocketAddr;
use tokio::net::TcpListener;

async fn node(server: &Server) -> SocketAddr {
    let app = example::node(&server.url()).await.expect("the server is there");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn post(node: SocketAddr, text: &str) -> String {
    let lines = format!("content-length: {}\r\n", text.len());
    request_with_body(node, "POST", "/post", lines.as_bytes(), text).await.text().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_takes_all_send() {
    let server = Server::start();
    let (first, second) = (node(&server).await, node(&server).await);
    let mut stream = get(second, "/stream").await;
    let hello = stream.chunk().await.expect("the stream goes on").expect("it has begun");
    assert!(hello.starts_with("event: hub:hello\n"), "{hello}");
    let id = post(first, "hello").await;
    let event = stream.chunk().await.expect("the stream goes on").expect("it was published");
    assert_eq!(event, format!("id: {id}\ndata: hello\n\n"));
    drop(stream);

    let missed = post(second, "missed").await;
    let mut resumed = request(first, "GET", "/stream", format!("last-event-id: {id}\r\n").as_bytes()).await;
    let mut seen = String::new();
    while !seen.contains("hub:at") {
        seen += &resumed.chunk().await.expect("the stream goes on").expect("it was published");
    }
    assert!(seen.starts_with(&format!("id: {missed}\ndata: missed\n\n")), "{seen}");
}
