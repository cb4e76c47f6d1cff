//! What several frames have in common: positions, addresses, claims, type entries, each with its way to bytes
//! beside its way back. Knows no frame.

use crate::claim::{Claim, TypeEntry};
use crate::codec::{CodecError, Reader, put_bytes, put_life, put_varint};
use crate::config::{MAX_INFO, MAX_NAME};
use crate::id::{Life, NodeId};
use alloc::vec::Vec;
use bytes::Bytes;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The bytes of a life with a number.
pub(super) const POSITION: usize = 24;
/// The longest name of an event type.
const MAX_TYPE_NAME: usize = 64;
/// The fewest bytes a claim has: life, incarnation, revision, flags, IPv4 address, two empty strings.
const LEAST_CLAIM: usize = 16 + 4 + 4 + 1 + 7 + 1 + 1;
/// The fewest bytes a type entry has: a name of one letter, version, shape, codec.
const LEAST_ENTRY: usize = 2 + 2 + 8 + 1;

const LEFT: u8 = 1;
const READY: u8 = 2;

pub(super) fn put_u64s(out: &mut Vec<u8>, numbers: &[u64]) {
    numbers.iter().for_each(|number| out.extend_from_slice(&number.to_le_bytes()));
}

pub(super) fn u64s<const N: usize>(r: &mut Reader) -> Result<[u64; N], CodecError> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        *number = r.u64()?;
    }
    Ok(numbers)
}

/// A byte of which only the bits in `known` may be set: a bit that nobody gave a meaning has none to guess.
pub(super) fn flags(r: &mut Reader, known: u8, field: &'static str) -> Result<u8, CodecError> {
    let flags = r.u8()?;
    if flags & !known == 0 { Ok(flags) } else { Err(CodecError::Invalid(field)) }
}

pub(super) fn put_option(out: &mut Vec<u8>, number: Option<u32>) {
    out.push(u8::from(number.is_some()));
    if let Some(number) = number {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

pub(super) fn option(r: &mut Reader, field: &'static str) -> Result<Option<u32>, CodecError> {
    Ok(if flags(r, 1, field)? == 1 { Some(r.u32()?) } else { None })
}

/// A node, or zero for none.
pub(super) fn put_node(out: &mut Vec<u8>, node: Option<NodeId>) {
    put_u64s(out, &[node.map_or(0, NodeId::get)]);
}

/// A node, or `None` for zero.
pub(super) fn node(r: &mut Reader) -> Result<Option<NodeId>, CodecError> {
    Ok(NodeId::new(r.u64()?))
}

pub(super) fn put_position(out: &mut Vec<u8>, origin: Life, number: u64) {
    put_life(out, origin);
    put_u64s(out, &[number]);
}

pub(super) fn position(r: &mut Reader) -> Result<(Life, u64), CodecError> {
    Ok((r.life()?, r.u64()?))
}

/// As many of `positions` as `most` allows, after their count.
pub(super) fn put_positions(
    out: &mut Vec<u8>,
    positions: &mut impl ExactSizeIterator<Item = (Life, u64)>,
    most: usize,
) {
    let count = positions.len().min(most);
    put_varint(out, count as u64);
    positions.take(count).for_each(|(origin, number)| put_position(out, origin, number));
}

pub(super) fn positions(r: &mut Reader, field: &'static str) -> Result<Vec<(Life, u64)>, CodecError> {
    let count = r.count(usize::MAX, POSITION, field)?;
    many(r, count, position)
}

/// `count` items; the count must have been checked against the bytes left.
fn many<T>(
    r: &mut Reader,
    count: usize,
    item: impl Fn(&mut Reader) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let mut items = Vec::with_capacity(count);
    for _ in 0..count {
        items.push(item(r)?);
    }
    Ok(items)
}

pub(super) fn nodes(r: &mut Reader, field: &'static str) -> Result<Vec<NodeId>, CodecError> {
    let count = r.count(usize::MAX, 8, field)?;
    many(r, count, Reader::node)
}

/// 4 or 6, the address in network order, the port. A scope is this host's own affair and stays here.
pub(super) fn put_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address.ip() {
        IpAddr::V4(ip) => {
            out.push(4);
            out.extend_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            out.push(6);
            out.extend_from_slice(&ip.octets());
        }
    }
    out.extend_from_slice(&address.port().to_le_bytes());
}

pub(super) fn address(r: &mut Reader) -> Result<SocketAddr, CodecError> {
    let ip = match r.u8()? {
        4 => IpAddr::V4(Ipv4Addr::from(octets::<4>(r)?)),
        6 => IpAddr::V6(Ipv6Addr::from(octets::<16>(r)?)),
        _ => return Err(CodecError::Invalid("address family")),
    };
    Ok(SocketAddr::new(ip, r.u16()?))
}

fn octets<const N: usize>(r: &mut Reader) -> Result<[u8; N], CodecError> {
    let mut octets = [0; N];
    octets.copy_from_slice(&r.take(N)?);
    Ok(octets)
}

pub(super) fn put_claim(out: &mut Vec<u8>, claim: &Claim) {
    debug_assert!(claim.kind.len() <= MAX_NAME && claim.info.len() <= MAX_INFO, "peers refuse longer claims");
    put_life(out, claim.life);
    out.extend_from_slice(&claim.incarnation.to_le_bytes());
    out.extend_from_slice(&claim.revision.to_le_bytes());
    out.push(if claim.left { LEFT } else { 0 } | if claim.ready { READY } else { 0 });
    put_address(out, claim.address);
    put_bytes(out, claim.kind.as_bytes());
    put_bytes(out, &claim.info);
}

fn claim(r: &mut Reader) -> Result<Claim, CodecError> {
    let (life, incarnation, revision) = (r.life()?, r.u32()?, r.u32()?);
    let flags = flags(r, LEFT | READY, "claim flags")?;
    Ok(Claim {
        life,
        incarnation,
        revision,
        left: flags & LEFT != 0,
        ready: flags & READY != 0,
        address: address(r)?,
        kind: r.string(MAX_NAME, "kind")?,
        // Copied: a claim lives as long as its member, and must not keep a whole received chunk alive.
        info: Bytes::copy_from_slice(&r.bytes(MAX_INFO, "info")?),
    })
}

pub(super) fn claims(r: &mut Reader, most: usize) -> Result<Vec<Claim>, CodecError> {
    let count = r.count(most, LEAST_CLAIM, "claim count")?;
    many(r, count, claim)
}

pub(super) fn put_entry(out: &mut Vec<u8>, entry: &TypeEntry) {
    debug_assert!(is_type_name(entry.name.as_bytes()), "peers refuse the type name {:?}", entry.name);
    put_bytes(out, entry.name.as_bytes());
    out.extend_from_slice(&entry.version.to_le_bytes());
    put_u64s(out, &[entry.shape]);
    out.push(entry.codec);
}

fn entry(r: &mut Reader) -> Result<TypeEntry, CodecError> {
    let name = r.string(MAX_TYPE_NAME, "type name")?;
    if !is_type_name(name.as_bytes()) {
        return Err(CodecError::Invalid("type name"));
    }
    Ok(TypeEntry { name, version: r.u16()?, shape: r.u64()?, codec: r.u8()? })
}

pub(super) fn entries(r: &mut Reader, most: usize) -> Result<Vec<TypeEntry>, CodecError> {
    let count = r.count(most, LEAST_ENTRY, "type count")?;
    many(r, count, entry)
}

fn is_type_name(name: &[u8]) -> bool {
    let is_letter = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-');
    (1..=MAX_TYPE_NAME).contains(&name.len()) && name.iter().all(is_letter)
}
