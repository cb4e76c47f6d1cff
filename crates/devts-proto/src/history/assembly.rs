//! One large event on its way in: its bytes grow as fragments arrive, whatever total they claim.
//! Knows no origin and no order of events.

use super::pool::Pool;
use crate::claim::{EVENT_HEADER, event_at};
use alloc::vec::Vec;
use bytes::Bytes;

/// See the module.
#[derive(Debug)]
pub(super) struct Assembly {
    seq: u64,
    total: usize,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Nothing yet of event `seq`, which takes `total` bytes with its header.
    pub(super) fn new(seq: u64, total: usize) -> Assembly {
        Assembly { seq, total, bytes: Vec::new() }
    }

    /// The event's sequence number.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Whether it is of this event.
    pub(super) fn is_of(&self, seq: u64, total: usize) -> bool {
        (self.seq, self.total) == (seq, total)
    }

    /// What it holds, by capacity.
    pub(super) fn cost(&self) -> usize {
        self.bytes.capacity()
    }

    /// How many bytes are still to come.
    pub(super) fn missing(&self) -> usize {
        self.total - self.bytes.len()
    }

    /// Adds what is new in `part`, which starts at `offset` and ends within the total. `false`: there is a hole.
    ///
    /// What is here already stays: two links that carry the same event, each from its start, help each other
    /// instead of starting each other anew for ever.
    pub(super) fn add(&mut self, pool: &mut Pool, offset: usize, part: &[u8]) -> bool {
        let Some(known) = self.bytes.len().checked_sub(offset) else { return false };
        if let Some(new) = part.get(known..) {
            self.grow(pool, new.len());
            self.bytes.extend_from_slice(new);
        }
        true
    }

    /// At least doubles, so that copying stays linear, and ends with exactly the total, so that nothing is
    /// copied once more when it becomes the event.
    fn grow(&mut self, pool: &mut Pool, by: usize) {
        let (len, before) = (self.bytes.len(), self.bytes.capacity());
        debug_assert!(len + by <= self.total, "the part ends within the total");
        if len + by > before {
            let capacity = (len + by).max(2 * before).min(self.total);
            self.bytes.reserve_exact(capacity - len);
        }
        pool.charge(self.bytes.capacity());
        pool.discharge(before);
    }

    /// The whole event; `None` if its header tells another length.
    pub(super) fn into_event(self) -> Option<Bytes> {
        let (len, _) = event_at(&self.bytes)?;
        (len + EVENT_HEADER == self.total).then(|| Bytes::from(self.bytes))
    }
}
