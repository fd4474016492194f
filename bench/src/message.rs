//! What a reader gets, whichever decoder it takes.

use std::hash::{DefaultHasher, Hash, Hasher};

#[derive(Hash)]
pub struct Message<'a> {
    pub event_type: &'a str,
    pub data: &'a str,
    pub last_event_id: &'a str,
}

/// How many messages there were, and a hash over all that they said.
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
