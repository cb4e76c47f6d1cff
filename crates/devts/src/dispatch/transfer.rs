//! State transfer, both sides: asking for a state when the node joins or met a gap, and giving one between two turns.
//! Vectors say what a state reflects; a state is given only to who would lose nothing by it. Knows no link.

use super::Dispatch;
use super::holes::Holes;
use crate::JoinError;
use crate::command::Command;
use crate::mailbox::Item;
use crate::member::View;
use crate::node::Node;
use crate::notice::Gap;
use crate::turn::{Mark, guard};
use bytes::Bytes;
use devts_proto::claim::Vector;
use devts_proto::engine::StateRefusal;
use devts_proto::{Life, NodeId};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long a donor waits until its vector covers the asker's.
const COVER_WITHIN: Duration = Duration::from_secs(10);
/// How long an asker pauses when each donor has refused once.
const PAUSE: Duration = Duration::from_millis(250);

/// A state that this node asks for.
#[derive(Debug)]
pub(super) struct Transfer {
    why: Why,
    /// Whom to ask, in this order.
    donors: Vec<NodeId>,
    /// Asked in this round, without success.
    tried: BTreeSet<NodeId>,
    /// The ask that is under way, and whom.
    asked: Option<(u64, NodeId)>,
    /// Nobody covers: every donor's state is merged into this one.
    merging: bool,
    /// A pause is under way.
    paused: bool,
}

#[derive(Clone, Copy, Debug)]
enum Why {
    Join,
    Gap(Gap),
}

/// A peer's ask that waits until this node can answer.
#[derive(Debug)]
pub(super) struct Asked {
    from: Life,
    ask: u64,
    vector: Vector,
    merge: bool,
    /// When to give up.
    until: Duration,
}

// ---- asking --------------------------------------------------------------------------------------------------

impl<N: Node> Dispatch<N> {
    /// In the cluster: restores a state if somebody of this kind was there before.
    pub(super) async fn begin(&mut self, life: Life, donors: Vec<NodeId>, baseline: Vector) {
        self.life = Some(life);
        self.vector = baseline;
        self.core.tap.joined(life, &self.vector);
        let view = self.core.views.view();
        let donors: Vec<NodeId> = donors.into_iter().filter(|id| self.is_mate(&view, *id)).collect();
        if self.events.restore.is_none() || donors.is_empty() {
            return self.enter().await;
        }
        self.transfer = Some(Transfer::new(Why::Join, donors));
        self.advance().await;
    }

    /// Events are missing: a state that reflects them, if there is one, stands in for them.
    pub(super) async fn gap(&mut self, origin: Life, first: u64, last: u64) {
        if self.vector.get(&origin).is_some_and(|known| *known >= last) {
            return;
        }
        let gap = Gap { origin, first, last };
        let view = self.core.views.view();
        let mates = view.iter().filter(|member| member.ready && self.is_mate(&view, member.id));
        let donors: Vec<NodeId> = mates.map(|member| member.id).collect();
        let restores = self.events.restore.is_some();
        if donors.is_empty() || !(restores || self.events.merge.is_some()) {
            return self.pass(gap).await;
        }
        // What this node has emitted goes out meanwhile, so that a donor can cover it.
        self.core.outbox().set_gate(true).wake();
        self.transfer = Some(Transfer { merging: !restores, ..Transfer::new(Why::Gap(gap), donors) });
        self.advance().await;
    }

    fn is_mate(&self, view: &View, id: NodeId) -> bool {
        id != self.core.node && view.member(id).is_some_and(|member| member.kind == self.core.kind)
    }

    /// Asks the next donor, unless one is asked already; ends the transfer when there is none left.
    pub(super) async fn advance(&mut self) {
        let view = self.core.views.view();
        let Some(mut transfer) = self.transfer.take() else { return };
        transfer.donors.retain(|id| self.is_mate(&view, *id));
        if transfer.asked.is_some_and(|(_, donor)| transfer.donors.contains(&donor)) {
            self.transfer = Some(transfer);
            return;
        }
        transfer.asked = None;
        let ready = |id: &&NodeId| view.member(**id).is_some_and(|member| member.ready);
        let next = transfer.donors.iter().filter(ready).find(|id| !transfer.tried.contains(id)).copied();
        match (next, transfer.why) {
            (Some(donor), _) => self.ask(donor, &mut transfer),
            (None, Why::Join) if !transfer.donors.is_empty() => self.pause(&mut transfer),
            (None, Why::Gap(_)) if !transfer.merging && self.events.merge.is_some() => {
                transfer.merging = true;
                transfer.tried.clear();
                self.pause(&mut transfer);
            }
            (None, why) => return self.conclude(why, false).await,
        }
        self.transfer = Some(transfer);
    }

    fn ask(&mut self, donor: NodeId, transfer: &mut Transfer) {
        self.asks += 1;
        transfer.asked = Some((self.asks, donor));
        let vector = self.own_vector();
        let merge = transfer.merging;
        self.core.command(Command::AskState { donor, ask: self.asks, vector, merge });
    }

    /// What this node's state reflects, its own events included.
    fn own_vector(&self) -> Vector {
        let mut vector = self.vector.clone();
        vector.extend(self.life.map(|life| (life, self.core.outbox().count())));
        vector
    }

    /// Comes back a little later, with every donor untried.
    fn pause(&self, transfer: &mut Transfer) {
        if !std::mem::replace(&mut transfer.paused, true) {
            self.push_after(PAUSE, Item::Resume);
        }
    }

    fn push_after(&self, pause: Duration, item: Item) {
        let core = self.core.clone();
        self.core.tasks.spawn(async move {
            core.runtime.sleep(pause).await;
            core.mailbox.push(item);
        });
    }

    /// A pause is over.
    pub(super) async fn resume(&mut self) {
        let Some(transfer) = &mut self.transfer else { return };
        transfer.paused = false;
        transfer.tried.clear();
        self.advance().await;
    }

    pub(super) async fn state_refused(&mut self, from: NodeId, ask: u64, why: StateRefusal) {
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.asked == Some((ask, from)))
        else {
            return;
        };
        log::debug!(target: "devts::node", "node {from} does not give its state: {why:?}");
        transfer.asked = None;
        transfer.tried.insert(from);
        self.advance().await;
    }

    pub(super) async fn state_given(&mut self, from: NodeId, ask: u64, vector: Vector, state: &Bytes) {
        let Some(transfer) = self.transfer.as_mut().filter(|transfer| transfer.asked == Some((ask, from)))
        else {
            return;
        };
        transfer.asked = None;
        transfer.tried.insert(from);
        let (why, merging) = (transfer.why, transfer.merging);
        let Some((holes, state)) = Holes::split(state.clone()) else {
            log::warn!(target: "devts::node", "the state of node {from} is none");
            return self.advance().await;
        };
        // A state that lacks what this node has would swap it away.
        if matches!(why, Why::Gap(_)) && !merging && holes.lack(&self.own_vector(), &self.holes) {
            return self.advance().await;
        }
        let put = if merging { &self.events.merge } else { &self.events.restore };
        let Some(put) = put else { return };
        let mark = Mark::new(&self.core, None);
        let result = guard(mark, || put(&mut self.node, &state));
        let Some(result) = self.over(result) else { return };
        match result {
            Ok(()) => {
                self.take_holes(holes, &vector, merging);
                self.reflect(vector);
                if merging { self.advance().await } else { self.conclude(why, true).await }
            }
            Err(error) if matches!(why, Why::Join) => {
                self.core.joined(Err(JoinError::Restore(error)));
                self.ended = Some(crate::shared::Cause::Asked);
            }
            Err(error) => {
                log::warn!(target: "devts::node", "the state of node {from} could not be taken: {}", error.line());
                self.advance().await;
            }
        }
    }

    /// The state now reflects this too: events up to it are dropped from here on.
    fn reflect(&mut self, vector: Vector) {
        for (origin, last) in vector {
            let known = self.vector.entry(origin).or_default();
            *known = last.max(*known);
        }
        self.core.tap.restored(&self.vector);
        self.core.command(Command::Restored(self.vector.clone()));
    }

    /// What the state lacks that was taken instead of this node's own, or merged into it.
    fn take_holes(&mut self, theirs: Holes, vector: &Vector, merging: bool) {
        if merging {
            self.holes.merge(vector, &theirs);
        } else {
            self.holes = theirs;
        }
    }

    /// The transfer is over, with a state that was `taken` or without.
    async fn conclude(&mut self, why: Why, taken: bool) {
        self.transfer = None;
        match why {
            Why::Join => {
                if !taken {
                    self.lack_everything();
                }
                self.enter().await;
                self.tell_holes().await;
            }
            Why::Gap(gap) => {
                self.core.outbox().set_gate(false).wake();
                if taken {
                    self.tell_holes().await;
                }
                if self.vector.get(&gap.origin).is_none_or(|known| *known < gap.last) {
                    self.pass(gap).await;
                }
                self.release();
            }
        }
    }

    /// Who had a state is gone: what came before this node joined is not in its own.
    fn lack_everything(&mut self) {
        let before = self.vector.iter().filter(|(_, last)| **last > 0);
        let gaps = before.map(|(origin, last)| Gap { origin: *origin, first: 1, last: *last });
        gaps.for_each(|gap| self.holes.add(gap));
    }

    /// The node learns what the state lacks that it has begun with, or that has taken its own's place.
    async fn tell_holes(&mut self) {
        for gap in self.holes.clone().iter() {
            self.core.tap.hole(gap.origin, gap.first, gap.last);
            self.tell_gap(gap).await;
        }
    }

    /// Nothing stands in for the missing events.
    async fn pass(&mut self, mut gap: Gap) {
        // A state that was taken meanwhile may reflect the first of them.
        let known = self.vector.insert(gap.origin, gap.last).unwrap_or(0);
        gap.first = gap.first.max(known + 1);
        self.holes.add(gap);
        self.core.tap.gap(gap.origin, gap.first, gap.last);
        self.tell_gap(gap).await;
    }
}

impl Transfer {
    fn new(why: Why, donors: Vec<NodeId>) -> Transfer {
        Transfer { why, donors, tried: BTreeSet::new(), asked: None, merging: false, paused: false }
    }
}

// ---- giving --------------------------------------------------------------------------------------------------

impl<N: Node> Dispatch<N> {
    pub(super) fn state_asked(&mut self, from: Life, ask: u64, vector: Vector, merge: bool) {
        let until = self.core.runtime.now() + COVER_WITHIN;
        self.asked.push(Asked { from, ask, vector, merge, until });
        self.push_after(COVER_WITHIN, Item::Poke);
        self.answer_asked();
    }

    /// Between two turns: answers whom it can. While somebody waits only for what this node has sent to itself, outside
    /// callers wait too, or that might never end.
    pub(super) fn answer_asked(&mut self) {
        if self.asked.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.asked);
        self.asked = waiting.into_iter().filter_map(|asked| self.answer(asked)).collect();
        if self.transfer.is_none() {
            let unsettled = self.asked.iter().any(|asked| self.covers(&asked.vector, u64::MAX));
            self.core.outbox().set_gate(unsettled).wake();
        }
    }

    /// Answers, or gives the ask back to wait on.
    fn answer(&mut self, asked: Asked) -> Option<Asked> {
        let refusal = if self.events.snapshot.is_none() || !self.joined {
            StateRefusal::NotReady
        } else if asked.merge {
            let handled = self.core.outbox().handled_count();
            return self.give(&asked, handled);
        } else if self.transfer.is_some() {
            StateRefusal::NotCovering
        } else {
            let settled = self.core.outbox().settled_count();
            match settled.filter(|count| self.covers(&asked.vector, *count)) {
                Some(count) => return self.give(&asked, count),
                None if self.core.runtime.now() < asked.until => return Some(asked),
                None => StateRefusal::NotCovering,
            }
        };
        self.core.command(Command::RefuseState { to: asked.from, ask: asked.ask, why: refusal });
        None
    }

    fn covers(&self, wanted: &Vector, own: u64) -> bool {
        wanted.iter().all(|(origin, last)| {
            let have =
                if self.life == Some(*origin) { own } else { self.vector.get(origin).copied().unwrap_or(0) };
            have >= *last
        })
    }

    fn give(&mut self, asked: &Asked, own: u64) -> Option<Asked> {
        let take = self.events.snapshot.as_ref()?;
        let mark = Mark::new(&self.core, None);
        let result = guard(mark, || take(&self.node));
        let (to, ask) = (asked.from, asked.ask);
        let command = match self.over(result) {
            Some(Ok(state)) => {
                let mut vector = self.vector.clone();
                vector.extend(self.life.map(|life| (life, own)));
                Command::GiveState { to, ask, vector, state: self.holes.with(state) }
            }
            Some(Err(error)) => {
                log::warn!(target: "devts::node", "the snapshot failed: {}", error.line());
                Command::RefuseState { to, ask, why: StateRefusal::NotReady }
            }
            None => Command::RefuseState { to, ask, why: StateRefusal::NotReady },
        };
        self.core.command(command);
        None
    }
}
