//! What the driver and callers hand to dispatch, in order; swapped out whole, one wake for many. Bounded by credit
//! (peers), by the outbox (this node) and by the callers themselves (jobs). Knows no node and no handler.

use crate::command::Replied;
use crate::member::PeerEvent;
use crate::notice::Rejected;
use crate::pipe::Pipe;
use crate::promise::Promise;
use bytes::Bytes;
use devts_proto::claim::{TypeEntry, Vector};
use devts_proto::engine::{Call, StateRefusal};
use devts_proto::{Life, NodeId};
use futures_util::task::AtomicWaker;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

/// One thing for dispatch.
#[derive(Debug)]
pub(crate) enum Item {
    /// In the cluster, as `life`; what `baseline` covers will not be delivered.
    Joined { life: Life, donors: Vec<NodeId>, baseline: Vector },
    /// Types of an origin, from index `first` on.
    Types { origin: Life, first: u16, entries: Vec<TypeEntry> },
    /// Types of this node, following the last.
    OwnTypes(Vec<TypeEntry>),
    /// Events of a peer, next in order.
    Events { origin: Life, first: u64, count: u32, events: Bytes, via: NodeId },
    /// Events this node emitted to itself too, in the same form.
    OwnEvents(Vec<u8>),
    /// Events that nobody has any more.
    Gap { origin: Life, first: u64, last: u64 },
    /// A peer's send or request.
    Call { from: Life, call: Call, cost: usize },
    /// A peer's call that opens a channel.
    Open { from: Life, ty: u16, body: Bytes, pipe: Arc<Pipe>, cost: usize },
    /// A send, or a request, of this node to itself.
    OwnCall { ty: u16, body: Bytes, reply: Option<Promise<Replied>> },
    /// Something for the `peer` hook.
    Peer(PeerEvent),
    /// Something for the `rejected` hook.
    Rejected(Rejected),
    /// One job more waits in the handle's queue.
    Job,
    /// A peer asks for the state.
    StateAsked { from: Life, ask: u64, vector: Vector, merge: bool },
    /// A donor's answer.
    StateGiven { from: NodeId, ask: u64, vector: Vector, state: Bytes },
    /// A donor's refusal.
    StateRefused { from: NodeId, ask: u64, why: StateRefusal },
    /// A pause in a state transfer is over.
    Resume,
    /// The time of a waiting ask may be over: asks are looked at after each item.
    Poke,
    /// The last item.
    Stop,
}

impl Item {
    fn bytes(&self) -> usize {
        match self {
            Item::Events { events, .. } => events.len(),
            Item::Call { cost, .. } | Item::Open { cost, .. } => *cost,
            Item::OwnEvents(bytes) => bytes.len(),
            Item::OwnCall { body, .. } => body.len(),
            _ => 0,
        }
    }
}

#[derive(Debug, Default)]
struct Waiting {
    items: VecDeque<Item>,
    closed: bool,
}

/// The queue between everybody and dispatch.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    waiting: Mutex<Waiting>,
    dispatch: AtomicWaker,
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends one item. `false`: dispatch is gone, and the item with it.
    pub(crate) fn push(&self, item: Item) -> bool {
        self.extend(|items| items.push_back(item))
    }

    /// Appends all items in order and leaves `items` empty.
    pub(crate) fn append(&self, items: &mut VecDeque<Item>) {
        self.extend(|waiting| waiting.append(items));
        items.clear();
    }

    /// Appends an event this node emitted to itself too; consecutive ones share an item.
    pub(crate) fn push_own_event(&self, encoded: &[u8]) {
        self.extend(|items| match items.back_mut() {
            Some(Item::OwnEvents(bytes)) => bytes.extend_from_slice(encoded),
            _ => items.push_back(Item::OwnEvents(encoded.to_vec())),
        });
    }

    fn extend(&self, add: impl FnOnce(&mut VecDeque<Item>)) -> bool {
        let mut waiting = self.lock();
        if waiting.closed {
            return false;
        }
        let asleep = waiting.items.is_empty();
        add(&mut waiting.items);
        drop(waiting);
        if asleep {
            self.dispatch.wake();
        }
        true
    }

    /// Waits for items and takes them all.
    pub(crate) async fn swap(&self, taken: &mut VecDeque<Item>) {
        debug_assert!(taken.is_empty(), "dispatch works off what it took first");
        poll_fn(|cx| {
            self.dispatch.register(cx.waker());
            let mut waiting = self.lock();
            if waiting.items.is_empty() {
                return Poll::Pending;
            }
            std::mem::swap(&mut waiting.items, taken);
            Poll::Ready(())
        })
        .await;
    }

    /// Dispatch is gone: what waits is dropped, and what comes too.
    pub(crate) fn close(&self) {
        let items = {
            let mut waiting = self.lock();
            waiting.closed = true;
            std::mem::take(&mut waiting.items)
        };
        drop(items);
    }

    /// How many bytes of events and calls wait.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().items.iter().map(Item::bytes).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Item, Mailbox};
    use futures_util::FutureExt;
    use std::collections::VecDeque;

    #[test]
    fn is_swapped_whole_and_in_order() {
        let (mailbox, mut taken) = (Mailbox::default(), VecDeque::new());
        assert!(mailbox.swap(&mut taken).now_or_never().is_none());
        mailbox.push_own_event(&[1]);
        mailbox.push_own_event(&[2]);
        mailbox.push(Item::Job);
        mailbox.append(&mut VecDeque::from([Item::OwnEvents(vec![3]), Item::Stop]));
        assert_eq!(mailbox.bytes(), 3);
        mailbox.swap(&mut taken).now_or_never().unwrap();
        assert!(matches!(&taken[0], Item::OwnEvents(bytes) if *bytes == [1, 2]));
        assert!(matches!((&taken[1], &taken[2], &taken[3]), (Item::Job, Item::OwnEvents(_), Item::Stop)));
    }

    #[test]
    fn a_closed_mailbox_takes_nothing() {
        let mailbox = Mailbox::default();
        mailbox.push(Item::Job);
        mailbox.close();
        assert!(!mailbox.push(Item::Job));
        assert_eq!(mailbox.lock().items.len(), 0);
    }
}
