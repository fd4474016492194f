use sse_test::client::PATIENCE;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// nginx as a reverse proxy. Dropping it stops the process.
pub(crate) struct Nginx {
    pub(crate) address: SocketAddr,
    _process: Child,
    _directory: TempDir,
}

impl Nginx {
    /// Starts nginx in front of this server, with an extra line of configuration.
    pub(crate) async fn start(server: SocketAddr, line: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // This port was just free, and nginx binds it at once.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = directory.path().display();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {at}/{name};"))
            .concat();
        let configuration = format!(
            "daemon off; master_process off; pid {at}/pid; error_log {at}/error.log; events {{}}
             http {{ access_log off; {temporary}
               server {{ listen {address}; location / {{ proxy_pass http://{server}; {line} }} }} }}"
        );
        let file = directory.path().join("nginx.conf");
        std::fs::write(&file, configuration).unwrap();
        let process = Command::new("nginx")
            .args(["-e", "stderr", "-c"])
            .arg(file)
            .kill_on_drop(true)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("nginx: {error}; install the package nginx-light"));
        let ready = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, ready).await.expect("nginx to listen");
        Self { address, _process: process, _directory: directory }
    }
}
