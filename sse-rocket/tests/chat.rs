//! The chat of the examples, over real TCP.

#[path = "../examples/rocket_chat.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod rocket_chat;

use rocket::fairing::AdHoc;
use sse_test::chat::{self, Server};
use tokio::sync::oneshot;

async fn start() -> Server {
    let (sender, address) = oneshot::channel();
    let (stop, stopped) = oneshot::channel();
    let on_liftoff = AdHoc::on_liftoff("address", |rocket| {
        Box::pin(async move {
            sender.send((rocket.config().address, rocket.config().port).into()).ok();
        })
    });
    let task = tokio::spawn(async move {
        let configure = |rocket: rocket::Rocket<rocket::Build>| {
            let figment = rocket.figment().clone().merge(("port", 0)).merge(("log_level", "off"));
            rocket.configure(figment).attach(on_liftoff)
        };
        rocket_chat::serve(chat::hub(), configure, async { drop(stopped.await) }).await.unwrap();
    });
    Server::new(address.await.unwrap(), stop, task)
}

sse_test::chat!(start);

#[test]
fn the_hub_documents_this_code() {
    let readme = include_str!("../../sse-hub/README.md");
    let (_, block) = readme.split_once("```rust,ignore\n").expect("the block for Rocket");
    let (block, _) = block.split_once("```\n").expect("its end");
    assert!(include_str!("../examples/rocket_chat.rs").contains(block), "the example has other code");
}
