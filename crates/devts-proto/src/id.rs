//! Who is who: nodes, their lives, links, requests, channels. Plain data; knows nothing of state or time.

use core::fmt;

/// A node, for as long as its operator calls it the same one: 64 bits, never zero, random unless given.
/// Shown as sixteen hexadecimal digits. An address is no part of it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(u64);

impl NodeId {
    /// The id with this number; `None` for zero, which stands for "nobody" on the wire.
    pub const fn new(number: u64) -> Option<NodeId> {
        if number == 0 { None } else { Some(NodeId(number)) }
    }

    /// The number, never zero.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One process of a node: its id and its boot number. New only when a process starts; a later boot of the
/// same node is a greater life. A life is also the *origin* of the events it emits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Life {
    /// Whose life.
    pub node: NodeId,
    /// max(wall clock in ms at start, the highest boot the seeds report for this id + 1).
    pub boot: u64,
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.node, self.boot)
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// One byte stream to a peer, named by this engine when it asks for a dial or is told of an accepted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

/// A request this node sent: unique among its requests to one peer within one session, ascending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// A two-way channel between two nodes. The opener's are even on the opener's side, odd on the other, so
/// that both may open at once without agreeing on numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub u64);
