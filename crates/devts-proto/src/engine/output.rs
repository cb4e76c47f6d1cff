//! The way out: everything the engine asks of its driver, in the order in which it must happen.

pub use crate::call::*;
pub use crate::wire::RefuseCode as Refusal;

use crate::claim::{Claim, TypeEntry, Vector};
use crate::id::{ChannelId, Life, LinkId, NodeId, RequestId};
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;
use core::net::SocketAddr;

/// One thing for the driver to do. [`Output::Wait`] is always the last of a series.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Output {
    /// Open a byte stream; report `handle_link_up` or `handle_dial_failed` with this id.
    Dial {
        /// The link.
        link: LinkId,
        /// What to dial.
        to: Target,
    },
    /// The link has bytes: call [`super::Engine::transmit`] and write them. Repeated at most once until then.
    Write(LinkId),
    /// Write `last` (bounded in time: 1 s), then close the stream. The engine has forgotten the link.
    Close {
        /// The link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
        /// What is still to be written.
        last: Vec<u8>,
    },
    /// This node is in the cluster: as its first, or admitted by a sponsor. `donors` were members before it,
    /// the sponsor first; a node of their kind may ask them for its state.
    Joined {
        /// Whom to ask, in this order.
        donors: Vec<NodeId>,
    },
    /// The cluster will not have this node; it stays alone and goes on trying where that can help.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Why, for people.
        text: String,
    },
    /// The view changed. The view already shows it.
    Member(MemberChange),
    /// The types of `origin` from index `first` on; comes before anything that uses them. `origin` may be a
    /// member (its calls use the same table).
    Types {
        /// Whose.
        origin: Life,
        /// The first one's number.
        first: u16,
        /// Name, version and shape of each.
        entries: Vec<TypeEntry>,
    },
    /// `count` events of `origin`, next in order: `events` holds them with headers ([`crate::claim::event_at`]).
    /// Report [`super::Engine::consumed`] with `via` and `events.len()` when turns have used them.
    Events {
        /// Whose.
        origin: Life,
        /// The first one's number.
        first: u64,
        /// How many.
        count: u32,
        /// They, with their headers.
        events: Bytes,
        /// Who sent them here.
        via: NodeId,
    },
    /// Events `first..=last` of `origin` can no longer be had from anybody reachable; what follows comes after.
    Gap {
        /// Whose.
        origin: Life,
        /// The first one's number.
        first: u64,
        /// The last one's number.
        last: u64,
    },
    /// A call of `from`, in FIFO order. Report `consumed` with `from` and `cost` when its turn is over.
    Call {
        /// Who.
        from: Life,
        /// What.
        call: Call,
        /// Bytes of the receive window.
        cost: usize,
    },
    /// The answer to a request of this node; comes exactly once for each accepted one.
    Reply {
        /// Who.
        from: NodeId,
        /// Which.
        request: RequestId,
        /// The reply's body, or why there is none.
        result: Result<Bytes, RequestError>,
    },
    /// Calls that were accepted and will not arrive: how many sends of each type, in order.
    Undeliverable {
        /// To whom.
        to: NodeId,
        /// Why.
        why: Undeliverable,
        /// The type of each, as indices of this node's table.
        types: Vec<u16>,
        /// The receipts among them that will not come.
        receipts: Vec<u64>,
    },
    /// `send_delivered`'s receipt: the peer has it.
    Delivered {
        /// To whom.
        to: NodeId,
        /// Which.
        receipt: u64,
    },
    /// Room has come for calls to this peer, or events, after a refusal `Full`.
    Room(Room),
    /// The other end sent on a channel.
    ChannelData {
        /// Who.
        peer: NodeId,
        /// Which.
        channel: ChannelId,
        /// What was sent.
        body: Bytes,
    },
    /// The channel is over for this end's receiving side (`Closed`: the other end closed it), or both.
    ChannelClosed {
        /// Who.
        peer: NodeId,
        /// Which.
        channel: ChannelId,
        /// Why.
        why: ChannelEnd,
    },
    /// A node of this kind asks for the state. Answer with `give_state` or `refuse_state`.
    StateAsked {
        /// Who.
        from: Life,
        /// The number to answer to.
        ask: u64,
        /// What its state reflects.
        vector: Vector,
        /// It can merge a state that does not cover its own.
        merge: bool,
    },
    /// The answer to `ask_state`: exactly one of the three.
    StateGiven {
        /// Who.
        from: NodeId,
        /// The number to answer to.
        ask: u64,
        /// What its state reflects.
        vector: Vector,
        /// The encoded state.
        state: Bytes,
    },
    /// See `StateGiven`.
    StateRefused {
        /// Who.
        from: NodeId,
        /// The number to answer to.
        ask: u64,
        /// Why.
        why: StateRefusal,
    },
    /// Nothing more now; call `handle_timeout` at this instant at the latest.
    Wait(Instant),
}

/// What to dial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The seed with this index, in the order given to `join`; its name is resolved anew at each dial.
    Seed(usize),
    /// A member's address.
    Address(SocketAddr),
}

/// Why a dial did not become a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialFailure {
    /// The host answered that nobody listens.
    Refused,
    /// No answer in time, no route, a name that does not resolve.
    Unreachable,
}

/// What has room again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// `emit`.
    Events,
    /// `send` and `request` to this peer.
    Calls(NodeId),
    /// `channel_send` on this channel.
    Channel(NodeId, ChannelId),
}

/// Why a link was closed by this end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The peer broke the protocol; the text says how.
    Misbehaved(String),
    /// The peer did not greet in time.
    HandshakeTimeout,
    /// The peer was told this refusal, or told us.
    Refused(Refusal),
    /// There is a better link to the same peer.
    Duplicate,
    /// The peer failed, was replaced by a new life, or left.
    Gone,
    /// This node leaves.
    Leaving,
}

/// A change of the view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberChange {
    /// What happened.
    pub kind: ChangeKind,
    /// The member as it is now (for `Left` and `Failed`: as it was last).
    pub member: Claim,
    /// The view's version after the change; each change raises it by one.
    pub version: u64,
}

/// What happened to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChangeKind {
    /// A life that was not in the view is.
    Joined,
    /// Its info, address or readiness changed.
    Updated,
    /// It left by itself.
    Left,
    /// It was reset and refused a re-dial, or was silent too long, or a new life took its place.
    Failed,
    /// The same life is back after it had failed here.
    Rejoined,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refusal::Version => "no common protocol version",
            Refusal::ClusterFull => "the cluster is full",
            Refusal::SelfConnect => "this is the node that dialled",
            Refusal::Superseded => "a younger life of this node id is in the cluster",
            Refusal::Duplicate => "there is a link between the two already",
            Refusal::Leaving => "the node is leaving",
        })
    }
}

/// What the engine has counted since it was made; each only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Links whose handshake was completed.
    pub links_up: u64,
    /// Links closed because the peer broke the protocol.
    pub misbehaved: u64,
    /// Connections that did not greet in time.
    pub handshake_timeouts: u64,
    /// Connections refused, or dials that were.
    pub refused: u64,
    /// Frames of a reserved, ignorable type that were skipped.
    pub frames_skipped: u64,
    /// Events this node emitted.
    pub events_emitted: u64,
    /// Events delivered to this node.
    pub events_delivered: u64,
    /// Events that arrived again and were dropped: they had been delivered.
    pub events_known: u64,
    /// Runs that arrived before their turn and were asked for again.
    pub runs_early: u64,
    /// Events told as gaps.
    pub events_missed: u64,
    /// Calls sent (send, request, open).
    pub calls_sent: u64,
    /// Calls delivered.
    pub calls_delivered: u64,
    /// Calls told as undeliverable.
    pub calls_undeliverable: u64,
    /// Requests answered `Busy` here.
    pub requests_busy: u64,
    /// Replies that no request waited for any more.
    pub replies_ignored: u64,
    /// Cycles of waits found and told.
    pub deadlocks: u64,
    /// Links left behind because they were slow for too long.
    pub slow: u64,
}
