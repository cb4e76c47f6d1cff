//! The task that owns the user's node and runs its turns, one after the other. It waits for the mailbox and for
//! handlers; never for the driver, for credit or for a peer. Knows no link and no frame.

mod holes;
mod run;
mod table;
mod transfer;

use crate::command::Command;
use crate::context::{Context, Turn};
use crate::events::Events;
use crate::handle::{Job, Jobs, NodeHandle};
use crate::mailbox::Item;
use crate::member::PeerEvent;
use crate::node::Node;
use crate::notice::Gap;
use crate::shared::{Cause, Core};
use crate::stats::Tally;
use crate::tap::Turns;
use crate::turn::{Guarded, Mark, guard, pause};
use crate::waiters::Woken;
use crate::{JoinError, OnPanic};
use devts_proto::claim::Vector;
use devts_proto::{Life, NodeId};
use holes::Holes;
use std::collections::VecDeque;
use std::sync::Arc;
use table::Targets;
use transfer::{Asked, Transfer};

/// Other tasks run at least this often, in items.
const PAUSE_EVERY: usize = 16;
/// Credit is given back at least this often, in bytes: a quarter of the least receive window would do.
const CREDIT: usize = 64 * 1024;
/// When there is nothing left to do, less than this is kept: it is a small part of the least window, and telling of it
/// would wake the driver for each event that comes alone.
const CREDIT_AT_REST: usize = 8 * 1024;

/// See the module.
pub(crate) struct Dispatch<N: Node> {
    node: N,
    turns: Turns<N>,
    cx: Context<N>,
    core: Arc<Core>,
    jobs: Arc<Jobs<N>>,
    events: Events<N>,
    targets: Targets,
    /// This node's life, once it is in the cluster.
    life: Option<Life>,
    /// The `joined` hook has run.
    joined: bool,
    /// What the node's state reflects: per origin, the last event whose turn is over. This node's own are not here:
    /// the outbox counts them.
    vector: Vector,
    /// What it passes over and the state does not reflect.
    holes: Holes,
    queue: VecDeque<Item>,
    /// What waits while the state is not whole.
    held: VecDeque<Item>,
    transfer: Option<Transfer>,
    asks: u64,
    asked: Vec<Asked>,
    /// Used bytes that are not given back yet.
    credit: Credit,
    ended: Option<Cause>,
    /// The last field: says that all is over when everything else is dropped.
    _farewell: Farewell<N>,
}

/// Bytes that turns have used, per peer: of events and of calls. And their sum.
#[derive(Default)]
struct Credit {
    peers: Vec<(NodeId, usize, usize)>,
    sum: usize,
}

/// Tells everybody that dispatch is done, however it ends.
struct Farewell<N> {
    core: Arc<Core>,
    jobs: Arc<Jobs<N>>,
}

impl<N> Drop for Farewell<N> {
    fn drop(&mut self) {
        self.core.drained();
        self.jobs.clear();
    }
}

impl<N: Node> Dispatch<N> {
    pub(crate) fn new(
        node: N,
        events: Events<N>,
        turns: Turns<N>,
        handle: NodeHandle<N>,
        jobs: Arc<Jobs<N>>,
        seed: u64,
    ) -> Self {
        let core = handle.core.clone();
        let before = Life { node: core.node, boot: 0 };
        Dispatch {
            node,
            turns,
            cx: Context::new(handle, before, seed),
            events,
            targets: Targets::default(),
            life: None,
            joined: false,
            vector: Vector::new(),
            holes: Holes::default(),
            queue: VecDeque::new(),
            held: VecDeque::new(),
            transfer: None,
            asks: 0,
            asked: Vec::new(),
            credit: Credit::default(),
            ended: None,
            _farewell: Farewell { core: core.clone(), jobs: jobs.clone() },
            core,
            jobs,
        }
    }

    /// Runs turns until the node stops.
    pub(crate) async fn run(mut self) {
        while self.ended.is_none() {
            self.core.clone().mailbox.swap(&mut self.queue).await;
            let mut taken = 0;
            while let Some(item) = self.queue.pop_front() {
                self.take(item).await;
                self.turns.over(&self.node);
                if self.ended.is_some() {
                    break;
                }
                self.answer_asked();
                taken += 1;
                if taken % PAUSE_EVERY == 0 {
                    pause().await;
                }
            }
            if self.credit.sum >= CREDIT_AT_REST {
                self.give_credit();
            }
        }
        if let Some(cause) = self.ended.take() {
            self.core.stop(cause.clone());
            self.core.blame(cause);
        }
    }

    async fn take(&mut self, item: Item) {
        if self.is_holding() && waits_for_state(&item) {
            self.hold(item).await;
            return;
        }
        match item {
            Item::Joined { life, donors, baseline } => self.begin(life, donors, baseline).await,
            Item::Types { origin, first, entries } => {
                for conflict in self.targets.learn(&self.events.entries, (origin, first), entries) {
                    log::warn!(target: "devts::node", "{conflict}");
                    self.queue.push_front(Item::Peer(PeerEvent::Incompatible(conflict)));
                }
            }
            Item::OwnTypes(entries) => self.targets.learn_own(&self.events.entries, entries),
            Item::Events { origin, first, count, events, via } => {
                let len = events.len();
                self.events((origin, first, count), events).await;
                self.used(via, len, 0);
            }
            Item::OwnEvents(bytes) => self.own_events(bytes).await,
            Item::Gap { origin, first, last } => self.gap(origin, first, last).await,
            Item::Call { from, call, cost } => {
                self.call(from, call).await;
                self.used(from.node, 0, cost);
            }
            Item::Open { from, ty, body, pipe, cost } => {
                self.open((from, ty), body, pipe).await;
                self.used(from.node, 0, cost);
            }
            Item::OwnCall { ty, body, reply } => self.own_call(ty, body, reply).await,
            Item::Peer(event) => self.peer(event).await,
            Item::Rejected(rejected) => self.rejected(rejected).await,
            Item::Job => self.job().await,
            Item::StateAsked { from, ask, vector, merge } => self.state_asked(from, ask, vector, merge),
            Item::StateGiven { from, ask, vector, state } => {
                self.state_given(from, ask, vector, &state).await
            }
            Item::StateRefused { from, ask, why } => self.state_refused(from, ask, why).await,
            Item::Resume => self.resume().await,
            Item::Poke => {}
            Item::Stop => self.stop().await,
        }
    }

    /// Until the node is in the cluster with a whole state, turns wait.
    fn is_holding(&self) -> bool {
        !self.joined || self.transfer.is_some()
    }

    async fn hold(&mut self, item: Item) {
        let peer = matches!(item, Item::Peer(_));
        // What was seen before the node was in the cluster is in its first view.
        if self.life.is_some() || !peer {
            self.held.push_back(item);
        }
        if peer {
            self.advance().await;
        }
    }

    /// The state is whole: what was held is next.
    fn release(&mut self) {
        self.held.append(&mut self.queue);
        std::mem::swap(&mut self.held, &mut self.queue);
    }

    // ---- credit ----------------------------------------------------------------------------------------------

    fn used(&mut self, via: NodeId, events: usize, calls: usize) {
        let Credit { peers, sum } = &mut self.credit;
        match peers.iter_mut().find(|(peer, ..)| *peer == via) {
            Some(known) => (known.1, known.2) = (known.1 + events, known.2 + calls),
            None => peers.push((via, events, calls)),
        }
        *sum += events + calls;
        if *sum >= CREDIT {
            self.give_credit();
        }
    }

    fn give_credit(&mut self) {
        if self.credit.peers.is_empty() {
            return;
        }
        self.credit.sum = 0;
        let mut outbox = self.core.outbox();
        let mut asleep = false;
        for (via, events, calls) in self.credit.peers.drain(..) {
            asleep |= outbox.push(Command::Consumed { via, events, calls });
        }
        drop(outbox);
        if asleep {
            self.core.driver.wake();
        }
    }

    fn used_own(&mut self, bytes: usize) {
        let woken: Woken = self.core.outbox().release_own(bytes);
        woken.wake();
    }

    // ---- hooks and jobs --------------------------------------------------------------------------------------

    /// Prepares the context for a turn of this node's own, or about `from`.
    fn about(&mut self, from: Option<Life>, name: &'static str) -> Mark {
        let own = self.life.unwrap_or(Life { node: self.core.node, boot: 0 });
        self.cx.turn = Turn::new(from.unwrap_or(own));
        self.core.pulse.beat();
        self.core.pulse.set(Some(name.into()));
        Mark::new(&self.core, None)
    }

    /// A hook or job is over: its panic, if any, is the node's.
    fn over<T>(&mut self, result: Result<T, String>) -> Option<T> {
        self.core.pulse.set(None);
        match result {
            Ok(value) => Some(value),
            Err(text) => {
                self.panicked(&text);
                None
            }
        }
    }

    fn panicked(&mut self, text: &str) {
        Tally::count(&self.core.tally.panicked);
        log::error!(target: "devts::node", "a turn panicked: {text}");
        if self.core.on_panic == OnPanic::Stop {
            self.ended = Some(Cause::Panicked(text.to_string()));
        }
    }

    async fn peer(&mut self, event: PeerEvent) {
        let mark = self.about(None, "hook `peer`");
        let future = Box::pin(self.node.peer(event, &mut self.cx));
        let result = Guarded { mark, future }.await;
        self.over(result);
    }

    async fn rejected(&mut self, rejected: crate::Rejected) {
        log::debug!(target: "devts::node", "{rejected}");
        let mark = self.about(None, "hook `rejected`");
        let future = Box::pin(self.node.rejected(rejected, &mut self.cx));
        let result = Guarded { mark, future }.await;
        self.over(result);
    }

    async fn tell_gap(&mut self, gap: Gap) {
        let mark = self.about(Some(gap.origin), "hook `gap`");
        let future = Box::pin(self.node.gap(gap, &mut self.cx));
        let result = Guarded { mark, future }.await;
        self.over(result);
    }

    async fn job(&mut self) {
        let Some(job) = self.jobs.pop() else { return };
        let mark = self.about(None, "with or call");
        let result = match job {
            Job::Sync(turn) => guard(mark, || turn(&mut self.node, &mut self.cx)),
            Job::Async(turn) => Guarded { mark, future: turn(&mut self.node, &mut self.cx) }.await,
        };
        self.over(result);
    }

    /// The last hook; what was queued before has run, unless the state is not whole.
    async fn stop(&mut self) {
        if self.joined {
            let mark = self.about(None, "hook `stopping`");
            let future = Box::pin(self.node.stopping(&mut self.cx));
            let result = Guarded { mark, future }.await;
            self.over(result);
        }
        self.ended.get_or_insert(Cause::Asked);
    }

    /// In the cluster with a whole state: the first turn, then everybody may know.
    async fn enter(&mut self) {
        let mark = self.about(None, "hook `joined`");
        let future = Box::pin(self.node.joined(&mut self.cx));
        let result = Guarded { mark, future }.await;
        match self.over(result) {
            Some(Ok(())) => {
                self.joined = true;
                self.core.tap.entered(self.life);
                self.core.command(Command::SetReady);
                self.core.joined(Ok(()));
                self.release();
            }
            Some(Err(error)) => {
                self.core.joined(Err(JoinError::Hook(error)));
                self.ended = Some(Cause::Asked);
            }
            None => {
                let text = "the `joined` hook panicked";
                self.core.joined(Err(JoinError::Hook(crate::Error::msg(text))));
                self.ended.get_or_insert(Cause::Asked);
            }
        }
    }
}

/// Turns wait for the state; what brings it about does not.
fn waits_for_state(item: &Item) -> bool {
    match item {
        Item::Events { .. }
        | Item::OwnEvents(_)
        | Item::Gap { .. }
        | Item::Call { .. }
        | Item::Open { .. }
        | Item::OwnCall { .. }
        | Item::Peer(_)
        | Item::Rejected(_)
        | Item::Job => true,
        Item::Joined { .. }
        | Item::Types { .. }
        | Item::OwnTypes(_)
        | Item::StateAsked { .. }
        | Item::StateGiven { .. }
        | Item::StateRefused { .. }
        | Item::Resume
        | Item::Poke
        | Item::Stop => false,
    }
}
