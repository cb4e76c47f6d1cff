//! One stretch of an origin's events, exactly as they stand in runs, with a sparse index of the batches it was
//! given. Append-only until it is started anew. Knows no origin, no cursor and no bound.

use crate::claim::{EVENT_HEADER, event_at};
use alloc::vec::Vec;

/// The capacity of a full-grown segment. Four runs of `config::MAX_RUN` fit.
pub(super) const SEGMENT: usize = 256 << 10;
/// An origin's first segment: 64 origins that say little take little.
const SMALLEST: usize = 4 << 10;
/// Marks stand at least so far apart: a walk between two is short, and the index is below 1 % of the bytes.
const MARK_DISTANCE: usize = 1 << 10;

/// The capacity a segment grows to so that it holds `bytes`.
pub(super) fn capacity_for(bytes: usize) -> usize {
    debug_assert!(bytes <= SEGMENT, "a run fits into one segment");
    let mut capacity = SMALLEST;
    while capacity < bytes {
        capacity *= 4;
    }
    capacity
}

/// How many bytes the first `count` events at the start of `bytes` take; `None` if they are not all there.
pub(super) fn walk(bytes: &[u8], count: u64) -> Option<usize> {
    let mut at = 0;
    for _ in 0..count {
        let (len, _) = event_at(&bytes[at..])?;
        at += EVENT_HEADER + len;
    }
    Some(at)
}

/// As many whole events at the start of `bytes` as take at most `limit`: how many, and their bytes.
fn fit(bytes: &[u8], limit: usize) -> (u32, usize) {
    let (mut count, mut at) = (0, 0);
    while let Some((len, _)) = event_at(&bytes[at..]) {
        if at + EVENT_HEADER + len > limit {
            break;
        }
        count += 1;
        at += EVENT_HEADER + len;
    }
    (count, at)
}

/// A batch starts here.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    /// How many events of the segment stand before it.
    events: u32,
    /// How many bytes.
    offset: u32,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Segment {
    first: u64,
    count: u32,
    base: u64,
    bytes: Vec<u8>,
    /// Ascending; the start of the segment is not among them.
    marks: Vec<Mark>,
}

impl Segment {
    /// An empty segment whose first event will be `first`, after `base` bytes of the same origin.
    pub(super) fn new(capacity: usize, first: u64, base: u64) -> Segment {
        let bytes = Vec::with_capacity(capacity);
        let marks = Vec::with_capacity(bytes.capacity() / MARK_DISTANCE);
        Segment { first, count: 0, base, bytes, marks }
    }

    /// Empties it, to go on from another place in the same memory.
    pub(super) fn restart(&mut self, first: u64, base: u64) {
        self.bytes.clear();
        self.marks.clear();
        (self.first, self.base, self.count) = (first, base, 0);
    }

    /// Takes over what `smaller` holds.
    pub(super) fn take_over(&mut self, smaller: &Segment) {
        self.restart(smaller.first, smaller.base);
        self.bytes.extend_from_slice(&smaller.bytes);
        self.marks.extend_from_slice(&smaller.marks);
        self.count = smaller.count;
    }

    /// Appends whole events. The caller has checked the room and that they are `count`.
    pub(super) fn push(&mut self, count: u32, events: &[u8]) {
        debug_assert!(events.len() <= self.room(), "the room was checked");
        debug_assert_eq!(walk(events, u64::from(count)), Some(events.len()), "the events were checked");
        let offset = self.bytes.len();
        let last = self.marks.last().map_or(0, |mark| mark.offset as usize);
        if offset - last >= MARK_DISTANCE {
            self.marks.push(Mark { events: self.count, offset: offset as u32 });
        }
        self.bytes.extend_from_slice(events);
        self.count += count;
    }

    /// How many bytes can be appended without growing.
    pub(super) fn room(&self) -> usize {
        self.bytes.capacity() - self.bytes.len()
    }

    /// Whether it has the full capacity.
    pub(super) fn is_full_grown(&self) -> bool {
        self.bytes.capacity() >= SEGMENT
    }

    /// What it costs: all the memory it holds, used or not.
    pub(super) fn cost(&self) -> usize {
        self.bytes.capacity() + self.marks.capacity() * size_of::<Mark>()
    }

    /// The sequence number of its first event, also when that is still to come.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The sequence number of its last event; `first() - 1` when it is empty.
    pub(super) fn last(&self) -> u64 {
        self.first + u64::from(self.count) - 1
    }

    /// How many bytes of the origin came before it.
    pub(super) fn base(&self) -> u64 {
        self.base
    }

    /// How many bytes its events take.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Where the batch that holds event `seq` starts, at the latest.
    pub(super) fn batch_offset(&self, seq: u64) -> usize {
        self.mark_before(seq).offset as usize
    }

    /// As many whole events from `next` on as take at most `limit` bytes: how many, and they. `next` is here.
    pub(super) fn piece(&self, next: u64, limit: usize) -> (u32, &[u8]) {
        debug_assert!((self.first..=self.last()).contains(&next), "the log found this segment for it");
        let start = self.place(next);
        let rest = &self.bytes[start.offset as usize..];
        let (count, len) = if rest.len() <= limit {
            (self.count - start.events, rest.len())
        } else {
            self.cut(start, limit)
        };
        (count, &rest[..len])
    }

    /// Where at most `limit` bytes from `start` on are cut: at a batch's start if that fills half of them, so
    /// that a backlog goes out without a look at its events; inside a batch otherwise.
    fn cut(&self, start: Mark, limit: usize) -> (u32, usize) {
        let end = start.offset as usize + limit;
        let within = self.marks.partition_point(|mark| mark.offset as usize <= end);
        let mark = self.marks[..within].last().copied().filter(|mark| mark.offset > start.offset);
        let mark = mark.unwrap_or(start);
        let (count, len) = (mark.events - start.events, (mark.offset - start.offset) as usize);
        if len > 0 && len >= limit / 2 {
            return (count, len);
        }
        let (more, bytes) = fit(&self.bytes[mark.offset as usize..], limit - len);
        (count + more, len + bytes)
    }

    /// Where event `seq` starts.
    fn place(&self, seq: u64) -> Mark {
        let mark = self.mark_before(seq);
        let events = (seq - self.first) as u32;
        let skipped = walk(&self.bytes[mark.offset as usize..], u64::from(events - mark.events))
            .expect("a segment holds the whole events it counts");
        Mark { events, offset: mark.offset + skipped as u32 }
    }

    fn mark_before(&self, seq: u64) -> Mark {
        let events = seq - self.first;
        let before = self.marks.partition_point(|mark| u64::from(mark.events) <= events);
        self.marks[..before].last().copied().unwrap_or_default()
    }
}
