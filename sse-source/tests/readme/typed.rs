use serde::Deserialize;
use sse_source::{BoxError, EventSource};

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Update {
    UserJoined { name: String },
    Message(String),
    #[serde(other)]
    Unknown,
}

async fn next_update(events: &mut EventSource) -> Result<Option<Update>, BoxError> {
    let message = events.message().await?;
    Ok(message.map(|message| message.typed()).transpose()?)
}
