//! Reading the stream.

use crate::connection::{Lease, PATIENCE, patiently};
use crate::entry::{Entry, Id, ReadAnswer, epoch_text, nonce_text};
use crate::log::Inner;
use crate::mark::{Mark, PREFIX};
use crate::script;
use redis::{Cmd, ErrorKind, FromRedisValue, RedisResult, ServerErrorKind};
use sse_hub::{Limit, Loss, Position, Read, Record, Topics};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// How long to wait for entries before looking whether the stream is still the same.
const IDLE: Duration = Duration::from_secs(1);

/// How long the tail waits from one page to the next, at least: a page costs Redis and this node
/// almost as much with one entry as with many.
const PACE: Duration = Duration::from_millis(1);

/// How many pages are looked through for the newest records of each topic.
const RECENT_PAGES: usize = 8;

impl Inner {
    /// Reads what follows a position, then asks whether the entry there is still in the stream:
    /// Redis begins at the oldest entry that it has kept, whatever was asked for.
    pub(crate) async fn read(
        &self,
        lease: &mut Lease,
        after: Position,
        limit: Limit,
        wait: Duration,
    ) -> RedisResult<Page> {
        if self.mark().has_left(after.epoch) {
            return Ok(Page::Lost(Loss::Replaced));
        }
        let id = Id::of(&after).to_string();
        let count = self.count(limit);
        let (entries, fate) = if wait.is_zero() {
            let mut range = redis::cmd("XRANGE");
            range.arg(&self.key).arg(format!("({id}")).arg("+").arg("COUNT").arg(count);
            self.read_and_check::<Vec<Entry>>(lease, after, range, PATIENCE).await?
        } else {
            let wait = wait.min(IDLE);
            let mut read = redis::cmd("XREAD");
            read.arg("COUNT").arg(count).arg("BLOCK").arg(wait.as_millis() as u64);
            read.arg("STREAMS").arg(&self.key).arg(&id);
            let (answer, fate) =
                self.read_and_check::<ReadAnswer>(lease, after, read, wait + PATIENCE).await?;
            (answer.0, fate)
        };
        self.note_size(&entries);
        // A client may know of a new epoch before this node does.
        if fate != "lost" && self.mark().epoch() != Some(after.epoch) {
            Mark::find(self, &mut lease.connection).await?;
        }
        Ok(match &*fate {
            // An entry that was deleted by name is not missing.
            "here" | "deleted" if self.mark().epoch() == Some(after.epoch) => Page::Entries(after, entries),
            "trimmed" => Page::Lost(Loss::Trimmed),
            _ => Page::Lost(Loss::Replaced),
        })
    }

    /// Sends a command and the check behind it at once. Redis takes the second up only when it has
    /// answered the first, also if that waits.
    async fn read_and_check<T: FromRedisValue>(
        &self,
        lease: &mut Lease,
        after: Position,
        read: Cmd,
        patience: Duration,
    ) -> RedisResult<(T, String)> {
        let replid = self.mark().replid();
        let mut check = redis::cmd("EVALSHA");
        check.arg(script::CHECK.get_hash()).arg(1).arg(&self.key).arg(PREFIX).arg(&replid);
        check.arg(epoch_text(after.epoch)).arg(Id::of(&after).to_string()).arg(nonce_text(after.nonce));
        let mut both = redis::pipe();
        both.add_command(read).add_command(check.clone()).ignore_errors();
        let connection = &mut lease.connection;
        let (entries, mut checked): (RedisResult<T>, RedisResult<(String, u64)>) =
            patiently(patience, both.query_async(connection)).await?;
        let entries = entries?;
        if checked.as_ref().is_err_and(|error| error.code() == Some("NOSCRIPT")) {
            patiently(PATIENCE, script::CHECK.load_async(connection)).await?;
            checked = patiently(PATIENCE, check.query_async(connection)).await;
        }
        let (fate, time) = checked?;
        let mut mark = self.mark();
        if !mark.is_of(&replid) {
            let kind = ErrorKind::Server(ServerErrorKind::TryAgain);
            return Err((kind, "another connection has left this server").into());
        }
        mark.note_time(time);
        Ok((entries, fate))
    }

    pub(crate) async fn read_tail(&self, after: Position, limit: Limit, wait: Duration) -> RedisResult<Read> {
        let turn = {
            let mut next = self.next_page.lock().unwrap_or_else(PoisonError::into_inner);
            let turn = Instant::now().max(*next);
            *next = turn + PACE;
            turn
        };
        sleep_until(turn).await;
        let mut lease = self.tail.get(self).await?;
        match self.read(&mut lease, after, limit, wait).await {
            Ok(page) => {
                let read = page.read(Topics::All);
                if let Read::Records { up_to, .. } = &read {
                    self.mark().note_read(*up_to);
                }
                Ok(read)
            }
            Err(error) => {
                lease.failed(self, &error);
                Err(error)
            }
        }
    }

    /// Where the log ends is asked for by the tail, and what was there before by clients.
    pub(crate) async fn recent(
        &self,
        topics: Topics<'_>,
        each: usize,
        limit: Limit,
    ) -> RedisResult<(Position, Vec<Record>)> {
        let slot = if each == 0 { &self.tail } else { &self.replay };
        let _permit = if each == 0 { None } else { Some(self.replays.permit().await) };
        let mut lease = slot.get(self).await?;
        let result = self.recent_on(&mut lease, topics, each, limit).await;
        if let Err(error) = &result {
            lease.failed(self, error);
        }
        result
    }

    async fn recent_on(
        &self,
        lease: &mut Lease,
        topics: Topics<'_>,
        each: usize,
        limit: Limit,
    ) -> RedisResult<(Position, Vec<Record>)> {
        let newest = Mark::find(self, &mut lease.connection).await?.newest;
        let mut records = Vec::new();
        let mut left: std::collections::HashMap<&str, usize> = match topics {
            Topics::These(topics) => topics.iter().map(|topic| (&**topic, each)).collect(),
            Topics::All => return Ok((newest, records)),
        };
        left.retain(|_, left| *left > 0);
        let mut end = Id::of(&newest).to_string();
        for _ in 0..RECENT_PAGES {
            if left.is_empty() {
                break;
            }
            let mut range = redis::cmd("XREVRANGE");
            range.arg(&self.key).arg(&end).arg("-").arg("COUNT").arg(self.count(limit).max(64));
            let entries: Vec<Entry> = patiently(PATIENCE, range.query_async(&mut lease.connection)).await?;
            let Some(last) = entries.last() else { break };
            end = format!("({}", last.id);
            for entry in &entries {
                let Some(topic) = entry.topic() else { continue };
                let Some(more) = left.get_mut(topic) else { continue };
                let Some(record) = entry.record(newest.epoch) else { continue };
                records.push(record);
                *more -= 1;
                if *more == 0 {
                    left.remove(topic);
                }
            }
        }
        records.reverse();
        Ok((newest, records))
    }

    /// How many entries to read for a limit.
    fn count(&self, limit: Limit) -> usize {
        let size = self.entry_size.load(Ordering::Relaxed).max(1);
        let by_bytes = limit.bytes as u64 / size;
        limit.records.min(by_bytes as usize).max(1)
    }

    fn note_size(&self, entries: &[Entry]) {
        if !entries.is_empty() {
            let size = entries.iter().map(Entry::size).sum::<usize>() / entries.len();
            let average = (3 * self.entry_size.load(Ordering::Relaxed) + size as u64) / 4;
            self.entry_size.store(average, Ordering::Relaxed);
        }
    }
}

/// What follows a position.
pub(crate) enum Page {
    Entries(Position, Vec<Entry>),
    Lost(Loss),
}

impl Page {
    /// Returns the records of these topics.
    pub(crate) fn read(&self, topics: Topics<'_>) -> Read {
        let (after, entries) = match self {
            Self::Entries(after, entries) => (after, entries),
            Self::Lost(loss) => return Read::Lost(*loss),
        };
        let mut read = (Vec::new(), 0);
        for entry in entries {
            let wanted = match (topics, entry.topic()) {
                (Topics::These(topics), Some(topic)) => {
                    topics.binary_search_by(|wanted| (**wanted).cmp(topic)).is_ok()
                }
                _ => true,
            };
            if wanted {
                let record = entry.record(after.epoch);
                read.1 += usize::from(record.is_none() && !entry.is_opening());
                read.0.extend(record);
            }
        }
        let up_to = entries.last().map_or(*after, |last| last.position(after.epoch));
        Read::Records { records: read.0, up_to, skipped: read.1 }
    }
}
