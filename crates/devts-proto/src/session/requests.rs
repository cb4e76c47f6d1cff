//! Requests under way between the two nodes, in both directions. Knows deadlines and who waits, no bytes.

use crate::id::{NodeId, RequestId};
use crate::time::Instant;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// A turn waits for the reply and takes no other turn until it is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The request that this turn serves, if it serves one.
    pub serving: Option<(NodeId, RequestId)>,
}

#[derive(Debug)]
struct Pending {
    deadline: Instant,
    wait: Option<Wait>,
}

/// Requests this node sent and waits for. Ids are never used again, also not after the session has ended: a late
/// reply must not answer a later request.
#[derive(Debug, Default)]
pub(super) struct Asked {
    last: u64,
    pending: BTreeMap<RequestId, Pending>,
    deadlines: BTreeSet<(Instant, RequestId)>,
}

impl Asked {
    /// The id that `add` will give.
    pub(super) fn next_id(&self) -> RequestId {
        RequestId(self.last + 1)
    }

    pub(super) fn add(&mut self, deadline: Instant, wait: Option<Wait>) -> RequestId {
        let id = self.next_id();
        self.last = id.0;
        self.pending.insert(id, Pending { deadline, wait });
        self.deadlines.insert((deadline, id));
        id
    }

    /// Nobody waits for it any more; `false` if nobody did.
    pub(super) fn remove(&mut self, id: RequestId) -> bool {
        let Some(pending) = self.pending.remove(&id) else { return false };
        let known = self.deadlines.remove(&(pending.deadline, id));
        debug_assert!(known, "pending and deadlines hold the same requests");
        true
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Forgets and appends those whose deadline has come.
    pub(super) fn expire(&mut self, now: Instant, out: &mut Vec<RequestId>) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.remove(id);
            out.push(id);
        }
    }

    pub(super) fn wait(&self, id: RequestId) -> Option<Wait> {
        self.pending.get(&id)?.wait
    }

    pub(super) fn waits(&self) -> impl Iterator<Item = (RequestId, Wait)> + '_ {
        self.pending.iter().filter_map(|(id, pending)| Some((*id, pending.wait?)))
    }

    /// Forgets all, ascending.
    pub(super) fn take_all(&mut self) -> Vec<RequestId> {
        self.deadlines.clear();
        core::mem::take(&mut self.pending).into_keys().collect()
    }
}

/// Requests of the peer that this node has taken and not answered; the value says that no turn of this node has
/// to end before the answer.
#[derive(Debug, Default)]
pub(super) struct Served {
    highest: Option<RequestId>,
    open: BTreeMap<RequestId, bool>,
}

/// What to do with a request that arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Taken,
    Busy,
    /// Its id does not ascend.
    Disorder,
}

impl Served {
    pub(super) fn admit(&mut self, id: RequestId, bound: usize) -> Admission {
        if self.highest.is_some_and(|highest| id <= highest) {
            return Admission::Disorder;
        }
        self.highest = Some(id);
        if self.open.len() >= bound {
            return Admission::Busy;
        }
        self.open.insert(id, false);
        Admission::Taken
    }

    /// It is answered now; `false` if it was, or is not of this session.
    pub(super) fn answer(&mut self, id: RequestId) -> bool {
        self.open.remove(&id).is_some()
    }

    pub(super) fn defer(&mut self, id: RequestId) {
        if let Some(deferred) = self.open.get_mut(&id) {
            *deferred = true;
        }
    }

    pub(super) fn owes(&self, id: RequestId) -> bool {
        match self.open.get(&id) {
            Some(deferred) => !deferred,
            None => self.highest.is_none_or(|highest| id > highest),
        }
    }
}
