use crate::Engine;
use crate::count::{Connection, Counting};
use axum::Router;
use axum::serve::ListenerExt;
use std::io;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// How long clients have to read the end of their streams, and then to end their connections.
const GRACE: Duration = Duration::from_millis(400);

/// Serves the [`app`](crate::app) of this engine until `stopped`, and ends within a second after
/// that.
///
/// # Errors
///
/// Returns an error if the listener has none of its own address.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    engine: Engine,
    stopped: impl Future<Output = ()>,
) -> io::Result<()> {
    let (shut_down, drained) = oneshot::channel::<()>();
    let listener = Counting(listener.tap_io(|socket| _ = prepare(socket)));
    let app = app.into_make_service_with_connect_info::<Connection>();
    let server = axum::serve(listener, app).with_graceful_shutdown(async {
        drained.await.ok();
    });
    let server = tokio::spawn(server.into_future());
    stopped.await;
    engine.hub.drain(GRACE).await;
    drop(shut_down);
    // Whoever is still there does not read.
    timeout(GRACE, server).await.map_or(Ok(()), |server| server?)
}

/// Sends each event without waiting for the acknowledgement of the previous one. On Linux, also
/// closes the connection when the client has read nothing for half a minute.
fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = socket2::SockRef::from(socket);
        socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
        socket.set_send_buffer_size(64 * 1024)?;
    }
    Ok(())
}
