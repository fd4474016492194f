use crate::log::{Connect, Inner};
use crate::mark::Mark;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError, RedisResult, ServerErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How long to wait for a connection, and for an answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

/// A connection that is made when it is needed, and made anew when it is of no use.
#[derive(Default)]
pub(crate) struct Slot {
    open: Mutex<Option<Open>>,
}

#[derive(Clone)]
struct Open {
    number: u64,
    connection: MultiplexedConnection,
}

/// A connection in use.
pub(crate) struct Lease {
    number: u64,
    pub(crate) connection: MultiplexedConnection,
}

impl Slot {
    /// Returns the connection. Each new one looks for the stream's mark first.
    pub(crate) async fn get(&self, redis: &Inner) -> RedisResult<Lease> {
        // Whoever comes second waits for the same connection.
        let mut open = self.open.lock().await;
        if let Some(Open { number, connection }) = open.clone() {
            return Ok(Lease { number, connection });
        }
        let mut connection = connect(&redis.connect).await?;
        Mark::find(redis, &mut connection).await?;
        let number = redis.next_number();
        *open = Some(Open { number, connection: connection.clone() });
        Ok(Lease { number, connection })
    }

    /// Drops the connection, unless there is a newer one.
    pub(crate) async fn fail(&self, lease: &Lease) {
        let mut open = self.open.lock().await;
        open.take_if(|open| open.number == lease.number);
    }

    pub(crate) async fn reset(&self) {
        *self.open.lock().await = None;
    }
}

async fn connect(connect: &Connect) -> RedisResult<MultiplexedConnection> {
    let client = connect().await?;
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        // Each command has a time-out of its own.
        .set_response_timeout(None);
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
        ErrorKind::Server(_) if error.code() == Some("UNBLOCKED") => Failure::WrongServer,
        ErrorKind::Extension if error.code() == Some("UNBLOCKED") => Failure::WrongServer,
        ErrorKind::Io | ErrorKind::Parse => Failure::Broken,
        _ if error.is_connection_dropped() || error.is_timeout() => Failure::Broken,
        _ => Failure::Refused,
    }
}

pub(crate) type SharedError = Arc<RedisError>;
