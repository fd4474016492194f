//! What the pages do, each counted by itself.

use crate::Demo;
use crate::count::Connection;
use axum::extract::{ConnectInfo, FromRequestParts, Query};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many pages are counted at once; after that, the one that was quiet for longest is forgotten.
const PAGES: usize = 256;

/// What one way of getting news has cost a page.
#[derive(Default)]
pub(crate) struct Lane {
    pub(crate) requests: AtomicU64,
    pub(crate) up: AtomicU64,
    pub(crate) down: AtomicU64,
}

/// The ways of getting news.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    Polling,
    LongPolling,
    Events,
    WebSocket,
}

/// The counters of a page, and its connections.
#[derive(Default)]
pub(crate) struct Page {
    lanes: [Arc<Lane>; 4],
    connections: Mutex<Vec<Connection>>,
}

/// The pages that are known, by the names that they gave themselves.
#[derive(Clone, Default)]
pub(crate) struct Pages(Arc<Mutex<VecDeque<Named>>>);

type Named = (String, Arc<Page>);

/// A request of a page.
pub(crate) struct Visit {
    pub(crate) page: Arc<Page>,
    connection: Connection,
}

impl Visit {
    /// Counts this request, and its response, as one of this way.
    pub(crate) fn claim(&self, way: Way) {
        self.page.keep(&self.connection);
        let lane = &self.page.lanes[way as usize];
        match way {
            Way::WebSocket => self.connection.claim_for_good(lane),
            _ => self.connection.claim(lane),
        }
    }

    pub(crate) fn is_from_this_machine(&self) -> bool {
        self.connection.is_from_this_machine()
    }
}

impl Page {
    /// Returns the requests, and the bytes up and down, of this way.
    pub(crate) fn count(&self, way: Way) -> [u64; 3] {
        let lane = &self.lanes[way as usize];
        [&lane.requests, &lane.up, &lane.down].map(|count| count.load(Ordering::Relaxed))
    }

    /// Closes the connections that this page has claimed.
    pub(crate) fn cut(&self) {
        for connection in self.connections().iter() {
            if self.lanes.iter().any(|lane| connection.belongs_to(lane)) {
                connection.cut();
            }
        }
    }

    fn keep(&self, connection: &Connection) {
        let mut connections = self.connections();
        connections.retain(|known| !known.is_last_handle());
        if !connections.iter().any(|known| known.is(connection)) {
            connections.push(connection.clone());
        }
    }

    fn connections(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pages {
    fn page(&self, name: String) -> Arc<Page> {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = pages.iter().position(|(known, _)| *known == name).and_then(|at| pages.remove(at));
        let (name, page) = known.unwrap_or_else(|| (name, Arc::default()));
        if pages.len() == PAGES {
            pages.pop_front();
        }
        pages.push_back((name, page.clone()));
        page
    }
}

#[derive(Deserialize)]
struct Name {
    #[serde(default)]
    page: String,
}

impl FromRequestParts<Demo> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, demo: &Demo) -> Result<Self, Response> {
        let Query(Name { page }) =
            Query::from_request_parts(parts, demo).await.map_err(IntoResponse::into_response)?;
        let ConnectInfo(connection) =
            ConnectInfo::from_request_parts(parts, demo).await.map_err(IntoResponse::into_response)?;
        Ok(Self { page: demo.pages.page(page), connection })
    }
}
