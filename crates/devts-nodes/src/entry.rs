//! One key's value as it is replicated: who wrote it when, and what its writer had seen. Knows no store.

use crate::clock::Stamp;
use crate::hash::hash_bytes;
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// What a write is known by: when it was stamped, and by which node. Ordered by the stamp, then the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// When, by the writer's hybrid clock.
    pub stamp: Stamp,
    /// The number of the writer's node id.
    pub node: u64,
}

/// How many writers of one key a [`Saw`] remembers. With more than these at one key, a write that was seen may
/// be reported as lost; none that was lost goes unreported.
const WRITERS_REMEMBERED: usize = 8;

/// Which writes of a key were seen: per writer the newest, and with it all before it. The newest eight writers.
///
/// One stamp would not do: whether C, who overwrote B, had also seen A cannot be told from B's stamp when A's
/// and B's writes crossed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<Version>")]
pub struct Saw(Vec<Version>);

impl Saw {
    /// Whether this write is among those seen.
    pub fn covers(&self, version: Version) -> bool {
        self.0.iter().any(|seen| seen.node == version.node && seen.stamp >= version.stamp)
    }

    /// Adds a write.
    pub fn add(&mut self, version: Version) {
        if self.covers(version) {
            return;
        }
        self.0.retain(|seen| seen.node != version.node);
        let newer = self.0.partition_point(|seen| *seen > version);
        self.0.insert(newer, version);
        self.0.truncate(WRITERS_REMEMBERED);
    }

    /// Adds all that the other has seen.
    pub fn merge(&mut self, other: &Saw) {
        other.0.iter().for_each(|version| self.add(*version));
    }
}

/// What a peer sent is brought in order and bounded.
impl From<Vec<Version>> for Saw {
    fn from(versions: Vec<Version>) -> Saw {
        let mut saw = Saw::default();
        versions.into_iter().for_each(|version| saw.add(version));
        saw
    }
}

/// A write to one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When and by whom.
    pub version: Version,
    /// The value; `None` for a delete, which is kept so that it wins over the values before it.
    pub value: Option<Bytes>,
    /// What its writer had seen of this key.
    pub saw: Saw,
}

impl Entry {
    /// Where this write stands in the order in which the greatest wins: the stamp, the node, and, should two
    /// processes write as one node, the hash of the value.
    pub fn order(&self) -> (Version, u64) {
        (self.version, self.value_hash())
    }

    /// Whether the writer of this one knew of the other, so that it overwrote it on purpose.
    pub fn has_seen(&self, other: &Entry) -> bool {
        let own_earlier = self.version.node == other.version.node && self.version.stamp > other.version.stamp;
        own_earlier || self.saw.covers(other.version)
    }

    /// The length of the value, 0 for a delete.
    pub fn len(&self) -> usize {
        self.value.as_ref().map_or(0, Bytes::len)
    }

    /// Whether there is no value, or an empty one.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn value_hash(&self) -> u64 {
        self.value.as_ref().map_or(0, |value| hash_bytes(value))
    }
}
