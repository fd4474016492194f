//! The hub behind a server with many connections, beside its peers.

use crate::hub_server::Variant;
use crate::measure::{Sample, in_turn};
use crate::program;
use crate::report::{Section, significant, table};
use crate::server::Process;
use clap::ValueEnum;
use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// The events of a burst.
const BURST: usize = 50;

#[derive(Clone, Copy)]
enum Peer {
    Ours(Variant),
    Jemalloc,
    /// With so many processes.
    Nchan(usize),
}

const PEERS: [(&str, Peer); 6] = [
    ("axum's `Sse` and `broadcast`, `axum::serve`", Peer::Ours(Variant::Axum)),
    ("`Hub`, `axum::serve`", Peer::Ours(Variant::Hub)),
    ("`Hub`, the loop of `axum_many`", Peer::Ours(Variant::HubLoop)),
    ("the same with jemalloc", Peer::Jemalloc),
    ("nchan, one process", Peer::Nchan(1)),
    ("nchan, two processes", Peer::Nchan(2)),
];

/// # Errors
///
/// Returns an error when a server or the clients fail.
pub fn section(quick: bool) -> io::Result<Section> {
    let (counts, rounds): (&[usize], _) = if quick { (&[100], 1) } else { (&[1_000, 5_000], 5) };
    let mut text = "Bytes of memory for an idle connection, microseconds of the server's processor time for the delivery of \
                    an event of 300 bytes, and milliseconds until a client has it. The clients of a server are one \
                    process, which shares the machine with it. Paced: one event every 100 ms, or fewer if it takes \
                    longer. Bursts have 50 events.\n"
        .to_owned();
    let mut spread = Vec::new();
    for &connections in counts {
        eprintln!("{connections} connections");
        let mut peers = Vec::new();
        for (name, peer) in PEERS {
            eprintln!("starting {name}");
            if let Some(server) = peer.start()? {
                peers.push((name, Candidate::start(server, connections, peer)?));
            }
        }
        let mut turns = |(bursts, size)| {
            in_turn(rounds, peers.len(), |index| peers[index].1.turn(connections, bursts, size))
        };
        let paced = turns((if quick { 5 } else { 40 }, 1))?;
        let bursts = turns((if quick { 1 } else { 15_000 / connections }, BURST))?;
        let mut rows = Vec::new();
        for (((name, candidate), paced), bursts) in peers.iter().zip(paced).zip(bursts) {
            let mut row = vec![(*name).to_owned(), candidate.memory.to_string()];
            for turns in [paced, bursts] {
                for (index, unit) in [1e6, 1e3, 1e3].into_iter().enumerate() {
                    let sample = Sample::new(name, turns.iter().map(|values| values[index]).collect());
                    spread.push(sample.spread);
                    row.push(significant(sample.seconds * unit));
                }
            }
            rows.push(row);
        }
        let header =
            ["", "bytes", "paced, µs", "median, ms", "p99, ms", "bursts, µs", "median, ms", "p99, ms"];
        text += &format!("\n### {connections} connections\n\n{}", table(&header, &rows));
    }
    Ok(Section { title: "The hub behind a server", text, spread })
}

impl Peer {
    /// Starts a server, unless it is not installed.
    fn start(self) -> io::Result<Option<Server>> {
        Ok(Some(match self {
            Self::Ours(variant) => {
                let name = variant.to_possible_value().expect("all variants have a name");
                let mut command = Command::new(env::current_exe()?);
                command.args(["serve-hub", name.get_name()]);
                Server::Ours(Process::start(&mut command)?)
            }
            Self::Jemalloc => Server::Ours(Process::start(&mut program::built("hub-server-jemalloc")?)?),
            Self::Nchan(processes) => {
                let Some(nginx) = Nginx::start(processes)? else { return Ok(None) };
                Server::Nginx(nginx)
            }
        }))
    }
}

enum Server {
    Ours(Process),
    Nginx(Nginx),
}

impl Server {
    fn address(&self) -> &str {
        match self {
            Self::Ours(process) => &process.address,
            Self::Nginx(nginx) => &nginx.address,
        }
    }

    fn processes(&self) -> io::Result<Vec<u32>> {
        match self {
            Self::Ours(process) => Ok(vec![process.id()]),
            Self::Nginx(nginx) => nginx.processes(),
        }
    }

    fn processor_time(&self) -> io::Result<Duration> {
        self.processes()?.into_iter().map(Process::processor_time_of).sum()
    }

    /// The resident memory, in bytes, where several processes share the parts that they have in
    /// common.
    fn memory(&self) -> io::Result<usize> {
        let mut kibibytes = 0;
        for process in self.processes()? {
            let sums = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
            let sum = sums.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next());
            kibibytes += sum.and_then(|sum| sum.parse::<usize>().ok()).ok_or(ErrorKind::InvalidData)?;
        }
        Ok(1024 * kibibytes)
    }
}

/// A server with its clients.
struct Candidate {
    server: Server,
    clients: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// The memory of the server for a connection, in bytes.
    memory: usize,
}

impl Candidate {
    fn start(server: Server, connections: usize, peer: Peer) -> io::Result<Self> {
        sleep(Duration::from_millis(200));
        let before = server.memory()?;
        let pipelined = matches!(peer, Peer::Nchan(_));
        let mut clients = Command::new(env::current_exe()?)
            .args(["clients-of-hub", server.address(), &connections.to_string()])
            .args(pipelined.then_some("--pipelined"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = clients.stdin.take().expect("it is piped");
        let output = BufReader::new(clients.stdout.take().expect("it is piped"));
        let mut candidate = Self { server, clients, input, output, memory: 0 };
        candidate.line()?;
        sleep(Duration::from_millis(200));
        candidate.memory = candidate.server.memory()?.saturating_sub(before) / connections;
        Ok(candidate)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.output.read_line(&mut line)? == 0 {
            return Err(io::Error::other("the clients have failed"));
        }
        Ok(line)
    }

    /// The processor time of a delivery, and its delay at the median and the 99th percentile.
    fn turn(&mut self, connections: usize, bursts: usize, size: usize) -> io::Result<[f64; 3]> {
        let before = self.server.processor_time()?;
        writeln!(self.input, "{bursts} {size}")?;
        let line = self.line()?;
        let time = self.server.processor_time()? - before;
        let mut delays = line.split_whitespace().filter_map(|delay| delay.parse().ok());
        let mut delay = || delays.next().ok_or(ErrorKind::InvalidData);
        Ok([time.as_secs_f64() / (connections * bursts * size) as f64, delay()?, delay()?])
    }
}

impl Drop for Candidate {
    fn drop(&mut self) {
        _ = self.clients.kill();
        _ = self.clients.wait();
    }
}

/// nginx with the module nchan.
struct Nginx {
    process: Child,
    address: String,
    directory: PathBuf,
}

impl Nginx {
    const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

    fn start(processes: usize) -> io::Result<Option<Self>> {
        if !Path::new(Self::MODULE).exists() {
            eprintln!("nchan is left out; install libnginx-mod-nchan");
            return Ok(None);
        }
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let directory = env::temp_dir().join(format!("sse-bench-nginx-{}", address.replace(':', "-")));
        fs::create_dir_all(&directory)?;
        let configuration = format!(
            "load_module {module};
            daemon off;
            user root;
            worker_processes {processes};
            worker_rlimit_nofile 20000;
            pid nginx.pid;
            error_log error.log;
            events {{ worker_connections 10000; }}
            http {{
                access_log off;
                client_body_temp_path body;
                proxy_temp_path proxy;
                fastcgi_temp_path fastcgi;
                uwsgi_temp_path uwsgi;
                scgi_temp_path scgi;
                nchan_shared_memory_size 256M;
                keepalive_requests 1000000;
                server {{
                    listen {address} backlog=4096;
                    nchan_channel_id news;
                    location = /news {{
                        nchan_subscriber eventsource;
                        nchan_subscriber_first_message newest;
                        nchan_eventsource_ping_interval 3600;
                    }}
                    location = /news/1 {{
                        nchan_publisher;
                        nchan_message_buffer_length 1024;
                    }}
                }}
            }}",
            module = Self::MODULE,
        );
        fs::write(directory.join("nginx.conf"), configuration)?;
        let process = Self::command(&directory).spawn()?;
        let nginx = Self { process, address, directory };
        let deadline = Instant::now() + Duration::from_secs(10);
        while let Err(error) = TcpStream::connect(&nginx.address) {
            if Instant::now() > deadline {
                return Err(error);
            }
            sleep(Duration::from_millis(10));
        }
        Ok(Some(nginx))
    }

    fn command(directory: &Path) -> Command {
        let mut command = Command::new("nginx");
        command.arg("-p").arg(directory).args(["-c", "nginx.conf", "-e", "error.log"]).stdin(Stdio::null());
        command
    }

    fn processes(&self) -> io::Result<Vec<u32>> {
        let id = self.process.id();
        let children = fs::read_to_string(format!("/proc/{id}/task/{id}/children"))?;
        let children = children.split_whitespace().filter_map(|child| child.parse().ok());
        Ok([id].into_iter().chain(children).collect())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        _ = Self::command(&self.directory).args(["-s", "stop"]).status();
        _ = self.process.wait();
        _ = fs::remove_dir_all(&self.directory);
    }
}
