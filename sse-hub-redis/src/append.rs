//! Appending to the stream.

use crate::batch::Batches;
use crate::connection::{Failure, PATIENCE, failure, patiently};
use crate::entry::Entry;
use crate::error::advised;
use crate::log::{Inner, PAGE};
use crate::mark::{self, Mark};
use bytes::Bytes;
use redis::{RedisError, RedisResult};
use sse_hub::{AppendError, Position};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long to wait between attempts to publish.
const RETRY: Duration = Duration::from_millis(50);

impl Inner {
    pub(crate) async fn append(self: &Arc<Self>, topic: &str, block: Bytes) -> Result<Position, AppendError> {
        let deadline = Instant::now() + self.publish_wait;
        let nonce = mark::nonce();
        loop {
            let error = match Batches::append(self, topic, block.clone(), nonce).await {
                Ok(position) => return Ok(position),
                Err(Attempt::Unknown(error)) => return self.look_for(nonce, error, deadline).await,
                Err(Attempt::Refused(error)) => return Err(AppendError::Refused(advised(error))),
                Err(Attempt::Unreachable(error)) => error,
            };
            if Instant::now() + RETRY > deadline {
                return Err(AppendError::Refused(advised(error)));
            }
            sleep(RETRY).await;
        }
    }

    /// Looks whether an event is there whose answer was lost. That it is not there proves nothing:
    /// a server that was stopped may still read the command.
    async fn look_for(
        &self,
        nonce: u32,
        lost: RedisError,
        deadline: Instant,
    ) -> Result<Position, AppendError> {
        loop {
            match self.find(nonce).await {
                Ok(Some(position)) => {
                    self.mark().note_acknowledged(position);
                    return Ok(position);
                }
                Err(_) if Instant::now() + RETRY < deadline => sleep(RETRY).await,
                Ok(None) | Err(_) => return Err(AppendError::Unknown(lost.into())),
            }
        }
    }

    /// Looks for an entry among the newest ones.
    async fn find(&self, nonce: u32) -> RedisResult<Option<Position>> {
        let mut lease = self.publisher.get(self).await?;
        let find = async {
            let epoch = Mark::find(self, &mut lease.connection).await?.newest.epoch;
            let mut range = redis::cmd("XREVRANGE");
            range.arg(&self.key).arg("+").arg("-").arg("COUNT").arg(PAGE);
            let entries: Vec<Entry> = patiently(PATIENCE, range.query_async(&mut lease.connection)).await?;
            let found = entries.iter().find(|entry| entry.nonce == Some(nonce));
            Ok(found.map(|entry| entry.position(epoch)))
        };
        let found = find.await;
        if let Err(error) = &found {
            lease.failed(self, error);
        }
        found
    }
}

/// Why an attempt to append failed.
#[derive(Clone)]
pub(crate) enum Attempt {
    Refused(RedisError),
    Unreachable(RedisError),
    Unknown(RedisError),
}

impl Attempt {
    /// The attempt failed before anything was sent, or was refused.
    pub(crate) fn before(error: RedisError) -> Self {
        match failure(&error) {
            Failure::Refused => Self::Refused(error),
            Failure::WrongServer | Failure::Broken => Self::Unreachable(error),
        }
    }

    /// The attempt failed after it was sent.
    pub(crate) fn after(error: RedisError) -> Self {
        match failure(&error) {
            Failure::Broken => Self::Unknown(error),
            _ => Self::before(error),
        }
    }
}
