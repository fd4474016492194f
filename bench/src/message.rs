//! What every decoder yields.

use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Hash)]
pub struct Message<'a> {
    pub event_type: &'a str,
    pub data: &'a str,
    pub last_event_id: &'a str,
}

/// The number of messages, and a hash over their fields.
#[derive(Clone, Default)]
pub struct Digest {
    pub messages: usize,
    hasher: DefaultHasher,
}

impl Digest {
    pub fn add(&mut self, message: &Message<'_>) {
        self.messages += 1;
        message.hash(&mut self.hasher);
    }
}

impl PartialEq for Digest {
    fn eq(&self, other: &Self) -> bool {
        self.messages == other.messages && self.hasher.finish() == other.hasher.finish()
    }
}
