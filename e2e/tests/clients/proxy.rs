//! What passes through nginx, with its default buffering, from each framework's server.

use crate::nginx::Nginx;
use e2e::{Lab, Report};
use sse_test::client::{PATIENCE, Response, get, request};
use std::net::SocketAddr;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

/// Reads until the text has arrived.
async fn wait_for(response: &mut Response, text: &str) {
    let mut read = String::new();
    while !read.contains(text) {
        read += &response.chunk().await.unwrap().expect("more of the body");
    }
}

async fn events_come_through_nginx_at_once<F: Future<Output = SocketAddr>>(serve: impl FnOnce(Lab) -> F) {
    let (lab, mut reports) = Lab::new();
    let server = serve(lab).await;
    let nginx = Nginx::start(server, "").await;
    let dropped = |reports: &mut UnboundedReceiver<Report>| matches!(reports.try_recv(), Ok(Report::Dropped));

    // The first event arrives while the stream is still open.
    let mut response = get(nginx.address, "/events/slow").await;
    wait_for(&mut response, "data: 1\n\n").await;
    assert!(!dropped(&mut reports), "the stream is still open");
    wait_for(&mut response, "data: 2\n\n").await;
    assert!(matches!(timeout(PATIENCE, reports.recv()).await.unwrap(), Some(Report::Dropped)));

    // A client resumes through the proxy.
    let mut response = request(nginx.address, "GET", "/events/resume", b"Last-Event-ID: 3\r\n").await;
    let (events, end) = response.rest().await;
    assert_eq!((events.as_str(), end), (":again\n\nid: 4\ndata: 4\n\nid: 5\ndata: 5\n\n", Ok(())));

    // The control: without our header, nginx holds everything back until the stream ends.
    let buffering = Nginx::start(server, "proxy_ignore_headers X-Accel-Buffering;").await;
    let mut response = get(buffering.address, "/events/slow").await;
    wait_for(&mut response, "data: 1\n\n").await;
    assert!(dropped(&mut reports), "without our header, the first event arrives when the stream ends");
}

e2e::each_framework!(events_come_through_nginx_at_once);
