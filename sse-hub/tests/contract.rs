//! The laws of every hub, on one in memory.

use sse_hub::Hub;

async fn nodes() -> [Hub; 2] {
    let hub = Hub::new();
    [hub.clone(), hub]
}

sse_test::hub_contract!(nodes);
