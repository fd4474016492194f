//! Serves the demo.

use axum::body::Body;
use axum::serve::ListenerExt;
use clap::Parser;
#[cfg(target_os = "linux")]
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tower::make::Shared;

/// A clock that the server pushes to the page, with Server-Sent Events.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    /// The address to listen on; port 0 picks a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { addr } = Arguments::parse();
    match serve(addr).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: cannot listen on {addr}: {error}");
            if error.kind() == ErrorKind::AddrInUse {
                eprintln!("Another program is using that port. `--addr {}:0` picks a free one.", addr.ip());
            }
            ExitCode::FAILURE
        }
    }
}

async fn serve(addr: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(addr).await?;
    let url = format!("http://{}", listener.local_addr()?);
    println!("The clock is at {url}");
    println!("Without a browser: curl -N {url}/events");
    println!("Press Ctrl-C to stop.");

    let (stop, stopping) = watch::channel(false);
    let mut stopped = stopping.clone();
    // Without `Shared`, the router would be cloned for each connection.
    let app = Shared::new(demo::app(stopping).into_service::<Body>());
    let server = axum::serve(listener.tap_io(|connection| _ = prepare(connection)), app)
        .with_graceful_shutdown(async move {
            interrupted().await;
            stop.send_replace(true);
        });
    // Streams end on their own; this is for clients that do not read what they are sent.
    let grace_period = async {
        stopped.wait_for(|&stopped| stopped).await.ok();
        tokio::time::sleep(Duration::from_millis(700)).await;
    };
    tokio::select! {
        result = server => result,
        () = grace_period => Ok(()),
    }
}

/// Sends each event without waiting for the acknowledgement of the previous one. On Linux, also
/// closes the connection when the client has read nothing for half a minute.
fn prepare(connection: &TcpStream) -> io::Result<()> {
    connection.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(connection);
        socket.set_tcp_user_timeout(Some(Duration::from_secs(30)))?;
        socket.set_send_buffer_size(64 * 1024)?;
    }
    Ok(())
}

/// Waits for Ctrl-C or, on Unix, SIGTERM.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    tokio::signal::ctrl_c().await.ok();
}
