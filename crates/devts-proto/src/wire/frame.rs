//! The frames, and the way from one to bytes. What a field is good for is decided elsewhere.

use super::encode::{self, put_frame};
use super::hello::Hello;
use super::{lists, parts};
use crate::checksum::Checksum;
use crate::claim::{Claim, TypeEntry};
use crate::codec::put_bytes;
use crate::config::MAX_NAME;
use crate::id::{Life, NodeId};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// How many lanes a link has: byte streams of calls that do not wait for one another.
pub const LANES: usize = 3;

/// The type bytes. Those of retired frames are never used again.
pub(super) mod tag {
    pub(in crate::wire) const HELLO: u8 = 1;
    pub(in crate::wire) const REFUSE: u8 = 2;
    pub(in crate::wire) const RESUME: u8 = 3;
    pub(in crate::wire) const WELCOME: u8 = 4;
    pub(in crate::wire) const MEMBERS: u8 = 5;
    pub(in crate::wire) const TYPES: u8 = 6;
    pub(in crate::wire) const HAVE: u8 = 7;
    pub(in crate::wire) const WANT: u8 = 8;
    pub(in crate::wire) const RUN: u8 = 9;
    pub(in crate::wire) const FRAGMENT: u8 = 10;
    pub(in crate::wire) const GAP: u8 = 11;
    pub(in crate::wire) const STABLE: u8 = 12;
    pub(in crate::wire) const CREDIT: u8 = 13;
    pub(in crate::wire) const DATA: u8 = 14;
    pub(in crate::wire) const ACK: u8 = 15;
    pub(in crate::wire) const HEARTBEAT: u8 = 16;
    pub(in crate::wire) const LEAVE: u8 = 17;
    pub(in crate::wire) const REMEMBERED: u8 = 18;
    /// From here on a frame that is not known is skipped: room for hints that older nodes may miss.
    pub(in crate::wire) const IGNORABLE: u8 = 0xC0;
}

/// One message of a link. Event and call bytes share the memory of what was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Who speaks, and what it speaks. The first frame of each end.
    Hello(Hello),
    /// The connection is turned away; nothing follows.
    Refuse {
        /// Why.
        reason: RefuseCode,
        /// The oldest protocol version the sender speaks.
        min_version: u16,
        /// The newest protocol version the sender speaks.
        max_version: u16,
        /// Why, for people. At most 255 bytes; the encoder cuts what is longer.
        text: String,
    },
    /// Where the session of the two lives stands, so that it goes on over this link.
    Resume {
        /// The receiver's incarnation that the sender had declared down, if it had.
        down: Option<u32>,
        /// Which of the sender's sessions with this peer this is.
        generation: u64,
        /// The generation of the receiver that the sender last knew; zero for none.
        peer_generation: u64,
        /// Bytes received so far on each lane.
        received: [u64; LANES],
    },
    /// A joiner is in: where it starts.
    Welcome {
        /// The highest event per origin that the joiner will not be sent.
        baseline: Vec<(Life, u64)>,
        /// Who was a member before it, the sponsor first.
        donors: Vec<NodeId>,
        /// No further `Welcome` follows.
        last: bool,
    },
    /// Statements about members; at most [`crate::config::MAX_CLAIMS`] a frame.
    Members(Vec<Claim>),
    /// Who failed at the sponsor and may come back: what a joiner emits is kept for them too. At most
    /// [`crate::config::MAX_CLAIMS`] a frame.
    Remembered(Vec<Claim>),
    /// The part of an origin's type table that starts at index `first`.
    Types {
        /// Whose table.
        origin: Life,
        /// The first entry's index.
        first: u16,
        /// The entries.
        entries: Vec<TypeEntry>,
    },
    /// The highest contiguous event the sender has of each origin named.
    Have(Vec<(Life, u64)>),
    /// The sender asks for the events of `origin` from `from` on.
    Want {
        /// Whose events.
        origin: Life,
        /// The first that is wanted.
        from: u64,
    },
    /// Consecutive events of one origin.
    Run {
        /// Who emitted them.
        origin: Life,
        /// The first one's sequence number; the least is 1.
        first: u64,
        /// How many; at least 1.
        count: u32,
        /// The events with their headers, one after the other ([`crate::claim::event_at`]).
        events: Bytes,
    },
    /// A piece of one event that is longer than a run.
    Fragment {
        /// Who emitted it.
        origin: Life,
        /// Its sequence number.
        seq: u64,
        /// The length of the event with its header.
        total: u32,
        /// Where in it this piece starts.
        offset: u32,
        /// The piece; never empty.
        bytes: Bytes,
    },
    /// The sender has no event of `origin` before `next`.
    Gap {
        /// Whose events.
        origin: Life,
        /// The first that the sender may have.
        next: u64,
    },
    /// All members that count have the events of `origin` up to `upto`.
    Stable {
        /// Whose events.
        origin: Life,
        /// The last of them.
        upto: u64,
    },
    /// How many bytes the receiver may have sent in all, counted from the start of the session.
    Credit {
        /// Of events.
        events: u64,
        /// Of calls.
        calls: u64,
        /// Of bulk.
        bulk: u64,
    },
    /// Bytes of one lane.
    Data {
        /// Which lane, below [`LANES`].
        lane: u8,
        /// Where in the lane these bytes stand.
        offset: u64,
        /// The bytes.
        bytes: Bytes,
    },
    /// Bytes received so far on each lane.
    Ack {
        /// Per lane.
        received: [u64; LANES],
    },
    /// The sender is there and has nothing else to say.
    Heartbeat,
    /// The sender leaves the cluster.
    Leave,
    /// A frame of this type was there, of the range that is reserved to be ignored. Only ever received.
    Skipped(u8),
}

/// Why a connection is turned away, as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum RefuseCode {
    /// No common protocol version.
    Version = 1,
    /// The cluster has as many members as it may.
    ClusterFull = 2,
    /// The connection came back to the node that dialled it.
    SelfConnect = 3,
    /// A younger life of the same id is in the cluster.
    Superseded = 4,
    /// A better link between the two exists.
    Duplicate = 5,
    /// The sender is leaving.
    Leaving = 6,
}

impl RefuseCode {
    /// Every code.
    pub const ALL: [RefuseCode; 6] = [
        RefuseCode::Version,
        RefuseCode::ClusterFull,
        RefuseCode::SelfConnect,
        RefuseCode::Superseded,
        RefuseCode::Duplicate,
        RefuseCode::Leaving,
    ];

    /// The reason with this number, if there is one.
    pub fn from_number(number: u8) -> Option<RefuseCode> {
        Self::ALL.into_iter().find(|code| *code as u8 == number)
    }
}

impl Frame {
    /// Appends the frame to `out`; a list that is longer than a frame becomes several frames. Nothing is
    /// appended for [`Frame::Skipped`].
    pub fn encode(&self, checksum: Checksum, out: &mut Vec<u8>) {
        match self {
            Frame::Hello(hello) => put_frame(checksum, out, tag::HELLO, |out| hello.put(out)),
            Frame::Welcome { baseline, donors, last } => {
                lists::put_welcome(checksum, out, baseline.iter().copied(), donors, *last);
            }
            Frame::Members(claims) | Frame::Remembered(claims) => {
                lists::encode_claims(checksum, out, self.tag(), claims);
            }
            Frame::Types { origin, first, entries } => {
                lists::encode_types(checksum, out, *origin, *first, entries);
            }
            Frame::Have(entries) => lists::encode_have(checksum, out, entries.iter().copied()),
            Frame::Run { origin, first, count, events } => {
                encode::encode_run(checksum, out, *origin, *first, *count, events);
            }
            Frame::Fragment { origin, seq, total, offset, bytes } => {
                encode::encode_fragment(checksum, out, *origin, *seq, *total, *offset, bytes);
            }
            Frame::Data { lane, offset, bytes } => encode::encode_data(checksum, out, *lane, *offset, bytes),
            Frame::Skipped(_) => {}
            small => put_frame(checksum, out, small.tag(), |out| small.put_small(out)),
        }
    }

    /// The body of a frame of fixed form.
    fn put_small(&self, out: &mut Vec<u8>) {
        match self {
            Frame::Refuse { reason, min_version, max_version, text } => {
                out.push(*reason as u8);
                out.extend_from_slice(&min_version.to_le_bytes());
                out.extend_from_slice(&max_version.to_le_bytes());
                put_bytes(out, cut(text, MAX_NAME).as_bytes());
            }
            Frame::Resume { down, generation, peer_generation, received } => {
                parts::put_option(out, *down);
                parts::put_u64s(out, &[*generation, *peer_generation]);
                parts::put_u64s(out, received);
            }
            Frame::Want { origin, from: seq }
            | Frame::Gap { origin, next: seq }
            | Frame::Stable { origin, upto: seq } => parts::put_position(out, *origin, *seq),
            Frame::Credit { events, calls, bulk } => parts::put_u64s(out, &[*events, *calls, *bulk]),
            Frame::Ack { received } => parts::put_u64s(out, received),
            // `Heartbeat` and `Leave` have no body; `encode` writes all others.
            _ => {}
        }
    }

    /// The frame's type byte.
    pub fn tag(&self) -> u8 {
        match self {
            Frame::Hello(_) => tag::HELLO,
            Frame::Refuse { .. } => tag::REFUSE,
            Frame::Resume { .. } => tag::RESUME,
            Frame::Welcome { .. } => tag::WELCOME,
            Frame::Members(_) => tag::MEMBERS,
            Frame::Remembered(_) => tag::REMEMBERED,
            Frame::Types { .. } => tag::TYPES,
            Frame::Have(_) => tag::HAVE,
            Frame::Want { .. } => tag::WANT,
            Frame::Run { .. } => tag::RUN,
            Frame::Fragment { .. } => tag::FRAGMENT,
            Frame::Gap { .. } => tag::GAP,
            Frame::Stable { .. } => tag::STABLE,
            Frame::Credit { .. } => tag::CREDIT,
            Frame::Data { .. } => tag::DATA,
            Frame::Ack { .. } => tag::ACK,
            Frame::Heartbeat => tag::HEARTBEAT,
            Frame::Leave => tag::LEAVE,
            Frame::Skipped(tag) => *tag,
        }
    }
}

/// The start of `text` that has at most `max` bytes and ends between characters.
fn cut(text: &str, max: usize) -> &str {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
