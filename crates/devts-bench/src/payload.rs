//! The events that are measured: a small one of two numbers and a large one with a body, each exactly as long as asked
//! when encoded, numbered, and checked by its receiver. Knows no transport.

use devts::{Bytes, Event};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Numbers start here: they then take 8 bytes of postcard, whatever their count.
const FIRST: u64 = 1 << 50;

/// Two numbers: 16 bytes, nothing on the heap.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("bench.small")]
pub(crate) struct Small {
    number: u64,
    value: f64,
}

/// A number and a body, which the receiver's type owns: one allocation when it is decoded.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("bench.large")]
pub(crate) struct Large {
    number: u64,
    body: Bytes,
}

/// A request that is answered with the same.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("bench.ask_small", reply = Small)]
pub(crate) struct AskSmall(pub(crate) Small);

/// A request that is answered with the same.
#[derive(Clone, Debug, Serialize, Deserialize, Event)]
#[event("bench.ask_large", reply = Large)]
pub(crate) struct AskLarge(pub(crate) Large);

/// What is sent and counted.
pub(crate) trait Payload: Event + Serialize + DeserializeOwned + Sync {
    /// The same as a request.
    type Ask: Event<Reply = Self>;

    /// One that takes `size` bytes.
    fn sized(size: usize) -> Self;
    /// The same with this number.
    fn numbered(&self, number: u64) -> Self;
    /// Whether it is the one with this number, whole.
    fn is(&self, number: u64, size: usize) -> bool;
    fn ask(self) -> Self::Ask;
}

impl Payload for Small {
    type Ask = AskSmall;

    fn sized(_: usize) -> Small {
        Small { number: FIRST, value: 0.5 }
    }

    #[inline]
    fn numbered(&self, number: u64) -> Small {
        Small { number: FIRST + number, ..*self }
    }

    #[inline]
    fn is(&self, number: u64, _: usize) -> bool {
        self.number == FIRST + number && self.value == 0.5
    }

    fn ask(self) -> AskSmall {
        AskSmall(self)
    }
}

impl Payload for Large {
    type Ask = AskLarge;

    fn sized(size: usize) -> Large {
        Large { number: FIRST, body: Bytes::from(vec![0x5a; body(size)]) }
    }

    #[inline]
    fn numbered(&self, number: u64) -> Large {
        Large { number: FIRST + number, body: self.body.clone() }
    }

    #[inline]
    fn is(&self, number: u64, size: usize) -> bool {
        self.number == FIRST + number && self.body.len() == body(size) && self.body.last() == Some(&0x5a)
    }

    fn ask(self) -> AskLarge {
        AskLarge(self)
    }
}

/// The body of an event of this size: less 8 bytes of number and the varint of the body's length.
fn body(size: usize) -> usize {
    size - 8 - if size - 10 < 1 << 14 { 2 } else { 3 }
}

#[cfg(test)]
mod tests {
    use super::{Large, Payload, Small};

    #[test]
    fn sizes_are_exact() {
        let encoded = |value: &dyn Fn() -> Vec<u8>| value().len();
        assert_eq!(encoded(&|| postcard::to_allocvec(&Small::sized(16).numbered(5_000_000)).unwrap()), 16);
        for size in [256, 4096, 65536] {
            assert_eq!(encoded(&|| postcard::to_allocvec(&Large::sized(size).numbered(7)).unwrap()), size);
        }
        assert!(Large::sized(256).numbered(7).is(7, 256) && !Large::sized(256).is(7, 256));
    }
}
