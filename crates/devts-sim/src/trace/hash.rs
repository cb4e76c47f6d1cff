//! Two hashes: the rolling one of a trace's lines, and one of bytes. Fast, the same on every platform, and not for
//! keeping out an attacker.

use super::line::What;

const FIRST: u64 = 0x9E37_79B9_7F4A_7C15;
const SECOND: u64 = 0xD6E8_FEB8_6659_FD93;

/// The hash of lines so far. Each step maps states to states one to one, so that two runs that differ in a single word
/// never end alike.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rolling(u64);

impl Default for Rolling {
    fn default() -> Rolling {
        Rolling(FIRST)
    }
}

impl Rolling {
    #[inline]
    pub(super) fn line(&mut self, at: u64, what: &What) {
        let [kind, first, second] = what.words();
        self.0 = step(step(step(step(self.0, at), kind), first), second);
    }

    pub(super) fn value(self, len: u64) -> u64 {
        finish(step(self.0, len))
    }
}

/// A hash of bytes, eight at a time: `Write` lines carry it instead of the bytes.
///
/// ```
/// use devts_sim::hash_bytes;
///
/// assert_eq!(hash_bytes(b"a frame"), hash_bytes(b"a frame"));
/// assert_ne!(hash_bytes(b"a frame"), hash_bytes(b"a frame\0"));
/// ```
pub fn hash_bytes(bytes: &[u8]) -> u64 {
    // Two lanes, because each step waits for the one before it.
    let (mut even, mut odd) = (FIRST, SECOND);
    let mut pairs = bytes.chunks_exact(16);
    for pair in &mut pairs {
        even = step(even, word(&pair[..8]));
        odd = step(odd, word(&pair[8..]));
    }
    for rest in pairs.remainder().chunks(8) {
        even = step(even, word(rest));
    }
    finish(step(step(even, odd), bytes.len() as u64))
}

/// Up to eight bytes, the missing ones zero: the length tells them apart.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    u64::from_le_bytes(word)
}

#[inline]
fn step(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(SECOND);
    mixed ^ (mixed >> 32)
}

fn finish(state: u64) -> u64 {
    let mixed = (state ^ (state >> 29)).wrapping_mul(FIRST);
    mixed ^ (mixed >> 32)
}
