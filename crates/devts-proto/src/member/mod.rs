//! Who is in: what is claimed of each node, what this node concludes, and the numbered view that follows.
//! Knows nothing of links, frames or events; it is told what was seen and answers what changed.
//!
//! Every node judges by its own links (a full mesh). A member that failed here is remembered: its life does not
//! end by being declared down.

mod watch;

pub use watch::{Verdict, Watch};

use crate::claim::Claim;
use crate::id::{Life, NodeId};
use crate::time::Instant;
use alloc::collections::BTreeMap;

/// What the view concludes of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// In the view.
    Alive,
    /// Out of the view since then; it may come back as the same life.
    Down(Instant),
    /// It left by itself, then.
    Left(Instant),
}

/// A node that is or was a member.
#[derive(Clone, Debug)]
pub struct Known {
    /// The newest claim about its newest life.
    pub claim: Claim,
    /// What is concluded.
    pub state: State,
    /// It was in this node's view once; else another told of it.
    pub seen: bool,
}

/// What a claim changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Learnt {
    /// Nothing.
    Old,
    /// A life nobody here had seen; it is in the view now.
    Joined,
    /// As `Joined`, in the place of an older life of the same node, which is given with its state.
    Replaced(Claim, State),
    /// A member's address, info, readiness or incarnation is newer. `true`: something a user sees.
    Updated(bool),
    /// The member says that it leaves; it is out of the view now.
    Left,
    /// A life that is down here raised its incarnation: it learnt of it, and is worth a dial.
    Calls,
    /// It speaks of this node: a younger life has its id (`true`), or it was called something it must refute.
    OfMe(bool),
    /// The cluster is as large as it may be.
    Full,
}

/// All nodes known, this one included.
#[derive(Debug)]
pub struct Members {
    me: Claim,
    known: BTreeMap<NodeId, Known>,
    alive: usize,
    version: u64,
    max: usize,
}

impl Members {
    /// A view that holds only `me`, for a cluster of at most `max`.
    pub fn new(me: Claim, max: usize) -> Members {
        Members { me, known: BTreeMap::new(), alive: 0, version: 0, max }
    }

    /// This node as it tells others of itself.
    pub fn me(&self) -> &Claim {
        &self.me
    }

    /// A change this node makes to its own claim. The caller tells others.
    pub fn change_me(&mut self, change: impl FnOnce(&mut Claim)) {
        change(&mut self.me);
        self.me.revision = self.me.revision.saturating_add(1);
        self.version += 1;
    }

    /// Someone had declared this node down at `incarnation`. `true`: it raised its own and must tell.
    pub fn refute(&mut self, incarnation: u32) -> bool {
        if incarnation < self.me.incarnation {
            return false;
        }
        self.me.incarnation = incarnation.saturating_add(1);
        true
    }

    /// Takes another boot number while still outside any cluster.
    pub fn reboot(&mut self, boot: u64) {
        self.me.life.boot = boot;
    }

    /// The view's version: each change of the view raises it by one.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// How many are in the view, this node included.
    pub fn count(&self) -> usize {
        self.alive + 1
    }

    /// Whether another member fits.
    pub fn has_room(&self) -> bool {
        self.count() < self.max
    }

    /// Everything known of a node.
    pub fn get(&self, node: NodeId) -> Option<&Known> {
        self.known.get(&node)
    }

    /// The claim of a node in the view (not this one).
    pub fn alive(&self, node: NodeId) -> Option<&Claim> {
        self.known.get(&node).filter(|known| known.state == State::Alive).map(|known| &known.claim)
    }

    /// Whether exactly this life is in the view, this node included.
    pub fn is_alive(&self, life: Life) -> bool {
        life == self.me.life || self.alive(life.node).is_some_and(|claim| claim.life == life)
    }

    /// The others in the view, ascending by id.
    pub fn others(&self) -> impl Iterator<Item = &Claim> {
        self.known.values().filter(|known| known.state == State::Alive).map(|known| &known.claim)
    }

    /// The view, this node included, ascending by id.
    pub fn view(&self) -> impl Iterator<Item = &Claim> {
        let me = self.me.life.node;
        let before = self.others().filter(move |claim| claim.life.node < me);
        let after = self.others().filter(move |claim| claim.life.node > me);
        before.chain(core::iter::once(&self.me)).chain(after)
    }

    /// Those that failed here and are remembered.
    pub fn down(&self) -> impl Iterator<Item = &Known> {
        self.known.values().filter(|known| matches!(known.state, State::Down(_)))
    }

    /// Weighs a claim, whoever made it.
    pub fn learn(&mut self, claim: &Claim, now: Instant) -> Learnt {
        if claim.life.node == self.me.life.node {
            return self.learn_of_me(claim);
        }
        match self.known.get(&claim.life.node) {
            None => self.admit(claim, None),
            Some(known) if claim.life.boot > known.claim.life.boot => {
                let old = (known.claim.clone(), known.state);
                self.admit(claim, Some(old))
            }
            Some(known) if claim.life.boot < known.claim.life.boot => Learnt::Old,
            Some(_) => self.refresh(claim, now),
        }
    }

    fn learn_of_me(&self, claim: &Claim) -> Learnt {
        if claim.life.boot > self.me.life.boot {
            Learnt::OfMe(true)
        } else if claim.life == self.me.life && claim.incarnation > self.me.incarnation {
            Learnt::OfMe(false)
        } else {
            Learnt::Old
        }
    }

    fn admit(&mut self, claim: &Claim, old: Option<(Claim, State)>) -> Learnt {
        if claim.left {
            return Learnt::Old;
        }
        let was_alive = old.as_ref().is_some_and(|(_, state)| *state == State::Alive);
        if !was_alive && !self.has_room() {
            return Learnt::Full;
        }
        self.alive += usize::from(!was_alive);
        self.version += 1;
        self.known.insert(claim.life.node, Known { claim: claim.clone(), state: State::Alive, seen: true });
        match old {
            Some((old, state)) => Learnt::Replaced(old, state),
            None => Learnt::Joined,
        }
    }

    /// A claim about a life that is known already.
    fn refresh(&mut self, claim: &Claim, now: Instant) -> Learnt {
        let known = self.known.get_mut(&claim.life.node).expect("the caller found it");
        let newer = (claim.incarnation, claim.revision) > (known.claim.incarnation, known.claim.revision);
        let raised = claim.incarnation > known.claim.incarnation;
        match known.state {
            State::Left(_) => Learnt::Old,
            State::Alive if claim.left => {
                known.state = State::Left(now);
                self.alive -= 1;
                self.version += 1;
                Learnt::Left
            }
            State::Down(_) if claim.left => {
                known.state = State::Left(now);
                Learnt::Old
            }
            State::Alive if newer => {
                let seen = known.claim.revision != claim.revision;
                known.claim = claim.clone();
                self.version += u64::from(seen);
                Learnt::Updated(seen)
            }
            State::Down(_) if newer => {
                known.claim = claim.clone();
                if raised { Learnt::Calls } else { Learnt::Old }
            }
            _ => Learnt::Old,
        }
    }

    /// This node concludes that a member failed. `None` if it was not in the view.
    pub fn fail(&mut self, node: NodeId, now: Instant) -> Option<Claim> {
        self.end(node, State::Down(now))
    }

    /// A member said that it leaves. `None` if it was not in the view.
    pub fn leave(&mut self, node: NodeId, now: Instant) -> Option<Claim> {
        let claim = self.end(node, State::Left(now))?;
        self.known.get_mut(&node).expect("it was just ended").claim.left = true;
        Some(claim)
    }

    fn end(&mut self, node: NodeId, state: State) -> Option<Claim> {
        let known = self.known.get_mut(&node).filter(|known| known.state == State::Alive)?;
        known.state = state;
        self.alive -= 1;
        self.version += 1;
        Some(known.claim.clone())
    }

    /// A life failed before this node was there, and may come back. `false`: its node is known here.
    pub fn remember(&mut self, claim: &Claim, now: Instant) -> bool {
        let node = claim.life.node;
        let full = self.known.len() >= self.max;
        if full || node == self.me.life.node || claim.left || self.known.contains_key(&node) {
            return false;
        }
        self.known.insert(node, Known { claim: claim.clone(), state: State::Down(now), seen: false });
        true
    }

    /// A life that had failed answers again: its claim, and whether it was in this node's view before. `None` if it was
    /// not down, or there is no room.
    pub fn rejoin(&mut self, life: Life) -> Option<(Claim, bool)> {
        if !self.has_room() {
            return None;
        }
        let known = self.known.get_mut(&life.node)?;
        if known.claim.life != life || !matches!(known.state, State::Down(_)) {
            return None;
        }
        known.state = State::Alive;
        let seen = core::mem::replace(&mut known.seen, true);
        self.alive += 1;
        self.version += 1;
        Some((known.claim.clone(), seen))
    }

    /// Forgets who has been down or gone for `after`; gives the lives.
    pub fn forget(&mut self, now: Instant, after: core::time::Duration) -> alloc::vec::Vec<Life> {
        let old = |state: State| match state {
            State::Alive => false,
            State::Down(since) | State::Left(since) => now.since(since) >= after,
        };
        let gone: alloc::vec::Vec<Life> =
            self.known.values().filter(|known| old(known.state)).map(|known| known.claim.life).collect();
        for life in &gone {
            self.known.remove(&life.node);
        }
        gone
    }
}

#[cfg(test)]
mod tests;
