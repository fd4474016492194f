//! A minimal server for Google's Gemini API.

use crate::{Answer, Lab, Scenario, paused};
use futures_util::stream::StreamExt;
use serde_json::json;
use sse_core::Event;

impl Lab {
    /// Answers a call such as `gemini:streamGenerateContent`. The model names the scenario.
    pub fn gemini(&self, call: &str) -> Answer {
        match call.split_once(':') {
            Some((model, "streamGenerateContent")) => self.events(model, ""),
            _ => Answer::Stop,
        }
    }
}

/// The chunks of an answer.
pub(crate) fn answer(ids: bool) -> Scenario {
    let chunks = ["One,\n", "둘, ", "three."].into_iter().zip(1..).map(move |(text, id): (_, u32)| {
        let content = json!({ "role": "model", "parts": [{ "text": text }] });
        let chunk =
            Event::new().data(json!({ "candidates": [{ "index": 0, "content": content }] }).to_string());
        if ids { chunk.id(id.to_string()) } else { chunk }
    });
    paused(chunks).boxed()
}
