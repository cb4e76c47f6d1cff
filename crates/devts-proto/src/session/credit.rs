//! How much the peer may send: limits on the offsets of its lanes, moved on as turns consume. Knows bytes only.

use super::lane::Lane;
use super::{Incoming, Session};
use crate::id::ChannelId;
use alloc::vec::Vec;

/// How far the peer may go ahead with a state: it is put together at once, so only the way needs filling.
const BULK_WINDOW: u64 = 1 << 20;

impl Session {
    /// What the peer may send now, to be told to it: limits on the offsets of [`Lane::Calls`] and [`Lane::Bulk`].
    pub fn take_credit(&mut self) -> (u64, u64) {
        let (calls, bulk) = (self.calls_limit(), self.bulk_limit());
        self.inbound[Lane::Calls as usize].told = calls;
        self.inbound[Lane::Bulk as usize].told = bulk;
        self.credit_told |= self.agreement.holds;
        (calls, bulk)
    }

    /// The peer should be told: it may send a quarter of a window more than it knows, or it can go on with the
    /// message it is in and does not know that, or it has not been told on this link.
    pub fn credit_due(&self) -> bool {
        if !self.agreement.holds {
            return false;
        }
        let calls = &self.inbound[Lane::Calls as usize];
        let grown = self.calls_limit() - calls.told;
        let stuck = calls.told == calls.received() && calls.assembling().is_some();
        !self.credit_told
            || grown >= self.limits.receive_window as u64 / 4
            || (grown > 0 && stuck)
            || self.bulk_limit() - self.inbound[Lane::Bulk as usize].told >= BULK_WINDOW / 4
    }

    /// A window of unconsumed bytes, or the message in assembly if that is more. Never less than was told. A
    /// peer that takes no replies may ask no more: what it makes us answer is kept for it.
    fn calls_limit(&self) -> u64 {
        let calls = &self.inbound[Lane::Calls as usize];
        if self.outgoing[Lane::Replies as usize].held() > self.limits.session {
            return calls.told;
        }
        let free = self.limits.receive_window.saturating_sub(self.unconsumed) as u64;
        (calls.boundary() + free).max(calls.assembling().unwrap_or(0)).max(calls.told)
    }

    fn bulk_limit(&self) -> u64 {
        let bulk = &self.inbound[Lane::Bulk as usize];
        (bulk.received() + BULK_WINDOW).max(bulk.told)
    }

    /// The peer's limits on what this end sends, by lane as in [`Session::take_credit`].
    pub fn granted(&mut self, calls: u64, bulk: u64) {
        if self.agreement.holds {
            self.outgoing[Lane::Calls as usize].granted(calls);
            self.outgoing[Lane::Bulk as usize].granted(bulk);
        } else {
            self.counters.early += 1;
        }
    }

    /// Turns have used calls of this cost.
    pub fn consumed(&mut self, cost: usize) {
        self.unconsumed = self.unconsumed.saturating_sub(cost);
    }

    /// The cost of the calls delivered here that no turn has used.
    pub fn unconsumed(&self) -> usize {
        self.unconsumed
    }

    /// Where each lane has been received up to, to be told to the peer.
    pub fn received(&self) -> [u64; 3] {
        Lane::ALL.map(|lane| self.inbound[lane as usize].received())
    }

    /// A channel's limit has come from the peer.
    pub(super) fn channel_credited(&mut self, channel: ChannelId, limit: u64, out: &mut Vec<Incoming>) {
        self.channels.credited(channel, limit);
        self.tell_channel_room(out);
    }
}
