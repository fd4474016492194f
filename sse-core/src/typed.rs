//! Externally tagged enums as events: the variant's name is the event type, its content is the data
//! as JSON.

mod read;
mod write;

pub(crate) use read::Reader;
pub(crate) use write::Writer;
