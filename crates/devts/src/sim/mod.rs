//! A test for *your* node: a whole cluster of it in one thread, on virtual time, with crashes, partitions and slow links,
//! all of it from one seed, so that a run that fails can be made again exactly.
//!
//! ```
//! use devts::sim::{Faults, Run, Sim};
//! use devts::{Context, Event, Node};
//! use serde::{Deserialize, Serialize};
//! use std::collections::BTreeSet;
//! use std::time::Duration;
//!
//! #[derive(Clone, Serialize, Deserialize, Event)]
//! #[event("store.put")]
//! struct Put(u64);
//!
//! #[derive(Default)]
//! struct Store(BTreeSet<u64>);
//!
//! #[devts::node("store")]
//! impl Node for Store {
//!     #[on]
//!     fn put(&mut self, Put(value): Put) {
//!         self.0.insert(value);
//!     }
//!     #[snapshot]
//!     fn snapshot(&self) -> BTreeSet<u64> {
//!         self.0.clone()
//!     }
//!     #[restore]
//!     fn restore(&mut self, values: BTreeSet<u64>) {
//!         self.0 = values;
//!     }
//! }
//!
//! # fn main() {
//! // In a `#[test]`:
//! devts::sim::seeds(5).check(|sim: &mut Sim<Store>| {
//!     sim.nodes(3, |_place| Store::default()); // at the first start, and after each restart
//!     let stores = sim.observe(|store: &Store| store.0.clone()); // after every turn
//!     sim.faults(Faults::only_partitions());
//!     sim.lasting(Duration::from_secs(30)); // then all heals, and the cluster must come to rest
//!     sim.workload(async |run: Run<Store>| {
//!         let mut value = 0;
//!         while !run.is_over() {
//!             value += 1;
//!             if let Some(node) = run.pick() {
//!                 node.with(move |store, cx| {
//!                     store.0.insert(value);
//!                     cx.emit(Put(value))
//!                 })
//!                 .await??;
//!             }
//!             run.sleep(Duration::from_millis(200)).await;
//!         }
//!         Ok(())
//!     });
//!     sim.eventually("all stores are equal", Duration::from_secs(1), move || stores.all_equal());
//! });
//! # }
//! ```
//!
//! # What a run is
//!
//! A seed makes one run, in a [`World`] of its own: nodes on machines `n1`, `n2`, ... come together, then the workload
//! begins, and faults come as the seed draws them from [`Sim::faults`], or as [`Sim::plan`] says. After [`Sim::lasting`]
//! everything heals, every node that is down is started, and within [`Sim::settling`] the cluster must come to rest: the
//! workload is over, everybody is in everybody's view, everything emitted is handled, or told as a gap. Then what is to
//! hold `eventually` has its time.
//!
//! Checked in every run, without a word: that events come once, in their emitter's order, with gaps told; that views come
//! together again; that no node panics or stops; and of the first seeds, by running them twice, that a run follows from
//! its seed. The order of a `HashMap`, `SystemTime`, or a random number of its own in *your* node make it another run each
//! time, and are told.
//!
//! # When it fails
//!
//! [`Seeds::check`] makes the failing run again, shortens its faults as far as they still bring about the failure, draws
//! the timeline of that run, and panics with the report. Its last line is the one to type:
//!
//! ```text
//! seed 3, at 70.050 s: eventually "every acknowledged write is everywhere" does not hold within 10s: n1 lacks 8
//!   seen     n1 has {1, 2, 3, 4, 5, 6, 7, 9, 10}
//!            n2 has {1, 2, 3, 4, 5, 6, 7, 9, 10}
//!   faults   2 of 4 are enough:
//!     at 800ms kill n2
//!     at 800ms start n2
//!   timeline target/devts-sim/writes_are_kept-3.svg
//!   replay   DEVTS_SEED=3 cargo test -p store writes_are_kept
//! ```
//!
//! | variable | meaning |
//! |---|---|
//! | `DEVTS_SEED=77` | runs seed 77 and no other |
//! | `DEVTS_SEEDS=1000` | runs so many seeds, whatever the test says |
//!
//! # What else is here
//!
//! [`SimCluster`] is the cluster without seeds and verdicts, [`World`] and [`Machine`] the host under it, and
//! [`block_on`] one machine for a test that runs on every host.

mod cluster;
mod contract;
mod course;
mod examine;
mod failure;
mod history;
mod invariants;
mod observe;
mod panics;
mod place;
mod replay;
mod run;
mod scenario;
mod seeds;
mod settle;
mod shared;
mod summary;
mod trouble;
mod watch;

pub use cluster::SimCluster;
pub use course::Outcome;
pub use failure::{Broken, Failure};
pub use history::{Comparing, History, Reading, Writing};
pub use invariants::Verdict;
pub use observe::Observed;
pub use place::Place;
pub use run::Run;
pub use scenario::{Gaps, Sim};
pub use seeds::Seeds;
pub use shared::Shared;
pub use summary::Summary;
pub use watch::Counts;

/// The simulated host with all its parts: traces, timelines, stories, checkers over plain data.
pub use devts_sim as host;
pub use devts_sim::{
    Difference, Disk, Fault, FaultError, Faults, File, Machine, MachineId, Nodes, Plan, PlanError, Settings,
    Step, StepError, Stuck, World,
};

use crate::Runtime;
use std::future::Future;
use std::sync::Arc;

/// A test of so many seeds, 0 and up: [`Seeds::check`] runs them, on all cores. See [the module](self).
///
/// ```
/// # use devts::sim::Sim;
/// # struct Quiet;
/// # #[devts::node("quiet")] impl devts::Node for Quiet {}
/// devts::sim::seeds(3).check(|sim: &mut Sim<Quiet>| {
///     let run = sim.nodes(3, |_| Quiet);
///     sim.always("a majority runs", move || run.down() < 2);
/// });
/// ```
pub fn seeds(count: u64) -> Seeds {
    Seeds::new(count)
}

/// Runs a future on one machine of a new world, which it is given as a host: for a test that runs on every host.
///
/// ```
/// use std::time::Duration;
/// let hour = Duration::from_secs(3600);
/// let passed = devts::sim::block_on(7, |host| async move {
///     host.sleep(hour).await;
///     host.now()
/// });
/// assert!(passed >= hour);
/// ```
///
/// # Panics
///
/// When the future cannot end, or does what a run must not: it uses threads or real time.
pub fn block_on<F: Future>(seed: u64, work: impl FnOnce(Arc<dyn Runtime>) -> F) -> F::Output {
    let world = World::new(seed);
    let machine = Arc::new(world.machine("n1"));
    world.block_on(work(machine)).unwrap_or_else(|stuck| panic!("seed {seed}: {stuck}"))
}
