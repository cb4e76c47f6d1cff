//! A 64-bit hash that is the same on every node, build and release. Not for secrets: members are trusted.

/// Odd constants with well-spread bits (the golden ratio and the fractional parts of √2, as wyhash-like mixers
/// use them).
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0x6a09_e667_f3bc_c909;

/// The hash of some bytes, their length included.
pub(crate) fn hash_bytes(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut tail = [0; 8];
    tail[..rest.len()].copy_from_slice(rest);
    let body = words.iter().fold(SEED, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    mix(mix(body, u64::from_le_bytes(tail)), bytes.len() as u64)
}

/// The hash of some hashes or numbers, in this order.
pub(crate) fn hash_words(words: &[u64]) -> u64 {
    words.iter().fold(SEED, |hash, word| mix(hash, *word))
}

/// Folds the full 128-bit product, so that each bit of both inputs reaches each bit of the result.
fn mix(hash: u64, word: u64) -> u64 {
    let product = u128::from(hash ^ word ^ STEP) * u128::from(SEED ^ hash.rotate_left(32));
    (product as u64) ^ ((product >> 64) as u64) ^ hash.rotate_left(17)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_same_everywhere_and_for_ever() {
        // Digests travel between nodes of different builds: a changed value here is a changed format.
        assert_eq!(hash_bytes(b""), GOLDEN_EMPTY);
        assert_eq!(hash_bytes(b"devts"), GOLDEN_DEVTS);
    }

    #[test]
    fn near_inputs_are_far_apart() {
        let mut seen = BTreeSet::new();
        for number in 0..100_000_u32 {
            assert!(seen.insert(hash_bytes(&number.to_le_bytes())), "{number} collides");
        }
        assert_ne!(hash_bytes(&[0; 7]), hash_bytes(&[0; 8]));
        assert_ne!(hash_words(&[1, 2]), hash_words(&[2, 1]));
    }

    const GOLDEN_EMPTY: u64 = 0xbca9_b60d_ec11_5454;
    const GOLDEN_DEVTS: u64 = 0x1782_6abc_a7dc_45f9;
}
