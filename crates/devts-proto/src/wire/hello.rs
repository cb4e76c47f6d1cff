//! The greeting: who speaks, in which versions, and how to tell it from another protocol by its first bytes.
//! Who may come in is decided elsewhere.

use super::frame::tag;
use super::parts;
use super::{DecodeError, Frame, common_version};
use crate::codec::{CodecError, Reader, put_bytes, put_life};
use crate::config::MAX_NAME;
use crate::id::{Life, NodeId};
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::SocketAddr;

/// The first bytes of a greeting's body.
const MAGIC: &[u8; 6] = b"devts\0";
/// Where the body starts in a frame: after the length and the type.
const BODY: usize = 5;
const JOINING: u8 = 1;
const READY: u8 = 2;

/// The greeting of one end of a link. The magic and the two versions stand first and stay for ever, so that
/// nodes of all versions can tell one another why they do not talk; the rest is that of version 1, and stays as
/// long as a node that speaks version 1 is to be greeted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The oldest protocol version the sender speaks.
    pub min_version: u16,
    /// The newest protocol version the sender speaks.
    pub max_version: u16,
    /// What else the sender can do, a bit each; unknown bits mean nothing.
    pub features: u64,
    /// Who speaks.
    pub life: Life,
    /// Its incarnation.
    pub incarnation: u32,
    /// The revision of what it tells of itself.
    pub revision: u32,
    /// It is not in the cluster yet and asks to be.
    pub joining: bool,
    /// It can give its state to others of its kind.
    pub ready: bool,
    /// Whom the dialer thinks it dials; `None` for a seed, whose id nobody knows, and from the acceptor.
    pub expects: Option<NodeId>,
    /// The dialer's number for this dial; zero from the acceptor.
    pub dial: u64,
    /// The dialer's life and dial number of the last link that the sender completed with this peer.
    pub last_link: Option<(Life, u64)>,
    /// The highest boot number the sender knows of the dialer's id; zero from the dialer.
    pub highest_boot: u64,
    /// Where the sender listens. A scope of an IPv6 address is not sent.
    pub address: SocketAddr,
    /// The sender's node kind, at most 255 bytes.
    pub kind: String,
}

impl Hello {
    /// Appends the body.
    pub(super) fn put(&self, out: &mut Vec<u8>) {
        debug_assert!(self.kind.len() <= MAX_NAME, "peers refuse longer kinds");
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&self.min_version.to_le_bytes());
        out.extend_from_slice(&self.max_version.to_le_bytes());
        out.extend_from_slice(&self.features.to_le_bytes());
        put_life(out, self.life);
        out.extend_from_slice(&self.incarnation.to_le_bytes());
        out.extend_from_slice(&self.revision.to_le_bytes());
        out.push(if self.joining { JOINING } else { 0 } | if self.ready { READY } else { 0 });
        parts::put_node(out, self.expects);
        parts::put_u64s(out, &[self.dial]);
        put_last_link(out, self.last_link);
        parts::put_u64s(out, &[self.highest_boot]);
        parts::put_address(out, self.address);
        put_bytes(out, self.kind.as_bytes());
    }
}

/// Reads the body; what follows the versions is read only if one of them is known here.
pub(super) fn decode(body: Bytes) -> Result<Frame, DecodeError> {
    let mut r = Reader::new(body);
    let wrong = |error| DecodeError::Body { frame: tag::HELLO, error };
    let (min, max) = versions(&mut r).map_err(wrong)?;
    if common_version(min, max).is_none() {
        return Err(DecodeError::Version { min, max });
    }
    let hello = rest(&mut r, min, max).map_err(wrong)?;
    r.end().map_err(wrong)?;
    Ok(Frame::Hello(hello))
}

fn versions(r: &mut Reader) -> Result<(u16, u16), CodecError> {
    if r.take(MAGIC.len())? != MAGIC[..] {
        return Err(CodecError::Invalid("magic"));
    }
    let (min, max) = (r.u16()?, r.u16()?);
    if min <= max { Ok((min, max)) } else { Err(CodecError::Invalid("version range")) }
}

fn rest(r: &mut Reader, min_version: u16, max_version: u16) -> Result<Hello, CodecError> {
    let (features, life, incarnation, revision) = (r.u64()?, r.life()?, r.u32()?, r.u32()?);
    let flags = parts::flags(r, JOINING | READY, "hello flags")?;
    Ok(Hello {
        min_version,
        max_version,
        features,
        life,
        incarnation,
        revision,
        joining: flags & JOINING != 0,
        ready: flags & READY != 0,
        expects: parts::node(r)?,
        dial: r.u64()?,
        last_link: last_link(r)?,
        highest_boot: r.u64()?,
        address: parts::address(r)?,
        kind: r.string(MAX_NAME, "kind")?,
    })
}

/// Life and dial number, or 24 zeros.
fn put_last_link(out: &mut Vec<u8>, link: Option<(Life, u64)>) {
    match link {
        Some((dialer, dial)) => parts::put_position(out, dialer, dial),
        None => out.extend_from_slice(&[0; parts::POSITION]),
    }
}

fn last_link(r: &mut Reader) -> Result<Option<(Life, u64)>, CodecError> {
    match (parts::node(r)?, r.u64()?, r.u64()?) {
        (Some(node), boot, dial) => Ok(Some((Life { node, boot }, dial))),
        (None, 0, 0) => Ok(None),
        (None, ..) => Err(CodecError::Invalid("last link")),
    }
}

/// The first bytes of a link that cannot be those of a `Hello` or a `Refuse`, told apart as early as possible:
/// a text protocol or TLS by its first four bytes, anything else by the first byte that differs.
pub(super) fn is_foreign(start: &[u8]) -> bool {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let Some(length) = start.get(..4) else { return false };
    if length.iter().all(is_text) || (length.starts_with(&[0x16, 0x03]) && length[2] != 0) {
        return true;
    }
    match start.get(4) {
        Some(&tag::HELLO) => !start[BODY..].iter().zip(MAGIC).all(|(is, must)| is == must),
        Some(&tag::REFUSE) | None => false,
        Some(_) => true,
    }
}
