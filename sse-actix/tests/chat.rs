//! The chat of the examples, over real TCP.

#[path = "../examples/actix_chat.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod actix_chat;

use sse_test::chat::{Server, hub};
use std::net::TcpListener;
use tokio::sync::oneshot;

async fn start() -> Server {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = actix_chat::serve(listener, hub(), async { drop(stopped.await) }).unwrap();
    Server::new(address, stop, tokio::spawn(async { server.await.unwrap() }))
}

sse_test::chat!(start);

#[test]
fn the_hub_documents_this_code() {
    let readme = include_str!("../../sse-hub/README.md");
    let (_, section) = readme.split_once("## In Actix Web\n").expect("the section");
    let (_, block) = section.split_once("```rust,ignore\n").expect("the block");
    let (block, _) = block.split_once("```\n").expect("its end");
    assert!(include_str!("../examples/actix_chat.rs").contains(block), "the example has other code");
}
