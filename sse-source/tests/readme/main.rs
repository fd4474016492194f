//! The code in the README, run against servers.

#[path = "../util/mod.rs"]
mod util;

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;

#[test]
fn the_readme_shows_this_code() {
    let blocks: Vec<_> = include_str!("../../README.md")
        .split("```rust\n")
        .skip(1)
        .map(|block| block.split_once("```\n").unwrap().0)
        .collect();
    let files = [
        include_str!("show.rs"),
        include_str!("token.rs"),
        include_str!("answer.rs"),
        include_str!("typed.rs"),
        include_str!("watch.rs"),
        include_str!("router.rs"),
        include_str!("hyper.rs"),
    ];
    assert_eq!(blocks, files);
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    url
}

mod show {
    use super::util::{breaks, refuses, source};

    include!("show.rs");

    #[tokio::test(start_paused = true)]
    async fn reconnects_are_shown() {
        let (mut events, requests) =
            source(|number| if number == 0 { breaks("data: x\n\n") } else { refuses(404) });
        assert_eq!(show(&mut events).await.unwrap_err().response().unwrap().status(), 404);
        assert_eq!(requests.count(), 2);
    }
}

mod token {
    use super::*;

    include!("token.rs");

    #[tokio::test(flavor = "multi_thread")]
    async fn a_token_that_has_expired_is_renewed() {
        let logins = Arc::new(AtomicUsize::new(0));
        let counted = logins.clone();
        let login = async move || counted.fetch_add(1, Ordering::Relaxed).to_string();
        let private = async |headers: HeaderMap| match headers[AUTHORIZATION].to_str() {
            Ok("Bearer 0") => Err(StatusCode::UNAUTHORIZED),
            Ok("Bearer 1") => Ok(([(CONTENT_TYPE, "text/event-stream")], "data: in\n\n")),
            token => panic!("{token:?}"),
        };
        let url = serve(Router::new().route("/login", post(login)).route("/private", get(private))).await;
        let mut events = with_token(Client::new(), url);
        // The second connection has the same token.
        for _ in 0..2 {
            assert_eq!(events.message().await.unwrap().unwrap().data, "in");
        }
        assert_eq!(logins.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn an_account_that_is_locked_is_final() {
        let url = serve(Router::new().route("/login", post(async || StatusCode::FORBIDDEN))).await;
        let error = with_token(Client::new(), url).message().await.unwrap_err();
        assert_eq!(error.to_string(), "cannot connect: the account is locked");
    }
}

mod answer {
    use super::*;

    include!("answer.rs");

    #[tokio::test(flavor = "multi_thread")]
    async fn an_answer_ends_with_its_mark_or_is_an_error() {
        let answer = async |prompt: String| {
            let mut text = "data: {\"text\": \"Hel\"}\n\ndata: {\"text\": \"lo\"}\n\n".to_owned();
            match &*prompt {
                "whole" => text += "data: [DONE]\n\n",
                "cut off" => text += "data: {\"te",
                "no mark" => {}
                _ => return Err((StatusCode::BAD_REQUEST, "the prompt is empty")),
            }
            Ok(([(CONTENT_TYPE, "text/event-stream")], text))
        };
        let url = serve(Router::new().route("/answer", post(answer))).await;
        let ask = async |prompt| ask(&Client::new(), &url, prompt).await.map_err(|error| error.to_string());
        assert_eq!(ask("whole").await.unwrap(), "Hello");
        assert_eq!(ask("cut off").await.unwrap_err(), "the stream ended in the middle of an event");
        assert_eq!(ask("no mark").await.unwrap_err(), "the answer has no end");
        let refused = "the server answered with status 400 Bad Request: the prompt is empty";
        assert_eq!(ask("").await.unwrap_err(), refused);
    }
}

mod typed {
    use super::util::{holds, source};

    include!("typed.rs");

    #[tokio::test(start_paused = true)]
    async fn the_event_type_selects_the_variant() {
        let text = "event: user-joined\ndata: {\"name\": \"Ann\"}\n\ndata: \"hi\"\n\nevent: x\ndata\n\n";
        let (mut events, _) = source(move |_| holds(text));
        for update in
            [Update::UserJoined { name: "Ann".into() }, Update::Message("hi".into()), Update::Unknown]
        {
            assert_eq!(next_update(&mut events).await.unwrap(), Some(update));
        }
    }
}

mod watch {
    use super::util::{breaks, refuses, source};

    include!("watch.rs");

    #[tokio::test(start_paused = true)]
    async fn after_410_it_continues_from_the_new_list() {
        let (events, requests) = source(|number| match number {
            0 => breaks("id: 1\ndata: x\n\n"),
            1 => refuses(410),
            2 => breaks("data: x\n\n"),
            _ => refuses(204),
        });
        watch(events, async || "7".to_owned()).await.unwrap();
        assert_eq!(requests.last_event_ids(), ["", "1", "7", "7"]);
    }
}

mod router {
    include!("router.rs");

    #[tokio::test(start_paused = true)]
    async fn an_endpoint_is_tested_without_a_socket() {
        the_endpoint_greets().await;
    }
}

mod hyper {
    use super::*;

    include!("hyper.rs");

    #[tokio::test(flavor = "multi_thread")]
    async fn hyper_is_a_client() {
        let app =
            Router::new().route("/", get(async || ([(CONTENT_TYPE, "text/event-stream")], "data: x\n\n")));
        let url = serve(app).await;
        assert_eq!(over_hyper(url.parse().unwrap()).message().await.unwrap().unwrap().data, "x");
    }
}
