//! What the clients of a store did and saw in a run, at the run's own times: to be judged at its end. Knows not what a
//! right history is; the checker does.

use devts_sim::World;
use devts_sim::check::register;
use std::fmt::Display;

/// The reads and writes of a run's clients, which must be those of registers: at the end each key is checked to be
/// linearizable, as if there were one copy of it. What [`super::Run::history`] gives; clones are the same history.
///
/// Record an operation before it is asked for, and again when its answer is there. One that is dropped in between, because
/// its node was killed or its time was over, may have taken place or not. Values that show alike are the same: give each
/// write a value of its own.
///
/// ```
/// # use devts::sim::{Broken, Faults, Run, Sim};
/// # use std::time::Duration;
/// # #[derive(Default)]
/// # struct Local(u64); // each node has its own value: no register
/// # #[devts::node("local")] impl devts::Node for Local {}
/// let failure = devts::sim::seeds(10).run(|sim: &mut Sim<Local>| {
///     sim.nodes(3, |_| Local::default());
///     sim.faults(Faults::none());
///     sim.workload(async |run: Run<Local>| {
///         let history = run.history();
///         for value in 1..=5 {
///             let Some(node) = run.pick() else { continue };
///             let writing = history.write("client", "x", value);
///             if node.with(move |local, _| local.0 = value).await.is_ok() {
///                 writing.done();
///             }
///             let Some(node) = run.pick() else { continue };
///             let reading = history.read("client", "x");
///             if let Ok(value) = node.with(|local, _| local.0).await {
///                 reading.found(value);
///             }
///         }
///         Ok(())
///     });
/// });
/// let failure = failure.expect_err("the nodes tell each other nothing");
/// assert!(matches!(failure.broken(), Broken::History { .. }), "{failure}");
/// ```
#[derive(Clone, Debug)]
pub struct History {
    log: register::History,
    world: World,
}

impl History {
    pub(crate) fn new(log: register::History, world: World) -> History {
        History { log, world }
    }

    /// A client is about to write.
    pub fn write(&self, client: impl Display, key: impl Display, value: impl Display) -> Writing {
        Writing(self.log.write(client, key, value, self.world.now()), self.world.clone())
    }

    /// A client is about to remove the key's value.
    pub fn remove(&self, client: impl Display, key: impl Display) -> Writing {
        Writing(self.log.remove(client, key, self.world.now()), self.world.clone())
    }

    /// A client is about to read.
    pub fn read(&self, client: impl Display, key: impl Display) -> Reading {
        Reading(self.log.read(client, key, self.world.now()), self.world.clone())
    }

    /// A client is about to write `new` where `expected` is; `None`: where nothing is.
    pub fn compare_and_set<V: Display>(
        &self,
        client: impl Display,
        key: impl Display,
        expected: Option<V>,
        new: V,
    ) -> Comparing {
        let call = self.log.compare_and_set(client, key, expected, new, self.world.now());
        Comparing(call, self.world.clone())
    }
}

/// A write that has no answer yet. Dropped, it may have taken place or not.
#[derive(Debug)]
#[must_use = "a write that is dropped counts as one whose outcome nobody knows"]
pub struct Writing(register::Writing, World);

impl Writing {
    /// It is acknowledged.
    pub fn done(self) {
        self.0.returned(self.1.now());
    }

    /// It was refused and will never take place. A time that is over is no such answer: drop it then.
    pub fn refused(self) {
        self.0.refused(self.1.now());
    }
}

/// A read that has no answer yet. Dropped, it says nothing.
#[derive(Debug)]
#[must_use = "a read that is dropped says nothing"]
pub struct Reading(register::Reading, World);

impl Reading {
    /// The key had this value.
    pub fn found(self, value: impl Display) {
        self.0.read(self.1.now(), value);
    }

    /// The key had no value.
    pub fn nothing(self) {
        self.0.read_nothing(self.1.now());
    }
}

/// A compare-and-set that has no answer yet. Dropped, it may have taken place or not.
#[derive(Debug)]
#[must_use = "a compare-and-set that is dropped counts as one whose outcome nobody knows"]
pub struct Comparing(register::Comparing, World);

impl Comparing {
    /// Whether the expected value was there, and the new one is now.
    pub fn done(self, set: bool) {
        self.0.returned(self.1.now(), set);
    }

    /// It was refused and will never take place.
    pub fn refused(self) {
        self.0.refused(self.1.now());
    }
}
