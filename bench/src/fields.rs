//! The events to encode, as their fields.

use crate::corpus::Corpus;
use bytestring::ByteString;
use std::borrow::Cow;

/// Text as an application has it: a constant, or a `String` to give away.
pub trait Text: AsRef<str> + Into<String> + Into<Cow<'static, str>> + Clone + Send + Sync + 'static {
    const NAME: &str;

    fn new(text: &'static str) -> Self;
    fn into_byte_string(self) -> ByteString;
}

impl Text for &'static str {
    const NAME: &str = "&'static str";

    fn new(text: &'static str) -> Self {
        text
    }

    fn into_byte_string(self) -> ByteString {
        ByteString::from_static(self)
    }
}

impl Text for String {
    const NAME: &str = "String";

    fn new(text: &'static str) -> Self {
        text.to_owned()
    }

    fn into_byte_string(self) -> ByteString {
        self.into()
    }
}

/// An event, not yet written.
#[derive(Clone)]
pub struct Fields<T> {
    pub event_type: Option<T>,
    pub id: Option<T>,
    pub data: T,
}

/// The corpora whose first event is encoded.
pub const PAYLOADS: [&str; 3] = ["openai", "wikimedia", "tiny"];

impl<T: Text> Fields<T> {
    pub fn of_first_event(corpus: &'static str) -> Self {
        let corpus = Corpus::generate(corpus);
        let block = str::from_utf8(&corpus.bytes[..corpus.ends[0]]).expect("a corpus is UTF-8");
        let block: &'static str = block.to_owned().leak();
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)).map(T::new);
        Self { event_type: field("event: "), id: field("id: "), data: field("data: ").expect("it has data") }
    }
}
