//! The laws of every hub, on two that share a Redis.

use crate::util::Server;
use sse_hub::{Engine, Hub, Limit, Read, Record, Topics};
use sse_hub_redis::Redis;
use sse_test::hub::publish;
use std::time::Duration;

const LIMIT: Limit = Limit { records: 10, bytes: 1024 };

struct Nodes {
    hubs: [Hub; 2],
    _server: Server,
}

impl AsRef<[Hub]> for Nodes {
    fn as_ref(&self) -> &[Hub] {
        &self.hubs
    }
}

fn redis(server: &Server) -> Redis {
    Redis::new(server.url()).expect("the URL is right")
}

async fn hub(server: &Server) -> Hub {
    Hub::connect(redis(server)).await.expect("the server is there")
}

async fn nodes() -> Nodes {
    let server = Server::start();
    Nodes { hubs: [hub(&server).await, hub(&server).await], _server: server }
}

sse_test::hub_contract!(nodes);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_records_of_a_topic_may_be_none() {
    let server = Server::start();
    let newest = publish(&hub(&server).await, "news", "1").await;
    let redis = redis(&server);
    for (each, count) in [(0, 0), (1, 1)] {
        let recent = redis.recent(Topics::These(&["news".into()]), each, LIMIT).await;
        let (head, records) = recent.expect("the server is there");
        assert_eq!((head, records.len()), (newest, count));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_has_the_records_of_its_topics() {
    let server = Server::start();
    let hub = hub(&server).await;
    let start = publish(&hub, "news", "1").await;
    publish(&hub, "news", "2").await;
    publish(&hub, "sport", "3").await;
    let newest = publish(&hub, "news", "4").await;
    let redis = redis(&server);
    let page = redis.read(start, Topics::These(&["sport".into()]), LIMIT, Duration::ZERO).await;
    let Read::Records { records, up_to, .. } = page.expect("the server is there") else {
        panic!("nothing is lost");
    };
    assert_eq!(up_to, newest);
    assert_eq!(records.iter().map(Record::topic).collect::<Vec<_>>(), ["sport"]);
}
