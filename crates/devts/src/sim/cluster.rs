//! The nodes of a world: one per machine, started and started again with the same id and disk. Knows how a node comes
//! and goes, and no rule that it must obey.

use super::failure::Broken;
use super::place::Place;
use super::watch::{Counts, Eye, Watching, id_of};
use crate::{Builder, JoinError, Life, Node, NodeHandle, StopError};
use devts_rt::Runtime;
use devts_sim::{Fault, FaultError, Machine, MachineId, Plan, World};
use futures_util::FutureExt;
use std::fmt;
use std::future::IntoFuture;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// The port of every node.
const PORT: u16 = 4000;
/// How long a node that did not come in waits before it tries again: as whoever supervises a process would.
const RETRY: Duration = Duration::from_secs(1);

/// Makes a node that is about to join.
pub(crate) type Make<N> = Box<dyn FnMut(&Place) -> Builder<N> + Send>;

/// Looks at a node after a turn; at nothing, when its life is over.
pub(crate) type Look<N> = Box<dyn FnMut(usize, Option<&N>) + Send>;

/// The nodes of a [`World`], one on each of its machines `n1`, `n2`, ...: what [`super::Sim`] is built on, for tests that
/// need the world itself.
///
/// ```
/// # use devts::sim::{Fault, MachineId, SimCluster, World};
/// # struct Quiet;
/// # #[devts::node("quiet")] impl devts::Node for Quiet {}
/// let world = World::new(7);
/// let cluster = SimCluster::new(&world, 3, |place| devts::join(place.seeds(), Quiet));
/// let cut = Fault::partition(MachineId(2), [MachineId(0), MachineId(1)]);
/// world
///     .block_on({
///         let cluster = cluster.clone();
///         async move {
///             cluster.form(std::time::Duration::from_secs(10)).await.expect("three nodes find each other");
///             cluster.apply(&cut).expect("there are three machines");
///             cluster.world().sleep(std::time::Duration::from_secs(10)).await;
///             assert_eq!(cluster.node(2).expect("it runs").view().len(), 1);
///         }
///     })
///     .expect("something goes on all the time");
/// ```
pub struct SimCluster<N>(Arc<Inner<N>>);

struct Inner<N> {
    world: World,
    watching: Arc<Watching>,
    make: Mutex<Make<N>>,
    looks: Mutex<Vec<Look<N>>>,
    slots: Mutex<Vec<Slot<N>>>,
}

/// One machine's node.
struct Slot<N> {
    machine: Machine,
    start: u16,
    state: State<N>,
    /// What watches its present life.
    eye: Option<Arc<Eye>>,
    /// Its clock runs wrong, or its disk is full.
    skewed: bool,
    full: bool,
}

enum State<N> {
    Down,
    Joining { since: Duration },
    Running { handle: NodeHandle<N>, life: Life },
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<N> Clone for SimCluster<N> {
    fn clone(&self) -> SimCluster<N> {
        SimCluster(self.0.clone())
    }
}

impl<N> fmt::Debug for SimCluster<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimCluster of {}", lock(&self.0.slots).len())
    }
}

impl<N: Node> SimCluster<N> {
    /// Adds `nodes` machines to the world; `make` makes each one's node at each start. Nothing runs yet.
    pub fn new(
        world: &World,
        nodes: usize,
        make: impl FnMut(&Place) -> Builder<N> + Send + 'static,
    ) -> SimCluster<N> {
        let slot = |index| Slot {
            machine: world.machine(&MachineId(index).to_string()),
            start: 0,
            state: State::Down,
            eye: None,
            skewed: false,
            full: false,
        };
        SimCluster(Arc::new(Inner {
            world: world.clone(),
            watching: Watching::new(world.clone()),
            make: Mutex::new(Box::new(make)),
            looks: Mutex::default(),
            slots: Mutex::new((0..nodes).map(slot).collect()),
        }))
    }

    pub(crate) fn watching(&self) -> &Arc<Watching> {
        &self.0.watching
    }

    pub(crate) fn look_with(&self, look: Look<N>) {
        lock(&self.0.looks).push(look);
    }

    /// The world.
    pub fn world(&self) -> &World {
        &self.0.world
    }

    /// How many machines there are.
    pub fn len(&self) -> usize {
        lock(&self.0.slots).len()
    }

    /// Whether there is no machine.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A machine, in its present life.
    pub fn machine(&self, node: usize) -> Option<Machine> {
        lock(&self.0.slots).get(node).map(|slot| slot.machine.clone())
    }

    /// A node that is in the cluster.
    pub fn node(&self, node: usize) -> Option<NodeHandle<N>> {
        match lock(&self.0.slots).get(node).map(|slot| &slot.state) {
            Some(State::Running { handle, .. }) => Some(handle.clone()),
            _ => None,
        }
    }

    /// All that are.
    pub fn running(&self) -> Vec<NodeHandle<N>> {
        self.lives().into_iter().map(|(_, _, handle)| handle).collect()
    }

    /// Node, life and handle of all that are.
    pub(crate) fn lives(&self) -> Vec<(usize, Life, NodeHandle<N>)> {
        let slots = lock(&self.0.slots);
        let running = slots.iter().enumerate().filter_map(|(node, slot)| match &slot.state {
            State::Running { handle, life } => Some((node, *life, handle.clone())),
            _ => None,
        });
        running.collect()
    }

    /// Those that are not: since when they try to join, if they do.
    pub(crate) fn absent(&self) -> Vec<(usize, Option<Duration>)> {
        let slots = lock(&self.0.slots);
        let absent = slots.iter().enumerate().filter_map(|(node, slot)| match slot.state {
            State::Down => Some((node, None)),
            State::Joining { since } => Some((node, Some(since))),
            State::Running { .. } => None,
        });
        absent.collect()
    }

    /// What was counted until now.
    pub fn counts(&self) -> Counts {
        self.0.watching.counts()
    }

    /// The first thing that went wrong, and when.
    pub fn broken(&self) -> Option<(Duration, Broken)> {
        self.0.watching.panicked();
        self.0.watching.trouble.get()
    }

    /// Waits until something goes wrong.
    pub async fn breaks(&self) -> Broken {
        self.0.watching.trouble.wait().await
    }

    // ---- coming and going ------------------------------------------------------------------------------------

    /// Starts a node that does not run, on its machine, which is started if it is down.
    pub fn start(&self, node: usize) -> Result<(), FaultError> {
        self.apply(&Fault::start(MachineId(node)))
    }

    /// Applies a fault: to the world, and to the nodes whose machine it stops or starts.
    ///
    /// # Errors
    ///
    /// When it is none: it names a machine that does not exist, for one. [`Fault`] says what else.
    pub fn apply(&self, fault: &Fault) -> Result<(), FaultError> {
        self.0.world.apply(fault)?;
        self.0.watching.count(|counts| counts.faults += 1);
        match fault {
            Fault::Kill { node } | Fault::PowerOff { node } => self.0.down(node.0),
            Fault::Start { node } => self.launch(node.0),
            Fault::ClockRate { node, per_mille } => lock(&self.0.slots)[node.0].skewed = *per_mille != 0,
            Fault::DiskFull { node, full } => lock(&self.0.slots)[node.0].full = *full,
            _ => {}
        }
        Ok(())
    }

    /// Applies the steps of a plan at their times, counted from the beginning of the world; those whose time is past,
    /// at once.
    ///
    /// # Errors
    ///
    /// As [`SimCluster::apply`], of the first step that is no fault.
    pub async fn play(&self, plan: &Plan) -> Result<(), FaultError> {
        for step in &plan.steps {
            let left = step.at.saturating_sub(self.0.world.now());
            if !left.is_zero() {
                self.0.world.sleep(left).await;
            }
            self.apply(&step.fault)?;
        }
        Ok(())
    }

    /// The end of all faults: every link is whole, clocks run right from here on, disks have room, and every node that
    /// does not run is started. Pauses and starvation end by themselves.
    pub fn heal(&self) {
        let mut faults = vec![Fault::Heal];
        for (index, slot) in lock(&self.0.slots).iter().enumerate() {
            let node = MachineId(index);
            faults.extend(slot.skewed.then_some(Fault::ClockRate { node, per_mille: 0 }));
            faults.extend(slot.full.then_some(Fault::DiskFull { node, full: false }));
            faults.extend(matches!(slot.state, State::Down).then_some(Fault::Start { node }));
        }
        faults.iter().for_each(|fault| self.apply(fault).expect("it names machines that exist"));
    }

    /// The end: nothing runs any more, and what the closures hold is let go, this cluster among it.
    pub(crate) fn close(&self) {
        (0..self.len()).for_each(|node| {
            self.apply(&Fault::kill(MachineId(node))).expect("it names a machine that exists")
        });
        lock(&self.0.looks).clear();
        *lock(&self.0.make) = Box::new(|_| unreachable!("nothing is started at the end"));
        self.0.watching.close();
    }

    /// Starts the node on a machine that is up, if it has none.
    pub(crate) fn launch(&self, node: usize) {
        let (place, eye) = {
            let mut slots = lock(&self.0.slots);
            let seeds = seeds_of(&slots, node);
            let slot = &mut slots[node];
            if !matches!(slot.state, State::Down) {
                return;
            }
            slot.machine = slot.machine.start();
            slot.start += 1;
            slot.state = State::Joining { since: self.0.world.now() };
            let (machine, start) = (slot.machine.clone(), slot.start);
            let eye = Eye::new(self.0.watching.clone(), node as u16, start);
            slot.eye = Some(eye.clone());
            (Place { node, start, machine, seeds }, eye)
        };
        self.0.watching.count(|counts| counts.starts += 1);
        let machine = place.machine.clone();
        machine.spawn(Box::pin(keep(Arc::downgrade(&self.0), place, eye)));
    }
}

/// Nobody for the first start of the first node, the first for the others' first, all others after that.
fn seeds_of<N>(slots: &[Slot<N>], node: usize) -> Vec<String> {
    let address = |slot: &Slot<N>| format!("{}:{PORT}", slot.machine.ip());
    let first = slots[node].start == 0;
    let wanted = |other: usize| if first { node != 0 && other == 0 } else { other != node };
    slots.iter().enumerate().filter(|(other, _)| wanted(*other)).map(|(_, slot)| address(slot)).collect()
}

impl<N: Node> Inner<N> {
    /// The node on this machine is gone.
    fn down(&self, node: usize) {
        let (was, eye) = {
            let mut slots = lock(&self.slots);
            let slot = &mut slots[node];
            (std::mem::replace(&mut slot.state, State::Down), slot.eye.take())
        };
        drop(was);
        if let Some(eye) = eye {
            eye.close();
            lock(&self.looks).iter_mut().for_each(|look| look(node, None));
            self.watching.look();
        }
    }

    /// A builder that runs on this machine and is watched.
    fn builder(self: &Arc<Self>, place: &Place, eye: &Arc<Eye>) -> Option<Builder<N>> {
        let made = catch_unwind(AssertUnwindSafe(|| (lock(&self.make))(place)));
        let Ok(builder) = made else {
            self.watching.panicked();
            return None;
        };
        let (inner, node) = (Arc::downgrade(self), place.node);
        let seen = move |seen: &N| inner.upgrade().into_iter().for_each(|inner| inner.look(node, seen));
        let builder = builder.runtime(place.machine.clone()).node_id(id_of(node));
        let builder = builder.bind(format!("{}:{PORT}", place.machine.ip()));
        Some(builder.watched(eye.clone(), seen))
    }

    /// After a turn.
    fn look(&self, node: usize, seen: &N) {
        let looks = || lock(&self.looks).iter_mut().for_each(|look| look(node, Some(seen)));
        let _ = catch_unwind(AssertUnwindSafe(looks)); // what panicked is kept, and asked for next
        self.watching.look();
    }

    fn entered(&self, place: &Place, eye: &Eye, handle: &NodeHandle<N>) {
        let Some(life) = eye.life() else { return };
        lock(&self.slots)[place.node].state = State::Running { handle: handle.clone(), life };
        self.watching.look();
    }

    /// Whether a node that stopped, or did not come in, may be started again.
    fn may_try_again(&self, place: &Place, error: &dyn fmt::Display, passes: bool) -> bool {
        if !self.watching.panicked() && !passes {
            self.watching.fail(Broken::Node { node: place.node, error: error.to_string() });
        }
        passes
    }
}

/// One life of a node, from its start to its end; a life that ends because the cluster has a younger one of its id, or
/// that does not find its cluster, is followed by another.
async fn keep<N: Node>(inner: Weak<Inner<N>>, place: Place, eye: Arc<Eye>) {
    let again = live(&inner, &place, &eye).await;
    if let Some(inner) = inner.upgrade() {
        inner.down(place.node);
    }
    if again {
        place.machine.sleep(RETRY).await;
        if let Some(inner) = inner.upgrade() {
            SimCluster(inner).launch(place.node);
        }
    }
}

/// Whether there is to be another.
async fn live<N: Node>(inner: &Weak<Inner<N>>, place: &Place, eye: &Arc<Eye>) -> bool {
    let builder = inner.upgrade().and_then(|inner| inner.builder(place, eye));
    let Some(builder) = builder else { return false };
    let joined = AssertUnwindSafe(builder.into_future()).catch_unwind().await;
    let Some(here) = inner.upgrade() else { return false };
    let handle = match joined {
        Ok(Ok(handle)) => handle,
        Ok(Err(error)) => {
            let passes = error.is_retryable() || matches!(error, JoinError::Stopped);
            return here.may_try_again(place, &crate::Error::from(error).line(), passes);
        }
        Err(_) => return here.may_try_again(place, &"its start panicked", false),
    };
    here.entered(place, eye, &handle);
    drop(here);
    let stopped = handle.stopped().await;
    let Some(here) = inner.upgrade() else { return false };
    match stopped {
        Ok(()) | Err(StopError::TurnsDropped) => false,
        Err(error) => here.may_try_again(place, &error, error == StopError::Superseded),
    }
}
