//! An accept loop that takes half as much memory for each connection as `axum::serve`, with
//! graceful shutdown.
//!
//! `cargo run -p sse-axum --example axum_many`, then `curl -N http://127.0.0.1:3004/events`.

use axum::{Router, routing::get};
use futures_util::stream::{self, Stream, StreamExt};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::{server::graceful::GracefulShutdown, service::TowerToHyperService};
use sse_axum::{Event, KeepAlive, Sse};
use std::{convert::Infallible, io, pin::pin, time::Duration};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::sleep;

/// Serves HTTP/1.1 until it is stopped, then waits for the open responses to end.
pub(crate) async fn serve(listener: TcpListener, app: Router, stopped: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(app.into_service());
    let mut http1 = http1::Builder::new();
    http1.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    let connections = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        let connection = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((connection, _)) => connection,
                // There may be too many open files: some will be closed in time.
                Err(_) => {
                    sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stopped => break,
        };
        connection.set_nodelay(true).ok();
        let connection = http1.serve_connection(TokioIo::new(connection), service.clone());
        tokio::spawn(connections.watch(connection));
    }
    drop(listener);
    connections.shutdown().await;
}

fn events(mut stopping: watch::Receiver<bool>) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let endless = stream::pending();
    let stopped = async move {
        stopping.wait_for(|stopping| *stopping).await.ok();
    };
    Sse::new(endless.take_until(stopped)).keep_alive(KeepAlive::new())
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let (stop, stopping) = watch::channel(false);
    let app = Router::new().route("/events", get(async move || events(stopping)));
    let listener = TcpListener::bind("127.0.0.1:3004").await?;
    let stopped = async move {
        tokio::signal::ctrl_c().await.ok();
        stop.send_replace(true);
    };
    serve(listener, app, stopped).await;
    Ok(())
}
