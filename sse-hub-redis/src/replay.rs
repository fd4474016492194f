//! Pages for clients that return, on a connection of their own and a few at a time, so that neither
//! publishers nor the tail wait for them.

use crate::connection::SharedError;
use crate::log::Inner;
use crate::read::Page;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use redis::{ErrorKind, RedisError, RedisResult};
use sse_hub::{Limit, Position, Read, Topics};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// How many pages are in flight at most.
const IN_FLIGHT: usize = 4;

type Fetch = BoxFuture<'static, Result<Arc<Page>, SharedError>>;

pub(crate) struct Replays {
    /// Who reads the same page shares it.
    pages: Mutex<HashMap<Position, WeakShared<Fetch>>>,
    in_flight: Semaphore,
}

impl Default for Replays {
    fn default() -> Self {
        Self { pages: Mutex::default(), in_flight: Semaphore::new(IN_FLIGHT) }
    }
}

impl Replays {
    pub(crate) async fn read(
        redis: &Arc<Inner>,
        after: Position,
        topics: Topics<'_>,
        limit: Limit,
    ) -> Result<Read, SharedError> {
        let page = Self::page(redis, after, limit);
        Ok(page.await?.read(topics))
    }

    pub(crate) async fn permit(&self) -> SemaphorePermit<'_> {
        self.in_flight.acquire().await.expect("it is never closed")
    }

    fn page(redis: &Arc<Inner>, after: Position, limit: Limit) -> Shared<Fetch> {
        let mut pages = redis.replays.pages.lock().unwrap_or_else(PoisonError::into_inner);
        // One that is there is old, for those who did not ask for it.
        let asked_for = pages.get(&after).and_then(WeakShared::upgrade);
        if let Some(page) = asked_for.filter(|page| page.peek().is_none()) {
            return page;
        }
        pages.retain(|_, page| page.upgrade().is_some());
        let inner = redis.clone();
        // A client that is not polled must not keep others waiting, so the page is fetched by a task.
        let page = tokio::spawn(async move { Self::fetch(&inner, after, limit).await });
        let page = async move {
            let page =
                page.await.map_err(|_| RedisError::from((ErrorKind::Client, "the replay was aborted")));
            page.and_then(|page| page).map(Arc::new).map_err(Arc::new)
        };
        let page = page.boxed().shared();
        pages.extend(page.downgrade().map(|weak| (after, weak)));
        page
    }

    async fn fetch(redis: &Inner, after: Position, limit: Limit) -> RedisResult<Page> {
        let _permit = redis.replays.permit().await;
        let mut lease = redis.replay.get(redis).await?;
        let page = redis.read(&mut lease, after, limit, Duration::ZERO).await;
        if let Err(error) = &page {
            lease.failed(redis, error);
        }
        page
    }
}
