//! Every limit and period of the engine, with its default and where the number comes from. Says how much;
//! features say what exists.

use crate::checksum::{self, Checksum};
use core::fmt;
use core::time::Duration;

/// The most event bytes in one run: an event whose body holds 64 KiB still fits whole, with its header and what the
/// encoding adds. One byte less and every such event would go in two pieces, be put together in memory of its own, and
/// cost half as much again (measured).
pub const MAX_RUN: usize = 64 * 1024 + 64;
/// The most that a frame's length field may say, type, body and checksum together: a run and its header.
pub const MAX_FRAME: usize = MAX_RUN + 64;
/// The most a peer may send before it is greeted, in bytes.
pub const MAX_GREETING: usize = 4 * 1024;
/// The longest name (event, kind, address), in bytes.
pub const MAX_NAME: usize = 255;
/// The longest `info` a member carries, in bytes. With a name and an address a claim stays below 5 KiB.
pub const MAX_INFO: usize = 4 * 1024;
/// The most membership claims in one frame.
pub const MAX_CLAIMS: usize = 64;

/// The engine's limits and periods.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The most members of a cluster, this node included. Default and maximum 64: every node keeps a link to
    /// every other until rings come. A joiner above it is refused with `ClusterFull`.
    pub max_members: usize,
    /// How often a frame is sent on an idle link. Default 500 ms (LAN).
    pub heartbeat: Duration,
    /// Silence on a link after which a second one is dialled beside it. Default 1 s: two lost heartbeats.
    pub redial_after: Duration,
    /// Silence after which a member has failed. Default 2 s: TCP at 5 % loss has gaps up to 1.5 s (measured).
    pub silent_after: Duration,
    /// The time a connection has, from accept or connect, until both ends are greeted. Default 5 s in all.
    pub handshake: Duration,
    /// The first and the longest pause between dials of a seed or of a member remembered as down; doubled and
    /// jittered in between. Default 250 ms to 60 s, the longest for seeds 5 s while this node is alone.
    pub redial: (Duration, Duration),
    /// How long a member that failed is remembered and re-dialled, and its acknowledgements waited for.
    /// Default 24 h.
    pub forget_after: Duration,
    /// Bytes of event history kept, of all origins together. Default 16 MiB.
    pub history: usize,
    /// Bytes of events and calls that one peer may have sent which no turn has consumed. Default 4 MiB.
    pub receive_window: usize,
    /// Bytes of calls (send, request, channel data) kept for one peer until it acknowledges. Default 4 MiB.
    pub session: usize,
    /// The longest message, in bytes, its headers not counted. Default and maximum 16 MiB.
    pub max_message: usize,
    /// Requests of one peer that may be waiting or running here; the next is answered `Busy`. Default 256.
    pub requests: usize,
    /// Bytes one channel may have under way in each direction. Default 256 KiB; a larger message passes alone.
    pub channel_window: usize,
    /// How long a link may hold the emitter back (unacknowledged bytes over its quota) before it is left
    /// behind, to be told a gap or re-synchronised. Default 5 s.
    pub slow_after: Duration,
    /// CRC-32C of plaintext frames. Default the portable one; a host may give a faster one.
    pub checksum: Checksum,
}

impl Default for Config {
    fn default() -> Config {
        Config {
            max_members: 64,
            heartbeat: Duration::from_millis(500),
            redial_after: Duration::from_secs(1),
            silent_after: Duration::from_secs(2),
            handshake: Duration::from_secs(5),
            redial: (Duration::from_millis(250), Duration::from_secs(60)),
            forget_after: Duration::from_secs(24 * 3600),
            history: 16 << 20,
            receive_window: 4 << 20,
            session: 4 << 20,
            max_message: 16 << 20,
            requests: 256,
            channel_window: 256 << 10,
            slow_after: Duration::from_secs(5),
            checksum: checksum::crc32c,
        }
    }
}

/// A field of [`Config`] outside its range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The field.
    pub field: &'static str,
    /// What it must be.
    pub must: &'static str,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "config field `{}` must be {}", self.field, self.must)
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Checks every field against its range and against the others.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let rules: [(bool, &'static str, &'static str); 9] = [
            ((2..=64).contains(&self.max_members), "max_members", "2 to 64"),
            (self.heartbeat >= Duration::from_millis(10), "heartbeat", "at least 10 ms"),
            (self.redial_after > self.heartbeat, "redial_after", "longer than heartbeat"),
            (self.silent_after > self.redial_after, "silent_after", "longer than redial_after"),
            (
                self.redial.0 <= self.redial.1 && !self.redial.0.is_zero(),
                "redial",
                "a shortest above zero, then a longest",
            ),
            (self.history >= 1 << 20, "history", "at least 1 MiB"),
            (self.receive_window >= 128 << 10, "receive_window", "at least 128 KiB"),
            (self.session >= 128 << 10, "session", "at least 128 KiB"),
            ((1..=16 << 20).contains(&self.max_message), "max_message", "1 byte to 16 MiB"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            Some((_, field, must)) => Err(ConfigError { field, must }),
            None => Ok(()),
        }
    }
}
