//! The other programs of this package. Each has an allocator of its own.

use std::env;
use std::io;
use std::process::Command;

/// Builds a program next to this one, if need be.
///
/// # Errors
///
/// Returns an error when it cannot be built.
pub fn built(name: &str) -> io::Result<Command> {
    let profile = if cfg!(debug_assertions) { "dev" } else { "release" };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo)
        .args(["build", "--quiet", "--profile", profile, "--bin", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()?;
    if !built.success() {
        return Err(io::Error::other(format!("{name} cannot be built")));
    }
    Ok(Command::new(env::current_exe()?.with_file_name(name)))
}
