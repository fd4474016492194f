use sse_hub::Hub;
use sse_hub_redis::{Client, Redis};
use std::time::Duration;
use tokio::time::timeout;

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
        let wrong_url = |error| {
            format!(
                "`{url}` is not the URL of a Redis server: {error}\n\
                 It looks like redis://127.0.0.1:6379/ or redis://user:password@host:6379/."
            )
        };
        // The name has no password in it.
        let client = Client::open(url).map_err(wrong_url)?;
        let address = client.get_connection_info().addr().to_string();
        let redis = Redis::builder(url).map_err(wrong_url)?.publish_wait(Duration::from_secs(2)).build();
        let connected = timeout(Duration::from_secs(10), Hub::connect(redis)).await;
        let connected = connected.unwrap_or_else(|_| Err("it does not answer".into()));
        let hub = connected.map_err(|error| {
            let error = error.to_string();
            let refused = ["NOAUTH", "WRONGPASS", "uthentication"].iter().any(|word| error.contains(word));
            let hint = "\nIt wants another user or password: redis://user:password@host:6379/.";
            format!("cannot use Redis at {address}: {error}{}", if refused { hint } else { "" })
        })?;
        Ok(Self { hub, name: format!("Redis at {address}") })
    }

    /// What it runs on, in words.
    pub fn name(&self) -> &str {
        &self.name
    }
}
