//! When the engine wants to be woken, without asking everything that waits each time: a bound that is never later than
//! the earliest deadline, and the acknowledgements that are owed, in the order in which they are. Knows no link but by
//! its number.

use crate::id::LinkId;
use crate::time::Instant;
use alloc::collections::VecDeque;
use core::time::Duration;

/// How long an acknowledgement waits for more to acknowledge: far below a heartbeat, and one timer for many.
pub(super) const ACK_AFTER: Duration = Duration::from_millis(25);

/// See the module.
#[derive(Debug)]
pub(super) struct Alarm {
    /// No deadline is earlier, acknowledgements aside.
    at: Instant,
    /// Links that owe an acknowledgement since then; an entry whose time is not the link's any more is void.
    owing: VecDeque<(Instant, LinkId)>,
    /// No link wants a heartbeat before.
    pub(super) beat_at: Instant,
}

impl Alarm {
    pub(super) fn new() -> Alarm {
        Alarm { at: Instant::ZERO, owing: VecDeque::new(), beat_at: Instant::ZERO }
    }

    /// Something rare has happened: the next look asks everything.
    pub(super) fn reset(&mut self) {
        self.at = Instant::ZERO;
        self.beat_at = Instant::ZERO;
    }

    /// A deadline more.
    pub(super) fn arm(&mut self, at: Instant) {
        self.at = self.at.min(at);
    }

    /// The earliest deadline was found.
    pub(super) fn set(&mut self, at: Instant) {
        self.at = at;
    }

    /// Acknowledgements aside, nothing is due before.
    pub(super) fn at(&self) -> Instant {
        self.at
    }

    /// A link owes an acknowledgement from now on.
    pub(super) fn owes(&mut self, since: Instant, link: LinkId) {
        self.owing.push_back((since, link));
    }

    /// When the first acknowledgement has waited long enough.
    pub(super) fn acks_at(&self) -> Instant {
        self.owing.front().map_or(Instant::NEVER, |(since, _)| *since + ACK_AFTER)
    }

    /// The first that owes, if its entry may be void or all are to be sent.
    pub(super) fn pop_owing(&mut self) -> Option<(Instant, LinkId)> {
        self.owing.pop_front()
    }

    /// The first that owes.
    pub(super) fn first_owing(&self) -> Option<(Instant, LinkId)> {
        self.owing.front().copied()
    }
}
