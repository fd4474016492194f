//! The hub without a server.

use crate::fan_out::{self, CAPACITY, Way};
use crate::program;
use crate::report::{Section, table};
use crate::topics;
use std::io;

/// # Errors
///
/// Returns an error when a part of it cannot be built or run.
pub fn section(quick: bool) -> io::Result<Section> {
    let mut spread = Vec::new();
    let fan_out = fan_out::measure(quick, &mut spread)?;
    let memory = memory(if quick { 1_000 } else { 100_000 })?;
    let topics = topics::measure(quick, &mut spread);
    Ok(Section { title: "The hub in memory", text: format!("{fan_out}\n{memory}\n{topics}"), spread })
}

fn memory(subscribers: usize) -> io::Result<String> {
    eprintln!("memory of {subscribers} subscribers");
    let output = program::built("hub-memory")?.arg(subscribers.to_string()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr)));
    }
    let output = String::from_utf8_lossy(&output.stdout);
    let names = Way::ALL
        .map(Way::name)
        .into_iter()
        .chain(["`Hub`, a topic for each subscriber", "the same, each topic with an event of 50 bytes"]);
    let rows: Vec<_> =
        names.zip(output.lines()).map(|(name, bytes)| vec![name.into(), bytes.into()]).collect();
    Ok(format!(
        "Bytes of memory for a subscriber and its task, of {subscribers} that have read an event, as asked of the \
         allocator. The channels have room for {CAPACITY} events.\n\n{}",
        table(&["", "bytes"], &rows),
    ))
}
