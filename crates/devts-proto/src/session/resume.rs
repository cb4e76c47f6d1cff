//! Which session the two ends are in, and from where each goes on. Knows generations and offsets, no messages.
//!
//! Each end numbers its sessions with the other by a *generation*, never the same twice. A session is the pair of
//! both numbers; it holds at an end once that end knows the other's and knows that the other knows its own. Each
//! end says [`Resume`] first on every link, and again when [`Resumed::say_again`] or after [`Session::end`]: its
//! own generation, the peer's as it knows it, and what it has received. The rules for the one who hears it:
//!
//! 1. The peer's generation is another than I knew: it has ended our session. If that one had held here, all of
//!    mine that is outstanding has failed; else nothing of mine was ever sent in it, and it is kept. Either way I
//!    take the new number, begin to receive at zero, and say `Resume` again.
//! 2. The peer knows mine: the session holds; I go on from what it has received.
//! 3. The peer does not know mine. The `Resume` that tells it may be under way, or was said on another link: I say
//!    it again. Until the peer answers nothing is sent, and what comes is ignored: it is of a session that is
//!    over.
//!
//! A link is first in, first out, so all data that comes after a `Resume` by which the session holds is of that
//! session. It ends: whoever has heard one `Resume` knows the other's number, and his next one is of rule 2.

use super::assemble::Inbound;
use super::channels::Channels;
use super::requests::Served;
use super::{Incoming, Session, SessionError, new_lanes};
use crate::id::{ChannelId, RequestId};
use alloc::vec::Vec;
use core::mem;

/// What an end says of a session: first on a link, and again when the other end's made it change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resume {
    /// The speaker's generation, not zero.
    pub generation: u64,
    /// The other's, as the speaker knows it; zero: not at all.
    pub peer_generation: u64,
    /// What the speaker has received, by lane, in the session of these two.
    pub received: [u64; 3],
}

/// What the peer's [`Resume`] led to. Whether the session holds now: [`Session::is_established`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Resumed {
    /// The peer had ended the session that this end was in; this was outstanding.
    pub ended: Option<Ended>,
    /// Say [`Session::resume`] on this link, before any data: the peer may not know what it would say.
    pub say_again: bool,
}

/// What was outstanding when a session ended: none of it will be answered, all of it may or may not have
/// arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    /// The types of the sends and openings that were not acknowledged, in order.
    pub types: Vec<u16>,
    /// The receipts among these.
    pub receipts: Vec<u64>,
    /// Requests that were not answered.
    pub requests: Vec<RequestId>,
    /// Channels that were open, in whatever direction.
    pub channels: Vec<ChannelId>,
    /// Asks for a state that were not answered.
    pub asks: Vec<u64>,
}

/// The generations, and how far the two ends agree on them.
#[derive(Debug)]
pub(super) struct Agreement {
    mine: u64,
    /// Zero: unknown.
    theirs: u64,
    /// The peer has said the same two on the present link.
    pub(super) holds: bool,
    /// The session of these two has held, on some link.
    used: bool,
}

impl Agreement {
    pub(super) fn new(generation: u64) -> Agreement {
        Agreement { mine: generation, theirs: 0, holds: false, used: false }
    }
}

impl Session {
    /// What to say of the session on a link, before anything else of it.
    pub fn resume(&self) -> Resume {
        Resume {
            generation: self.agreement.mine,
            peer_generation: self.agreement.theirs,
            received: self.received(),
        }
    }

    /// The session holds on the present link: data goes and comes.
    pub fn is_established(&self) -> bool {
        self.agreement.holds
    }

    /// The link is lost, or another takes its place. Everything is kept; nothing goes or is taken until the peer
    /// has said [`Resume`] again.
    pub fn unlinked(&mut self) {
        self.agreement.holds = false;
    }

    /// The peer has said `Resume`; what went over another link before is over.
    pub fn peer_resumed(&mut self, peer: Resume, out: &mut Vec<Incoming>) -> Result<Resumed, SessionError> {
        if peer.generation == 0 {
            return Err(SessionError::Resume);
        }
        self.agreement.holds = false;
        let other = peer.generation != self.agreement.theirs;
        let ended = if other { self.adopt(peer.generation) } else { None };
        let known = peer.peer_generation == self.agreement.mine;
        if known {
            self.go_on(peer.received, out)?;
        }
        Ok(Resumed { ended, say_again: other || !known })
    }

    /// Rule 1.
    fn adopt(&mut self, generation: u64) -> Option<Ended> {
        self.agreement.theirs = generation;
        self.agreement.used.then(|| self.renew())
    }

    /// Rule 2.
    fn go_on(&mut self, received: [u64; 3], out: &mut Vec<Incoming>) -> Result<(), SessionError> {
        self.release(received, out)?;
        for (lane, from) in self.outgoing.iter_mut().zip(received) {
            lane.seek(from);
        }
        self.agreement.holds = true;
        self.agreement.used = true;
        self.credit_told = false;
        Ok(())
    }

    /// This end has declared the peer down: everything outstanding has failed, in both directions. What is called
    /// from now on is of the next session, which begins when the peer is heard of again. If the link stays, say
    /// [`Session::resume`] on it.
    pub fn end(&mut self) -> Ended {
        // Never zero, which stands for "unknown".
        self.agreement.mine = self.agreement.mine.checked_add(1).unwrap_or(1);
        self.agreement.holds = false;
        self.renew()
    }

    fn renew(&mut self) -> Ended {
        self.agreement.used = false;
        self.outgoing = new_lanes();
        self.inbound = <[Inbound; 3]>::default();
        self.credit_told = false;
        self.channels_full = false;
        self.broken = None;
        self.served = Served::default();
        let records = mem::take(&mut self.records);
        Ended {
            types: records.iter().map(|record| record.ty).collect(),
            receipts: records.iter().filter_map(|record| record.receipt).collect(),
            requests: self.asked.take_all(),
            channels: Channels::take_all(&mut self.channels),
            asks: self.states.take_all(),
        }
    }
}
