//! One direction of a connection: bytes under way, bytes that have arrived, and how it ends. Knows no path: who calls
//! says when things arrive.

use crate::time::{NEVER, Nanos};
use std::collections::VecDeque;
use std::task::Waker;

/// How many bytes may be under way and unread in one direction: what two socket buffers of Linux hold by default,
/// about.
pub(crate) const WINDOW: usize = 256 * 1024;

/// What travels.
#[derive(Debug)]
pub(crate) enum Segment {
    Bytes(Vec<u8>),
    /// The writer has closed its direction.
    End,
    /// The connection is no more.
    Reset,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    /// In order; [`NEVER`] means that it is stalled.
    flight: VecDeque<(Nanos, Segment)>,
    arrived: VecDeque<Vec<u8>>,
    /// How much of the first arrived one was read.
    read: usize,
    unread: usize,
    /// Bytes that are written and not yet known to be read.
    pub(super) outstanding: usize,
    /// Bytes that were read, which the writer does not know yet.
    pub(super) unacknowledged: usize,
    /// The writer has closed it; nothing more is written.
    pub(super) closed: bool,
    /// Everything was written and has arrived.
    pub(super) ended: bool,
    /// How often the segment in front was tried again; `None` when it is not stalled.
    pub(super) stalled: Option<u32>,
    /// How often an acknowledgement was tried again.
    pub(super) unheard: Option<u32>,
    /// When the wire is free again, if it has a rate.
    pub(super) busy_until: Nanos,
    /// The arrival that is on the agenda.
    pub(super) expected: Option<Nanos>,
    pub(super) reader: Option<Waker>,
    pub(super) writer: Option<Waker>,
}

impl Pipe {
    /// How much may be written now.
    pub(super) fn room(&self) -> usize {
        WINDOW.saturating_sub(self.outstanding)
    }

    pub(super) fn unread(&self) -> usize {
        self.unread
    }

    /// Sends, to arrive at a time or when the stall ends.
    pub(super) fn push(&mut self, at: Nanos, segment: Segment) {
        if let Segment::Bytes(bytes) = &segment {
            self.outstanding += bytes.len();
        }
        let after = self.flight.back().map_or(0, |(at, _)| *at);
        self.flight.push_back((at.max(after), segment));
    }

    /// When the next segment arrives.
    pub(super) fn next_at(&self) -> Option<Nanos> {
        self.flight.front().map(|(at, _)| *at).filter(|at| *at < NEVER)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.flight.is_empty()
    }

    /// The segments that waited for the end of a stall.
    pub(super) fn stalled_lens(&self) -> impl Iterator<Item = usize> {
        self.flight.iter().filter(|(at, _)| *at == NEVER).map(|(_, segment)| segment.len())
    }

    /// The stall is over: gives the segments their times.
    pub(super) fn unstall(&mut self, times: Vec<Nanos>) {
        let stalled = self.flight.iter_mut().filter(|(at, _)| *at == NEVER);
        stalled.zip(times).for_each(|((at, _), time)| *at = time);
        self.stalled = None;
    }

    /// What arrives by now: `true` when the reader has something new.
    pub(super) fn arrive(&mut self, now: Nanos) -> Arrival {
        let mut arrival = Arrival::default();
        while self.flight.front().is_some_and(|(at, _)| *at <= now) {
            match self.flight.pop_front().expect("it is there").1 {
                Segment::Bytes(bytes) => {
                    self.unread += bytes.len();
                    self.arrived.push_back(bytes);
                    arrival.bytes = true;
                }
                Segment::End => {
                    self.ended = true;
                    arrival.bytes = true;
                }
                Segment::Reset => arrival.reset = true,
            }
        }
        arrival
    }

    /// Moves what has arrived into the buffer; the emptied segments go to `spare`.
    pub(super) fn read(&mut self, out: &mut [u8], spare: &mut Vec<Vec<u8>>) -> usize {
        let mut len = 0;
        while len < out.len()
            && let Some(front) = self.arrived.front()
        {
            let part = (front.len() - self.read).min(out.len() - len);
            out[len..len + part].copy_from_slice(&front[self.read..self.read + part]);
            len += part;
            self.read += part;
            if self.read == front.len() {
                self.read = 0;
                spare.extend(self.arrived.pop_front());
            }
        }
        self.unread -= len;
        len
    }

    /// Nobody reads any more: what has arrived and what is under way is nobody's.
    pub(super) fn discard(&mut self) {
        self.arrived.clear();
        (self.read, self.unread) = (0, 0);
    }

    /// Nobody is there: what is under way waits until it is sent again.
    pub(super) fn hold(&mut self) {
        self.flight.iter_mut().for_each(|(at, _)| *at = NEVER);
        self.stalled = Some(0);
    }

    /// Nothing of it arrives any more.
    pub(super) fn break_off(&mut self) {
        self.flight.clear();
        self.stalled = None;
    }
}

impl Segment {
    fn len(&self) -> usize {
        match self {
            Segment::Bytes(bytes) => bytes.len(),
            Segment::End | Segment::Reset => 0,
        }
    }
}

/// What arrived.
#[derive(Debug, Default)]
pub(super) struct Arrival {
    pub(super) bytes: bool,
    pub(super) reset: bool,
}

#[cfg(test)]
mod tests {
    use super::{Pipe, Segment};
    use crate::time::NEVER;

    #[test]
    fn nothing_overtakes() {
        let mut pipe = Pipe::default();
        pipe.push(9, Segment::Bytes(vec![1, 2]));
        pipe.push(3, Segment::Bytes(vec![3]));
        pipe.push(4, Segment::End);
        assert!(!pipe.arrive(8).bytes);
        assert!(pipe.arrive(9).bytes && pipe.ended);
        let (mut out, mut spare) = ([0; 2], Vec::new());
        assert_eq!((pipe.read(&mut out, &mut spare), out), (2, [1, 2]));
        assert_eq!((pipe.read(&mut out, &mut spare), pipe.unread()), (1, 0));
    }

    #[test]
    fn a_stall_holds_back_all_that_follows() {
        let mut pipe = Pipe::default();
        pipe.push(NEVER, Segment::Bytes(vec![1]));
        pipe.push(5, Segment::Bytes(vec![2]));
        assert_eq!((pipe.next_at(), pipe.stalled_lens().count()), (None, 2));
        pipe.unstall(vec![7, 8]);
        assert_eq!(pipe.next_at(), Some(7));
    }
}
