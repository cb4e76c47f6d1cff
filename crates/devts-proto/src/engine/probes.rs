//! Deadlocks of turns that wait for each other's answers, found by edge chasing (Chandy, Misra, Haas 1983).
//!
//! A turn that starts to wait sends a probe along its wait. A node that gets one, owes the answer it speaks of, and
//! waits itself, passes it on along its own wait. A probe that comes back to its first sender while that still
//! waits has followed a cycle: that wait ends with `Deadlock`. The last wait that closes a cycle always finds it,
//! because its probe follows edges that all exist. It holds for turns with one wait at a time; with more, probes
//! stop here and the deadline decides.

use super::{Engine, Output, RequestError};
use crate::id::{Life, NodeId, RequestId};
use alloc::collections::BTreeMap;

/// The waits of this node's turns.
#[derive(Debug, Default)]
pub(super) struct Waits {
    next: u64,
    now: BTreeMap<(NodeId, RequestId), u64>,
    /// Per first sender the last probe passed on, and along which wait: each goes once.
    passed: BTreeMap<Life, (u64, u64)>,
}

impl Waits {
    /// The one wait there is.
    fn single(&self) -> Option<(NodeId, RequestId, u64)> {
        let mut waits = self.now.iter();
        let ((node, request), wait) = waits.next()?;
        if waits.next().is_some() { None } else { Some((*node, *request, *wait)) }
    }
}

impl Engine {
    pub(super) fn begin_wait(&mut self, to: NodeId, request: RequestId) {
        self.waits.next += 1;
        let wait = self.waits.next;
        self.waits.now.insert((to, request), wait);
        self.probe(to, self.life(), wait, request);
    }

    pub(super) fn end_wait(&mut self, to: NodeId, request: RequestId) {
        self.waits.now.remove(&(to, request));
        if self.waits.now.is_empty() {
            self.waits.passed.clear();
        }
    }

    fn probe(&mut self, to: NodeId, initiator: Life, wait: u64, request: RequestId) {
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.session.probe(initiator, wait, request);
            self.wake_peer(to);
        }
    }

    /// `from` waits for this node's answer to its `request`, in a chain that `initiator` began.
    pub(super) fn on_probe(&mut self, from: NodeId, initiator: Life, wait: u64, request: RequestId) {
        let owed = self.peers.get(&from).is_some_and(|peer| peer.session.owes(request));
        let Some((to, mine, number)) = self.waits.single().filter(|_| owed) else { return };
        if initiator == self.life() {
            if number == wait {
                self.break_wait(to, mine);
            }
        } else if self.waits.passed.insert(initiator, (wait, number)) != Some((wait, number)) {
            self.probe(to, initiator, wait, mine);
        }
    }

    fn break_wait(&mut self, to: NodeId, request: RequestId) {
        self.counters.deadlocks += 1;
        self.cancel(to, request);
        self.out.push_back(Output::Reply { from: to, request, result: Err(RequestError::Deadlock) });
    }
}
