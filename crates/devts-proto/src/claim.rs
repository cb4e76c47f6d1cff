//! What is said about a member: the data that the wire carries and membership judges. No rules here.

use crate::id::Life;
use alloc::string::String;
use bytes::Bytes;
use core::net::SocketAddr;

/// One statement about one life. The greater (boot, incarnation, revision) of one node wins; at equal numbers
/// `left` wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Whom it is about.
    pub life: Life,
    /// Raised by the subject alone, each time it learns it was declared down.
    pub incarnation: u32,
    /// Raised by the subject alone, each time its address, info or readiness changes.
    pub revision: u32,
    /// It has left, or is about to.
    pub left: bool,
    /// It is restored (or had nothing to restore) and can give its state to others of its kind.
    pub ready: bool,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its node kind, at most 255 bytes.
    pub kind: String,
    /// What it tells of itself, at most 4 KiB.
    pub info: Bytes,
}

/// How one event type goes over the wire: an entry of an origin's type table. Its index is the short id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeEntry {
    /// The wire name, `[a-z0-9_.-]{1,64}`.
    pub name: String,
    /// The explicit version.
    pub version: u16,
    /// A hash of field names and types.
    pub shape: u64,
    /// How bodies are encoded: 0 is postcard.
    pub codec: u8,
}

/// The highest contiguous event per origin, ascending by origin: "what I have".
pub type Vector = alloc::collections::BTreeMap<Life, u64>;

/// One event as it stands in runs and histories: `{length of body: u32, type: u16}`, little endian, then the body.
pub const EVENT_HEADER: usize = 6;

/// Appends an event's header.
pub fn put_event_header(out: &mut alloc::vec::Vec<u8>, len: u32, ty: u16) {
    out.extend_from_slice(&len.to_le_bytes());
    out.extend_from_slice(&ty.to_le_bytes());
}

/// The header at the start of `bytes`: length of the body and type; `None` if `bytes` hold no whole event.
pub fn event_at(bytes: &[u8]) -> Option<(usize, u16)> {
    let header = bytes.get(..EVENT_HEADER)?;
    let len = u32::from_le_bytes([header[0], header[1], header[2], header[3]]) as usize;
    let ty = u16::from_le_bytes([header[4], header[5]]);
    if bytes.len() - EVENT_HEADER < len { None } else { Some((len, ty)) }
}

/// Where a run starts in a batch of own events: its first byte and how many events it holds. A run is at most
/// [`crate::config::MAX_RUN`] bytes, unless it is one event that is longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunMark {
    /// Offset of the run's first byte in the batch.
    pub start: usize,
    /// How many events.
    pub count: u32,
}
