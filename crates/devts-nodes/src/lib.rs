//! Ready-made nodes.
mod clock;
mod entry;
mod feed;
mod hash;
mod store;
pub use clock::{Clock, ClockTooFarAhead, Stamp};
pub use entry::{Entry, Saw, Version};
pub use feed::{Fed, Feed};
pub use store::{Applied, Change, KEY_MAX, Limits, Overwrote, Snapshot, Store, VALUE_MAX, Write, WriteError};
