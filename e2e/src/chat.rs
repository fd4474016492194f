//! A minimal server for `OpenAI`'s chat completions.

use crate::{Answer, Lab};
use serde_json::{Value, json};
use sse_core::Event;

impl Lab {
    /// Answers a request for a chat completion. The model names the scenario.
    pub fn chat(&self, request: &str) -> Answer {
        let request: Value = serde_json::from_str(request).unwrap_or_default();
        self.events(request["model"].as_str().unwrap_or_default(), "")
    }
}

/// The chunks of an answer, and its end marker.
pub(crate) fn answer() -> impl Iterator<Item = Event> + Send {
    let chunks = ["One,\n", "둘, ", "three."].map(|text| {
        let choice = json!({ "index": 0, "delta": { "content": text }, "finish_reason": null });
        json!({ "id": "1", "object": "chat.completion.chunk", "created": 1, "model": "chat", "choices": [choice] })
    });
    let done = Event::new().data("[DONE]");
    chunks.into_iter().map(|chunk| Event::new().data(chunk.to_string())).chain([done])
}
