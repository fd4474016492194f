//! Appending in batches: whatever is published while a batch is on its way is the next one.

use crate::append::Attempt;
use crate::connection::{PATIENCE, patiently};
use crate::entry::{BLOCK, Id, NONCE, TOPIC, nonce_text};
use crate::log::Inner;
use crate::mark::Mark;
use bytes::Bytes;
use redis::{Cmd, ErrorKind, Pipeline, RedisError, RedisResult, Value, from_redis_value};
use sse_hub::Position;
use std::collections::VecDeque;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How many events a batch has at most, and how many bytes, unless a single event is larger: Redis
/// does nothing else while it appends them.
const BATCH: (usize, usize) = (128, 256 * 1024);

/// How often to begin the stream anew while events are appended.
const EPOCHS: usize = 8;

#[derive(Default)]
pub(crate) struct Batches {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Job>,
    /// Whether a task takes what waits.
    is_served: bool,
}

struct Job {
    topic: String,
    block: Bytes,
    nonce: u32,
    outcome: oneshot::Sender<Result<Position, Attempt>>,
}

impl Batches {
    /// Appends an event together with others that come at the same time.
    pub(crate) async fn append(
        redis: &Arc<Inner>,
        topic: &str,
        block: Bytes,
        nonce: u32,
    ) -> Result<Position, Attempt> {
        let (outcome, told) = oneshot::channel();
        let is_served = {
            let mut queue = redis.batches.queue();
            queue.waiting.push_back(Job { topic: topic.into(), block, nonce, outcome });
            mem::replace(&mut queue.is_served, true)
        };
        if !is_served {
            // A publisher that is dropped must not take the others' events with it.
            tokio::spawn(Server { redis: redis.clone(), is_done: false }.serve());
        }
        told.await.unwrap_or_else(|_| Err(Attempt::Unknown(runtime_ended())))
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn next_batch(&mut self) -> Vec<Job> {
        let mut bytes = 0;
        let fitting = self.waiting.iter().take(BATCH.0).take_while(|job| {
            bytes += job.block.len();
            bytes <= BATCH.1
        });
        let count = fitting.count().max(1).min(self.waiting.len());
        self.is_served = count > 0;
        self.waiting.drain(..count).collect()
    }
}

/// Serves the queue until it is empty.
struct Server {
    redis: Arc<Inner>,
    is_done: bool,
}

impl Server {
    async fn serve(mut self) {
        loop {
            let mut batch = self.redis.batches.queue().next_batch();
            if batch.is_empty() {
                self.is_done = true;
                return;
            }
            let Err(why) = self.redis.append_batch(&mut batch).await else { continue };
            // What waits could not be sent either.
            let waiting = match why {
                Attempt::Unreachable(_) => mem::take(&mut self.redis.batches.queue().waiting),
                _ => VecDeque::new(),
            };
            batch.into_iter().chain(waiting).for_each(|job| job.end(Err(why.clone())));
        }
    }
}

impl Drop for Server {
    /// Its runtime may end before the queue is empty.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        let waiting = {
            let mut queue = self.redis.batches.queue();
            queue.is_served = false;
            mem::take(&mut queue.waiting)
        };
        waiting.into_iter().for_each(|job| job.end(Err(Attempt::Unreachable(runtime_ended()))));
    }
}

fn runtime_ended() -> RedisError {
    (ErrorKind::Io, "the runtime of another publisher has ended").into()
}

impl Job {
    fn end(self, outcome: Result<Position, Attempt>) {
        // A publisher that was dropped does not want to know.
        _ = self.outcome.send(outcome);
    }
}

impl Inner {
    /// Appends these events, and leaves those that were not appended.
    async fn append_batch(&self, batch: &mut Vec<Job>) -> Result<(), Attempt> {
        let mut lease = self.publisher.get(self).await.map_err(Attempt::before)?;
        for _ in 0..EPOCHS {
            // Without an epoch there is no mark of this name.
            let (epoch, mark) = self.mark().current().unwrap_or_default();
            let append = self.adding(batch, &mark);
            let answers = patiently(PATIENCE, append.query_async(&mut lease.connection)).await;
            let mut answers: Vec<RedisResult<Value>> = answers.map_err(|error| {
                lease.failed(self, &error);
                Attempt::after(error)
            })?;
            // Whether this is still the epoch that the node knows.
            let is_marked = answers.pop().is_some_and(|answer| answer.is_ok());
            let (mut appended, mut failed) = (Vec::new(), None);
            for (job, answer) in mem::take(batch).into_iter().zip(answers) {
                match answer.and_then(|id| Ok(from_redis_value(id)?)) {
                    Ok(Some(id)) => appended.push((job, id)),
                    // There is no stream.
                    Ok(None) => batch.push(job),
                    Err(error) => {
                        lease.failed(self, &error);
                        failed = Some(Attempt::after(error));
                        batch.push(job);
                    }
                }
            }
            let epoch = if is_marked {
                Ok(epoch)
            } else {
                Mark::find(self, &mut lease.connection).await.map(|found| found.newest.epoch)
            };
            if let Err(error) = &epoch {
                lease.failed(self, error);
            }
            for (job, Id(major, minor)) in appended {
                let outcome = epoch.as_ref().map(|epoch| {
                    let position = Position { epoch: *epoch, major, minor, nonce: job.nonce };
                    self.mark().note_acknowledged(position);
                    position
                });
                job.end(outcome.map_err(|error| Attempt::Unknown(error.clone())));
            }
            match (failed, epoch) {
                _ if batch.is_empty() => return Ok(()),
                (Some(failed), _) => return Err(failed),
                (None, Err(error)) => return Err(Attempt::before(error)),
                (None, Ok(_)) => {}
            }
        }
        Err(Attempt::Unreachable((ErrorKind::Client, "the stream is deleted again and again").into()))
    }

    /// Returns what appends these events and asks for the mark behind them.
    fn adding(&self, batch: &[Job], mark: &str) -> Pipeline {
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for Job { topic, block, nonce, .. } in batch {
            let mut add = Cmd::with_capacity(16, self.key.len() + topic.len() + block.len() + 64);
            add.arg(&["XADD", &self.key, "NOMKSTREAM", "MAXLEN", "~"]).arg(self.max_len).arg("*");
            add.arg(NONCE).arg(nonce_text(*nonce)).arg(TOPIC).arg(topic).arg(BLOCK).arg(&**block);
            pipeline.add_command(add);
        }
        pipeline.cmd("XINFO").arg(&["CONSUMERS", &self.key, mark]);
        pipeline
    }
}
