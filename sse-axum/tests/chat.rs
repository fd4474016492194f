//! The chat of the examples, over real TCP.

#[path = "../examples/axum_chat.rs"]
#[allow(dead_code, reason = "its main function is for people")]
mod axum_chat;

use sse_test::chat::Server;

async fn start() -> Server {
    Server::start(|listener, hub, stopped| async {
        axum_chat::serve(listener, hub, stopped).await.unwrap();
    })
    .await
}

sse_test::chat!(start);

#[test]
fn the_hub_documents_this_code() {
    let readme = include_str!("../../sse-hub/README.md");
    let example = include_str!("../examples/axum_chat.rs");
    let long_poll = include_str!("../../sse-hub/examples/long_poll/mod.rs");
    for (code, name) in [(example, "async fn serve("), (long_poll, "async fn batch(")] {
        let (_, function) = code.split_once(name).expect("a function of that name");
        let (function, _) = function.split_once("\n}\n").expect("its end");
        assert!(readme.contains(&format!("{name}{function}\n}}\n")), "the README has another {name}");
    }
    let page = include_str!("../../sse-hub/examples/chat.html");
    let (_, script) = readme.split_once("```js\n").expect("a script");
    let (script, _) = script.split_once("\n```").expect("its end");
    assert!(page.contains(script), "the page has another script");
}
