//! Three ways from a publisher on one node to the subscribers of two.

use redis::aio::MultiplexedConnection;
use redis::streams::StreamReadReply;
use redis::{Client, RedisResult};
use sse_core::{Decoder, EncodedEvent, Event, Frame};
use sse_hub::Hub;
use sse_hub_redis::Redis;
use std::error::Error;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::sleep;
use tokio_stream::StreamExt;

pub type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

const MAX_LEN: usize = 65_536;

/// How many entries the tail of a hub reads at once.
const PAGE: usize = 512;

/// Between two attempts to connect.
const RETRY: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    Hub,
    Stream,
    PubSub,
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Hub, Self::Stream, Self::PubSub];

    pub fn name(self) -> &'static str {
        match self {
            Self::Hub => "`Hub` over Redis",
            Self::Stream => "`XADD` and `XREAD`",
            Self::PubSub => "`PUBLISH` and `SUBSCRIBE`",
        }
    }

    /// Has a node read, which sends the data of each event on.
    ///
    /// # Errors
    ///
    /// If Redis cannot be reached.
    pub async fn node(self, url: &str, events: UnboundedSender<String>) -> Result<Publisher> {
        let client = Client::open(url)?;
        match self {
            Self::Hub => {
                let hub = Hub::connect(Redis::new(url)?).await?;
                let mut subscription = hub.subscribe(["news"]);
                subscription.start().await;
                tokio::spawn(async move {
                    while let Some(Ok(event)) = subscription.next().await {
                        send_messages(&event, &events);
                    }
                });
                Ok(Publisher::Hub(hub))
            }
            Self::Stream => {
                let connection = client.get_multiplexed_async_connection().await?;
                tokio::spawn(read_stream(client.clone(), events));
                Ok(Publisher::Stream(client, connection))
            }
            Self::PubSub => {
                let connection = client.get_multiplexed_async_connection().await?;
                let mut messages = client.get_async_pubsub().await?;
                messages.subscribe("news").await?;
                let again = client.clone();
                tokio::spawn(async move {
                    loop {
                        let mut stream = messages.into_on_message();
                        while let Some(message) = stream.next().await {
                            if message.get_payload().is_ok_and(|data| events.send(data).is_err()) {
                                return;
                            }
                        }
                        messages = subscribed(&again).await;
                    }
                });
                Ok(Publisher::PubSub(client, connection))
            }
        }
    }
}

fn send_messages(event: &EncodedEvent, events: &UnboundedSender<String>) {
    let (mut decoder, mut chunk) = (Decoder::new(), event.as_bytes());
    while let Ok(Some(frame)) = decoder.decode(&mut chunk) {
        match frame {
            Frame::Message(message) if !message.event_type.starts_with("hub:") => {
                _ = events.send(message.data.into_owned());
            }
            _ => {}
        }
    }
}

async fn read_stream(client: Client, events: UnboundedSender<String>) {
    let mut last = "$".to_owned();
    loop {
        let Ok(mut connection) = client.get_multiplexed_async_connection().await else {
            sleep(RETRY).await;
            continue;
        };
        connection.set_response_timeout(Duration::from_secs(60));
        loop {
            let mut read = redis::cmd("XREAD");
            read.arg("COUNT").arg(PAGE).arg("BLOCK").arg(0).arg("STREAMS").arg("stream").arg(&last);
            let Ok(reply) = read.query_async::<StreamReadReply>(&mut connection).await else { break };
            for entry in reply.keys.into_iter().flat_map(|key| key.ids) {
                if entry.get("b").is_none_or(|data| events.send(data).is_err()) {
                    return;
                }
                last = entry.id;
            }
        }
    }
}

async fn subscribed(client: &Client) -> redis::aio::PubSub {
    loop {
        if let Ok(mut messages) = client.get_async_pubsub().await
            && messages.subscribe("news").await.is_ok()
        {
            return messages;
        }
        sleep(RETRY).await;
    }
}

#[derive(Clone)]
pub enum Publisher {
    Hub(Hub),
    Stream(Client, MultiplexedConnection),
    PubSub(Client, MultiplexedConnection),
}

impl Publisher {
    /// Publishes, and returns when Redis has acknowledged it.
    ///
    /// # Errors
    ///
    /// If Redis cannot be reached; the next call connects anew.
    pub async fn publish(&mut self, data: &str) -> Result<()> {
        match self {
            Self::Hub(hub) => {
                hub.publish("news", Event::new().data(data)).await?;
                Ok(())
            }
            Self::Stream(client, connection) => {
                let mut add = redis::cmd("XADD");
                add.arg("stream").arg("MAXLEN").arg("~").arg(MAX_LEN).arg("*");
                add.arg("n").arg("00000000").arg("t").arg("news").arg("b").arg(data);
                let added: RedisResult<String> = add.query_async(connection).await;
                renew(client, connection, added).await
            }
            Self::PubSub(client, connection) => {
                let published = redis::cmd("PUBLISH").arg("news").arg(data).query_async(connection).await;
                renew::<usize>(client, connection, published).await
            }
        }
    }
}

async fn renew<T>(
    client: &Client,
    connection: &mut MultiplexedConnection,
    result: RedisResult<T>,
) -> Result<()> {
    if result.is_err()
        && let Ok(new) = client.get_multiplexed_async_connection().await
    {
        *connection = new;
    }
    Ok(result.map(drop)?)
}
