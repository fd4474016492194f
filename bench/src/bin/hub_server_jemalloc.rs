//! The hub behind the accept loop of `axum_many`, with jemalloc.

use sse_bench::hub_server::{Variant, serve};
use std::io;

#[global_allocator]
static JEMALLOC: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> io::Result<()> {
    serve(Variant::HubLoop)
}
