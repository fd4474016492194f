//! Data as JSON.

use super::Event;
use crate::line;

impl Event {
    /// Adds data: the value as JSON, serialized into the event's own buffer.
    ///
    /// # Errors
    ///
    /// If the value's `Serialize` fails, or it holds a map whose keys are not strings.
    pub fn json_data<T: serde_core::Serialize>(mut self, value: T) -> Result<Self, serde_json::Error> {
        // Room for a small object at once, where growing from nothing would take several steps.
        self.lines.reserve(128);
        let start = self.lines.len();
        self.lines.extend_from_slice(b"data: ");
        value.serialize(&mut serde_json::Serializer::new(&mut self.lines))?;
        // Only a `RawValue` can have line breaks, between its tokens.
        if line::length(&self.lines[start..]).is_some() {
            let line = self.lines.split_off(start);
            self.add_lines("data: ", &line["data: ".len()..]);
        } else {
            self.lines.push(b'\n');
        }
        Ok(self)
    }
}
