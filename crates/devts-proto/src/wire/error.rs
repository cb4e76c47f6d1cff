//! What can be wrong with the bytes of a link. Always the sender's fault, or the network's; never a reason to
//! panic, and never said of a member: the link is closed, nothing more.

use super::{MAX_VERSION, MIN_VERSION};
use crate::codec::CodecError;
use core::fmt;

/// Why the bytes of a link are not frames. There is no way back into step: the link must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The first bytes are no devts greeting: another protocol, or noise.
    NotDevts,
    /// The peer greets, and no protocol version is known to both ends.
    Version {
        /// The oldest version the peer speaks.
        min: u16,
        /// The newest version the peer speaks.
        max: u16,
    },
    /// A frame announces more bytes than it may have.
    FrameTooLarge {
        /// What it announces.
        len: usize,
        /// What is allowed at this point.
        max: usize,
    },
    /// A frame announces fewer bytes than a type and a checksum need.
    FrameTooShort {
        /// What it announces.
        len: usize,
    },
    /// More bytes came, or were announced, than a peer may send before it is greeted.
    GreetingTooLong,
    /// The checksum does not match the frame.
    Checksum,
    /// A frame of a type that is neither known nor reserved to be ignored.
    UnknownFrame(u8),
    /// A frame is intact and what stands in it is not as it must be.
    Body {
        /// The frame's type.
        frame: u8,
        /// What is wrong.
        error: CodecError,
    },
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::NotDevts => f.write_str(
                "the peer does not speak devts (is it HTTP, TLS or another protocol on a cluster port?)",
            ),
            DecodeError::Version { min, max } => write!(
                f,
                "the peer speaks protocol versions {min} to {max}, this node {MIN_VERSION} to {MAX_VERSION}"
            ),
            DecodeError::FrameTooLarge { len, max } => {
                write!(f, "a frame of {len} bytes was announced, {max} are allowed here")
            }
            DecodeError::FrameTooShort { len } => {
                write!(f, "a frame of {len} bytes was announced, too few for a type and a checksum")
            }
            DecodeError::GreetingTooLong => f.write_str("the peer sent too much before it was greeted"),
            DecodeError::Checksum => {
                f.write_str("a frame was damaged on its way: its checksum does not match")
            }
            DecodeError::UnknownFrame(frame) => {
                write!(f, "frame type {frame:#04x} is unknown (does the peer run a newer version?)")
            }
            DecodeError::Body { frame, error } => write!(f, "in a frame of type {frame:#04x}, {error}"),
        }
    }
}

impl core::error::Error for DecodeError {}
