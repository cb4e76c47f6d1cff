//! One byte stream to a peer as the engine sees it: how far its greeting is, what control frames wait to be
//! written, and where its cursors stand. Knows nothing of membership or of other links.

use super::alarm::Alarm;
use crate::checksum::Checksum;
use crate::claim::{Claim, Vector};
use crate::history::Cursor;
use crate::id::{Life, LinkId, NodeId};
use crate::time::Instant;
use crate::wire::{Decoder, Frame};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// Why a link was dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// The seed with this index.
    Seed(usize),
    /// A member, or one remembered.
    Member(NodeId),
}

/// How far a link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Asked for, not yet open.
    Dialling,
    /// Open; the peer has not said who it is.
    Greeting,
    /// The peer has said who it is, but not where the session stands.
    Greeted,
    /// In use.
    Up,
}

/// What names a link for both of its ends: who dialled, and that dialler's number for it.
pub(super) type Name = (Life, u64);

/// See the module.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) purpose: Option<Purpose>,
    pub(super) phase: Phase,
    pub(super) since: Instant,
    pub(super) name: Option<Name>,
    /// The peer knew and lost this link when it dialled: the new one takes its place.
    pub(super) replaces: Option<Name>,
    pub(super) peer: Option<Life>,
    /// A better link has taken its place; what the peer still says here is heard until it speaks there.
    pub(super) retired: bool,
    /// The peer is in no cluster yet, and this end is its sponsor.
    pub(super) joining: bool,
    pub(super) decoder: Decoder,
    pub(super) control: Vec<u8>,
    pub(super) writing: bool,
    /// More than control frames may wait: calls, events, state.
    pub(super) loaded: bool,
    pub(super) last_sent: Instant,
    /// Claims that came before this node was in the cluster.
    pub(super) held: Vec<Claim>,
    pub(super) welcome: Welcome,
    pub(super) flow: Flow,
    pub(super) acks: Acks,
    checksum: Checksum,
}

/// A sponsor's answer: fixed and not yet sent at the sponsor, as far as it has come at the joiner.
#[derive(Debug, Default)]
pub(super) struct Welcome {
    pub(super) baseline: Vec<(Life, u64)>,
    pub(super) donors: Vec<NodeId>,
    pub(super) remembered: Vec<Claim>,
}

/// Events on this link: what the peer has, where the cursors stand, and the credit in both directions.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// This node has told the peer where it stands.
    pub(super) told: bool,
    pub(super) have: Vector,
    pub(super) cursors: BTreeMap<Life, Cursor>,
    /// Where the peer was last told to go back to, because a run came early.
    pub(super) wanted: BTreeMap<Life, u64>,
    pub(super) types_sent: BTreeMap<Life, u16>,
    pub(super) sent: u64,
    pub(super) limit: u64,
    pub(super) received: u64,
    pub(super) granted: u64,
}

/// What the peer is owed: acknowledgements that wait for a little more to acknowledge.
#[derive(Debug, Default)]
pub(super) struct Acks {
    pub(super) since: Option<Instant>,
    pub(super) bytes: usize,
    /// Few, mostly one: the peer itself.
    pub(super) origins: Vec<Life>,
    pub(super) lanes: bool,
}

impl Acks {
    /// What the peer has sent of this origin is to be acknowledged.
    pub(super) fn names(&mut self, origin: Life) {
        if !self.origins.contains(&origin) {
            self.origins.push(origin);
        }
    }
}

impl Link {
    pub(super) fn new(
        id: LinkId,
        purpose: Option<Purpose>,
        phase: Phase,
        now: Instant,
        checksum: Checksum,
    ) -> Link {
        Link {
            id,
            purpose,
            phase,
            since: now,
            name: None,
            replaces: None,
            peer: None,
            retired: false,
            joining: false,
            decoder: Decoder::new(checksum),
            control: Vec::new(),
            writing: false,
            loaded: false,
            last_sent: now,
            held: Vec::new(),
            welcome: Welcome::default(),
            flow: Flow::default(),
            acks: Acks::default(),
            checksum,
        }
    }

    /// Adds a frame to what is written next. The caller wakes the link.
    pub(super) fn push(&mut self, frame: &Frame) {
        frame.encode(self.checksum, &mut self.control);
    }

    /// The peer, once the link is in use.
    pub(super) fn up(&self) -> Option<Life> {
        self.peer.filter(|_| self.phase == Phase::Up)
    }

    /// Something of this size arrived that must be acknowledged by and by.
    pub(super) fn owes(&mut self, now: Instant, bytes: usize, alarm: &mut Alarm) {
        if self.acks.since.is_none() {
            self.acks.since = Some(now);
            alarm.owes(now, self.id);
        }
        self.acks.bytes += bytes;
    }
}
