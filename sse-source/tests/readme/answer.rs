use reqwest::Client;
use serde::Deserialize;
use sse_source::{BoxError, event_stream};
use std::time::Duration;

#[derive(Deserialize)]
struct Delta {
    text: String,
}

async fn ask(client: &Client, url: &str, prompt: &str) -> Result<String, BoxError> {
    let response = client.post(format!("{url}/answer")).body(prompt.to_owned()).send().await?;
    let mut events = event_stream(response).await?.idle_timeout(Duration::from_secs(30));
    let mut answer = String::new();
    while let Some(message) = events.message().await? {
        if message.data == "[DONE]" {
            return Ok(answer);
        }
        answer += &message.json::<Delta>()?.text;
    }
    Err("the answer has no end".into())
}
