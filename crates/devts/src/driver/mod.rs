//! The one loop: owns the engine and all links' streams, performs what the engine asks, and waits for nobody. A future
//! polled by hand: a wake costs the ready links only. Knows no user type.

mod calls;
mod close;
mod commands;
mod link;
mod outputs;

use crate::batch::Taken;
use crate::command::Queue;
use crate::dial::Report;
use crate::mailbox::Item;
use crate::member::PeerEvent;
use crate::shared::{Cause, Core, lock};
use calls::Calls;
use close::Closing;
use devts_proto::engine::Engine;
use devts_proto::{Instant, Life, LinkId};
use devts_rt::BoxFuture;
use futures_util::FutureExt;
use futures_util::future::AbortHandle;
use link::{Link, Read, Ready};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What one read may give: the most that is copied at once.
const SCRATCH: usize = 256 * 1024;
/// What the engine is asked for at once, and how often in one round.
const WRITE: usize = 256 * 1024;
const WRITES: usize = 4;
/// How many rounds before other tasks of the executor get a turn.
const ROUNDS: usize = 16;
/// The longest sleep: the watchdog looks this often.
const LOOK: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Driver {
    core: Arc<Core>,
    engine: Engine,
    /// The names that `Target::Seed` means.
    seeds: Vec<String>,
    dispatch: AbortHandle,
    links: BTreeMap<LinkId, Link>,
    ready: Arc<Ready>,
    /// Links to read, in the next round and in this one.
    due: Vec<LinkId>,
    reading: Vec<LinkId>,
    /// Links that the engine has bytes for.
    wanting: Vec<LinkId>,
    scratch: Box<[u8]>,
    /// Buffers that go back and forth with the outbox.
    queue: Queue,
    taken: Taken,
    reports: Vec<Report>,
    /// For dispatch, handed over at the end of a round.
    items: VecDeque<Item>,
    calls: Calls,
    closing: Closing,
    timer: Option<(Instant, BoxFuture<()>)>,
    /// When the engine wants to be called.
    wait: Instant,
    joined: bool,
    /// The outputs that are being performed began with `Joined`.
    joining_now: bool,
    /// Members that were there before this node: `joined` tells them to the log only.
    earlier: BTreeSet<Life>,
    /// Changes of the view that are not published yet, each with the version that shows it.
    changes: Vec<(PeerEvent, u64)>,
    stopping: Option<Stopping>,
    watch: Watch,
}

/// How far the end is.
struct Stopping {
    deadline: Instant,
    drained: bool,
    left: bool,
}

/// What the watchdog saw last.
#[derive(Default)]
struct Watch {
    turn: Option<u64>,
    since: Instant,
    warned: bool,
}

impl Driver {
    pub(crate) fn new(
        core: Arc<Core>,
        mut engine: Engine,
        seeds: Vec<String>,
        must: bool,
        dispatch: AbortHandle,
    ) -> Driver {
        let now = Instant::from_origin(core.runtime.now());
        // Types first: seeds are told of them as soon as they are greeted.
        engine.add_types(core.outbox().types.take_fresh());
        engine.join(now, seeds.len(), must);
        Driver {
            core,
            engine,
            seeds,
            dispatch,
            links: BTreeMap::new(),
            ready: Arc::default(),
            due: Vec::new(),
            reading: Vec::new(),
            wanting: Vec::new(),
            scratch: vec![0; SCRATCH].into_boxed_slice(),
            queue: Queue::default(),
            taken: Taken::default(),
            reports: Vec::new(),
            items: VecDeque::new(),
            calls: Calls::default(),
            closing: Closing::default(),
            timer: None,
            wait: Instant::ZERO,
            joined: false,
            joining_now: false,
            earlier: BTreeSet::new(),
            changes: Vec::new(),
            stopping: None,
            watch: Watch::default(),
        }
    }

    /// One round. `true`: there may be more to do at once.
    fn round(&mut self, now: Instant) -> bool {
        let reported = self.take_reports(now);
        let asked = self.take_commands(now);
        self.ready.take(&mut self.due);
        let received = self.read(now);
        let late = now >= self.wait;
        if late {
            self.engine.handle_timeout(now);
        }
        self.outputs(now);
        let more = self.write_due(now);
        self.core.mailbox.append(&mut self.items);
        *lock(&self.core.counters) = self.engine.counters();
        self.end(now);
        reported || asked || received || late || more || !self.due.is_empty()
    }

    // ---- streams ---------------------------------------------------------------------------------------------

    fn take_reports(&mut self, now: Instant) -> bool {
        let mut reports = std::mem::take(&mut self.reports);
        self.core.take_reports(&mut reports);
        let any = !reports.is_empty();
        for report in reports.drain(..) {
            match report {
                Report::Dialled(link, Ok(stream)) => {
                    self.add(link, stream, None);
                    self.engine.handle_link_up(now, link);
                }
                Report::Dialled(link, Err(why)) => self.engine.handle_dial_failed(now, link, why),
                Report::Accepted(stream, from) => {
                    if self.may_accept(now, from.ip()) {
                        let link = self.engine.handle_accepted(now, from);
                        self.add(link, stream, Some(from.ip()));
                    }
                }
            }
        }
        self.reports = reports;
        any
    }

    fn add(&mut self, id: LinkId, stream: Box<dyn devts_rt::Stream>, source: Option<IpAddr>) {
        self.links.insert(id, Link::new(id, stream, self.ready.clone(), source));
        self.due.push(id);
    }

    /// Whether one connection more is taken. A source with too many that have not greeted loses its oldest, so that a
    /// flood does not lock out a neighbour; when there are too many in all, the oldest of anybody goes, for members greet
    /// at once.
    fn may_accept(&mut self, now: Instant, source: IpAddr) -> bool {
        let leaving = self.stopping.as_ref().is_some_and(|stopping| stopping.left);
        let full = self.links.len() + self.closing.count() >= self.core.config.connections;
        let silent = |(id, link): &(&LinkId, &Link)| link.source.is_some() && !self.engine.is_greeted(**id);
        let of_source = |(_, link): &(&LinkId, &Link)| full || link.source == Some(source);
        let mut silent = self.links.iter().filter(silent).filter(of_source);
        let oldest = silent.next().map(|(id, _)| *id);
        let crowded = full || 1 + silent.count() >= self.core.config.ungreeted;
        if leaving || (full && oldest.is_none()) {
            crate::stats::Tally::count(&self.core.tally.connections_refused);
            return false;
        }
        if let Some(oldest) = oldest.filter(|_| crowded) {
            crate::stats::Tally::count(&self.core.tally.connections_refused);
            self.drop_link(now, oldest);
        }
        true
    }

    fn drop_link(&mut self, now: Instant, id: LinkId) {
        self.links.remove(&id);
        self.engine.handle_link_down(now, id);
    }

    /// Reads each due link once, and writes what it had left.
    fn read(&mut self, now: Instant) -> bool {
        let mut any = false;
        std::mem::swap(&mut self.due, &mut self.reading);
        for index in 0..self.reading.len() {
            let id = self.reading[index];
            let Some(link) = self.links.get_mut(&id) else { continue };
            link.looked_at();
            match link.read(&mut self.scratch) {
                Read::Bytes(bytes) => {
                    any = true;
                    self.engine.handle_received(now, id, bytes);
                    self.due.push(id);
                }
                Read::Nothing => {}
                Read::End => {
                    any = true;
                    self.drop_link(now, id);
                    continue;
                }
            }
            // A write that was stuck may go on.
            if self.write(now, id) {
                self.wanting.push(id);
            }
        }
        self.reading.clear();
        any
    }

    /// Writes every link that the engine has bytes for.
    fn write_due(&mut self, now: Instant) -> bool {
        let mut wanting = std::mem::take(&mut self.wanting);
        wanting.retain(|id| self.write(now, *id));
        self.wanting = wanting;
        !self.wanting.is_empty()
    }

    /// Writes what a link has, and what the engine has for it. `true`: there is more, and the stream takes it.
    fn write(&mut self, now: Instant, id: LinkId) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        for _ in 0..WRITES {
            if !link.write() || link.is_broken() {
                break;
            }
            if !link.wants {
                return false;
            }
            link.wants = fill(&mut self.engine, now, id, link.buffer());
        }
        if link.is_broken() {
            // What the peer has sent before is read first.
            self.due.push(id);
            return false;
        }
        link.wants && link.is_idle()
    }

    // ---- time ------------------------------------------------------------------------------------------------

    /// Sleeps until the engine's deadline; a timer that is early enough is left as it is. `true`: it is over.
    fn rest(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        let until = self.deadline(now).min(now + LOOK);
        if self.timer.as_ref().is_none_or(|(armed, _)| until < *armed) {
            self.timer = Some((until, self.core.runtime.sleep(until.since(now))));
        }
        let (_, sleep) = self.timer.as_mut().expect("it is armed above");
        let over = sleep.poll_unpin(cx).is_ready();
        if over {
            self.timer = None;
        }
        over
    }

    fn deadline(&self, now: Instant) -> Instant {
        let stop = self.stopping.as_ref().filter(|stopping| !stopping.left).map(|stopping| stopping.deadline);
        let stop = stop.filter(|deadline| *deadline > now).unwrap_or(Instant::NEVER);
        self.wait.min(self.calls.deadline()).min(stop)
    }

    /// Warns of a turn that takes long, once.
    fn watch(&mut self, now: Instant) {
        let Some((turn, name)) = self.core.pulse.read() else {
            self.watch.turn = None;
            return;
        };
        if self.watch.turn != Some(turn) {
            self.watch = Watch { turn: Some(turn), since: now, warned: false };
        } else if now.since(self.watch.since) >= LOOK && !self.watch.warned {
            self.watch.warned = true;
            let long = now.since(self.watch.since);
            log::warn!(target: "devts::node", "slow turn: `{name}` has run for {long:.1?} or more");
        }
    }

    // ---- the end ---------------------------------------------------------------------------------------------

    /// Leaves when everything is said and acknowledged, or at the deadline.
    fn end(&mut self, now: Instant) {
        let Some(stopping) = &mut self.stopping else { return };
        if stopping.left {
            return;
        }
        let late = now >= stopping.deadline;
        let said = stopping.drained && self.core.outbox().is_empty() && self.calls.is_empty();
        let done = late || (said && self.engine.is_flushed());
        if !done {
            return;
        }
        stopping.left = true;
        if !stopping.drained {
            self.core.blame(Cause::Overdue);
            self.dispatch.abort();
        } else if late {
            log::warn!(target: "devts", "leaving although not all members have acknowledged everything");
        }
        self.engine.leave(now);
        self.outputs(now);
        // What the engine had no reason to close is closed by dropping it.
        self.links.clear();
    }

    fn is_done(&self) -> bool {
        self.stopping.as_ref().is_some_and(|stopping| stopping.left) && self.closing.count() == 0
    }
}

/// Gathers what the engine has for a link into one write. `true`: there may be more.
fn fill(engine: &mut Engine, now: Instant, id: LinkId, out: &mut Vec<u8>) -> bool {
    while out.len() < WRITE {
        if !engine.transmit(now, id, out, WRITE - out.len()) {
            return false;
        }
    }
    true
}

/// Completes when the node has left.
impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.core.driver.register(cx.waker());
        this.ready.register(cx.waker());
        for _ in 0..ROUNDS {
            let now = Instant::from_origin(this.core.runtime.now());
            let busy = this.round(now);
            if this.is_done() {
                return Poll::Ready(());
            }
            if busy {
                continue;
            }
            if !this.rest(now, cx) {
                return Poll::Pending;
            }
            this.watch(now);
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
