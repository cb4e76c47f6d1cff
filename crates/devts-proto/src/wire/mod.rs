//! Frames: how what two nodes say to each other stands in bytes. `docs/wire.md` is the same in tables.
//!
//! [`Frame`] is one message of a link, [`Decoder`] makes frames of bytes cut anywhere, [`Frame::encode`] and the
//! `encode_*` functions make bytes of frames. Whatever a peer sends ends in a frame or in a typed
//! [`DecodeError`]; nothing is allocated because of a number that the peer merely claims.
//!
//! Knows frames, bytes, limits and versions. Does not know members, sessions, links, or what an event means.

mod body;
mod decoder;
mod encode;
mod error;
mod frame;
mod hello;
mod lists;
mod parts;

pub use decoder::Decoder;
pub use encode::{OpenFrame, OpenRun, begin_data, begin_fragment, begin_run};
pub use encode::{encode_data, encode_fragment, encode_run};
pub use error::DecodeError;
pub use frame::{Frame, LANES, RefuseCode};
pub use hello::Hello;
pub use lists::{encode_have, encode_types, encode_welcome};

/// The oldest protocol version this build speaks.
pub const MIN_VERSION: u16 = 1;
/// The newest protocol version this build speaks.
pub const MAX_VERSION: u16 = 1;

/// The newest version that both this build and a peer that speaks `min..=max` know; `None` if there is none.
pub fn common_version(min: u16, max: u16) -> Option<u16> {
    let newest = max.min(MAX_VERSION);
    if min <= max && newest >= min.max(MIN_VERSION) { Some(newest) } else { None }
}
