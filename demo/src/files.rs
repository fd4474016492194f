//! The pages, which are compiled in, and the sources of their handlers.

use crate::Demo;
use axum::Router;
use axum::http::{StatusCode, header};
use axum::routing::{MethodRouter, get};

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) fn routes() -> Router<Demo> {
    Router::new()
        .route("/", file(HTML, include_str!("page/clock.html")))
        .route("/compare", file(HTML, include_str!("page/compare.html")))
        .route("/chat", file(HTML, include_str!("page/chat.html")))
        .route("/style.css", file(CSS, include_str!("page/style.css")))
        .route("/common.js", file(SCRIPT, include_str!("page/common.js")))
        .route("/listen.js", file(SCRIPT, include_str!("page/listen.js")))
        .route("/clock.js", file(SCRIPT, include_str!("page/clock.js")))
        .route("/compare.js", file(SCRIPT, include_str!("page/compare.js")))
        .route("/lanes.js", file(SCRIPT, include_str!("page/lanes.js")))
        .route("/ledger.js", file(SCRIPT, include_str!("page/ledger.js")))
        .route("/timeline.js", file(SCRIPT, include_str!("page/timeline.js")))
        .route("/chat.js", file(SCRIPT, include_str!("page/chat.js")))
        .route("/source/clock.rs", file(TEXT, include_str!("clock.rs")))
        .route("/source/compare.rs", file(TEXT, include_str!("compare.rs")))
        .route("/source/chat.rs", file(TEXT, include_str!("chat.rs")))
        .fallback((StatusCode::NOT_FOUND, "There are the pages /, /compare and /chat.\n"))
}

fn file(content_type: &'static str, text: &'static str) -> MethodRouter<Demo> {
    get(([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], text))
}
