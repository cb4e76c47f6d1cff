//! Calls and how they end: what sessions bring and the engine passes on. Plain data; knows no session and no
//! engine.

use crate::id::{ChannelId, RequestId};
use crate::time::Instant;
use alloc::string::String;
use bytes::Bytes;

/// What a peer asks of this node, one after the other as it asked.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Call {
    /// One event for this node alone.
    Send {
        /// The event's index in the peer's type table.
        ty: u16,
        /// The encoded event.
        body: Bytes,
    },
    /// One event to be answered with `reply` before `deadline`.
    Request {
        /// The number to answer to.
        request: RequestId,
        /// The event's index in the peer's type table.
        ty: u16,
        /// The encoded event.
        body: Bytes,
        /// When the peer stops waiting, as far as this end can know.
        deadline: Instant,
    },
    /// A channel, opened with an event.
    Open {
        /// The channel, as this end calls it.
        channel: ChannelId,
        /// The event's index in the peer's type table.
        ty: u16,
        /// The encoded event.
        body: Bytes,
    },
}

/// How a request was answered by its receiver; `Ok` carries the reply's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The body is the reply.
    Ok,
    /// The node has no handler for this event.
    NoHandler,
    /// Too many requests wait or run there.
    Busy,
    /// The handler failed; the body is its error as text.
    Remote,
}

/// Why a request has no reply.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// Its deadline passed.
    Timeout,
    /// The peer failed or left.
    PeerDown,
    /// The peer's process was replaced by a new life.
    PeerRestarted,
    /// The peer's node has no handler for this event.
    NoHandler,
    /// The peer has as many requests as it takes.
    Busy,
    /// Waiting for it would have been for ever: a cycle of turns that wait for each other.
    Deadlock,
    /// The handler failed; its error as text.
    Remote(String),
}

/// Why a call was accepted and will not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Undeliverable {
    /// The peer failed or left, or declared this node down.
    PeerDown,
    /// The peer's process was replaced by a new life.
    PeerRestarted,
}

/// Why a command was not accepted. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// No member has this id.
    NotMember,
    /// The bound is reached; `Room` says when to try again.
    Full,
    /// The message is longer than `max`.
    TooLarge {
        /// Its length in bytes, headers not counted.
        len: usize,
        /// The longest that is taken.
        max: usize,
    },
    /// The channel is closed.
    Closed,
    /// A turn would wait for itself.
    Deadlock,
}

/// Why a channel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChannelEnd {
    /// The other end closed its sending side: nothing more will come.
    Closed,
    /// The other end has no handler for the opening event.
    NoHandler,
    /// The other end dropped the channel, failed, left or was replaced.
    PeerGone,
}

/// Why a state was not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StateRefusal {
    /// The donor's vector does not cover the asker's, and will not soon.
    NotCovering,
    /// The donor is not restored itself, has no snapshot, or is stopping.
    NotReady,
    /// The donor failed or left.
    PeerDown,
}
