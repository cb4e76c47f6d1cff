//! What a node has counted, and what waits in it now. Counts; decides nothing.

use devts_proto::engine::Counters;
use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};

/// Counters and queue lengths of a node: [`crate::Cluster::stats`]. Counters only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// What the engine has counted: links, events, calls.
    pub engine: Counters,
    /// Bytes of events emitted and not taken by the driver yet.
    pub queued_events: usize,
    /// Bytes of calls queued and not accepted by their peers' sessions yet.
    pub queued_calls: usize,
    /// Bytes that wait for turns, those that the running turn has taken not counted.
    pub mailbox: usize,
    /// Events that could not be decoded.
    pub undecodable: u64,
    /// Events that no handler takes.
    pub unknown: u64,
    /// Turns whose handler returned an error.
    pub failed: u64,
    /// Turns that panicked.
    pub panicked: u64,
    /// Requests whose deadline passed in the mailbox: they were not run.
    pub expired: u64,
    /// Connections closed at once because there were too many.
    pub connections_refused: u64,
}

/// What is counted outside the engine.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) undecodable: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) failed: AtomicU64,
    pub(crate) panicked: AtomicU64,
    pub(crate) expired: AtomicU64,
    pub(crate) connections_refused: AtomicU64,
}

impl Tally {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn fill(&self, stats: &mut Stats) {
        stats.undecodable = self.undecodable.load(Relaxed);
        stats.unknown = self.unknown.load(Relaxed);
        stats.failed = self.failed.load(Relaxed);
        stats.panicked = self.panicked.load(Relaxed);
        stats.expired = self.expired.load(Relaxed);
        stats.connections_refused = self.connections_refused.load(Relaxed);
    }
}

/// Signs of life of dispatch, for the watchdog: turns are counted, not timed.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    turns: AtomicU64,
    /// What runs, per run of turns.
    name: Mutex<Option<Cow<'static, str>>>,
}

impl Pulse {
    /// One turn more. Dispatch alone writes.
    #[inline]
    pub(crate) fn beat(&self) {
        self.turns.store(self.turns.load(Relaxed).wrapping_add(1), Relaxed);
    }

    pub(crate) fn set(&self, name: Option<Cow<'static, str>>) {
        *self.name.lock().unwrap_or_else(PoisonError::into_inner) = name;
    }

    /// The number of the turn that runs, and its name; `None` between turns.
    pub(crate) fn read(&self) -> Option<(u64, Cow<'static, str>)> {
        let name = self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        Some((self.turns.load(Relaxed), name))
    }
}
