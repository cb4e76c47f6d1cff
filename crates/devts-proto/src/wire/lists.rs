//! Frames that carry lists, split so that each fits. A list of nothing is still a frame: the receiver may wait
//! for it.

use super::encode::put_frame;
use super::frame::tag;
use super::parts::{POSITION, put_claim, put_entry, put_positions, put_u64s};
use crate::checksum::Checksum;
use crate::claim::{Claim, TypeEntry};
use crate::codec::{put_life, put_varint};
use crate::config::{MAX_CLAIMS, MAX_FRAME};
use crate::id::{Life, NodeId};
use alloc::vec::Vec;

/// What the items of a list may take of a frame; the rest is for the header and what stands before the list.
const ROOM: usize = MAX_FRAME - 64;
/// The most positions in one `Have`.
const MAX_HAVE: usize = ROOM / POSITION;
/// The most positions in one `Welcome`: three quarters of the room.
const MAX_BASELINE: usize = ROOM / 4 * 3 / POSITION;
/// The most donors in one `Welcome`: the last quarter.
const MAX_DONORS: usize = ROOM / 4 / 8;

/// Appends `Have` frames with all of `positions`.
pub fn encode_have<I>(checksum: Checksum, out: &mut Vec<u8>, positions: I)
where
    I: IntoIterator<Item = (Life, u64)>,
    I::IntoIter: ExactSizeIterator,
{
    let mut positions = positions.into_iter();
    loop {
        put_frame(checksum, out, tag::HAVE, |out| put_positions(out, &mut positions, MAX_HAVE));
        if positions.len() == 0 {
            return;
        }
    }
}

/// Appends `Welcome` frames with all of `baseline` and `donors`; the last one says so.
pub fn encode_welcome<I>(checksum: Checksum, out: &mut Vec<u8>, baseline: I, donors: &[NodeId])
where
    I: IntoIterator<Item = (Life, u64)>,
    I::IntoIter: ExactSizeIterator,
{
    put_welcome(checksum, out, baseline.into_iter(), donors, true);
}

pub(super) fn put_welcome(
    checksum: Checksum,
    out: &mut Vec<u8>,
    mut baseline: impl ExactSizeIterator<Item = (Life, u64)>,
    mut donors: &[NodeId],
    last: bool,
) {
    loop {
        let (now, later) = donors.split_at(donors.len().min(MAX_DONORS));
        let ends = baseline.len() <= MAX_BASELINE && later.is_empty();
        put_frame(checksum, out, tag::WELCOME, |out| {
            out.push(u8::from(ends && last));
            put_positions(out, &mut baseline, MAX_BASELINE);
            put_varint(out, now.len() as u64);
            now.iter().for_each(|donor| put_u64s(out, &[donor.get()]));
        });
        if ends {
            return;
        }
        donors = later;
    }
}

/// Appends frames of this type with all of `claims`, at most [`MAX_CLAIMS`] in each.
pub(super) fn encode_claims<'a>(
    checksum: Checksum,
    out: &mut Vec<u8>,
    tag: u8,
    claims: impl IntoIterator<Item = &'a Claim>,
) {
    split(claims, MAX_CLAIMS, put_claim, |count, claims| {
        put_frame(checksum, out, tag, |out| {
            put_varint(out, count as u64);
            out.extend_from_slice(claims);
        });
    });
}

/// Appends `Types` frames with all of `entries`, the first of which has the index `first`.
pub fn encode_types(checksum: Checksum, out: &mut Vec<u8>, origin: Life, first: u16, entries: &[TypeEntry]) {
    debug_assert!(usize::from(first) + entries.len() <= 1 << 16, "an index has 16 bits");
    let mut next = usize::from(first);
    split(entries, usize::MAX, put_entry, |count, entries| {
        put_frame(checksum, out, tag::TYPES, |out| {
            put_life(out, origin);
            out.extend_from_slice(&(next as u16).to_le_bytes());
            put_varint(out, count as u64);
            out.extend_from_slice(entries);
        });
        next += count;
    });
}

/// Gathers the bytes of items that differ in length and hands them to `write` with their count, whenever
/// `most` are gathered or the next one does not fit any more.
fn split<T>(
    items: impl IntoIterator<Item = T>,
    most: usize,
    put: impl Fn(&mut Vec<u8>, T),
    mut write: impl FnMut(usize, &[u8]),
) {
    let (mut gathered, mut count) = (Vec::new(), 0);
    for item in items {
        let before = gathered.len();
        put(&mut gathered, item);
        if count == most || gathered.len() > ROOM {
            write(count, &gathered[..before]);
            gathered.drain(..before);
            count = 0;
        }
        count += 1;
    }
    write(count, &gathered);
}
