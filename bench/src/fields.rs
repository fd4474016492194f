//! The events to encode, as their fields.

use crate::corpus::Corpus;

/// An event as an application has it: its type is a constant, and what differs from event to event
/// is a `String`.
#[derive(Clone)]
pub struct Fields {
    pub event_type: Option<&'static str>,
    pub id: Option<String>,
    pub data: String,
}

impl Fields {
    pub fn of_first_event(corpus: &'static str) -> Self {
        let corpus = Corpus::generate(corpus);
        let block = str::from_utf8(&corpus.bytes[..corpus.ends[0]]).expect("a corpus is UTF-8");
        let field = |name| block.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        Self {
            event_type: field("event: ").map(|event_type| &*event_type.leak()),
            id: field("id: "),
            data: field("data: ").expect("it has data"),
        }
    }
}
