//! The memory of an idle connection to an axum server.

use crate::measure::median;
use crate::report::{Section, Target, table};
use crate::serve::{AFTER_EVENT, AXUM_AFTER_EVENT, AXUM_IDLE, AXUM_IDLE_KEEP_ALIVE, IDLE, IDLE_KEEP_ALIVE};
use crate::server::Server;
use std::io;
use std::thread;
use std::time::Duration;

/// The first ones warm up what all connections share.
const WARM_UP: usize = 100;

/// Together they stay below the 1024 files that a process may open by default.
const CONNECTIONS: usize = 800;

const STREAMS: [(&str, &str); 6] = [
    ("`Sse`", IDLE),
    ("axum", AXUM_IDLE),
    ("`Sse` with keep-alive", IDLE_KEEP_ALIVE),
    ("axum with keep-alive", AXUM_IDLE_KEEP_ALIVE),
    ("`Sse` after an event", AFTER_EVENT),
    ("axum after an event", AXUM_AFTER_EVENT),
];

/// # Errors
///
/// When the server does not serve.
pub fn section(quick: bool) -> io::Result<Section> {
    let rounds = if quick { 1 } else { 5 };
    let mut sizes = [const { Vec::new() }; STREAMS.len()];
    for round in 1..=rounds {
        eprintln!("memory, round {round} of {rounds}");
        for ((_, path), sizes) in STREAMS.iter().zip(&mut sizes) {
            sizes.push(growth(path)?);
        }
    }
    let sizes = sizes.map(median);
    let row = |((name, _), bytes): (&(&str, &str), &f64)| vec![(*name).to_owned(), format!("{bytes:.0}")];
    let rows: Vec<_> = STREAMS.iter().zip(&sizes).map(row).collect();
    let ratios = [
        ("without keep-alive", sizes[0] / sizes[1]),
        ("with keep-alive", sizes[2] / sizes[3]),
        ("after an event", sizes[4] / sizes[5]),
    ];
    Ok(Section {
        title: "Memory of an idle connection",
        text: format!(
            "By how much the server's resident memory grows for each of {CONNECTIONS} connections.\n\n{}",
            table(&["", "bytes"], &rows),
        ),
        targets: vec![Target::at_most("Memory of an idle connection against axum's", 1.0, &ratios)],
        spread: Vec::new(),
    })
}

/// In a server of its own, since freed memory would serve the next ones.
fn growth(path: &str) -> io::Result<f64> {
    let server = Server::start(1)?;
    let connect = |count| (0..count).map(|_| server.get(path)).collect::<Result<Vec<_>, _>>();
    let _warm_up = connect(WARM_UP)?;
    let before = resident(&server)?;
    let _connections = connect(CONNECTIONS)?;
    Ok((resident(&server)? - before) as f64 / CONNECTIONS as f64)
}

fn resident(server: &Server) -> io::Result<u64> {
    // What the last connection still has to do.
    thread::sleep(Duration::from_millis(100));
    server.resident()
}
