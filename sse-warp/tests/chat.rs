//! The chat of the examples, over real TCP.

#[path = "../examples/warp_chat.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod warp_chat;

use sse_hub::Hub;
use sse_test::chat::Server;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

async fn start() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let hub = Hub::builder().history_events(8).max_event_size(1024).build().unwrap();
    let task = tokio::spawn(async move {
        warp_chat::serve(listener, hub, async { drop(stopped.await) }).await;
    });
    Server::new(address, stop, task)
}

sse_test::chat!(start);
