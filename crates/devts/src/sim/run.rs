//! What a workload does with its cluster: finds nodes, waits, draws numbers, stops and starts machines. Knows no plan and
//! no seed but through the world.

use super::cluster::SimCluster;
use super::failure::Broken;
use super::history::History;
use super::panics;
use crate::{Node, NodeHandle, Result};
use devts_sim::check::register;
use devts_sim::{Fault, FaultError, MachineId, Rng};
use futures_util::FutureExt;
use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// One run, as its workload and its invariants see it. Cheap to clone. Nodes are numbered from 0; in reports and plans
/// the first is called `n1`.
///
/// ```
/// use devts::sim::{Faults, Run, Sim};
/// use std::time::Duration;
/// # struct Quiet;
/// # #[devts::node("quiet")] impl devts::Node for Quiet {}
/// devts::sim::seeds(1).check(|sim: &mut Sim<Quiet>| {
///     let run = sim.nodes(3, |_| Quiet);
///     sim.faults(Faults::none());
///     sim.workload(async |run: Run<Quiet>| {
///         let second = run.node(1).expect("nobody is down yet");
///         run.note("n2 is killed");
///         run.kill(1);
///         assert!(second.with(|_, _| ()).await.is_err()); // what is asked of a killed life ends
///         let helper = run.clone();
///         run.spawn(async move {
///             helper.sleep(Duration::from_millis(1000 + helper.below(1000))).await;
///             helper.start(1);
///             Ok(())
///         });
///         while !run.is_over() {
///             let node = run.pick().expect("two of three run");
///             let _ = node.with(|_, _| ()).await;
///             run.sleep(Duration::from_secs(1)).await;
///         }
///         assert_eq!(run.running().len(), 3);
///         Ok(())
///     });
///     sim.always("one is down at most", move || run.down() <= 1);
/// });
/// ```
pub struct Run<N> {
    pub(crate) cluster: SimCluster<N>,
    pub(crate) shared: Arc<Shared>,
}

/// What the clones of a run share.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The workload's own: what the world draws moves none of its choices, nor do faults.
    rng: Mutex<Rng>,
    lasting: Mutex<Duration>,
    tasks: Mutex<Tasks>,
    history: register::History,
}

#[derive(Debug, Default)]
struct Tasks {
    count: usize,
    running: BTreeMap<usize, (String, Part)>,
}

/// A part of the workload. The world's task holds no more than this, so that a run that ends early can let go of what the
/// part holds, the world among it.
#[derive(Clone, Default)]
struct Part(Arc<Mutex<Option<Work>>>);

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Part")
    }
}

impl Future for Part {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(mut work) = lock(&self.0).take() else { return Poll::Ready(()) };
        let polled = work.as_mut().poll(cx);
        if polled.is_pending() {
            *lock(&self.0) = Some(work);
        }
        polled
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(rng: Rng) -> Arc<Shared> {
        let (lasting, tasks, history) = Default::default();
        Arc::new(Shared { rng: Mutex::new(rng), lasting, tasks, history })
    }

    /// Whether reads and writes were recorded.
    pub(crate) fn has_history(&self) -> bool {
        !self.history.is_empty()
    }

    /// Whether they are those of registers.
    pub(crate) fn judge(&self) -> std::result::Result<(), Broken> {
        let verdict = self.history.check();
        let found = verdict.to_string();
        if verdict.is_linearizable() { Ok(()) } else { Err(Broken::History { found }) }
    }

    /// When the faults end.
    pub(crate) fn lasting(&self) -> MutexGuard<'_, Duration> {
        lock(&self.lasting)
    }

    /// What has not ended yet.
    pub(crate) fn running(&self) -> Vec<String> {
        lock(&self.tasks).running.values().map(|(name, _)| name.clone()).collect()
    }

    /// The run is over: what has not ended is dropped.
    pub(crate) fn close(&self) {
        let running = std::mem::take(&mut lock(&self.tasks).running);
        for (_, part) in running.into_values() {
            let work = lock(&part.0).take();
            drop(work);
        }
    }
}

impl<N> Clone for Run<N> {
    fn clone(&self) -> Run<N> {
        Run { cluster: self.cluster.clone(), shared: self.shared.clone() }
    }
}

impl<N> fmt::Debug for Run<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run of {:?}", self.cluster)
    }
}

impl<N: Node> Run<N> {
    /// The node's life that runs now; `None` while it is down or joining. What is asked of a life that is killed ends
    /// with an error.
    pub fn node(&self, node: usize) -> Option<NodeHandle<N>> {
        self.cluster.node(node)
    }

    /// All nodes that run.
    pub fn running(&self) -> Vec<NodeHandle<N>> {
        self.cluster.running()
    }

    /// One of them, as the seed decides; `None` if all are down. Which nodes are down changes the choice of those only
    /// that would have been of one of them: so faults that have nothing to do with a failure can be left out of it.
    pub fn pick(&self) -> Option<NodeHandle<N>> {
        let (len, first) = (self.len(), self.below(self.len() as u64) as usize);
        (first..first + len).find_map(|node| self.node(node % len))
    }

    /// How many nodes there are, running or not.
    pub fn len(&self) -> usize {
        self.cluster.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many are down or joining.
    pub fn down(&self) -> usize {
        self.len() - self.running().len()
    }

    /// Waits so much virtual time.
    pub async fn sleep(&self, time: Duration) {
        self.cluster.world().sleep(time).await;
    }

    /// Virtual time since the run began.
    pub fn now(&self) -> Duration {
        self.cluster.world().now()
    }

    /// The time of faults is over: a workload that loops ends now.
    pub fn is_over(&self) -> bool {
        self.now() >= *self.shared.lasting()
    }

    /// A number that the seed decides, and nothing else does but how often it was asked.
    pub fn random(&self) -> u64 {
        lock(&self.shared.rng).next_u64()
    }

    /// One of `0..bound` that the seed decides; 0 for a bound of 0.
    pub fn below(&self, bound: u64) -> u64 {
        ((u128::from(self.random()) * u128::from(bound)) >> 64) as u64
    }

    /// Kills the node's process: see [`Fault::Kill`]. It stays down until [`Run::start`], a plan's step, or the end of
    /// the faults.
    ///
    /// # Panics
    ///
    /// When there is no such node; so do `power_off` and `start`.
    pub fn kill(&self, node: usize) {
        self.must(Fault::kill(MachineId(node)));
    }

    /// Takes the power from the node's machine: see [`Fault::PowerOff`].
    pub fn power_off(&self, node: usize) {
        self.must(Fault::power_off(MachineId(node)));
    }

    /// Starts a node that does not run: same id, same disk.
    pub fn start(&self, node: usize) {
        self.must(Fault::start(MachineId(node)));
    }

    fn must(&self, fault: Fault) {
        self.apply(&fault).unwrap_or_else(|error| panic!("`{fault}`: {error}"));
    }

    /// Applies any fault.
    ///
    /// # Errors
    ///
    /// When it is none: see [`SimCluster::apply`].
    pub fn apply(&self, fault: &Fault) -> std::result::Result<(), FaultError> {
        self.cluster.apply(fault)
    }

    /// A line for the trace, the timeline and the report.
    pub fn note(&self, text: impl fmt::Display) {
        self.cluster.watching().note(&text.to_string());
    }

    /// The run's reads and writes, to be judged at its end if there are any.
    pub fn history(&self) -> History {
        History::new(self.shared.history.clone(), self.cluster.world().clone())
    }

    /// The cluster, for what is not here.
    pub fn cluster(&self) -> &SimCluster<N> {
        &self.cluster
    }

    /// Runs a future beside the workload, of which it becomes a part: the run is over when it is, and fails when it does.
    pub fn spawn(&self, work: impl Future<Output = Result> + Send + 'static) {
        let part = Part::default();
        let number = {
            let mut tasks = lock(&self.shared.tasks);
            tasks.count += 1;
            let number = tasks.count;
            let name =
                if number == 1 { "the workload".into() } else { format!("part {number} of the workload") };
            tasks.running.insert(number, (name, part.clone()));
            number
        };
        let run = self.clone();
        *lock(&part.0) = Some(Box::pin(async move {
            let result = AssertUnwindSafe(work).catch_unwind().await;
            run.ended(number, result);
        }));
        self.cluster.world().spawn(part);
    }

    fn ended(&self, number: usize, result: std::thread::Result<Result>) {
        lock(&self.shared.tasks).running.remove(&number);
        let watching = self.cluster.watching();
        match result {
            Ok(Ok(())) => {}
            Ok(Err(error)) => watching.fail(Broken::Workload { error: error.line() }),
            Err(_) => watching.fail(Broken::Panicked { text: panics::take().join("; then ") }),
        }
    }
}
