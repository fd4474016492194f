//! Serves the demo.

use clap::Parser;
use demo::Engine;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::process::ExitCode;
use tokio::net::TcpListener;

/// A clock, a comparison and a chat, with Server-Sent Events.
///
/// Opens a server with three pages: `/` is a clock that the server pushes to the page, `/compare`
/// shows polling, long polling, Server-Sent Events and a WebSocket side by side, and `/chat` is a
/// chat. Everything is compiled in, and kept in memory unless you name a Redis server.
#[derive(Parser)]
#[command(version, after_help = AFTER_HELP)]
struct Arguments {
    /// The address to listen on; port 0 picks a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:3000")]
    addr: SocketAddr,

    /// The Redis server (7.0 or later) to keep events in, such as `redis://127.0.0.1:6379/`; all demos
    /// with the same one share their events
    #[arg(long, value_name = "URL")]
    redis: Option<String>,
}

const AFTER_HELP: &str = "\
Examples:
  demo
      In memory, at http://127.0.0.1:3000.
  demo --addr 0.0.0.0:8080
      For other machines, too. Anyone who can reach the port can read and post.
  demo --redis redis://127.0.0.1/ --addr 127.0.0.1:3000
  demo --redis redis://127.0.0.1/ --addr 127.0.0.1:3001
      Two servers, one chat. Stop Redis or one of them, start it again, and watch.
  curl -N http://127.0.0.1:3000/events
      The clock without a browser.

Ctrl-C or SIGTERM ends all streams and then the program, within a second.";

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(Arguments { addr, redis }: Arguments) -> Result<(), String> {
    let listener = TcpListener::bind(addr).await.map_err(|error| {
        let busy = error.kind() == ErrorKind::AddrInUse;
        let ip = addr.ip();
        let hint = format!("\nAnother program is using that port. `--addr {ip}:0` picks a free one.");
        format!("cannot listen on {addr}: {error}{}", if busy { hint.as_str() } else { "" })
    })?;
    let url = listener.local_addr().map_err(|error| error.to_string())?;
    let engine = match &redis {
        None => Engine::memory(),
        Some(url) => Engine::redis(url).await?,
    };
    println!("The demo is at http://{url}");
    println!("Events are kept in {}.", engine.name());
    println!("Without a browser: curl -N http://{url}/events");
    println!("Press Ctrl-C to stop.");
    let app = demo::app(&engine);
    demo::serve(listener, app, engine, interrupted()).await.map_err(|error| error.to_string())
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
