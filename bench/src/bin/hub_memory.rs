//! Prints how many bytes of memory a subscriber takes, in several ways. It is a program of its own
//! since its allocator counts.

use allocation_counter::measure;
use futures_util::StreamExt;
use sse_bench::fan_out::{Publisher, Reader, Way};
use sse_core::Event;
use sse_hub::Hub;
use std::env;
use std::hint::black_box;
use std::io;
use tokio::runtime::{self, Runtime};
use tokio::task::yield_now;

fn main() -> io::Result<()> {
    let subscribers = env::args().nth(1).and_then(|number| number.parse().ok()).unwrap_or(100_000);
    for way in Way::ALL {
        print(subscribers, |runtime| {
            let publisher = Publisher::start(way, runtime, subscribers, Reader::alone);
            runtime.block_on(async {
                settle(subscribers).await;
                publisher.publish(Event::new().data("hello")).await;
                settle(subscribers).await;
            });
            publisher
        })?;
    }
    for events in [0, 1] {
        print(subscribers, |runtime| {
            runtime.block_on(async {
                let hub = Hub::new();
                for number in 0..subscribers {
                    let mut subscription = hub.subscribe([format!("topic {number}")]);
                    tokio::spawn(async move { while subscription.next().await.is_some() {} });
                }
                settle(subscribers).await;
                for number in 0..events * subscribers {
                    let published = hub.publish(&format!("topic {number}"), Event::new().data("hello")).await;
                    published.expect("the event is valid");
                }
                settle(subscribers).await;
                hub
            })
        })?;
    }
    Ok(())
}

/// Lets all tasks run.
async fn settle(tasks: usize) {
    for _ in 0..tasks {
        yield_now().await;
    }
}

fn print<T>(subscribers: usize, start: impl FnOnce(&Runtime) -> T) -> io::Result<()> {
    // One thread, since allocations are counted for each.
    let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
    let mut started = None;
    let memory = measure(|| started = Some(start(&runtime)));
    println!("{}", memory.bytes_current / subscribers as i64);
    drop(runtime);
    black_box(started);
    Ok(())
}
