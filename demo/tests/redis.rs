//! What only a real Redis server shows.

mod util;

use sse_test::redis::Server;
use util::{Demo, command};

const WITH_PASSWORD: [&str; 2] = ["--requirepass", "secret"];

#[test]
fn a_wrong_password_is_an_error_that_does_not_show_it() {
    let redis = Server::start(&WITH_PASSWORD);
    for password in ["", ":wrong-word@"] {
        let url = format!("redis://{password}127.0.0.1:{}/", redis.port);
        let output = command(&["--redis", &url]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let error = String::from_utf8(output.stderr).unwrap();
        let expected = format!("error: cannot use Redis at 127.0.0.1:{}: ", redis.port);
        assert!(error.starts_with(&expected), "{error}");
        assert!(
            error.contains("password in the URL") || error.contains("password, which belongs in the URL"),
            "{error}"
        );
        assert!(!error.contains("wrong-word"), "{error}");
    }
}

#[test]
fn two_processes_share_one_chat_and_one_clock() {
    let redis = Server::start(&WITH_PASSWORD);
    let url = format!("redis://:secret@127.0.0.1:{}/", redis.port);
    let nodes = [Demo::with(&["--redis", &url]), Demo::with(&["--redis", &url])];
    for node in &nodes {
        assert_eq!(node.json("/status")["engine"], format!("Redis at 127.0.0.1:{}", redis.port));
    }
    let mut chats = nodes.each_ref().map(|node| node.events("/stream", ""));
    for chat in &mut chats {
        chat.until("hub:hello");
    }
    let (_, id) = nodes[0].request("POST", "/post", r#"{"event": "message", "data": 1}"#);
    for chat in &mut chats {
        assert_eq!(chat.until("message"), [id.clone(), "1".to_owned()]);
    }
    let mut clocks = nodes.each_ref().map(|node| node.events("/events", ""));
    for clock in &mut clocks {
        clock.until("ping");
    }
    // Both have begun, so what comes next comes to both.
    let ping = clocks[0].until("ping");
    let begun = (0..3).map(|_| clocks[1].until("ping")).collect::<Vec<_>>();
    let ping_again = clocks[0].until("ping");
    assert!(begun.contains(&ping) || begun.contains(&ping_again), "{ping:?} {begun:?}");
}
