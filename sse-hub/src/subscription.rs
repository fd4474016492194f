mod look;
mod open;
mod options;
mod remote;

use crate::audience::Member;
use crate::control::{self, EndCause, GapCause, RefusedCause};
use crate::log::{DISCONNECT_KEY, Membership, Numbered};
use crate::position::{Cursor, Position};
use crate::record::{Record, check_topic};
use crate::shared::Shared;
use crate::subscription::look::Look;
use crate::subscription::options::{Label, Options};
use crate::sync::atomic::Ordering;
use crate::sync::{read, write};
use futures_core::Stream;
use sse_core::{EncodedEvent, Event};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::Instant;

/// How often the log is looked at in one poll while there is nothing to deliver.
const LOOKS: usize = 32;

/// The events of some topics of a [`Hub`](crate::Hub), as a stream for an `Sse` response.
///
/// It yields each event of its topics once and in order, or a `hub:gap` where events are missing,
/// and ends only with a `hub:end`. An item may hold several events.
///
/// Set options before you poll the stream.
///
/// ```
/// use sse_core::Event;
/// use sse_hub::{Hub, Start};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), sse_hub::PublishError> {
/// let hub = Hub::new();
/// let position = hub.position();
/// hub.publish("news", Event::new().data("hello")).await?;
/// let mut news = hub.subscribe(["news", "sport"]).after(position).label("ann");
/// assert_eq!(news.start().await, Start::Resumed);
/// # Ok(()) }
/// ```
#[must_use = "streams do nothing unless polled"]
pub struct Subscription {
    hub: Arc<Shared>,
    member: Arc<Member>,
    /// Sorted by topic; empty when the stream has ended.
    topics: Box<[Membership]>,
    /// The number of the last event that was delivered, left out, or not of these topics.
    after: u64,
    /// Its position, or one before it with nothing of these topics in between.
    at: Position,
    /// The number of the last event ID that the client got.
    sent: u64,
    state: State,
    start: Option<Start>,
    ends: Option<Instant>,
    /// What comes before anything else; it holds no memory while it is empty.
    queue: VecDeque<EncodedEvent>,
    options: Option<Box<Options>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Opening,
    /// Resumed, with events from before it to be delivered.
    CatchingUp,
    Live,
    Ended,
}

/// How a subscription began.
///
/// ```
/// use sse_hub::{Hub, Start};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let hub = Hub::new();
/// let mut news = hub.subscribe(["news"]).after("an ID of another server");
/// match news.start().await {
///     Start::Live | Start::Resumed => {}
///     Start::Gap(cause) => println!("a client must load its state again: {cause}"),
///     Start::Refused(cause) => println!("a subscription was refused: {cause:?}"),
/// }
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Without a cursor.
    Live,
    /// After its cursor, with nothing missing.
    Resumed,
    /// With a gap.
    Gap(GapCause),
    /// Not at all: the stream is one `hub:end`.
    Refused(RefusedCause),
}

impl Subscription {
    pub(crate) fn new(hub: Arc<Shared>, mut names: Vec<Arc<str>>) -> Self {
        names.sort_unstable();
        names.dedup();
        let joined = Self::join(&hub, &names);
        let ends = hub.settings.max_age.map(|age| Instant::now() + age.mul_f64(0.8 + 0.2 * fastrand::f64()));
        let mut subscription = Self {
            member: Arc::default(),
            topics: Box::default(),
            after: 0,
            at: Position::in_memory(0, 0),
            sent: 0,
            state: State::Opening,
            start: None,
            ends,
            queue: VecDeque::new(),
            options: None,
            hub,
        };
        match joined {
            Ok(joined) => {
                subscription.member = joined.member;
                subscription.topics = joined.topics;
                subscription.after = joined.newest;
                subscription.at = joined.head;
                subscription.sent = joined.newest;
            }
            Err(cause) => {
                subscription.start = Some(Start::Refused(cause));
                subscription.state = State::Ended;
                subscription.queue.push_back(control::end(None, EndCause::Refused(cause)));
            }
        }
        subscription
    }

    /// Begins after an event: after the client's last event ID, or a [`Position`].
    ///
    /// An ID may have been issued for other topics, too. What came before it is not delivered, even
    /// of a topic that the client did not have then: if you add a topic, send its state another
    /// way.
    ///
    /// The replay ends with `hub:at`, even if nothing was missed.
    pub fn after(mut self, cursor: impl Into<Cursor>) -> Self {
        self.options().after = cursor.into();
        self
    }

    /// Without a cursor, begins with the newest `events` events of each topic, in order, and then
    /// `hub:hello`. With a cursor, or after a gap, this does nothing.
    pub fn last(mut self, events: usize) -> Self {
        self.options().last = events;
        self
    }

    /// Delivers nothing of this topic up to this position.
    ///
    /// A client can send any position as its last event ID. Use this for rights that begin at a
    /// certain time.
    pub fn since(mut self, topic: impl Into<Arc<str>>, position: Position) -> Self {
        self.options().since.push((topic.into(), position));
        self
    }

    /// Delivers only what this function allows.
    pub fn allow(mut self, allow: impl FnMut(&Record) -> bool + Send + 'static) -> Self {
        self.options().allow = Some(Box::new(allow));
        self
    }

    /// Delivers the event that this function returns in place of each event, or leaves it out if the
    /// function returns `None`. The hub adds the ID, so the function must not set one.
    pub fn render(mut self, render: impl FnMut(&Record) -> Option<Event> + Send + 'static) -> Self {
        self.options().render = Some(Box::new(render));
        self
    }

    /// Labels the subscription, such as with the name of a user, for
    /// [`disconnect`](crate::Hub::disconnect).
    ///
    /// It also ends if there are more than 1,024 disconnects, of any label, between two reads.
    pub fn label(mut self, label: impl Into<Box<str>>) -> Self {
        if !self.topics.is_empty() {
            self.leave_label();
            let place = read(&self.hub.log).get(DISCONNECT_KEY).audience.join(self.member.clone());
            let label = Label { text: label.into(), joined: self.after, place };
            self.options().label = Some(label);
        }
        self
    }

    /// Begins, and returns how it began, for servers that need to know before they answer.
    pub async fn start(&mut self) -> Start {
        poll_fn(|cx| self.poll_start(cx)).await
    }

    fn poll_start(&mut self, cx: &mut Context<'_>) -> Poll<Start> {
        loop {
            if let Some(start) = self.start {
                return Poll::Ready(start);
            }
            ready!(self.poll_open(cx));
        }
    }

    fn poll_open(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.is_reading_remotely() {
            return self.poll_remote(cx);
        }
        self.open();
        Poll::Ready(())
    }

    fn join(hub: &Shared, names: &[Arc<str>]) -> Result<Joined, RefusedCause> {
        if names.is_empty() || names.iter().any(|name| check_topic(name).is_err()) {
            return Err(RefusedCause::InvalidTopic);
        }
        if names.len() > hub.settings.max_topics_per_subscription {
            return Err(RefusedCause::Topics);
        }
        let mut log = write(&hub.log);
        let (newest, head) = (log.newest(), log.head());
        #[cfg(twin = "position-before-join")]
        {
            drop(log);
            log = write(&hub.log);
        }
        let new = names.iter().filter(|name| log.key(name).is_none()).count();
        if new > 0 && log.without_events() + new > hub.settings.max_topics {
            return Err(RefusedCause::Topics);
        }
        hub.enter()?;
        let member = Arc::<Member>::default();
        let mut topics = Vec::with_capacity(names.len());
        for name in names {
            let topic = log.topic(name);
            let place = log.get(topic).audience.join(member.clone());
            topics.push(Membership { topic, place, since: 0 });
        }
        topics.sort_unstable_by_key(|membership| membership.topic);
        Ok(Joined { member, topics: topics.into(), newest, head })
    }

    fn options(&mut self) -> &mut Options {
        self.options.get_or_insert_default()
    }

    fn next_queued(&mut self) -> Option<EncodedEvent> {
        let event = self.queue.pop_front()?;
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
        Some(event)
    }

    /// Tells the client that events are missing before `at`.
    fn gap(&mut self, cause: GapCause) {
        self.hub.count_gap(cause);
        self.queue.push_back(control::gap(self.at, cause));
        self.start.get_or_insert(Start::Gap(cause));
        self.sent = self.after;
        self.state = State::Live;
    }

    /// Returns why the stream has to end now, if it has to.
    fn due_end(&self) -> Option<EndCause> {
        if self.hub.draining.load(Ordering::SeqCst) {
            return Some(EndCause::Drained);
        }
        self.ends.filter(|ends| Instant::now() >= *ends).map(|_| EndCause::MaxAge)
    }

    fn end(&mut self, cause: EndCause) {
        #[cfg(feature = "tracing")]
        tracing::debug!(%cause, "the hub ends a subscription");
        // Before it has begun, the client's own cursor stands.
        let position = self.start.map(|_| self.at);
        self.queue.push_back(control::end(position, cause));
        self.state = State::Ended;
        self.leave();
    }

    /// Queues what the options let through.
    fn deliver(&mut self, records: impl IntoIterator<Item = Numbered>) {
        let mut delivered = 0;
        for Numbered { number, kept, record } in records {
            let passed = match &mut self.options {
                None => Some(record.bytes),
                Some(options) => options.pass(&record, kept),
            };
            if let Some(bytes) = passed {
                self.queue.push_back(EncodedEvent::raw(bytes));
                self.sent = number;
                delivered += 1;
            }
        }
        self.hub.counters.delivered.fetch_add(delivered, Ordering::Relaxed);
    }

    fn leave(&mut self) {
        if self.topics.is_empty() {
            return;
        }
        let topics = mem::take(&mut self.topics);
        self.leave_label();
        {
            let mut log = write(&self.hub.log);
            for Membership { topic, place, .. } in topics {
                log.get(topic).audience.leave(place);
                log.forget_unused(topic);
            }
        }
        drop(self.member.take());
        self.hub.leave();
    }

    fn leave_label(&mut self) {
        let label = self.options.as_mut().and_then(|options| options.label.take());
        if let Some(label) = label {
            read(&self.hub.log).get(DISCONNECT_KEY).audience.leave(label.place);
        }
    }
}

impl Stream for Subscription {
    type Item = Result<EncodedEvent, Infallible>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        let mut registered = false;
        for _ in 0..LOOKS {
            if let Some(event) = this.next_queued() {
                return Poll::Ready(Some(Ok(event)));
            }
            if this.state == State::Ended {
                return Poll::Ready(None);
            }
            if let Some(cause) = this.due_end() {
                this.end(cause);
                continue;
            }
            let reading = this.is_reading_remotely();
            if reading || this.state == State::Opening {
                if reading {
                    this.member.register(cx.waker());
                }
                ready!(this.poll_open(cx));
                continue;
            }
            match this.look() {
                Look::Block(event) => return Poll::Ready(Some(Ok(event))),
                Look::Something => {}
                // Whatever came before the waker was registered woke nobody, so look once more.
                Look::Nothing if registered => return Poll::Pending,
                Look::Nothing => {
                    this.member.register(cx.waker());
                    if cfg!(twin = "no-second-look") {
                        return Poll::Pending;
                    }
                    registered = true;
                }
            }
        }
        // All of it was left out. Others get a turn.
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.leave();
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("topics", &self.topics.len())
            .field("at", &format_args!("{}", self.at))
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

struct Joined {
    member: Arc<Member>,
    topics: Box<[Membership]>,
    newest: u64,
    head: Position,
}
