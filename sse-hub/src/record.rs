use crate::control;
use crate::error::PublishError;
use crate::position::Position;
use bytes::{Buf, Bytes};
use sse_core::{Decoder, EncodedEvent, Event, Frame};
use std::fmt::{self, Write as _};
use std::sync::Arc;

/// An event of the log: what [`allow`](crate::Subscription::allow) and
/// [`render`](crate::Subscription::render) see, and what an [`Engine`](crate::Engine) reads.
///
/// ```
/// let hub = sse_hub::Hub::new();
/// let news = hub.subscribe(["news", "ads"]).allow(|record| record.topic() != "ads");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub(crate) topic: Arc<str>,
    pub(crate) position: Position,
    pub(crate) bytes: Bytes,
}

impl Record {
    /// Makes the record of a block that an engine was given to append.
    ///
    /// # Errors
    ///
    /// Returns an error if the topic or the block is not what a hub would append.
    pub fn new(topic: impl Into<Arc<str>>, position: Position, block: &[u8]) -> Result<Self, PublishError> {
        let topic = topic.into();
        if &*topic == DISCONNECT {
            return Ok(Self { topic, position, bytes: Bytes::copy_from_slice(block) });
        }
        check_topic(&topic).map_err(PublishError::Invalid)?;
        let block = Block::new(block)?;
        Ok(Self { topic, position, bytes: block.with_id(position) })
    }

    /// Returns the topic that the event was published to.
    pub fn topic(&self) -> &str {
        &self.topic
    }

    /// Returns the position of the event, which is its ID.
    pub fn position(&self) -> Position {
        self.position
    }

    /// Returns the event as it goes over the wire, with its ID. A
    /// [`Decoder`](sse_core::Decoder) reads it.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Record")
            .field("topic", &self.topic)
            .field("position", &format_args!("{}", self.position))
            .field("event", &EncodedEvent::raw(self.bytes.clone()))
            .finish()
    }
}

/// The topic of the records that end subscriptions by their label, which is the record's block.
pub(crate) const DISCONNECT: &str = "hub:disconnect";

/// The longest topic, in bytes.
pub(crate) const MAX_TOPIC: usize = 256;

pub(crate) fn check_topic(topic: &str) -> Result<(), &'static str> {
    if topic.is_empty() {
        Err("the topic is empty; name one")
    } else if topic.len() > MAX_TOPIC {
        Err("the topic is longer than 256 bytes; shorten it, or publish a hash of it")
    } else if topic.chars().any(char::is_control) {
        Err("the topic has control characters; remove or encode them")
    } else if topic.starts_with(control::PREFIX) {
        Err("topics that begin with `hub:` are the hub's own; choose another prefix")
    } else {
        Ok(())
    }
}

/// The room for the line of the ID.
pub(crate) const ROOM: usize = "id: ".len() + Position::MAX_LEN + "\n".len();

/// An event that may be published, with room in front for the line of its ID.
pub(crate) struct Block {
    room_and_block: Vec<u8>,
    /// The size of the room.
    room: usize,
}

impl Block {
    pub(crate) fn new(block: &[u8]) -> Result<Self, PublishError> {
        Self::with_room(ROOM, block)
    }

    /// As `new`, for the shorter positions of a hub in memory.
    pub(crate) fn in_memory(block: &[u8]) -> Result<Self, PublishError> {
        Self::with_room("id: ffffffffffffffff:ffffffffffffffff\n".len(), block)
    }

    fn with_room(room: usize, block: &[u8]) -> Result<Self, PublishError> {
        let mut room_and_block = Vec::with_capacity(room + block.len());
        room_and_block.extend_from_slice(b"data:");
        room_and_block.resize(room - 1, b' ');
        room_and_block.push(b'\n');
        room_and_block.extend_from_slice(block);
        check_block(&room_and_block, room).map_err(PublishError::Invalid)?;
        Ok(Self { room_and_block, room })
    }

    pub(crate) fn without_id(self) -> Bytes {
        let mut block = Bytes::from(self.room_and_block);
        block.advance(self.room);
        block
    }

    pub(crate) fn with_id(mut self, position: Position) -> Bytes {
        let mut line = IdLine { text: [0; ROOM], len: 0 };
        writeln!(line, "id: {position}").expect("the line has room for every position");
        let start = self.room - line.len;
        self.room_and_block[start..self.room].copy_from_slice(&line.text[..line.len]);
        Bytes::from(self.room_and_block).slice(start..)
    }
}

struct IdLine {
    text: [u8; ROOM],
    len: usize,
}

impl fmt::Write for IdLine {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// Puts an ID in front of an event that was rendered for one subscriber.
pub(crate) fn rendered(event: Event, position: Position) -> Bytes {
    let event = EncodedEvent::from(event);
    format!("id: {position}\n").into_bytes().into_iter().chain(event.as_bytes().iter().copied()).collect()
}

/// Checks that the block behind the room is one event and nothing else, which browsers dispatch and
/// which has neither an ID nor a name of the hub's own.
///
/// The room is a line of data here, so that the block is read as it will be: behind another line.
fn check_block(room_and_block: &[u8], room: usize) -> Result<(), &'static str> {
    const NO_DATA: &str = "the event has no data, so that no browser would dispatch it; add some";
    const INCOMPLETE: &str = "the event does not end with a blank line; add one";
    const SEVERAL: &str = "there is something behind the event; publish one event at a time";
    // No event can set this ID.
    const UNSET: &str = "\0";
    let mut decoder = Decoder::new().with_max_event_size(usize::MAX).with_last_event_id(UNSET);
    let mut lines = room_and_block;
    loop {
        match decoder.decode(&mut lines) {
            Ok(Some(Frame::Message(message))) => {
                if message.last_event_id != UNSET {
                    return Err("the event has an ID of its own; leave it out, since the hub writes it");
                }
                if message.event_type.starts_with(control::PREFIX) {
                    return Err("event types that begin with `hub:` are the hub's own; choose another one");
                }
                if message.data.len() < room - "data:".len() - 1 {
                    return Err(NO_DATA);
                }
                break;
            }
            Ok(Some(_)) => {}
            Ok(None) | Err(_) => return Err(INCOMPLETE),
        }
    }
    if lines.is_empty() { Ok(()) } else { Err(SEVERAL) }
}
