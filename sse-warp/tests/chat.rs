//! The chat of the examples, over real TCP.

#[path = "../examples/warp_chat.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod warp_chat;

use sse_test::chat::Server;

async fn start() -> Server {
    Server::start(warp_chat::serve).await
}

sse_test::chat!(start);
