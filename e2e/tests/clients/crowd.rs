//! A thousand clients whose connections are cut at random, and what they were not told.

use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_clients_miss_nothing_that_they_are_not_told_of() {
    let crowd = Command::new(env!("CARGO_BIN_EXE_crowd"))
        .args(["--clients", "1000", "--seconds", "15"])
        .kill_on_drop(true)
        .output();
    let output = timeout(Duration::from_secs(120), crowd).await.expect("it ends in time").unwrap();
    let (counts, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{counts}{errors}");
}
