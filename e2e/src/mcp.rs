//! A minimal MCP server over streamable HTTP.

use crate::{Answer, Lab, comments, paused};
use futures_util::stream::{self, StreamExt};
use serde_json::{Value, json};
use sse_core::Event;
use std::time::Duration;

impl Lab {
    /// Answers a JSON-RPC message.
    pub fn mcp(&self, message: &str) -> Answer {
        let message: Value = serde_json::from_str(message).unwrap_or_default();
        let (id, params) = (&message["id"], &message["params"]);
        if id.is_null() {
            return Answer::Accepted;
        }
        let answer = match message["method"].as_str() {
            Some("initialize") => result(
                id,
                &json!({
                    "protocolVersion": params["protocolVersion"],
                    "capabilities": { "tools": {} },
                    "serverInfo": { "name": "lab", "version": "1" },
                }),
            ),
            Some("tools/list") => {
                let tools = ["count", "cut", "hang"];
                let tools = tools.map(|name| json!({ "name": name, "inputSchema": { "type": "object" } }));
                result(id, &json!({ "tools": tools }))
            }
            Some("tools/call") => return self.call(id, params),
            _ => {
                let error = json!({ "code": -32601, "message": "method not found" });
                event(&json!({ "jsonrpc": "2.0", "id": id, "error": error }))
            }
        };
        Answer::of(paused([answer]).boxed(), Some(comments()))
    }

    /// Calls a tool. The answer begins with a priming event, which carries only an ID to resume
    /// from.
    fn call(&self, id: &Value, params: &Value) -> Answer {
        let priming = Event::new().id(id.to_string()).data("");
        let progress = |progress: u32| {
            let params = json!({ "progressToken": params["_meta"]["progressToken"], "progress": progress });
            event(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }))
        };
        let events = match params["name"].as_str() {
            Some("count") => {
                paused([priming, progress(1), progress(2), progress(3), text(id, "counted")]).boxed()
            }
            Some("cut") => paused([priming.retry(Duration::from_millis(100))]).boxed(),
            _ => self.watched(paused([priming, progress(1)]).chain(stream::pending())),
        };
        Answer::of(events, Some(comments()))
    }

    /// Resumes the answer to a call.
    pub fn mcp_resumed(&self, last_event_id: &str) -> Answer {
        let Ok(id) = serde_json::from_str(last_event_id) else { return Answer::Stop };
        let answer = text(&id, &format!("resumed {id}"));
        Answer::of(paused([answer]).boxed(), Some(comments()))
    }
}

/// The result of a tool that returns text.
fn text(id: &Value, text: &str) -> Event {
    result(id, &json!({ "content": [{ "type": "text", "text": text }] }))
}

fn result(id: &Value, result: &Value) -> Event {
    event(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn event(message: &Value) -> Event {
    Event::new().data(message.to_string())
}
