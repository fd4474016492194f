//! Browsers, started without a window and with a fresh profile.

use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// A browser with a page open. Dropping it closes the browser.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    _profile: TempDir,
}

impl Browser {
    /// Opens the page in Chromium.
    ///
    /// # Panics
    ///
    /// Panics if Chromium is not installed.
    pub fn chromium(url: &str) -> Self {
        let options = "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --disable-sync \
                       --disable-background-networking --disable-component-update --ignore-certificate-errors";
        Self::open("chromium", "chromium", |command, profile| {
            command
                .args(options.split_whitespace())
                .arg(format!("--user-data-dir={}", profile.display()))
                .arg(url);
        })
    }

    /// Opens the page in Firefox.
    ///
    /// # Panics
    ///
    /// Panics if Firefox is not installed.
    pub fn firefox(url: &str) -> Self {
        Self::open("firefox-esr", "firefox-esr", |command, profile| {
            command
                .args(["--headless", "--no-remote", "--profile"])
                .arg(profile)
                .arg(url)
                .env("HOME", profile);
        })
    }

    /// Opens the page in the browser of `WebKitGTK`, on its own display.
    ///
    /// # Panics
    ///
    /// Panics if Xvfb or the browser is not installed.
    pub fn webkit(url: &str) -> Self {
        Self::open("xvfb-run", "xvfb", |command, profile| {
            command
                .args(["--auto-servernum", &mini_browser(), "--private", url])
                .env("HOME", profile)
                .env("TMPDIR", profile);
            // The sandbox does not start as root or in most containers.
            command.env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1");
        })
    }

    fn open(program: &str, package: &str, options: impl FnOnce(&mut Command, &Path)) -> Self {
        let profile = tempfile::tempdir().expect("a directory for the profile");
        let mut command = Command::new(program);
        options(&mut command, profile.path());
        // The browser's child processes share its process group, so that they end with it.
        command.process_group(0).kill_on_drop(true);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn();
        let process =
            process.unwrap_or_else(|error| panic!("{program}: {error}; install the package {package}"));
        Self { process, _profile: profile }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(id) = self.process.id() {
            // SIGTERM first, so that Xvfb can clean up.
            let end = format!("kill -s TERM -- -{id}; sleep 0.5; kill -s KILL -- -{id}");
            std::process::Command::new("sh").args(["-c", &end]).stderr(Stdio::null()).status().ok();
        }
    }
}

/// Returns where Debian's package `webkit2gtk-driver` installs it, which is not in `PATH`.
fn mini_browser() -> String {
    let path =
        |version| format!("/usr/lib/{}-linux-gnu/webkit2gtk-{version}/MiniBrowser", std::env::consts::ARCH);
    let found = ["4.1", "4.0"].map(path).into_iter().find(|path| Path::new(path).exists());
    found.unwrap_or_else(|| panic!("MiniBrowser: not found; install the package webkit2gtk-driver"))
}
