use crate::log::{Connect, Inner};
use crate::mark::Mark;
use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, ProtocolVersion, PushInfo, PushKind, RedisError, RedisResult,
    ServerErrorKind,
};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;

/// How long to wait for a connection, and for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A connection that is made when it is needed, and made anew when it is of no use.
#[derive(Default)]
pub(crate) struct Slot {
    open: Mutex<Option<Open>>,
}

struct Open {
    lease: Lease,
    /// The replication ID of its server.
    replid: String,
}

/// A connection in use.
#[derive(Clone)]
pub(crate) struct Lease {
    pub(crate) connection: MultiplexedConnection,
    closed: Arc<AtomicBool>,
}

impl Slot {
    /// Returns the connection. Each new one looks for the stream's mark first.
    pub(crate) async fn get(&self, redis: &Inner) -> RedisResult<Lease> {
        patiently(PATIENCE, self.open(redis)).await
    }

    async fn open(&self, redis: &Inner) -> RedisResult<Lease> {
        // Whoever comes second waits for the same connection.
        let mut open = self.open.lock().await;
        if let Some(Open { lease, replid }) = &*open {
            // What is sent over a connection that was closed has an unknown outcome, and what is
            // sent to a server that another connection has left is lost.
            if !lease.closed.load(Ordering::SeqCst) && redis.mark().is_of(replid) {
                return Ok(lease.clone());
            }
        }
        *open = None;
        let closed = Arc::new(AtomicBool::new(false));
        let mut connection = connect(&redis.connect, closed.clone()).await?;
        let replid = Mark::find(redis, &mut connection).await?.replid;
        let lease = Lease { connection, closed };
        *open = Some(Open { lease: lease.clone(), replid });
        Ok(lease)
    }
}

impl Lease {
    /// Lets go of what an error shows to be of no use: this connection, or this server.
    pub(crate) fn failed(&self, redis: &Inner, error: &RedisError) {
        match failure(error) {
            Failure::Refused => {}
            Failure::Broken => self.closed.store(true, Ordering::SeqCst),
            Failure::WrongServer => redis.mark().leave_server(),
        }
    }
}

async fn connect(connect: &Connect, closed: Arc<AtomicBool>) -> RedisResult<MultiplexedConnection> {
    // If several providers of cryptography are linked, rustls panics unless one is chosen.
    #[cfg(feature = "tls")]
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        _ = rustls::crypto::ring::default_provider().install_default();
    }
    // Only this protocol tells that a connection was closed before it is used again.
    let info = connect().await?.get_connection_info().clone();
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let client = Client::open(info.set_redis_settings(settings))?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        // Each command has a time-out of its own.
        .set_response_timeout(None)
        .set_push_sender(move |push: PushInfo| {
            closed.fetch_or(push.kind == PushKind::Disconnection, Ordering::SeqCst);
            Ok::<(), Infallible>(())
        });
    client.get_multiplexed_async_connection_with_config(&config).await
}

/// Waits for an answer.
pub(crate) async fn patiently<T>(
    patience: Duration,
    answer: impl Future<Output = RedisResult<T>>,
) -> RedisResult<T> {
    let late = || RedisError::from((ErrorKind::Io, "Redis did not answer in time"));
    tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| Err(late()))
}

/// What an error says about the command that it answers.
pub(crate) enum Failure {
    /// Redis refused the command, and would again.
    Refused,
    /// Redis refused the command, and this connection is of no use: it leads to a replica, or to a
    /// server that is still loading.
    WrongServer,
    /// There is no answer.
    Broken,
}

pub(crate) fn failure(error: &RedisError) -> Failure {
    use ServerErrorKind::{BusyLoading, MasterDown, ReadOnly, TryAgain};
    match error.kind() {
        ErrorKind::Server(BusyLoading | MasterDown | ReadOnly | TryAgain) => Failure::WrongServer,
        ErrorKind::Io | ErrorKind::Parse => Failure::Broken,
        _ => Failure::Refused,
    }
}

pub(crate) type SharedError = Arc<RedisError>;
