use sse_hub::Hub;
use sse_hub_redis::{Client, Redis};
use std::time::Duration;

/// A hub, and the name of what it runs on.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) hub: Hub,
    pub(crate) name: String,
}

impl Engine {
    /// A hub in the memory of this process.
    pub fn memory() -> Self {
        Self { hub: Hub::new(), name: "the memory of this process".into() }
    }

    /// A hub on the Redis server at this URL, which other processes may share.
    ///
    /// # Errors
    ///
    /// Returns a text that says what is wrong if the URL is, or if Redis cannot be used.
    pub async fn redis(url: &str) -> Result<Self, String> {
        let client = Client::open(url).map_err(|error| {
            format!(
                "`{url}` is not the URL of a Redis server: {error}\n\
                 It looks like redis://127.0.0.1:6379/ or redis://user:password@host:6379/."
            )
        })?;
        // It has no password in it.
        let address = client.get_connection_info().addr().to_string();
        let redis = Redis::builder_with(move || std::future::ready(Ok(client.clone())));
        let connected = Hub::connect(redis.publish_wait(Duration::from_secs(2)).build()).await;
        let hub = connected.map_err(|error| format!("cannot use Redis at {address}: {error}"))?;
        Ok(Self { hub, name: format!("Redis at {address}") })
    }

    /// What it runs on, in words.
    pub fn name(&self) -> &str {
        &self.name
    }
}
