//! Serves the lab with `axum`, `rocket` or `warp` on a port, and prints what pages report. As a
//! process of its own, the server can be killed.

use e2e::{Lab, Report, server};

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [framework, port] = &arguments[..] else { panic!("usage: e2e axum|rocket|warp PORT") };
    let (lab, mut reports) = Lab::on(port.parse().expect("a port"));
    match framework.as_str() {
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
