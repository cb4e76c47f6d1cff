//! One direction of one lane, incoming: bytes in order become messages. Shares the memory of what arrived where
//! a message came whole. Knows lengths, no tag.

use super::receive::SessionError;
use crate::codec::CodecError;
use alloc::vec::Vec;
use bytes::{Buf, Bytes};

/// The longest length in front of a message.
const MAX_PREFIX: usize = 10;

#[derive(Debug, Default)]
pub(super) struct Inbound {
    /// Everything before it has arrived.
    received: u64,
    /// Where the message in assembly begins.
    boundary: u64,
    partial: Vec<u8>,
    /// Length of the prefix and of the whole message in assembly, once its prefix is here.
    expected: Option<(usize, usize)>,
    /// The limit last told to the peer.
    pub(super) told: u64,
}

impl Inbound {
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Where the message in assembly begins, or the next one will.
    pub(super) fn boundary(&self) -> u64 {
        self.boundary
    }

    /// Where the message in assembly will end; `None` between messages.
    pub(super) fn assembling(&self) -> Option<u64> {
        if self.partial.is_empty() {
            return None;
        }
        Some(self.boundary + self.expected.map_or(MAX_PREFIX, |(_, whole)| whole) as u64)
    }

    /// What of `bytes` at `offset` is new; bytes known already are skipped.
    pub(super) fn fresh(&self, offset: u64, mut bytes: Bytes) -> Result<Bytes, SessionError> {
        if offset > self.received || offset.checked_add(bytes.len() as u64).is_none() {
            return Err(SessionError::Gap);
        }
        let known = usize::try_from(self.received - offset).unwrap_or(usize::MAX).min(bytes.len());
        bytes.advance(known);
        Ok(bytes)
    }

    /// Takes from `bytes`, which are next in order, until a message is whole; `None` when they are used up.
    pub(super) fn next(&mut self, bytes: &mut Bytes, max: usize) -> Result<Option<Bytes>, SessionError> {
        if self.partial.is_empty()
            && let Some((prefix, whole)) = prefix(bytes, max)?
            && whole <= bytes.len()
        {
            let mut message = bytes.split_to(whole);
            message.advance(prefix);
            self.received += whole as u64;
            self.boundary = self.received;
            return Ok(Some(message));
        }
        while self.expected.is_none() && bytes.has_remaining() {
            self.partial.push(bytes.get_u8());
            self.received += 1;
            self.expected = prefix(&self.partial, max)?;
        }
        Ok(self.expected.and_then(|(prefix, whole)| self.fill(bytes, prefix, whole)))
    }

    fn fill(&mut self, bytes: &mut Bytes, prefix: usize, whole: usize) -> Option<Bytes> {
        let missing = whole - self.partial.len();
        let taken = missing.min(bytes.len());
        // Memory follows what has arrived, never what a length promises.
        if self.partial.capacity() - self.partial.len() < taken {
            self.partial.reserve_exact(missing.min(taken.max(self.partial.len())));
        }
        self.partial.extend_from_slice(&bytes.split_to(taken));
        self.received += taken as u64;
        if taken < missing {
            return None;
        }
        self.expected = None;
        self.boundary = self.received;
        let mut message = Bytes::from(core::mem::take(&mut self.partial));
        message.advance(prefix);
        Some(message)
    }
}

/// The length of a message's prefix and of the whole message; `None` while the prefix is not whole.
fn prefix(bytes: &[u8], max: usize) -> Result<Option<(usize, usize)>, SessionError> {
    let mut len = 0u64;
    for (index, byte) in bytes.iter().take(MAX_PREFIX).enumerate() {
        let bits = u64::from(byte & 0x7f);
        if index + 1 == MAX_PREFIX && *byte > 1 {
            return Err(CodecError::Invalid("message length").into());
        }
        len |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return whole(index + 1, len, max).map(Some);
        }
    }
    Ok(None)
}

fn whole(prefix: usize, len: u64, max: usize) -> Result<(usize, usize), SessionError> {
    match usize::try_from(len) {
        Ok(0) => Err(CodecError::Invalid("message length").into()),
        Ok(len) if len <= max => Ok((prefix, prefix + len)),
        _ => Err(SessionError::TooLarge { len, max }),
    }
}
