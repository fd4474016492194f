//! The laws of every hub, on two that share a Redis.

use crate::util::Server;
use sse_hub::Hub;
use sse_hub_redis::Redis;

struct Nodes {
    hubs: [Hub; 2],
    _server: Server,
}

impl AsRef<[Hub]> for Nodes {
    fn as_ref(&self) -> &[Hub] {
        &self.hubs
    }
}

async fn hub(server: &Server) -> Hub {
    let redis = Redis::new(server.url()).expect("the URL is right");
    Hub::connect(redis).await.expect("the server is there")
}

async fn nodes() -> Nodes {
    let server = Server::start();
    Nodes { hubs: [hub(&server).await, hub(&server).await], _server: server }
}

sse_test::hub_contract!(nodes);
