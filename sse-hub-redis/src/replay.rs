//! Pages for clients that return, on a connection of their own and a few at a time, so that neither
//! publishers nor the tail wait for them.

use crate::connection::SharedError;
use crate::log::Inner;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use sse_hub::{Limit, Position, Read};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// How many pages are in flight at most.
const IN_FLIGHT: usize = 4;

type Page = BoxFuture<'static, Result<Arc<Read>, SharedError>>;

pub(crate) struct Replays {
    /// Who reads the same page shares it.
    pages: Mutex<HashMap<Position, WeakShared<Page>>>,
    in_flight: Semaphore,
}

impl Default for Replays {
    fn default() -> Self {
        Self { pages: Mutex::default(), in_flight: Semaphore::new(IN_FLIGHT) }
    }
}

impl Replays {
    pub(crate) async fn read(redis: &Arc<Inner>, after: Position, limit: Limit) -> Result<Read, SharedError> {
        let page = Self::page(redis, after, limit);
        let read = page.await?;
        Ok(match &*read {
            Read::Records { records, up_to } => Read::Records { records: records.clone(), up_to: *up_to },
            Read::Lost(loss) => Read::Lost(*loss),
        })
    }

    fn page(redis: &Arc<Inner>, after: Position, limit: Limit) -> Shared<Page> {
        let mut pages = redis.replays.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(page) = pages.get(&after).and_then(WeakShared::upgrade) {
            return page;
        }
        pages.retain(|_, page| page.upgrade().is_some());
        let inner = redis.clone();
        let page = async move { Self::fetch(&inner, after, limit).await.map(Arc::new).map_err(Arc::new) };
        let page = page.boxed().shared();
        pages.extend(page.downgrade().map(|weak| (after, weak)));
        page
    }

    async fn fetch(redis: &Inner, after: Position, limit: Limit) -> Result<Read, redis::RedisError> {
        let _permit = redis.replays.in_flight.acquire().await.expect("it is never closed");
        let mut lease = redis.replay.get(redis).await?;
        let read = redis.read(&mut lease, after, limit, Duration::ZERO).await;
        if let Err(error) = &read {
            redis.failed(&lease, error).await;
        }
        read
    }
}
