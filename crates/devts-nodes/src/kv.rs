//! The `Kv` node: a replicated map that every member holds whole. Turns only: nothing here waits for anybody.

use crate::clock::{Clock, ClockTooFarAhead};
use crate::entry::Version;
use crate::feed::{Feed, Listeners};
use crate::store::{Applied, Change, Limits, Overwrote, Snapshot, Store, Write, WriteError};
use bytes::Bytes;
use devts::{Cluster, Context, EmitError, Event, Node, TurnError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How often, at most, members are told a new digest: it is for eyes and tests, not worth a message a write.
const DIGEST_PERIOD: Duration = Duration::from_millis(500);

/// What anything that waits for a watcher takes beside its keys and values, about.
const ITEM_BYTES: usize = 100;

/// How a [`Kv`] is set up: the same way on every node of a cluster.
#[derive(Clone, Debug)]
pub struct KvConfig {
    /// How much the store holds. Default: a million keys and 256 MiB.
    pub limits: Limits,
    /// How far ahead of this node's clock a write may be stamped. Default 60 s; more tolerates worse clocks, and lets a
    /// bad one win for longer.
    pub max_drift: Duration,
    /// How many bytes of keys and values may wait for a watcher before it is told that it [lagged](crate::Fed::Lagged).
    /// Default 4 MiB.
    pub watch_bound: usize,
}

impl Default for KvConfig {
    fn default() -> KvConfig {
        KvConfig { limits: Limits::default(), max_drift: Duration::from_secs(60), watch_bound: 4 << 20 }
    }
}

/// What an operator wants to hear of. Each is also logged, a line for each event at most.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// A write was lost to one whose writer did not know of it. Told wherever both are seen.
    Overwrote(Overwrote),
    /// A write of another node was not taken: the nodes differ at this key until it is written again.
    Refused {
        /// The key.
        key: String,
        /// The write.
        version: Version,
        /// Why.
        why: Refusal,
    },
}

/// Why a write of another node was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its writer's clock is wrong, or this node's.
    Clock(ClockTooFarAhead),
    /// It is longer than any node accepts.
    Write(WriteError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Clock(error) => error.fmt(f),
            Refusal::Write(error) => error.fmt(f),
        }
    }
}

/// What a `Kv` tells of itself to all members, half a second after a change at most: nodes whose digests are equal hold
/// the same. Read it with [`devts::Member::info`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvInfo {
    /// How many keys it holds, those of deletes included.
    pub entries: u64,
    /// [`Store::digest`].
    pub digest: u64,
}

/// Writes of one node, told to all others: one, or a batch.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Event)]
#[event("kv.write")]
pub struct Written {
    writes: Vec<Write>,
}

/// Why the map could not be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum KvError {
    /// The write is not accepted.
    Write(WriteError),
    /// The others could not be told of it, so it was not done here either.
    Emit(EmitError<Written>),
    /// The node is stopping, or is in the turn that asks.
    Turn(TurnError),
}

impl KvError {
    /// The same may succeed a little later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, KvError::Emit(error) if error.is_retryable())
    }
}

impl fmt::Display for KvError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KvError::Write(error) => error.fmt(f),
            KvError::Emit(error) => error.fmt(f),
            KvError::Turn(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for KvError {}

impl From<WriteError> for KvError {
    fn from(error: WriteError) -> KvError {
        KvError::Write(error)
    }
}

impl From<EmitError<Written>> for KvError {
    fn from(error: EmitError<Written>) -> KvError {
        KvError::Emit(error)
    }
}

impl From<TurnError> for KvError {
    fn from(error: TurnError) -> KvError {
        KvError::Turn(error)
    }
}

/// A node of a replicated map in memory: what one node writes all have, and a node that joins is given it all.
///
/// Where two nodes write one key at once, every node keeps the same one of the two, and the other is reported as a
/// [`Notice`]. From outside, use it through [`crate::KvHandle`]; in a turn, directly: what is read and written in one
/// turn stands together on this node.
#[derive(Debug)]
pub struct Kv {
    store: Store,
    clock: Clock,
    /// Whose host tells the time. Nobody's until the node has joined.
    cluster: Option<Cluster>,
    /// What was given before.
    given: Option<Snapshot>,
    changes: Listeners<Change>,
    notices: Listeners<Notice>,
    told: Option<KvInfo>,
}

impl Default for Kv {
    fn default() -> Kv {
        Kv::new(KvConfig::default())
    }
}

#[devts::node("kv")]
impl Node for Kv {
    async fn joined(&mut self, cx: &mut Context<Self>) -> devts::Result {
        self.cluster = Some((**cx).clone());
        if let Some(snapshot) = self.given.take() {
            self.take_all(snapshot, cx.wall())?;
        }
        self.tell_digest(cx);
        cx.every(DIGEST_PERIOD, Kv::tell_digest);
        Ok(())
    }

    #[on]
    fn written(&mut self, event: Written, cx: &mut Context<Self>) {
        let (wall, mut told) = (cx.wall(), Told::default());
        for write in event.writes {
            self.take(write, wall, &mut told);
        }
        told.log();
    }

    #[snapshot]
    fn snapshot(&self) -> Snapshot {
        self.store.snapshot()
    }

    /// Merging is always right: what this node wrote in the meantime stays.
    #[restore]
    fn restore(&mut self, snapshot: Snapshot) -> devts::Result {
        match &self.cluster {
            Some(cluster) => Ok(self.take_all(snapshot, cluster.wall())?),
            None => {
                self.given = Some(snapshot);
                Ok(())
            }
        }
    }

    #[merge]
    fn merge(&mut self, snapshot: Snapshot) -> devts::Result {
        self.restore(snapshot)
    }
}

impl Kv {
    /// An empty map.
    pub fn new(config: KvConfig) -> Kv {
        Kv {
            store: Store::new(config.limits),
            clock: Clock::new(config.max_drift),
            cluster: None,
            given: None,
            changes: Listeners::new(config.watch_bound),
            notices: Listeners::new(config.watch_bound),
            told: None,
        }
    }

    /// What it holds.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Sets a key.
    ///
    /// # Errors
    ///
    /// When the write is not accepted, or turns have said more than may wait. Nothing has changed then.
    pub fn put(
        &mut self,
        key: impl Into<String>,
        value: impl Into<Bytes>,
        cx: &mut Context<Self>,
    ) -> Result<(), KvError> {
        self.write([(key.into(), Some(value.into()))], cx)
    }

    /// Deletes a key; answers whether it was there.
    ///
    /// # Errors
    ///
    /// As [`Kv::put`].
    pub fn delete(&mut self, key: &str, cx: &mut Context<Self>) -> Result<bool, KvError> {
        let there = self.store.get(key).is_some();
        if there {
            self.write([(key.to_owned(), None)], cx)?;
        }
        Ok(there)
    }

    /// Sets and (with `None`) deletes keys, all or none of them, told to the others as one event.
    ///
    /// # Errors
    ///
    /// As [`Kv::put`].
    pub fn write(
        &mut self,
        values: impl IntoIterator<Item = (String, Option<Bytes>)>,
        cx: &mut Context<Self>,
    ) -> Result<(), KvError> {
        let version = Version { stamp: self.clock.tick(cx.wall()), node: cx.id().get() };
        let writes = self.store.prepare(version, values)?;
        // Told first: what cannot be told is not done.
        cx.emit(Written { writes: writes.clone() })?;
        let mut told = Told::default();
        writes.into_iter().for_each(|write| self.apply(write, &mut told));
        told.log();
        Ok(())
    }

    /// Follows the keys that start with `prefix` from now on.
    pub fn watch(&mut self, prefix: impl Into<String>) -> Feed<Change> {
        self.changes.listen(prefix.into())
    }

    /// Follows what is lost or refused at any key from now on.
    pub fn notices(&mut self) -> Feed<Notice> {
        self.notices.listen(String::new())
    }

    /// A write of another node.
    fn take(&mut self, write: Write, wall: Duration, told: &mut Told) {
        match self.clock.observe(write.entry.version.stamp, wall) {
            Ok(()) => self.apply(write, told),
            Err(error) => self.refuse(write.key, write.entry.version, Refusal::Clock(error), told),
        }
    }

    fn apply(&mut self, write: Write, told: &mut Told) {
        let (key, version) = (write.key.clone(), write.entry.version);
        match self.store.apply(write) {
            Ok(applied) => self.tell(applied, told),
            Err(error) => self.refuse(key, version, Refusal::Write(error), told),
        }
    }

    /// What another node holds.
    fn take_all(&mut self, mut snapshot: Snapshot, wall: Duration) -> Result<(), WriteError> {
        let (mut refused, mut applied) = (Vec::new(), Vec::new());
        snapshot.retain(|key, entry| {
            let seen = self.clock.observe(entry.version.stamp, wall);
            let seen = seen.map_err(|error| refused.push((key.to_owned(), entry.version, error)));
            seen.is_ok()
        });
        self.store.merge(snapshot, |one| applied.push(one))?;
        let mut told = Told::default();
        applied.into_iter().for_each(|one| self.tell(one, &mut told));
        for (key, version, error) in refused {
            self.refuse(key, version, Refusal::Clock(error), &mut told);
        }
        told.log();
        Ok(())
    }

    fn tell(&mut self, applied: Applied, told: &mut Told) {
        if let Some(change) = applied.change {
            let bytes = ITEM_BYTES + change.key.len() + change.value.as_ref().map_or(0, Bytes::len);
            self.changes.tell(&change.key, &change, bytes);
        }
        if let Some(lost) = applied.lost {
            told.lost(&lost);
            let bytes = ITEM_BYTES + lost.key.len() + lost.winner.len() + lost.loser.len();
            self.notices.tell("", &Notice::Overwrote(lost), bytes);
        }
    }

    fn refuse(&mut self, key: String, version: Version, why: Refusal, told: &mut Told) {
        told.refused(&key, &why);
        let bytes = ITEM_BYTES + key.len();
        self.notices.tell("", &Notice::Refused { key, version, why }, bytes);
    }

    fn tell_digest(&mut self, cx: &mut Context<Self>) {
        let info = KvInfo { entries: self.store.entries() as u64, digest: self.store.digest() };
        if self.told == Some(info) {
            return;
        }
        match cx.set_info(&info) {
            Ok(()) => self.told = Some(info),
            Err(error) => log::debug!(target: "devts::kv", "the digest is not told: {error}"),
        }
    }
}

/// What one event or snapshot gave reason to report: one line, however many keys it is about.
#[derive(Default)]
struct Told {
    lost: usize,
    refused: usize,
    example: String,
}

impl Told {
    fn lost(&mut self, lost: &Overwrote) {
        self.lost += 1;
        let Overwrote { key, winner, loser } = lost;
        self.example = format!("key {key:?}: {:?} overwrote {:?}", winner.version, loser.version);
    }

    fn refused(&mut self, key: &str, why: &Refusal) {
        self.refused += 1;
        self.example = format!("key {key:?}: {why}");
    }

    fn log(self) {
        let Told { lost, refused, example } = self;
        if lost + refused > 0 {
            log::warn!(target: "devts::kv", "{lost} writes lost to others made unseen, {refused} refused; {example}");
        }
    }
}
