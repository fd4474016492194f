//! The entries of the stream.

use bytes::Bytes;
use redis::{FromRedisValue, ParsingError, Value};
use sse_hub::{Position, Record};

/// The field of the random bits that tell an entry from another one with the same ID.
pub(crate) const NONCE: &[u8] = b"n";
pub(crate) const TOPIC: &[u8] = b"t";
pub(crate) const BLOCK: &[u8] = b"b";

/// An entry's ID: milliseconds and a sequence number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u64, pub(crate) u64);

impl Id {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('-')?;
        Some(Self(major.parse().ok()?, minor.parse().ok()?))
    }

    pub(crate) fn of(position: &Position) -> Self {
        Self(position.major, position.minor)
    }
}

impl FromRedisValue for Id {
    fn from_redis_value_ref(value: &Value) -> Result<Self, ParsingError> {
        Self::from_redis_value(value.clone())
    }

    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let id = String::from_redis_value(value)?;
        Ok(Self::parse(&id).ok_or("the ID of an entry is not a pair of numbers")?)
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.0, self.1)
    }
}

/// An entry: ours, or that of a stranger.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) id: Id,
    pub(crate) nonce: Option<u32>,
    topic: Option<String>,
    block: Option<Bytes>,
    fields: usize,
}

impl Entry {
    pub(crate) fn position(&self, epoch: u64) -> Position {
        let Id(major, minor) = self.id;
        Position { epoch, major, minor, nonce: self.nonce.unwrap_or(0) }
    }

    pub(crate) fn size(&self) -> usize {
        self.block.as_ref().map_or(0, Bytes::len) + 64
    }

    pub(crate) fn topic(&self) -> Option<&str> {
        self.topic.as_deref()
    }

    /// Returns the record of an entry that a hub has written. Strangers' entries have none.
    pub(crate) fn record(&self, epoch: u64) -> Option<Record> {
        self.nonce?;
        Record::new(self.topic.as_deref()?, self.position(epoch), self.block.as_ref()?).ok()
    }

    /// Whether it is there only so that the stream has an entry.
    pub(crate) fn is_opening(&self) -> bool {
        self.nonce.is_some() && self.fields == 1
    }
}

impl FromRedisValue for Entry {
    fn from_redis_value_ref(value: &Value) -> Result<Self, ParsingError> {
        Self::from_redis_value(value.clone())
    }

    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let (id, fields): (Id, Vec<Value>) = FromRedisValue::from_redis_value(value)?;
        let mut entry = Self { id, nonce: None, topic: None, block: None, fields: fields.len() / 2 };
        let mut fields = fields.into_iter();
        while let (Some(Value::BulkString(name)), Some(Value::BulkString(value))) =
            (fields.next(), fields.next())
        {
            match &*name {
                NONCE => entry.nonce = parse_nonce(&value),
                TOPIC => entry.topic = String::from_utf8(value).ok(),
                BLOCK => entry.block = Some(value.into()),
                _ => {}
            }
        }
        Ok(entry)
    }
}

pub(crate) fn parse_nonce(text: &[u8]) -> Option<u32> {
    // Others may write what we would not.
    let is_ours = text.len() == 8 && text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !is_ours {
        return None;
    }
    u32::from_str_radix(std::str::from_utf8(text).ok()?, 16).ok()
}

pub(crate) fn nonce_text(nonce: u32) -> String {
    format!("{nonce:08x}")
}

pub(crate) fn epoch_text(epoch: u64) -> String {
    format!("{epoch:016x}")
}

/// The entries of one stream in the answer to `XREAD`; none if nothing came.
pub(crate) struct ReadAnswer(pub(crate) Vec<Entry>);

impl FromRedisValue for ReadAnswer {
    fn from_redis_value_ref(value: &Value) -> Result<Self, ParsingError> {
        Self::from_redis_value(value.clone())
    }

    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        let streams: Option<Vec<(Bytes, Vec<Entry>)>> = FromRedisValue::from_redis_value(value)?;
        let entries = streams.into_iter().flatten().flat_map(|(_, entries)| entries).collect();
        Ok(Self(entries))
    }
}
