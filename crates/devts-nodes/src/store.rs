//! The replicated map as a value: what two replicas hold, however their writes crossed, merges into the same.
//! Knows no cluster, clock or watcher.

use crate::entry::{Entry, Saw, Version};
use crate::hash::{hash_bytes, hash_words};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;

/// The longest key, in bytes.
pub const KEY_MAX: usize = 1 << 10;
/// The longest value, in bytes.
pub const VALUE_MAX: usize = 1 << 20;

/// How much a store accepts from its own node. What the others accepted is never refused, so a cluster's stores
/// may hold more by what its other members accepted at the same time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys, those of deletes included. Default 1 000 000.
    pub entries: usize,
    /// Bytes of all keys and values. Default 256 MiB.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { entries: 1_000_000, bytes: 256 << 20 }
    }
}

/// Why a write was not accepted. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteError {
    /// The key is longer than [`KEY_MAX`].
    KeyTooLong {
        /// Its length.
        len: usize,
    },
    /// The value is longer than [`VALUE_MAX`].
    ValueTooLong {
        /// Its length.
        len: usize,
    },
    /// The write would pass the store's [`Limits`].
    Full {
        /// How much the store would hold.
        would_be: Limits,
        /// How much it may.
        limits: Limits,
    },
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyTooLong { len } => write!(f, "the key has {len} bytes, {KEY_MAX} are allowed"),
            Self::ValueTooLong { len } => write!(f, "the value has {len} bytes, {VALUE_MAX} are allowed"),
            Self::Full { would_be, limits } => write!(
                f,
                "the store is full: it would hold {} keys and {} bytes, {} and {} are allowed; delete or shorten \
                 values, or raise `KvConfig::limits` on every node",
                would_be.entries, would_be.bytes, limits.entries, limits.bytes
            ),
        }
    }
}

impl std::error::Error for WriteError {}

/// One key and what is written to it, as it travels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The key.
    pub key: String,
    /// What is written.
    pub entry: Entry,
}

/// What became visible to readers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key.
    pub key: String,
    /// Its value now; `None` when it is gone.
    pub value: Option<Bytes>,
}

/// A write that was lost to one whose writer did not know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overwrote {
    /// The key.
    pub key: String,
    /// The write that stands.
    pub winner: Entry,
    /// The write that does not.
    pub loser: Entry,
}

/// What applying a write did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// What readers see change, if they do.
    pub change: Option<Change>,
    /// The write that was lost, if one was.
    pub lost: Option<Overwrote>,
}

/// A key's place in the store: the write that stands, and all writes that are known of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Cell {
    entry: Entry,
    seen: Saw,
}

/// The whole of a store, to be handed to another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot(Vec<(String, Cell)>);

impl Snapshot {
    /// The writes that stand in it, deletes included.
    pub fn writes(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(key, cell)| (key.as_str(), &cell.entry))
    }

    /// Leaves out the writes for which this is false.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Entry) -> bool) {
        self.0.retain(|(key, cell)| keep(key, &cell.entry));
    }
}

/// A replicated map from keys to values. Merging is commutative, associative and idempotent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    cells: BTreeMap<String, Cell>,
    limits: Limits,
    bytes: usize,
    digest: u64,
}

impl Store {
    /// An empty store.
    pub fn new(limits: Limits) -> Store {
        Store { limits, ..Store::default() }
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Bytes> {
        self.cells.get(key)?.entry.value.as_ref()
    }

    /// The write that stands at a key, a delete included.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.cells.get(key).map(|cell| &cell.entry)
    }

    /// The keys that start with `prefix`, in order, with their values.
    pub fn scan<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Bytes)> {
        self.cells
            .range::<str, _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(|(key, cell)| Some((key.as_str(), cell.entry.value.as_ref()?)))
    }

    /// How many keys there are, those of deletes included.
    pub fn entries(&self) -> usize {
        self.cells.len()
    }

    /// The bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A hash of everything that stands, whatever the order it came in: stores that are equal have equal digests.
    pub fn digest(&self) -> u64 {
        self.digest
    }

    /// Prepares writes of this node without applying them: `None` deletes. All are accepted or none is. The
    /// version must be newer than all that this store holds; it may serve for all, as each key has its own
    /// order. A key that is named twice gets its last value.
    pub fn prepare(
        &self,
        version: Version,
        values: impl IntoIterator<Item = (String, Option<Bytes>)>,
    ) -> Result<Vec<Write>, WriteError> {
        let values: BTreeMap<String, Option<Bytes>> = values.into_iter().collect();
        let mut would_be = Limits { entries: self.entries(), bytes: self.bytes };
        let mut grows = false;
        for (key, value) in &values {
            check_lengths(key, value.as_ref())?;
            let after = value.as_ref().map_or(0, Bytes::len);
            let before = self.entry(key).map(Entry::len);
            grows |= before.is_none_or(|before| after > before);
            would_be.entries += usize::from(before.is_none());
            would_be.bytes += before.map_or(key.len(), |_| 0) + after;
            would_be.bytes -= before.unwrap_or(0);
        }
        // What makes no entry longer is accepted even by a store that the others filled beyond its limits.
        if grows && (would_be.entries > self.limits.entries || would_be.bytes > self.limits.bytes) {
            return Err(WriteError::Full { would_be, limits: self.limits.clone() });
        }
        Ok(values.into_iter().map(|(key, value)| self.write(version, key, value)).collect())
    }

    fn write(&self, version: Version, key: String, value: Option<Bytes>) -> Write {
        let saw = self.cells.get(&key).map(|cell| cell.seen.clone()).unwrap_or_default();
        Write { key, entry: Entry { version, value, saw } }
    }

    /// Applies a write of any node: the greater in [`Entry::order`] stands. Refuses only what no store would
    /// have accepted.
    pub fn apply(&mut self, write: Write) -> Result<Applied, WriteError> {
        check_lengths(&write.key, write.entry.value.as_ref())?;
        let mut seen = write.entry.saw.clone();
        seen.add(write.entry.version);
        Ok(self.apply_cell(write.key, Cell { entry: write.entry, seen }))
    }

    /// Everything, for another store to merge.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.cells.iter().map(|(key, cell)| (key.clone(), cell.clone())).collect())
    }

    /// Takes over what another store holds, and calls back for each key. All is taken, or nothing if there is
    /// anything in it that no store would have accepted.
    pub fn merge(&mut self, snapshot: Snapshot, mut applied: impl FnMut(Applied)) -> Result<(), WriteError> {
        snapshot.writes().try_for_each(|(key, entry)| check_lengths(key, entry.value.as_ref()))?;
        snapshot.0.into_iter().for_each(|(key, cell)| applied(self.apply_cell(key, cell)));
        Ok(())
    }

    fn apply_cell(&mut self, key: String, new: Cell) -> Applied {
        let Some(cell) = self.cells.get_mut(&key) else {
            return self.insert(key, new);
        };
        let known = cell.seen.covers(new.entry.version);
        cell.seen.merge(&new.seen);
        if new.entry.order() > cell.entry.order() {
            let loser = std::mem::replace(&mut cell.entry, new.entry);
            let winner = cell.entry.clone();
            return self.replaced(key, winner, loser);
        }
        let unseen = !known && !cell.entry.has_seen(&new.entry) && new.entry.order() != cell.entry.order();
        let lost = unseen.then(|| Overwrote { key, winner: cell.entry.clone(), loser: new.entry });
        Applied { change: None, lost }
    }

    fn insert(&mut self, key: String, new: Cell) -> Applied {
        self.bytes += key.len() + new.entry.len();
        self.digest = self.digest.wrapping_add(digest(&key, &new.entry));
        let change = new.entry.value.clone().map(|value| Change { key: key.clone(), value: Some(value) });
        self.cells.insert(key, new);
        Applied { change, lost: None }
    }

    fn replaced(&mut self, key: String, winner: Entry, loser: Entry) -> Applied {
        self.bytes = self.bytes - loser.len() + winner.len();
        self.digest = self.digest.wrapping_sub(digest(&key, &loser)).wrapping_add(digest(&key, &winner));
        let visible = winner.value.is_some() || loser.value.is_some();
        let change = visible.then(|| Change { key: key.clone(), value: winner.value.clone() });
        let lost = (!winner.has_seen(&loser)).then_some(Overwrote { key, winner, loser });
        Applied { change, lost }
    }
}

fn check_lengths(key: &str, value: Option<&Bytes>) -> Result<(), WriteError> {
    let value = value.map_or(0, Bytes::len);
    if key.len() > KEY_MAX {
        Err(WriteError::KeyTooLong { len: key.len() })
    } else if value > VALUE_MAX {
        Err(WriteError::ValueTooLong { len: value })
    } else {
        Ok(())
    }
}

fn digest(key: &str, entry: &Entry) -> u64 {
    let Version { stamp, node } = entry.version;
    hash_words(&[hash_bytes(key.as_bytes()), stamp.get(), node, entry.value_hash()])
}
