//! What this node's callers and turns have said and the driver has not heard yet, under one short lock: the batch of
//! events, the queue of commands, this node's types. Decides who waits and who is told `Full`. Knows no socket.

use crate::batch::{Batch, Taken};
use crate::command::{Command, Errand, Queue, Queued};
use crate::encode::{self, EncodeError};
use crate::types::Types;
use crate::waiters::{Waiters, Woken};
use devts_proto::NodeId;
use serde::Serialize;
use std::task::Waker;

/// Why something was not taken. Nothing has changed.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The caller is registered and is woken when there may be room.
    Wait,
    /// A turn has said as much as it may.
    Full,
    /// The node is stopping or has stopped.
    Stopped,
    /// No member has this id.
    NotMember,
    /// The event is longer than the longest that is taken.
    TooLarge { len: usize, max: usize },
    /// The event's `Serialize` failed.
    Encode(postcard::Error),
    /// The event's wire name is not one, or the node knows 65 535 types already.
    Name(&'static str),
}

impl From<EncodeError> for Refused {
    fn from(error: EncodeError) -> Refused {
        match error {
            EncodeError::TooLarge { len, max } => Refused::TooLarge { len, max },
            EncodeError::Serde(error) => Refused::Encode(error),
        }
    }
}

/// How much may wait here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Outside callers wait above this, per queue.
    pub(crate) soft: usize,
    /// Turns are told `Full` above this.
    pub(crate) hard: usize,
    /// The longest message.
    pub(crate) message: usize,
}

/// Who may still speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shut {
    No,
    /// The node is stopping: its turns speak, others do not.
    Outside,
    /// Dispatch is done.
    All,
    /// The driver is done: nobody takes commands any more.
    Dead,
}

/// Who speaks, and how to wake them.
#[derive(Debug)]
pub(crate) enum Caller<'a> {
    /// A turn of this node: never waits.
    Turn,
    /// Anybody else.
    Outside { key: &'a mut Option<u64>, waker: &'a Waker },
}

/// The state under the lock.
#[derive(Debug)]
pub(crate) struct Outbox {
    batch: Batch,
    queue: Queue,
    pub(crate) types: Types,
    bounds: Bounds,
    shut: Shut,
    /// The node is being re-synchronised: outside emitters wait, so that a donor can cover what it has said.
    gate: bool,
    /// Per peer, what the engine has not accepted yet.
    queued: Queued,
    /// What this node has sent to itself and not handled yet, in bytes.
    own: usize,
    /// The number of the first event that was not handled when `own` was zero the last time.
    own_first: u64,
    waiters: Waiters,
}

impl Outbox {
    pub(crate) fn new(bounds: Bounds) -> Outbox {
        Outbox {
            batch: Batch::default(),
            queue: Queue::default(),
            types: Types::default(),
            bounds,
            shut: Shut::No,
            gate: false,
            queued: Queued::default(),
            own: 0,
            own_first: 0,
            waiters: Waiters::default(),
        }
    }

    /// Encodes an event at the end of the batch. Returns whether the driver must be woken, and the event as it
    /// stands there.
    #[inline]
    pub(crate) fn emit<E: Serialize>(
        &mut self,
        ty: u16,
        event: &E,
        to_self: bool,
        caller: Caller<'_>,
    ) -> Result<(bool, &[u8]), Refused> {
        let waiting = if to_self { self.batch.len().max(self.own) } else { self.batch.len() };
        self.admit(waiting, self.gate, caller)?;
        let asleep = self.batch.is_empty();
        let number = self.batch.count() + 1;
        let encoded = self.batch.push(ty, event, self.bounds.message)?;
        if to_self {
            self.own_first = if self.own == 0 { number } else { self.own_first };
            self.own += encoded.len();
        }
        Ok((asleep, encoded))
    }

    /// Encodes a call to a peer at the end of the queue. Returns whether the driver must be woken.
    pub(crate) fn call<E: Serialize>(
        &mut self,
        (to, ty): (NodeId, u16),
        event: &E,
        errand: &mut Option<Errand>,
        caller: Caller<'_>,
    ) -> Result<bool, Refused> {
        self.admit(self.queued.get(to), false, caller)?;
        let start = self.queue.bodies.len();
        let len = encode::append(&mut self.queue.bodies, 0, event, self.bounds.message)?;
        self.queued.add(to, len);
        let errand = errand.take().expect("a call is queued once");
        Ok(self.push(Command::Call { to, ty, body: start..start + len, errand }))
    }

    /// Encodes an event that this node sends to itself.
    pub(crate) fn call_self<E: Serialize>(
        &mut self,
        event: &E,
        caller: Caller<'_>,
    ) -> Result<Vec<u8>, Refused> {
        self.admit(self.own, false, caller)?;
        let mut body = Vec::new();
        let len = encode::append(&mut body, 0, event, self.bounds.message)?;
        self.own_first = if self.own == 0 { self.batch.count() + 1 } else { self.own_first };
        self.own += len;
        Ok(body)
    }

    #[inline]
    fn admit(&mut self, waiting: usize, gate: bool, caller: Caller<'_>) -> Result<(), Refused> {
        match caller {
            Caller::Turn if self.shut >= Shut::All => Err(Refused::Stopped),
            Caller::Turn if waiting >= self.bounds.hard => Err(Refused::Full),
            Caller::Turn => Ok(()),
            Caller::Outside { .. } if self.shut > Shut::No => Err(Refused::Stopped),
            Caller::Outside { key, waker } if gate || waiting >= self.bounds.soft => {
                self.waiters.register(key, waker);
                Err(Refused::Wait)
            }
            Caller::Outside { .. } => Ok(()),
        }
    }

    /// Appends a command. Returns whether the driver must be woken.
    pub(crate) fn push(&mut self, command: Command) -> bool {
        if self.shut == Shut::Dead {
            return false;
        }
        self.queue.list.push(command);
        self.queue.list.len() == 1
    }

    /// Appends a body by itself, for a command that is pushed next.
    pub(crate) fn body(&mut self, bytes: &[u8]) -> crate::command::Body {
        let start = self.queue.bodies.len();
        self.queue.bodies.extend_from_slice(bytes);
        start..self.queue.bodies.len()
    }

    /// Encodes a value as a body, for a command that is pushed next.
    pub(crate) fn encode<T: Serialize>(&mut self, value: &T) -> Result<crate::command::Body, EncodeError> {
        let start = self.queue.bodies.len();
        let len = encode::append(&mut self.queue.bodies, 0, value, self.bounds.message)?;
        Ok(start..start + len)
    }

    /// Hands everything to the driver; the batch only if it can use it. Types come with it, before their use.
    pub(crate) fn swap(&mut self, queue: &mut Queue, events: Option<&mut Taken>) -> Woken {
        std::mem::swap(&mut self.queue, queue);
        queue.types = self.types.take_fresh();
        let Some(events) = events.filter(|_| !self.batch.is_empty()) else { return Woken::default() };
        self.batch.swap(events);
        self.waiters.take()
    }

    /// The engine has accepted calls: their callers' successors may have room.
    pub(crate) fn release(&mut self, accepted: impl Iterator<Item = (NodeId, usize)>) -> Woken {
        accepted.for_each(|(to, bytes)| self.queued.release(to, bytes));
        self.waiters.take()
    }

    /// Dispatch has handled what this node had sent to itself.
    pub(crate) fn release_own(&mut self, bytes: usize) -> Woken {
        self.own -= bytes;
        self.waiters.take()
    }

    /// Opens or closes the gate for outside emitters.
    pub(crate) fn set_gate(&mut self, gate: bool) -> Woken {
        let opened = self.gate && !gate;
        self.gate = gate;
        if opened { self.waiters.take() } else { Woken::default() }
    }

    /// Fewer may speak from now on.
    pub(crate) fn shut(&mut self, shut: Shut) -> Woken {
        self.shut = self.shut.max(shut);
        self.waiters.take()
    }

    /// A future that waited is dropped.
    pub(crate) fn forget(&mut self, key: u64) {
        self.waiters.remove(key);
    }

    /// How many events this life has emitted, if all that it sent to itself is handled.
    pub(crate) fn settled_count(&self) -> Option<u64> {
        (self.own == 0).then(|| self.batch.count())
    }

    /// Up to which number this life's own events are certainly handled.
    pub(crate) fn handled_count(&self) -> u64 {
        self.settled_count().unwrap_or_else(|| self.own_first - 1)
    }

    /// How many events this life has emitted.
    pub(crate) fn count(&self) -> u64 {
        self.batch.count()
    }

    /// Nothing waits for the driver.
    pub(crate) fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.queue.list.is_empty()
    }

    /// Bytes of events and of calls that wait here.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.batch.len(), self.queued.total())
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Caller, Outbox, Refused, Shut};
    use crate::batch::Taken;
    use crate::command::{Command, Errand, Queue};
    use devts_proto::NodeId;
    use std::task::Waker;

    fn outbox() -> Outbox {
        Outbox::new(Bounds { soft: 100, hard: 200, message: 1000 })
    }

    fn outside(key: &mut Option<u64>) -> Caller<'_> {
        Caller::Outside { key, waker: Waker::noop() }
    }

    #[test]
    fn outside_waits_at_the_soft_bound_and_a_turn_is_told_full_at_the_hard_one() {
        let (mut outbox, mut key) = (outbox(), None);
        let event = "x".repeat(93);
        assert!(outbox.emit(0, &event, false, outside(&mut key)).unwrap().0, "the first wakes the driver");
        assert!(matches!(outbox.emit(0, &event, false, outside(&mut key)), Err(Refused::Wait)));
        assert!(!outbox.emit(0, &event, false, Caller::Turn).unwrap().0);
        assert!(matches!(outbox.emit(0, &event, false, Caller::Turn), Err(Refused::Full)));
        outbox.swap(&mut Queue::default(), Some(&mut Taken::default()));
        assert!(outbox.emit(0, &event, false, outside(&mut key)).is_ok());
        assert_eq!(outbox.count(), 3);
    }

    #[test]
    fn calls_are_bounded_per_peer() {
        let (mut outbox, mut key) = (outbox(), None);
        let [a, b] = [1, 2].map(|number| NodeId::new(number).unwrap());
        let event = "x".repeat(120);
        let mut send = |outbox: &mut Outbox, to| {
            outbox.call((to, 0), &event, &mut Some(Errand::Send(None)), outside(&mut key))
        };
        assert!(send(&mut outbox, a).unwrap());
        assert!(matches!(send(&mut outbox, a), Err(Refused::Wait)));
        assert!(!send(&mut outbox, b).unwrap());
        let mut queue = Queue::default();
        outbox.swap(&mut queue, None);
        assert!(matches!(&queue.list[1], Command::Call { body, .. } if *body == (121..242)));
        assert!(matches!(send(&mut outbox, a), Err(Refused::Wait)), "the engine has not accepted it");
        outbox.release([(a, 121)].into_iter());
        assert!(send(&mut outbox, a).unwrap());
    }

    #[test]
    fn the_gate_holds_outside_emitters_and_shutting_tells_them() {
        let (mut outbox, mut key) = (outbox(), None);
        outbox.set_gate(true);
        assert!(matches!(outbox.emit(0, &1u8, false, outside(&mut key)), Err(Refused::Wait)));
        assert!(outbox.emit(0, &1u8, false, Caller::Turn).is_ok());
        outbox.shut(Shut::Outside);
        assert!(matches!(outbox.emit(0, &1u8, false, outside(&mut key)), Err(Refused::Stopped)));
        assert!(outbox.emit(0, &1u8, false, Caller::Turn).is_ok());
        outbox.shut(Shut::All);
        assert!(matches!(outbox.emit(0, &1u8, false, Caller::Turn), Err(Refused::Stopped)));
    }

    #[test]
    fn what_goes_to_this_node_itself_is_bounded_until_it_is_handled() {
        let (mut outbox, mut key) = (outbox(), None);
        let body = outbox.call_self(&"x".repeat(120), outside(&mut key)).unwrap();
        assert!(matches!(outbox.call_self(&1u8, outside(&mut key)), Err(Refused::Wait)));
        assert!(matches!(outbox.emit(0, &1u8, true, outside(&mut key)), Err(Refused::Wait)));
        assert_eq!(outbox.settled_count(), None);
        outbox.release_own(body.len());
        assert!(outbox.emit(0, &1u8, false, outside(&mut key)).is_ok());
        assert!(outbox.emit(0, &1u8, true, outside(&mut key)).is_ok());
        assert_eq!((outbox.count(), outbox.settled_count(), outbox.handled_count()), (2, None, 1));
    }
}
