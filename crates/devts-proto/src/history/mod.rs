//! The events of every origin: which numbers are known, which are retained, and where a cursor stands in them.
//! Each event stands once, as it goes over the wire; a slow link is a cursor far behind.
//! Knows nothing of members' health, links, frames or time.

mod assembly;
mod log;
mod pool;
mod segment;

use crate::claim::{EVENT_HEADER, RunMark, Vector};
use crate::config::MAX_RUN;
use crate::id::Life;
use alloc::collections::BTreeMap;
use bytes::Bytes;
use log::Log;
use pool::Pool;

/// The highest sequence number there is. The one above it is "the next" for ever: numbers never wrap.
pub const LAST_SEQUENCE: u64 = u64::MAX - 1;

/// Where a reader stands in the events of one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The next event's sequence number.
    pub next: u64,
    /// How many bytes of it were read already, if it is a large one.
    pub offset: u32,
}

impl Cursor {
    /// At the start of event `next`.
    pub const fn at(next: u64) -> Cursor {
        Cursor { next, offset: 0 }
    }
}

/// What a cursor reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// `count` whole events from `first` on, at most [`MAX_RUN`] bytes.
    Run {
        /// The first event's sequence number.
        first: u64,
        /// How many events.
        count: u32,
        /// They, with their headers.
        events: &'a [u8],
    },
    /// A part of an event that is longer than a run.
    Fragment {
        /// The event's sequence number.
        seq: u64,
        /// The event's length, its header included.
        total: u32,
        /// Where the part starts.
        offset: u32,
        /// The part.
        bytes: &'a [u8],
    },
    /// The cursor stood at an event that is not retained any more; it stands at `next` now.
    Gone {
        /// The oldest event that is retained, or the next to come.
        next: u64,
    },
    /// The next event is longer than the room; the cursor stays.
    NoRoom,
    /// There is nothing more yet.
    End,
}

/// What became of a run that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// These are new and next in order: stored, and to be delivered.
    Deliver {
        /// The first new event's sequence number.
        first: u64,
        /// How many are new.
        count: u32,
        /// They, with their headers.
        events: Bytes,
    },
    /// Event `next` is missing before it; nothing was stored.
    Early {
        /// What is to be asked for.
        next: u64,
    },
    /// All of it had been accepted before.
    Known,
    /// The events are not what the numbers say. Nothing was stored.
    Malformed,
}

/// What became of a fragment that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FragmentAccepted {
    /// The event is not whole yet.
    More {
        /// How many bytes are to come.
        missing: usize,
    },
    /// The event is whole, new and next in order: stored, and to be delivered.
    Deliver {
        /// Its sequence number.
        first: u64,
        /// One.
        count: u32,
        /// It, with its header.
        events: Bytes,
    },
    /// Event `next`, or its start, is missing before it; nothing was stored.
    Early {
        /// What is to be asked for, from its start.
        next: u64,
    },
    /// The event had been accepted before.
    Known,
    /// The event is not what the numbers say. What there was of it is dropped.
    Malformed,
}

/// A fragment that arrived.
#[derive(Clone, Copy)]
struct FragmentRef<'a> {
    seq: u64,
    total: u32,
    offset: u32,
    bytes: &'a [u8],
}

impl FragmentRef<'_> {
    fn is_well_formed(&self, max: usize) -> bool {
        let rest = self.total.checked_sub(self.offset);
        (1..=LAST_SEQUENCE).contains(&self.seq)
            && (MAX_RUN + 1..=max).contains(&(self.total as usize))
            && !self.bytes.is_empty()
            && rest.is_some_and(|rest| self.bytes.len() <= rest as usize)
    }
}

/// The events of all origins together, within one bound.
#[derive(Debug)]
pub struct History {
    me: Life,
    bound: usize,
    max_event: usize,
    logs: BTreeMap<Life, Log>,
    pool: Pool,
}

impl History {
    /// An empty history of `me`. `bound` bytes are kept after [`History::evict`]; no event's body is longer
    /// than `max_message`.
    pub fn new(me: Life, bound: usize, max_message: usize) -> History {
        let logs = BTreeMap::from([(me, Log::at(0))]);
        History { me, bound, max_event: max_message + EVENT_HEADER, logs, pool: Pool::default() }
    }

    /// Appends own events; returns the last one's sequence number. Nothing is appended when
    /// [`History::numbers_left`] are fewer than the events.
    pub fn append(&mut self, marks: &[RunMark], bytes: &[u8]) -> u64 {
        let events: u64 = marks.iter().map(|mark| u64::from(mark.count)).sum();
        let log = self.logs.get_mut(&self.me).expect("the own log is made by `new` and never forgotten");
        if events <= log.numbers_left() {
            for (at, mark) in marks.iter().enumerate() {
                let end = marks.get(at + 1).map_or(bytes.len(), |next| next.start);
                log.push(&mut self.pool, mark.count, &bytes[mark.start..end]);
            }
        }
        log.position()
    }

    /// How many events can still be appended. So many that zero means an abused number, not a long life.
    pub fn numbers_left(&self) -> u64 {
        LAST_SEQUENCE - self.position(self.me)
    }

    /// A run of `count` events of `origin` from `first` on arrived.
    pub fn accept(&mut self, origin: Life, first: u64, count: u32, events: &Bytes) -> Accepted {
        if origin == self.me {
            let known = first != 0
                && count != 0
                && first.saturating_add(u64::from(count) - 1) <= self.position(origin);
            return if known { Accepted::Known } else { Accepted::Malformed };
        }
        self.take_in(origin, |log, pool| log.accept(pool, first, count, events))
    }

    /// A fragment of event `seq` of `origin` arrived: `total` is the event's length with its header, `offset`
    /// where the fragment starts. One event per origin is assembled at a time, the next one.
    pub fn accept_fragment(
        &mut self,
        origin: Life,
        seq: u64,
        total: u32,
        offset: u32,
        bytes: &Bytes,
    ) -> FragmentAccepted {
        if origin == self.me {
            let known = seq != 0 && seq <= self.position(origin);
            return if known { FragmentAccepted::Known } else { FragmentAccepted::Malformed };
        }
        let max = self.max_event;
        let part = FragmentRef { seq, total, offset, bytes };
        self.take_in(origin, |log, pool| log.accept_fragment(pool, part, max))
    }

    /// Lets an origin that nobody heard of be known only if something of it was taken.
    fn take_in<T>(&mut self, origin: Life, take: impl FnOnce(&mut Log, &mut Pool) -> T) -> T {
        if let Some(log) = self.logs.get_mut(&origin) {
            return take(log, &mut self.pool);
        }
        let mut log = Log::at(0);
        let taken = take(&mut log, &mut self.pool);
        if !log.is_blank() {
            self.logs.insert(origin, log);
        }
        taken
    }

    /// What comes at `cursor` in the events of `origin`, at most `room` bytes; the cursor moves past it.
    pub fn read(&self, origin: Life, cursor: &mut Cursor, room: usize) -> Piece<'_> {
        self.logs.get(&origin).map_or(Piece::End, |log| log.read(cursor, room))
    }

    /// The highest event of `origin` up to which all are known; 0 if none is.
    pub fn position(&self, origin: Life) -> u64 {
        self.logs.get(&origin).map_or(0, Log::position)
    }

    /// Everything up to this event of `origin` is not retained.
    pub fn floor(&self, origin: Life) -> u64 {
        self.logs.get(&origin).map_or(0, Log::floor)
    }

    /// Whether `origin` has an entry in the vector.
    pub fn knows(&self, origin: Life) -> bool {
        self.logs.contains_key(&origin)
    }

    /// The position of every origin, the own and those at 0 included.
    pub fn vector(&self) -> Vector {
        self.logs.iter().map(|(origin, log)| (*origin, log.position())).collect()
    }

    /// How many bytes of retained events of `origin` stand after event `seq`, rounded up to whole batches.
    pub fn bytes_after(&self, origin: Life, seq: u64) -> u64 {
        self.logs.get(&origin).map_or(0, |log| log.bytes_after(seq))
    }

    /// First knowledge of `origin`: what it emitted up to `seq` is not for this node. No effect if the
    /// position is there already.
    pub fn baseline(&mut self, origin: Life, seq: u64) {
        self.skip_to(origin, seq);
    }

    /// A gap was told, or a state restored: goes on after `seq`. What is retained from before goes, unless the
    /// position is there already.
    pub fn skip_to(&mut self, origin: Life, seq: u64) {
        self.logs.entry(origin).or_insert_with(|| Log::at(0)).skip_to(&mut self.pool, seq);
        debug_assert!(self.adds_up());
    }

    /// Drops all that is known of `origin`. The own events stay.
    pub fn forget(&mut self, origin: Life) {
        if origin != self.me
            && let Some(mut log) = self.logs.remove(&origin)
        {
            log.clear(&mut self.pool);
        }
        debug_assert!(self.adds_up());
    }

    /// Everything of `origin` up to `upto` is acknowledged by everybody: whole segments are recycled at once.
    pub fn trim(&mut self, origin: Life, upto: u64) {
        if let Some(log) = self.logs.get_mut(&origin) {
            log.trim(&mut self.pool, upto);
        }
        debug_assert!(self.adds_up());
    }

    /// The bound is exceeded, or would be with one segment more: time to [`History::evict`].
    pub fn is_full(&self) -> bool {
        self.pool.is_tight(self.bound)
    }

    /// Drops the oldest segments, of the origin with the most bytes first, until the bound is kept with one
    /// segment to spare, so that whoever fills a full history takes the one that went last; returns how many
    /// events went. Nothing above an origin's entry in `protect` goes, even if the bound is exceeded.
    pub fn evict(&mut self, protect: &Vector) -> usize {
        let mut dropped = 0;
        while self.is_full() {
            if self.pool.release(1) {
                continue;
            }
            match self.largest_evictable(protect).and_then(|origin| self.logs.get_mut(&origin)) {
                Some(log) => dropped += log.drop_oldest(&mut self.pool),
                None if self.pool.bytes() > self.bound && self.pool.release(0) => {}
                None => break,
            }
        }
        debug_assert!(self.adds_up());
        dropped
    }

    fn largest_evictable(&self, protect: &Vector) -> Option<Life> {
        let evictable =
            self.logs.iter().filter(|(origin, log)| log.is_evictable(protect.get(origin).copied()));
        evictable.max_by_key(|(_, log)| (log.is_idle(), log.cost())).map(|(origin, _)| *origin)
    }

    /// Bytes held, by capacity: events, what is assembled, and segments kept for the next.
    pub fn bytes(&self) -> usize {
        self.pool.bytes()
    }

    fn adds_up(&self) -> bool {
        let logs: usize = self.logs.values().map(Log::cost).sum();
        logs + self.pool.free_bytes() == self.pool.bytes()
    }
}
