//! The mark of a stream: its epoch, when that began, and the replication ID that it was last seen
//! with, in the name of a consumer group that nobody reads with. So it lives and dies with the
//! stream.

use crate::connection::{PATIENCE, patiently};
use crate::entry::{Id, epoch_text, nonce_text, parse_nonce};
use crate::log::Inner;
use crate::script;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, RedisResult};
use sse_hub::Position;
use tokio::time::Instant;

/// What the mark begins with.
pub(crate) const PREFIX: &str = "sse-hub:";

/// How many epochs that were left are remembered.
const LEFT: usize = 64;

/// What this node knows about the stream.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    /// The epoch, and the name of the mark on the server that was found last.
    current: Option<(u64, String)>,
    /// The replication ID of the server; empty if it is to be found anew.
    replid: String,
    /// Epochs that must not come again.
    left: Vec<u64>,
    /// The newest position that the tail has read, and the newest that `publish` returned. Both
    /// must still be there when a connection is made.
    read: Option<Noted>,
    acknowledged: Option<Noted>,
    /// What the server's clock said, in milliseconds.
    clock: Option<(u64, Instant)>,
}

/// What was found on a server.
pub(crate) struct FoundMark {
    /// The newest position.
    pub(crate) newest: Position,
    pub(crate) replid: String,
}

#[derive(Debug, Clone, Copy)]
struct Noted {
    position: Position,
    at: Instant,
}

impl Mark {
    /// Finds the epoch of the stream, and makes one where there is none or it must not go on.
    pub(crate) async fn find(
        redis: &Inner,
        connection: &mut MultiplexedConnection,
    ) -> RedisResult<FoundMark> {
        // Of two answers, the later one must be the newer one.
        let _one_at_a_time = redis.finding.lock().await;
        let (name, id, nonce, time): (String, String, String, u64) = {
            let mut script = script::OPEN.key(&redis.key);
            script.arg(PREFIX).arg(epoch_text(redis.random()?)).arg(nonce_text(nonce()));
            redis.mark().arguments(&mut script);
            patiently(PATIENCE, script.invoke_async(connection)).await?
        };
        let found = (|| {
            let mut parts = name.strip_prefix(PREFIX)?.split(':');
            let epoch = u64::from_str_radix(parts.next()?, 16).ok()?;
            let replid = parts.next_back()?.to_owned();
            let Id(major, minor) = Id::parse(&id)?;
            let newest = Position { epoch, major, minor, nonce: parse_nonce(nonce.as_bytes())? };
            Some(FoundMark { newest, replid })
        })();
        let found = found.ok_or((ErrorKind::Parse, "the mark or the last entry cannot be read"))?;
        let mut mark = redis.mark();
        mark.enter(found.newest.epoch, name);
        mark.replid.clone_from(&found.replid);
        mark.note_time(time);
        Ok(found)
    }

    fn arguments(&self, script: &mut redis::ScriptInvocation<'_>) {
        script.arg(self.left.len());
        for epoch in &self.left {
            script.arg(epoch_text(*epoch));
        }
        for Noted { position, at } in [self.read, self.acknowledged].into_iter().flatten() {
            script.arg(epoch_text(position.epoch)).arg(Id::of(&position).to_string());
            script.arg(nonce_text(position.nonce)).arg(at.elapsed().as_millis() as u64);
        }
    }

    fn enter(&mut self, epoch: u64, name: String) {
        if self.epoch() != Some(epoch) {
            self.leave();
            (self.read, self.acknowledged) = (None, None);
        }
        self.current = Some((epoch, name));
    }

    /// Leaves the epoch, so that it must not come again.
    pub(crate) fn leave(&mut self) {
        self.left.extend(self.current.take().map(|(epoch, _)| epoch));
        if self.left.len() > LEFT {
            self.left.remove(0);
        }
    }

    pub(crate) fn has_left(&self, epoch: u64) -> bool {
        self.left.contains(&epoch)
    }

    pub(crate) fn epoch(&self) -> Option<u64> {
        self.current.as_ref().map(|(epoch, _)| *epoch)
    }

    /// Returns the epoch, and the name of the mark.
    pub(crate) fn current(&self) -> Option<(u64, String)> {
        self.current.clone()
    }

    pub(crate) fn replid(&self) -> String {
        self.replid.clone()
    }

    /// Has all connections made anew.
    pub(crate) fn leave_server(&mut self) {
        self.replid.clear();
    }

    /// Whether this is the replication ID of the server that was found last.
    pub(crate) fn is_of(&self, replid: &str) -> bool {
        self.replid == replid
    }

    pub(crate) fn note_read(&mut self, position: Position) {
        if self.epoch() == Some(position.epoch) && self.read.is_none_or(|read| read.position != position) {
            self.read = Some(Noted { position, at: Instant::now() });
        }
    }

    pub(crate) fn note_acknowledged(&mut self, position: Position) {
        let newest = self.acknowledged.is_none_or(|newest| position.is_after(&newest.position));
        if self.epoch() == Some(position.epoch) && newest {
            self.acknowledged = Some(Noted { position, at: Instant::now() });
        }
    }

    pub(crate) fn note_time(&mut self, milliseconds: u64) {
        self.clock = Some((milliseconds, Instant::now()));
    }

    /// The highest time of an ID that this node knows of.
    pub(crate) fn newest_time(&self) -> u64 {
        let clock = self.clock.map_or(0, |(time, at)| time + at.elapsed().as_millis() as u64);
        self.read.map_or(clock, |read| read.position.major.max(clock))
    }
}

/// Random bits that tell an entry from another one with the same ID.
pub(crate) fn nonce() -> u32 {
    fastrand::u32(1..)
}
