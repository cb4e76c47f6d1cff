//! The events of one origin: chunks in order, without a hole between the floor and the position. Knows its own
//! numbers only; what is acknowledged, and by whom, it is told.

use super::assembly::Assembly;
use super::pool::Pool;
use super::segment::{self, SEGMENT, Segment, walk};
use super::{Accepted, Cursor, FragmentAccepted, FragmentRef, LAST_SEQUENCE, Piece};
use crate::config::MAX_RUN;
use alloc::collections::VecDeque;
use bytes::Bytes;

/// The most bytes of a fragment: a frame with the fragment's longer header.
const MAX_FRAGMENT: usize = MAX_RUN - 64;

/// A part of the log with one piece of memory.
#[derive(Debug)]
enum Chunk {
    Segment(Segment),
    /// One event longer than a run, after `base` bytes of this origin.
    Large {
        seq: u64,
        base: u64,
        event: Bytes,
    },
}

impl Chunk {
    fn first(&self) -> u64 {
        match self {
            Chunk::Segment(segment) => segment.first(),
            Chunk::Large { seq, .. } => *seq,
        }
    }

    fn last(&self) -> u64 {
        match self {
            Chunk::Segment(segment) => segment.last(),
            Chunk::Large { seq, .. } => *seq,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Chunk::Segment(segment) => segment.cost(),
            Chunk::Large { event, .. } => event.len(),
        }
    }

    /// How many bytes of the origin came before the batch that holds `seq`.
    fn bytes_before(&self, seq: u64) -> u64 {
        match self {
            Chunk::Segment(segment) => segment.base() + segment.batch_offset(seq) as u64,
            Chunk::Large { base, .. } => *base,
        }
    }

    fn is_empty(&self) -> bool {
        matches!(self, Chunk::Segment(segment) if segment.len() == 0)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Log {
    position: u64,
    /// Bytes of events ever stored.
    written: u64,
    /// Contiguous. Only the last may be empty: a segment that waits for more.
    chunks: VecDeque<Chunk>,
    /// The large event after `position`, in part.
    assembly: Option<Assembly>,
}

impl Log {
    /// Nothing retained; the next event is `position + 1`.
    pub(super) fn at(position: u64) -> Log {
        let position = position.min(LAST_SEQUENCE);
        Log { position, written: 0, chunks: VecDeque::new(), assembly: None }
    }

    /// The highest event, 0 before the first.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Everything up to here is not retained.
    pub(super) fn floor(&self) -> u64 {
        self.chunks.front().map_or(self.position, |chunk| chunk.first() - 1)
    }

    /// Nothing was ever learnt here.
    pub(super) fn is_blank(&self) -> bool {
        self.position == 0 && self.assembly.is_none()
    }

    /// How many sequence numbers are left.
    pub(super) fn numbers_left(&self) -> u64 {
        LAST_SEQUENCE - self.position
    }

    /// What it holds, by capacity.
    pub(super) fn cost(&self) -> usize {
        let chunks: usize = self.chunks.iter().map(Chunk::cost).sum();
        chunks + self.assembly.as_ref().map_or(0, Assembly::cost)
    }

    /// How many retained bytes stand after event `seq`, rounded up to whole batches.
    pub(super) fn bytes_after(&self, seq: u64) -> u64 {
        if seq >= self.position {
            return 0;
        }
        let first = seq.max(self.floor()) + 1;
        match self.chunk_of(first) {
            Some(chunk) => self.written - chunk.bytes_before(first),
            None => 0,
        }
    }

    /// The last and largest step: a run or a large event that is next, and checked.
    pub(super) fn push(&mut self, pool: &mut Pool, count: u32, events: &[u8]) {
        debug_assert!(count > 0 && u64::from(count) <= self.numbers_left(), "the caller has checked");
        if events.len() > MAX_RUN {
            debug_assert_eq!(count, 1, "a run longer than MAX_RUN is one event");
            return self.push_large(pool, Bytes::copy_from_slice(events));
        }
        if !matches!(self.chunks.back(), Some(Chunk::Segment(tail)) if tail.room() >= events.len()) {
            self.make_room(pool, events.len());
        }
        if let Some(Chunk::Segment(tail)) = self.chunks.back_mut() {
            tail.push(count, events);
        }
        self.advance(pool, count, events.len());
    }

    fn push_large(&mut self, pool: &mut Pool, event: Bytes) {
        if self.chunks.back().is_some_and(Chunk::is_empty) {
            self.drop_chunk(pool, VecDeque::pop_back);
        }
        let len = event.len();
        pool.charge(len);
        self.chunks.push_back(Chunk::Large { seq: self.position + 1, base: self.written, event });
        self.advance(pool, 1, len);
    }

    fn advance(&mut self, pool: &mut Pool, count: u32, bytes: usize) {
        self.position += u64::from(count);
        self.written += bytes as u64;
        debug_assert!(self.chunks.back().is_some_and(|chunk| chunk.last() == self.position));
        self.drop_stale_assembly(pool);
    }

    /// Grows the last segment, or starts one: small unless the one before is full.
    fn make_room(&mut self, pool: &mut Pool, bytes: usize) {
        let (first, base) = (self.position + 1, self.written);
        let capacity = match self.chunks.back_mut() {
            Some(Chunk::Segment(tail)) if tail.len() + bytes <= SEGMENT => {
                let mut grown = pool.take(segment::capacity_for(tail.len() + bytes), first, base);
                grown.take_over(tail);
                pool.give(core::mem::replace(tail, grown));
                return;
            }
            Some(Chunk::Segment(_)) => SEGMENT,
            _ => segment::capacity_for(bytes),
        };
        self.chunks.push_back(Chunk::Segment(pool.take(capacity, first, base)));
    }

    /// A run of `count` events from `first` on arrived.
    pub(super) fn accept(&mut self, pool: &mut Pool, first: u64, count: u32, events: &Bytes) -> Accepted {
        let Some(last) = last_of(first, count) else { return Accepted::Malformed };
        let next = self.position + 1;
        if last <= self.position {
            return Accepted::Known;
        }
        if first > next {
            return Accepted::Early { next };
        }
        let known = next - first;
        let Some(new) = new_part(events, known, count) else { return Accepted::Malformed };
        let count = (u64::from(count) - known) as u32;
        self.push(pool, count, &new);
        Accepted::Deliver { first: next, count, events: new }
    }

    /// A fragment of a large event arrived. `max` is the longest event.
    pub(super) fn accept_fragment(
        &mut self,
        pool: &mut Pool,
        part: FragmentRef<'_>,
        max: usize,
    ) -> FragmentAccepted {
        if !part.is_well_formed(max) {
            return FragmentAccepted::Malformed;
        }
        let next = self.position + 1;
        if part.seq <= self.position {
            return FragmentAccepted::Known;
        }
        if part.seq > next || !self.assemble(pool, part) {
            return FragmentAccepted::Early { next };
        }
        match self.assembly.as_ref().map_or(0, Assembly::missing) {
            0 => self.finish_assembly(pool),
            missing => FragmentAccepted::More { missing },
        }
    }

    /// Adds a fragment of the next event to its assembly; `false` if what comes before it is missing.
    fn assemble(&mut self, pool: &mut Pool, part: FragmentRef<'_>) -> bool {
        let (total, offset) = (part.total as usize, part.offset as usize);
        if offset == 0 && !self.assembly.as_ref().is_some_and(|assembly| assembly.is_of(part.seq, total)) {
            self.drop_assembly(pool);
            self.assembly = Some(Assembly::new(part.seq, total));
        }
        match &mut self.assembly {
            Some(assembly) if assembly.is_of(part.seq, total) => assembly.add(pool, offset, part.bytes),
            _ => false,
        }
    }

    fn finish_assembly(&mut self, pool: &mut Pool) -> FragmentAccepted {
        let Some(assembly) = self.assembly.take() else { return FragmentAccepted::Malformed };
        pool.discharge(assembly.cost());
        let Some(event) = assembly.into_event() else { return FragmentAccepted::Malformed };
        self.push_large(pool, event.clone());
        FragmentAccepted::Deliver { first: self.position, count: 1, events: event }
    }

    /// What comes at `cursor`, at most `room` bytes; the cursor moves past it.
    pub(super) fn read(&self, cursor: &mut Cursor, room: usize) -> Piece<'_> {
        cursor.next = cursor.next.max(1);
        if cursor.next > self.position {
            return Piece::End;
        }
        if cursor.next <= self.floor() {
            *cursor = Cursor::at(self.floor() + 1);
            return Piece::Gone { next: cursor.next };
        }
        match self.chunk_of(cursor.next) {
            Some(Chunk::Segment(segment)) => read_run(segment, cursor, room),
            Some(Chunk::Large { event, .. }) => read_fragment(event, cursor, room),
            None => Piece::End,
        }
    }

    /// The chunk that holds event `seq`. Most often the last: cursors stand near the end.
    fn chunk_of(&self, seq: u64) -> Option<&Chunk> {
        let back = self.chunks.back().filter(|chunk| chunk.first() <= seq && seq <= chunk.last());
        back.or_else(|| self.chunks.get(self.chunks.partition_point(|chunk| chunk.last() < seq)))
    }

    /// Everything up to `upto` is acknowledged: lets go of whole chunks. The last one starts anew in place.
    pub(super) fn trim(&mut self, pool: &mut Pool, upto: u64) {
        while self.chunks.front().is_some_and(|chunk| chunk.last() <= upto && !chunk.is_empty()) {
            let (first, base) = (self.position + 1, self.written);
            match self.chunks.front_mut() {
                Some(Chunk::Segment(only)) if only.last() == self.position => {
                    return only.restart(first, base);
                }
                _ => self.drop_chunk(pool, VecDeque::pop_front),
            }
        }
    }

    /// Whether the oldest chunk holds nothing above `protected`; `None` protects nothing.
    pub(super) fn is_evictable(&self, protected: Option<u64>) -> bool {
        let oldest = self.chunks.front();
        oldest.is_some_and(|chunk| chunk.is_empty() || protected.is_none_or(|upto| chunk.last() <= upto))
    }

    /// Whether it holds memory and no event.
    pub(super) fn is_idle(&self) -> bool {
        self.chunks.front().is_some_and(Chunk::is_empty)
    }

    /// Drops the oldest chunk; returns how many events that were.
    pub(super) fn drop_oldest(&mut self, pool: &mut Pool) -> usize {
        let before = self.floor();
        self.drop_chunk(pool, VecDeque::pop_front);
        (self.floor() - before) as usize
    }

    /// The position jumps ahead to `seq`; what is retained would no longer be contiguous and goes.
    pub(super) fn skip_to(&mut self, pool: &mut Pool, seq: u64) {
        let seq = seq.min(LAST_SEQUENCE);
        if seq > self.position {
            self.clear(pool);
            self.position = seq;
        }
    }

    /// Gives all memory back.
    pub(super) fn clear(&mut self, pool: &mut Pool) {
        while !self.chunks.is_empty() {
            self.drop_chunk(pool, VecDeque::pop_front);
        }
        self.drop_assembly(pool);
    }

    fn drop_chunk(&mut self, pool: &mut Pool, pop: fn(&mut VecDeque<Chunk>) -> Option<Chunk>) {
        match pop(&mut self.chunks) {
            Some(Chunk::Segment(segment)) => pool.give(segment),
            Some(Chunk::Large { event, .. }) => pool.discharge(event.len()),
            None => {}
        }
    }

    fn drop_stale_assembly(&mut self, pool: &mut Pool) {
        if self.assembly.as_ref().is_some_and(|assembly| assembly.seq() <= self.position) {
            self.drop_assembly(pool);
        }
    }

    fn drop_assembly(&mut self, pool: &mut Pool) {
        if let Some(assembly) = self.assembly.take() {
            pool.discharge(assembly.cost());
        }
    }
}

/// The last of `count` events from `first` on; `None` outside the numbers there are.
fn last_of(first: u64, count: u32) -> Option<u64> {
    if first == 0 || count == 0 {
        return None;
    }
    first.checked_add(u64::from(count) - 1).filter(|last| *last <= LAST_SEQUENCE)
}

/// What follows the first `known` events; `None` if `events` are not exactly `count`, or more than a run.
fn new_part(events: &Bytes, known: u64, count: u32) -> Option<Bytes> {
    if events.len() > MAX_RUN {
        return None;
    }
    let start = walk(events, known)?;
    let new = events.slice(start..);
    (walk(&new, u64::from(count) - known)? == new.len()).then_some(new)
}

fn read_run<'a>(segment: &'a Segment, cursor: &mut Cursor, room: usize) -> Piece<'a> {
    let first = cursor.next;
    let (count, events) = segment.piece(first, room.min(MAX_RUN));
    if count == 0 {
        return Piece::NoRoom;
    }
    *cursor = Cursor::at(first + u64::from(count));
    Piece::Run { first, count, events }
}

fn read_fragment<'a>(event: &'a [u8], cursor: &mut Cursor, room: usize) -> Piece<'a> {
    let (seq, offset) = (cursor.next, if (cursor.offset as usize) < event.len() { cursor.offset } else { 0 });
    let rest = &event[offset as usize..];
    let bytes = &rest[..rest.len().min(room).min(MAX_FRAGMENT)];
    if bytes.is_empty() {
        return Piece::NoRoom;
    }
    *cursor = match bytes.len() == rest.len() {
        true => Cursor::at(seq + 1),
        false => Cursor { next: seq, offset: offset + bytes.len() as u32 },
    };
    Piece::Fragment { seq, total: event.len() as u32, offset, bytes }
}
