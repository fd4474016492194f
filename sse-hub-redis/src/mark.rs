//! The mark of a stream: its epoch, and the replication ID that it was last seen with, in the name
//! of a consumer group that nobody reads with. So it lives and dies with the stream.

use crate::connection::{PATIENCE, patiently};
use crate::entry::{Id, epoch_text, nonce_text, parse_nonce};
use crate::log::Inner;
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, FromRedisValue, RedisResult, Script, Value};
use sse_hub::Position;
use std::sync::LazyLock;

/// What the mark begins with.
pub(crate) const PREFIX: &str = "sse-hub:";

/// How many epochs that were left are remembered.
const LEFT: usize = 64;

static OPEN: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("open.lua")));

/// What this node knows about the stream.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    epoch: Option<u64>,
    /// Epochs that must not come again.
    left: Vec<u64>,
    /// The newest position that the tail has read, and the newest that `publish` returned. After a
    /// restart, both must still be there.
    read: Option<Position>,
    acknowledged: Option<Position>,
}

impl Mark {
    /// Finds the epoch of the stream, and makes one where there is none or it must not go on.
    /// Returns the newest position.
    pub(crate) async fn find(redis: &Inner, connection: &mut MultiplexedConnection) -> RedisResult<Position> {
        let (epoch, id, nonce): (String, String, String) = {
            let mut script = OPEN.key(&redis.key);
            script.arg(PREFIX).arg(epoch_text(redis.random()?)).arg(nonce_text(nonce()));
            redis.mark().arguments(&mut script);
            patiently(PATIENCE, script.invoke_async(connection)).await?
        };
        let epoch = u64::from_str_radix(&epoch, 16).ok();
        let position = (|| {
            let Id(major, minor) = Id::parse(&id)?;
            Some(Position { epoch: epoch?, major, minor, nonce: parse_nonce(nonce.as_bytes())? })
        })();
        let position = position.ok_or((ErrorKind::Parse, "the stream's last entry cannot be read"))?;
        redis.mark().enter(position.epoch);
        Ok(position)
    }

    fn arguments(&self, script: &mut redis::ScriptInvocation<'_>) {
        script.arg(self.left.len());
        for epoch in &self.left {
            script.arg(epoch_text(*epoch));
        }
        for position in [self.read, self.acknowledged].into_iter().flatten() {
            if Some(position.epoch) == self.epoch {
                script.arg(Id::of(&position).to_string()).arg(nonce_text(position.nonce));
            }
        }
    }

    /// Notes the epoch of the stream.
    pub(crate) fn enter(&mut self, epoch: u64) {
        if let Some(left) = self.epoch.replace(epoch).filter(|left| *left != epoch) {
            self.left.push(left);
            if self.left.len() > LEFT {
                self.left.remove(0);
            }
        }
    }

    /// Has the epoch replaced by a new one.
    pub(crate) fn leave(&mut self, epoch: u64) {
        self.enter(epoch);
        self.epoch = None;
        self.left.push(epoch);
    }

    /// Whether this epoch was left, so that it must not come again.
    pub(crate) fn has_left(&self, epoch: u64) -> bool {
        self.left.contains(&epoch)
    }

    pub(crate) fn note_read(&mut self, position: Position) {
        self.read = Some(position);
    }

    pub(crate) fn note_acknowledged(&mut self, position: Position) {
        if self.acknowledged.is_none_or(|newest| !newest.is_after(&position)) {
            self.acknowledged = Some(position);
        }
    }
}

/// Random bits that tell an entry from another one with the same ID.
pub(crate) fn nonce() -> u32 {
    fastrand::u32(1..)
}

/// The epoch in the answer to `XINFO GROUPS`; `None` unless there is one mark.
pub(crate) fn epoch_of(groups: &Value) -> Option<u64> {
    let groups: Vec<std::collections::HashMap<String, Value>> =
        FromRedisValue::from_redis_value_ref(groups).ok()?;
    let mut marks = groups.iter().filter_map(|group| {
        let name: String = FromRedisValue::from_redis_value_ref(group.get("name")?).ok()?;
        let (epoch, _) = name.strip_prefix(PREFIX)?.split_once(':')?;
        u64::from_str_radix(epoch, 16).ok()
    });
    let epoch = marks.next()?;
    marks.next().is_none().then_some(epoch)
}
