//! Events to bytes, in place at the end of a buffer, and back. postcard is the only encoding. Knows no event.

use postcard::ser_flavors::Flavor;
use serde::{Serialize, de::DeserializeOwned};

/// Why a value was not encoded; the buffer is as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum EncodeError {
    /// It would take `len` bytes, and `max` are taken.
    TooLarge { len: usize, max: usize },
    /// Its `Serialize` failed.
    Serde(postcard::Error),
}

/// Appends to a vector up to `limit`, and goes on counting beyond it.
struct InPlace<'a> {
    out: &'a mut Vec<u8>,
    limit: usize,
    over: usize,
}

impl Flavor for InPlace<'_> {
    type Output = usize;

    #[inline]
    fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
        if self.out.len() < self.limit {
            self.out.push(byte);
        } else {
            self.over += 1;
        }
        Ok(())
    }

    #[inline]
    fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
        if self.over == 0 && bytes.len() <= self.limit - self.out.len() {
            self.out.extend_from_slice(bytes);
        } else {
            self.over += bytes.len();
        }
        Ok(())
    }

    fn finalize(self) -> postcard::Result<usize> {
        Ok(self.over)
    }
}

/// Cuts the buffer back unless told not to: also when the user's `Serialize` panics.
struct Undo<'a> {
    out: &'a mut Vec<u8>,
    start: usize,
    keep: bool,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if !self.keep {
            self.out.truncate(self.start);
        }
    }
}

/// Appends the encoded value, after `head` bytes of zero that the caller fills in; returns the body's length.
#[inline]
pub(crate) fn append<T: Serialize>(
    out: &mut Vec<u8>,
    head: usize,
    value: &T,
    max: usize,
) -> Result<usize, EncodeError> {
    let start = out.len();
    let undo = &mut Undo { out, start, keep: false };
    undo.out.resize(start + head, 0);
    let flavor = InPlace { limit: start + head + max, out: undo.out, over: 0 };
    let over = postcard::serialize_with_flavor(value, flavor).map_err(EncodeError::Serde)?;
    let len = undo.out.len() - start - head;
    if over > 0 {
        return Err(EncodeError::TooLarge { len: len + over, max });
    }
    undo.keep = true;
    Ok(len)
}

/// The value that stands in `bytes`, all of them.
#[inline]
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok((_, rest)) => Err(DecodeError::Trailing(rest.len())),
        Err(error) => Err(DecodeError::Serde(error)),
    }
}

/// Why bytes are not the value they were said to be.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// This many bytes are left over after the value.
    Trailing(usize),
    /// The bytes do not encode such a value.
    Serde(postcard::Error),
}

impl std::fmt::Display for DecodeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DecodeError::Trailing(count) => write!(f, "{count} bytes are left over after the value"),
            DecodeError::Serde(_) => f.write_str("the bytes do not encode such a value"),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            DecodeError::Trailing(_) => None,
            DecodeError::Serde(error) => Some(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{DecodeError, EncodeError, append, decode};

    #[test]
    fn encodes_in_place_after_room_for_a_header() {
        let mut out = vec![9];
        assert_eq!(append(&mut out, 2, &(1u8, "ab"), 100), Ok(4));
        assert_eq!(out, [9, 0, 0, 1, 2, b'a', b'b']);
        assert_eq!(decode(&out[3..]), Ok((1u8, "ab".to_string())));
    }

    #[test]
    fn what_is_too_large_is_counted_and_taken_back() {
        let mut out = vec![9];
        let value = "x".repeat(10);
        assert_eq!(append(&mut out, 2, &value, 10), Err(EncodeError::TooLarge { len: 11, max: 10 }));
        assert_eq!(append(&mut out, 2, &vec![1u8; 20], 10), Err(EncodeError::TooLarge { len: 21, max: 10 }));
        assert_eq!(out, [9]);
    }

    #[test]
    fn a_panic_in_serialize_takes_the_bytes_back() {
        struct Bad;
        impl serde::Serialize for Bad {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                panic!("bad")
            }
        }
        let mut out = vec![9];
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            append(&mut out, 2, &Bad, 10).map(drop).ok();
        }));
        assert!(caught.is_err());
        assert_eq!(out, [9]);
    }

    #[test]
    fn left_over_bytes_are_refused() {
        assert_eq!(decode::<u8>(&[1, 2]), Err(DecodeError::Trailing(1)));
        assert!(matches!(decode::<u16>(&[]), Err(DecodeError::Serde(_))));
    }
}
