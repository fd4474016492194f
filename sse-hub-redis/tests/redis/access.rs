//! Who may connect to Redis, and what Redis has room for.

use crate::util::{PATIENCE, Server, event, hub, publish_soon, story};
use sse_hub::{Hub, PublishError};
use sse_hub_redis::{IntoConnectionInfo, Redis};
use sse_test::hub::Client;
use tokio::time::timeout;

/// What an error advises whose cause is that a user lacks a right.
const RIGHTS: &str =
    "the README of sse-hub-redis lists the commands that the user needs, besides access to the key";

async fn connect_error(url: impl IntoConnectionInfo) -> String {
    let hub = timeout(PATIENCE, Hub::connect(Redis::new(url).expect("it is a URL"))).await;
    hub.expect("no hang").expect_err("it must fail").to_string()
}

#[track_caller]
fn says(error: &str, what: &str, advice: &str) {
    assert!(error.contains(what) && error.ends_with(advice), "{error}");
}

async fn works(hub: &Hub) {
    let mut client = Client::new(hub, &["news"]);
    publish_soon(hub, "0").await;
    assert_eq!(story(&mut client, "0").await, ["0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_and_a_password_are_those_of_the_url() {
    let server = Server::start();
    server.run("ACL SETUSER ann on >secret ~* +@all");
    server.run("CONFIG SET requirepass hidden");
    let url = |user: &str| format!("redis://{user}127.0.0.1:{}/", server.port);
    for user in [":hidden@", "ann:secret@"] {
        works(&Hub::connect(Redis::new(url(user)).unwrap()).await.unwrap()).await;
    }
    let error = connect_error(url("")).await;
    says(
        &error,
        "NOAUTH",
        "Redis asks for a password, which belongs in the URL: redis://user:password@host/",
    );
    for user in [":wrong@", "ann:wrong@", "nobody:secret@"] {
        says(&connect_error(url(user)).await, "WRONGPASS", "check the user and the password in the URL");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_needs_the_commands_that_the_readme_lists_and_no_others() {
    let commands = "EVALSHA, SCRIPT LOAD, INFO, TIME, XADD, XREAD, XRANGE, XREVRANGE, XINFO, XGROUP";
    let readme = include_str!("../../README.md").replace(['`', '\n'], " ");
    let listed = commands.replace(", ", " ,  ").replace(" ,  XGROUP", "  and  XGROUP");
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words(&readme).contains(&words(&listed)), "the README lists other commands");

    let server = Server::start();
    let rights: String =
        commands.to_lowercase().split(", ").map(|c| format!(" +{}", c.replace(' ', "|"))).collect();
    server.run(&format!("ACL SETUSER ann on >secret ~sse-hub{rights}"));
    let url = format!("redis://ann:secret@127.0.0.1:{}/", server.port);
    works(&Hub::connect(Redis::new(&*url).unwrap()).await.unwrap()).await;

    for missing in ["-xadd", "-evalsha", "-xgroup", "-info", "resetkeys"] {
        server.run("FLUSHALL");
        server.run(&format!("ACL SETUSER ann reset on >secret ~sse-hub{rights} {missing}"));
        says(&connect_error(&*url).await, "", RIGHTS);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_loses_the_right_to_publish_is_told_and_can_get_it_back() {
    let server = Server::start();
    let hub = hub(&server).await;
    // Before it has a connection for publishing, and when it has one.
    for command in ["evalsha", "xadd"] {
        server.run(&format!("ACL SETUSER default -{command}"));
        match hub.publish("news", event("x")).await {
            Err(PublishError::Refused(error)) => says(&error.to_string(), "NoPerm", RIGHTS),
            result => panic!("{result:?}"),
        }
        server.run(&format!("ACL SETUSER default +{command}"));
        works(&hub).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_url_is_an_error_at_once() {
    for url in ["http://127.0.0.1/", "redis://127.0.0.1:port/", "nonsense", ""] {
        let error = Redis::new(url).expect_err("it is no URL of Redis").to_string();
        says(&error, "Redis URL did not parse", "InvalidClientConfig");
    }
    says(&connect_error("redis://127.0.0.1:1/").await, "Connection refused", "(os error 111)");
    assert!(connect_error("redis://no-such-host.invalid/").await.contains("lookup"), "names the cause");
    let server = Server::start();
    let error = connect_error(format!("redis://127.0.0.1:{}/99", server.port)).await;
    assert!(error.contains("DB index is out of range"), "{error}");
    // A server that accepts and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let error = connect_error(format!("redis://{}/", silent.local_addr().unwrap())).await;
    says(&error, "timed out", "no Redis has answered at this address");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_is_full_refuses_events() {
    let server = Server::start();
    let first = hub(&server).await;
    server.run("CONFIG SET maxmemory 1");
    let advice = "Redis is full: raise its `maxmemory`, or keep fewer events with `max_len`";
    match first.publish("news", event("x")).await {
        Err(PublishError::Refused(error)) => says(&error.to_string(), "OOM", advice),
        result => panic!("{result:?}"),
    }
    server.run("CONFIG SET maxmemory 0");
    works(&first).await;
    let empty = Server::with(&["--maxmemory", "1"]);
    says(&connect_error(empty.url()).await, "OOM", advice);
}

/// Without the feature, the URL is an error.
#[cfg(not(feature = "tls"))]
#[test]
fn tls_is_a_feature() {
    let error = Redis::new("rediss://127.0.0.1/").expect_err("it needs the feature").to_string();
    assert!(error.contains("TLS"), "{error}");
}

#[cfg(feature = "tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_takes_a_certificate_of_ones_own_and_refuses_others() {
    use redis::{Client as RedisClient, TlsCertificates};
    use std::fs;

    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
    let files = tempfile::tempdir().expect("a directory");
    let (certificate, key) = (files.path().join("certificate.pem"), files.path().join("key.pem"));
    fs::write(&certificate, made.cert.pem()).expect("it can be written");
    fs::write(&key, made.signing_key.serialize_pem()).expect("it can be written");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (certificate, key) = (certificate.to_str().unwrap(), key.to_str().unwrap());
    let _server = Server::with(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        certificate,
        "--tls-key-file",
        key,
        "--tls-auth-clients",
        "no",
    ]);

    let url = format!("rediss://127.0.0.1:{port}/");
    let root_cert = Some(made.cert.pem().into_bytes());
    let client = RedisClient::build_with_tls(&*url, TlsCertificates { client_tls: None, root_cert });
    let client = client.expect("a certificate");
    let trusting = Redis::builder_with(move || std::future::ready(Ok(client.clone()))).build();
    works(&Hub::connect(trusting).await.expect("the certificate is trusted")).await;

    let error = connect_error(&*url).await;
    assert!(error.contains("certificate"), "{error}");
    // Without TLS, the server hangs up.
    connect_error(format!("redis://127.0.0.1:{port}/")).await;
}
