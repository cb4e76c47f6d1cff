//! Ready-made nodes: [`Kv`], a replicated map in memory. An ordinary node on devts' public API, as yours would be.
//!
//! ```
//! use devts_nodes::{Fed, Kv, KvHandle};
//!
//! # fn main() -> devts::Result { devts::block_on(async {
//! let first = devts::join((), Kv::default()).await?;
//! let second = devts::join(first.address(), Kv::default()).must_join().await?;
//! let (one, two) = (KvHandle::from(first.clone()), KvHandle::from(second.clone()));
//!
//! let (_, mut changes) = two.watch("drinks/").await?;
//! one.put("drinks/hot", "tea").await?;
//! if let Some(Fed::Item(change)) = changes.next().await {
//!     assert_eq!(change.key, "drinks/hot");
//! }
//! # second.stop().await?; Ok(first.stop().await?) }) }
//! ```
//!
//! | | |
//! |---|---|
//! | writes | at once on the node that writes; on the others as soon as the event arrives |
//! | two writes of one key | the later one wins, the same on every node: by hybrid clock, then node id, then value |
//! | a write lost to one whose writer did not know of it | reported as [`Notice::Overwrote`] where both are seen, and logged |
//! | joining | the whole map is there before the first event |
//! | partitions | both sides go on; when they meet they merge, and end with equal [digests](KvInfo) |
//! | deletes | are kept as small entries, so that they win over what was there before |
//! | limits | keys of [`KEY_MAX`], values of [`VALUE_MAX`] bytes, [`Limits`] for all: beyond, a write is refused |
//! | memory | is all there is: when all nodes have stopped, the map is gone |

mod client;
mod clock;
mod entry;
mod feed;
mod hash;
mod kv;
mod store;

pub use client::KvHandle;
pub use clock::{Clock, ClockTooFarAhead, Stamp};
pub use entry::{Entry, Saw, Version};
pub use feed::{Fed, Feed};
pub use kv::{Kv, KvConfig, KvError, KvInfo, Notice, Refusal, Written};
pub use store::{Applied, Change, KEY_MAX, Limits, Overwrote, Snapshot, Store, VALUE_MAX, Write, WriteError};
