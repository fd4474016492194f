//! Serves the lab with `actix`, `axum`, `rocket` or `warp`, or the demo, on a port, and prints what
//! pages report. As a process of its own, the server can be killed.

use demo::Engine;
use e2e::{Lab, Report, server};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = "usage: e2e actix|axum|rocket|warp PORT, or e2e demo PORT [REDIS]";
    let (framework, port) = match &arguments[..] {
        [demo, port] if demo == "demo" => return print_demo(port, Engine::memory()).await,
        [demo, port, redis] if demo == "demo" => {
            return print_demo(port, Engine::redis(redis).await.expect("a Redis server")).await;
        }
        [framework, port] => (framework, port),
        _ => panic!("{usage}"),
    };
    let (lab, mut reports) = Lab::on(port.parse().expect("a port"));
    match framework.as_str() {
        "actix" => server::actix(lab).await,
        "axum" => server::axum(lab).await,
        "rocket" => server::rocket(lab).await,
        "warp" => server::warp(lab).await,
        other => panic!("unknown framework {other}"),
    };
    while let Some(report) = reports.recv().await {
        if let Report::Page(body) = report {
            println!("{body}");
        }
    }
}

async fn print_demo(port: &str, engine: Engine) {
    let (sender, mut reports) = tokio::sync::mpsc::unbounded_channel();
    e2e::demo::serve(port.parse().expect("a port"), engine, sender).await;
    while let Some(report) = reports.recv().await {
        println!("{report}");
    }
}
