//! Who subscribes to a topic, and how they are woken.

use crate::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::sync::{Mutex, lock, mpsc, thread};
use bytes::Bytes;
use slab::Slab;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::runtime::Handle;

/// How many subscribers a publisher wakes by itself.
const FEW: usize = if cfg!(shuttle) { 1 } else { 32 };

/// How many subscribers are woken before other tasks get a turn.
const CHUNK: usize = if cfg!(shuttle) { 2 } else { 128 };

/// How many blocks of joined events a topic keeps for the subscribers that are being woken. Each
/// of them reads one after another, so those of a large burst have to fit.
const BLOCKS: usize = 16;

/// A subscriber, as its topics know it.
#[derive(Default)]
pub(crate) struct Member {
    waker: Mutex<Option<Waker>>,
}

impl Member {
    /// Has `waker` woken by the next event.
    pub(crate) fn register(&self, waker: &Waker) {
        if lock(&self.waker).as_ref().is_some_and(|old| old.will_wake(waker)) {
            return;
        }
        // Wakers are foreign code: they are neither cloned, dropped nor called under a lock.
        let waker = waker.clone();
        let old = lock(&self.waker).replace(waker);
        drop(old);
    }

    pub(crate) fn take(&self) -> Option<Waker> {
        lock(&self.waker).take()
    }
}

/// The key of a subscriber among those of a topic.
pub(crate) type Place = u32;

/// The subscribers of a topic.
#[derive(Default)]
pub(crate) struct Audience {
    members: Mutex<Slab<Arc<Member>>>,
    count: AtomicUsize,
    wake_up: AtomicU8,
    blocks: Mutex<Vec<Block>>,
}

/// Nobody is being woken.
const IDLE: u8 = 0;
/// Members are being woken.
const WAKING: u8 = 1;
/// Members have to be woken, from the first one on.
const DUE: u8 = 2;

/// Several events, joined for all who are due the same ones.
struct Block {
    after: u64,
    up_to: u64,
    bytes: Bytes,
}

impl Audience {
    pub(crate) fn join(&self, member: Arc<Member>) -> Place {
        let mut members = lock(&self.members);
        let key = members.insert(member);
        self.count.store(members.len(), Ordering::SeqCst);
        key.try_into().expect("there is no memory for 2^32 subscribers")
    }

    pub(crate) fn leave(&self, place: Place) {
        // The subscription still holds the member, so no waker is dropped here.
        let mut members = lock(&self.members);
        members.remove(place as usize);
        if members.is_empty() {
            *members = Slab::new();
        }
        self.count.store(members.len(), Ordering::SeqCst);
    }

    pub(crate) fn len(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Wakes all members: a few at once, many on the hub's own executor.
    pub(crate) fn wake(self: &Arc<Self>, executor: &Executor) {
        match self.len() {
            0 => {}
            1..=FEW => {
                let members = lock(&self.members);
                let wakers: Vec<_> = members.iter().filter_map(|(_, member)| member.take()).collect();
                #[cfg(not(twin = "wake-under-lock"))]
                drop(members);
                wakers.into_iter().for_each(Waker::wake);
            }
            _ if self.wake_up.swap(DUE, Ordering::SeqCst) == IDLE => {
                executor.spawn(WakeUp { audience: self.clone(), next: 0, done: false });
            }
            _ => {}
        }
    }

    /// Returns the events after `after` and up to `up_to` as one block, which `join` makes unless
    /// another subscriber got it before. Blocks are kept while members are being woken.
    pub(crate) fn joined(&self, after: u64, up_to: u64, join: impl FnOnce() -> Bytes) -> Bytes {
        let mut blocks = lock(&self.blocks);
        if self.wake_up.load(Ordering::SeqCst) == IDLE {
            drop(blocks);
            return join();
        }
        if let Some(block) = blocks.iter().find(|block| (block.after, block.up_to) == (after, up_to)) {
            return block.bytes.clone();
        }
        let bytes = join();
        if blocks.len() == BLOCKS {
            blocks.remove(0);
        }
        blocks.push(Block { after, up_to, bytes: bytes.clone() });
        bytes
    }
}

/// The waking of the members of one topic.
///
/// It exists before the task that polls it, and if it is dropped, does what is left of its work. So
/// a runtime that is shut down, before or in the middle of it, forgets nobody.
pub(crate) struct WakeUp {
    audience: Arc<Audience>,
    /// Where the next chunk of the members begins.
    next: usize,
    done: bool,
}

impl WakeUp {
    /// Wakes a chunk of the members. Returns whether all have been woken.
    fn step(&mut self) -> bool {
        if self.next == 0 {
            self.audience.wake_up.store(WAKING, Ordering::SeqCst);
        }
        let mut wakers = Vec::with_capacity(CHUNK);
        {
            let members = lock(&self.audience.members);
            while self.next < members.capacity() && wakers.len() < CHUNK {
                wakers.extend(members.get(self.next).and_then(|member| member.take()));
                self.next += 1;
            }
        }
        let last = wakers.len() < CHUNK;
        wakers.into_iter().for_each(Waker::wake);
        if last {
            self.finish();
        }
        self.done
    }

    /// Ends the wake-up, unless members have become due again.
    fn finish(&mut self) {
        self.next = 0;
        let wake_up = &self.audience.wake_up;
        if wake_up.compare_exchange(WAKING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            self.done = true;
            lock(&self.audience.blocks).clear();
        }
    }

    fn run(mut self) {
        while !self.step() {
            thread::yield_now();
        }
    }
}

impl Future for WakeUp {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.step() {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for WakeUp {
    fn drop(&mut self) {
        while !self.done && !cfg!(twin = "no-guard") {
            self.step();
        }
    }
}

/// What runs the wake-ups of a hub. It is never the publisher's runtime, which may be gone or
/// blocked a moment later.
pub(crate) enum Executor {
    Runtime(Handle),
    /// A thread, started when it is first needed.
    Thread(Mutex<Option<mpsc::Sender<WakeUp>>>),
}

impl Executor {
    /// The runtime that this is called in, or else a thread.
    pub(crate) fn current() -> Self {
        Handle::try_current().map_or_else(|_| Self::Thread(Mutex::default()), Self::Runtime)
    }

    fn spawn(&self, wake_up: WakeUp) {
        match self {
            Self::Runtime(runtime) => drop(runtime.spawn(wake_up)),
            Self::Thread(sender) => {
                let start = || {
                    let (sender, receiver) = mpsc::channel::<WakeUp>();
                    thread::spawn(move || receiver.into_iter().for_each(WakeUp::run));
                    sender
                };
                let sender = lock(sender).get_or_insert_with(start).clone();
                // A wake-up that cannot be sent is dropped, and does its work here.
                drop(sender.send(wake_up));
            }
        }
    }
}
