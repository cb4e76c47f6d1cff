//! `Bytes`: a body in an event that is copied, not walked through. Knows no event.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::Deref;

/// Bytes in an event. Cheap to clone.
///
/// serde sees a `Vec<u8>` as a sequence and writes and reads it number by number: about 60 µs for 64 KiB. This type is
/// copied whole: about 2 µs (both measured, each way).
///
/// ```
/// # use serde::{Serialize, Deserialize};
/// #[derive(Serialize, Deserialize, devts::Event)]
/// #[event("picture")]
/// struct Picture { png: devts::Bytes }
///
/// let picture = Picture { png: vec![0x89, b'P', b'N', b'G'].into() };
/// assert_eq!(picture.png.len(), 4);
/// ```
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(bytes::Bytes);

impl Bytes {
    /// Without copying.
    pub const fn from_static(bytes: &'static [u8]) -> Bytes {
        Bytes(bytes::Bytes::from_static(bytes))
    }

    /// A copy in a vector of its own.
    pub fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Bytes {
        Bytes(bytes.into())
    }
}

impl From<String> for Bytes {
    fn from(text: String) -> Bytes {
        Bytes(text.into())
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Bytes {
        Bytes(bytes::Bytes::copy_from_slice(bytes))
    }
}

impl From<bytes::Bytes> for Bytes {
    fn from(bytes: bytes::Bytes) -> Bytes {
        Bytes(bytes)
    }
}

impl From<Bytes> for bytes::Bytes {
    fn from(bytes: Bytes) -> bytes::Bytes {
        bytes.0
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn is_written_as_length_and_bytes() {
        let encoded = postcard::to_allocvec(&Bytes::from_static(&[1, 200])).unwrap();
        assert_eq!(encoded, [2, 1, 200]);
        assert_eq!(postcard::from_bytes::<Bytes>(&encoded).unwrap(), Bytes::from(vec![1, 200]));
    }
}
