//! The memory of all histories: hands out segments, takes them back, and counts every byte by capacity.
//! Knows no event.

use super::segment::{SEGMENT, Segment};
use alloc::vec::Vec;

/// The most free segments kept: 2 MiB, more than all links of a node read between two acknowledgements.
const KEPT: usize = 8;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Pool {
    free: Vec<Segment>,
    bytes: usize,
}

impl Pool {
    /// An empty segment, a recycled one if it may be full-grown.
    pub(super) fn take(&mut self, capacity: usize, first: u64, base: u64) -> Segment {
        if capacity == SEGMENT
            && let Some(mut segment) = self.free.pop()
        {
            segment.restart(first, base);
            return segment;
        }
        let segment = Segment::new(capacity, first, base);
        self.bytes += segment.cost();
        segment
    }

    /// Takes a segment back: the full-grown are kept for the next, the last used first, while it is in cache.
    pub(super) fn give(&mut self, segment: Segment) {
        if segment.is_full_grown() && self.free.len() < KEPT {
            self.free.push(segment);
        } else {
            self.bytes -= segment.cost();
        }
    }

    /// Counts bytes that are held elsewhere.
    pub(super) fn charge(&mut self, bytes: usize) {
        self.bytes += bytes;
    }

    /// Bytes charged before are no longer held.
    pub(super) fn discharge(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.bytes, "only what was charged");
        self.bytes -= bytes;
    }

    /// Everything held: handed out, charged and free.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether more than `bound` is held, or would be with one segment more.
    pub(super) fn is_tight(&self, bound: usize) -> bool {
        self.bytes > bound || (self.free.is_empty() && self.bytes + SEGMENT > bound)
    }

    /// What the free segments hold.
    pub(super) fn free_bytes(&self) -> usize {
        self.free.iter().map(Segment::cost).sum()
    }

    /// Gives one free segment back to the allocator if more than `keep` are free.
    pub(super) fn release(&mut self, keep: usize) -> bool {
        if self.free.len() <= keep {
            return false;
        }
        let segment = self.free.pop().expect("it is not empty: it has more than `keep`");
        self.bytes -= segment.cost();
        true
    }
}
