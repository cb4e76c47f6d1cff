//! What an event looks like on the wire: a text of field names and types, and its hash. Found by *tracing* the
//! type's `Deserialize`, as a derive sees tokens only: `PathBuf` and `std::path::PathBuf` are one type, and a
//! field swapped in a nested struct of another crate is seen. Knows nothing of who compares shapes.
//!
//! The text, whose bytes are hashed with FNV-1a (64 bit), is the same for every compiler and machine:
//!
//! | text | meaning |
//! |---|---|
//! | `bool i8 .. u128 f32 f64 char str bytes ()` | itself; `()` also for a unit struct |
//! | `{a:T,b:T}` `(T,T)` `(T*2)` | struct, tuple or tuple struct; a newtype struct is what it holds, as on the wire |
//! | `?T` `[T]` `[K=V]` | option, sequence, map |
//! | `<A\|B:T>` | enum: the variants in order, each with what it holds |
//! | `^n` | the type that is written *n* brackets further out (variants not counted): a recursive type |
//! | `!Name` `!Name:T` | cannot be traced: its name (without a path) stands in, and what was seen of it |
//! | `_` `~` | not seen, because a field before it cannot be traced; past the limits of depth or size |
//! | `T -> R` | an event and its reply |
//!
//! Names of types are not part of it (but for opaque ones): a type may be renamed or moved, and be the same event.

mod de;
mod pass;
mod tree;

#[cfg(test)]
mod tests;

use crate::Event;
use serde::de::DeserializeOwned;

/// The shape of an event and its reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    /// Of `text`: what nodes compare when they meet.
    pub(crate) hash: u64,
    /// For people: says which field differs.
    pub(crate) text: String,
}

/// The hash of `E`'s shape. The text goes to the log: two programs that refuse each other's `E` show what differs.
pub(crate) fn of<E: Event>() -> u64 {
    let Shape { hash, text } = shape::<E>();
    log::trace!(target: "devts", "event `{}` version {} has shape {hash:016x}: {text}", E::NAME, E::VERSION);
    hash
}

/// Traces `E` and its reply. Work and size are bounded whatever the type is; done once per type at start.
pub(crate) fn shape<E: Event>() -> Shape {
    let text = format!("{} -> {}", trace::<E>(), trace::<E::Reply>());
    Shape { hash: fnv1a(text.as_bytes()), text }
}

fn trace<T: DeserializeOwned>() -> String {
    let mut tree = tree::Tree::new();
    pass::trace::<T>(&mut tree);
    tree.text()
}

/// FNV-1a, 64 bit: stable and simple. Nobody chooses shapes to collide: a peer that lies has other ways.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
