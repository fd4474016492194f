//! A clock on plain hyper, without a framework: keep-alive, resuming, HTTP/1.1 and HTTP/2, graceful
//! shutdown.
//!
//! `cargo run -p sse-proto --features http,tokio --example hyper`, then
//! `curl -N http://127.0.0.1:3003/ticks`.

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStream, TryStreamExt};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use sse_core::{EncodedEvent, Event, KeepAlive, LastEventId, Sse};
use std::convert::Infallible;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::pin;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;
pub(crate) type Body = UnsyncBoxBody<Bytes, BoxError>;

/// Answers requests until the server is stopped, then waits for the open responses to end.
pub(crate) async fn serve<A>(listener: TcpListener, answer: A, stopped: impl Future<Output = ()>)
where
    A: Fn(&Request<Incoming>) -> Response<Body> + Clone + Send + 'static,
{
    let connections = GracefulShutdown::new();
    pin!(stopped);
    loop {
        let (connection, _) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                // The client was gone before it was accepted.
                Err(_) => continue,
            },
            () = &mut stopped => break,
        };
        // An event must not wait for the acknowledgement of the one before it.
        connection.set_nodelay(true).ok();
        let answer = answer.clone();
        let service = service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request))));
        let builder = Builder::new(TokioExecutor::new());
        let connection = builder.serve_connection(TokioIo::new(connection), service).into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                eprintln!("a connection broke: {error}");
            }
        });
    }
    drop(listener);
    connections.shutdown().await;
}

/// A response of these events.
pub(crate) fn events<S>(stream: S, keep_alive: KeepAlive) -> Response<Body>
where
    S: TryStream + Send + 'static,
    S::Ok: Into<EncodedEvent>,
    S::Error: Into<BoxError>,
{
    Sse::new(stream.map_err(Into::into)).keep_alive(keep_alive).into_response().map(BodyExt::boxed_unsync)
}

/// A response without events.
pub(crate) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(Full::new(text.into()).map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = status;
    response
}

fn answer(request: &Request<Incoming>) -> Response<Body> {
    let id = match LastEventId::from_http(request.headers(), request.uri()) {
        Ok(id) => id,
        Err(error) => return plain(StatusCode::BAD_REQUEST, error.to_string()),
    };
    if request.uri().path() != "/ticks" {
        return plain(StatusCode::NOT_FOUND, "There is only /ticks.\n");
    }
    let next = id.parse::<u32>().map_or(1, |seen| seen.saturating_add(1));
    let ticks = stream::iter(next..=u32::MAX).then(async |id| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, Infallible>(Event::new().event("tick").id(id.to_string()).data("tock"))
    });
    events(ticks, KeepAlive::new())
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:3003").await?;
    println!("curl -N http://{}/ticks", listener.local_addr()?);
    let stopped = async {
        tokio::signal::ctrl_c().await.ok();
    };
    serve(listener, answer, stopped).await;
    Ok(())
}
