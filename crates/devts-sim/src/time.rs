//! What is due when: one queue for everything that time brings about, and the sleep that waits in it. Knows no machine
//! and no stream beyond their numbers.

use crate::net::NetDue;
use crate::task::TaskId;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::task::Waker;

/// Nanoseconds of virtual time since the world began.
pub(crate) type Nanos = u64;

/// The end of time: 500 years.
pub(crate) const NEVER: Nanos = u64::MAX;

/// Something that time brings about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    /// A sleep is over, unless it was dropped.
    Timer { slot: u32, round: u32 },
    /// Something of the network.
    Net(NetDue),
    /// A starved task gets its turn.
    Run(TaskId),
    /// A machine's pause may be over.
    Resume(usize),
    /// A flip-flop link changes.
    Flap(usize),
}

#[derive(Debug)]
struct Entry {
    at: Nanos,
    tie: u32,
    number: u64,
    due: Due,
}

/// The earliest first; at one instant in an order that the seed gives.
impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> Ordering {
        (other.at, other.tie, other.number).cmp(&(self.at, self.tie, self.number))
    }
}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Entry {}

/// A sleep that waits: who is woken.
#[derive(Debug, Default)]
struct Timer {
    round: u32,
    waker: Option<Waker>,
}

/// Everything that waits for its time.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    heap: BinaryHeap<Entry>,
    count: u64,
    timers: Vec<Timer>,
    free: Vec<u32>,
}

impl Agenda {
    /// Puts something at a time; `tie` orders what has the same.
    pub(crate) fn put(&mut self, at: Nanos, tie: u32, due: Due) {
        self.count += 1;
        self.heap.push(Entry { at, tie, number: self.count, due });
    }

    /// When the next thing is due.
    pub(crate) fn next_at(&self) -> Option<Nanos> {
        self.heap.peek().map(|entry| entry.at)
    }

    /// The next thing, if it is due by then.
    pub(crate) fn pop(&mut self, by: Nanos) -> Option<Due> {
        let entry = self.heap.peek_mut()?;
        (entry.at <= by).then(|| std::collections::binary_heap::PeekMut::pop(entry).due)
    }

    /// Arms a timer for a waker.
    pub(crate) fn arm(&mut self, at: Nanos, tie: u32, waker: Waker) -> (u32, u32) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.timers.push(Timer::default());
            u32::try_from(self.timers.len() - 1).expect("fewer than 2^32 sleeps wait at once")
        });
        let timer = &mut self.timers[slot as usize];
        timer.waker = Some(waker);
        let round = timer.round;
        if at < NEVER {
            self.put(at, tie, Due::Timer { slot, round });
        }
        (slot, round)
    }

    /// Another waker for an armed timer; gives the old one back to be dropped outside locks.
    pub(crate) fn rearm(&mut self, slot: u32, waker: &Waker) -> Option<Waker> {
        let known = &mut self.timers[slot as usize].waker;
        if known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        known.replace(waker.clone())
    }

    /// The timer is over or not wanted any more; who waited for it, if it was armed still.
    pub(crate) fn disarm(&mut self, slot: u32, round: u32) -> Option<Waker> {
        let timer = &mut self.timers[slot as usize];
        if timer.round != round {
            return None;
        }
        timer.round = timer.round.wrapping_add(1);
        self.free.push(slot);
        timer.waker.take()
    }

    /// Whether this timer still waits.
    pub(crate) fn is_armed(&self, slot: u32, round: u32) -> bool {
        self.timers[slot as usize].round == round
    }
}

#[cfg(test)]
mod tests {
    use super::{Agenda, Due};
    use std::task::Waker;

    #[test]
    fn the_earliest_comes_first_and_ties_follow_the_seed() {
        let mut agenda = Agenda::default();
        for (at, tie, machine) in [(7, 0, 0), (3, 9, 1), (3, 1, 2), (3, 1, 3)] {
            agenda.put(at, tie, Due::Resume(machine));
        }
        assert_eq!(agenda.next_at(), Some(3));
        let mut order = Vec::new();
        while let Some(Due::Resume(machine)) = agenda.pop(5) {
            order.push(machine);
        }
        assert_eq!(order, [2, 3, 1]);
        assert_eq!(agenda.next_at(), Some(7));
    }

    #[test]
    fn a_disarmed_timer_is_over_once() {
        let mut agenda = Agenda::default();
        let (slot, round) = agenda.arm(5, 0, Waker::noop().clone());
        assert!(agenda.is_armed(slot, round));
        assert!(agenda.disarm(slot, round).is_some());
        assert!(agenda.disarm(slot, round).is_none());
        let again = agenda.arm(6, 0, Waker::noop().clone());
        assert_eq!(again.0, slot);
        assert!(!agenda.is_armed(slot, round));
    }
}
