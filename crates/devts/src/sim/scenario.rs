//! What a test says about its runs: which nodes, which faults, what is done, what must hold. Knows no seed's outcome.

use super::cluster::SimCluster;
use super::invariants::{Ask, Verdict};
use super::observe::Observed;
use super::place::Place;
use super::run::{Run, Shared};
use super::watch::Watching;
use crate::{Builder, Node, Result};
use devts_sim::{Faults, Plan, Rng, World};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// Tells the generator of scenario and workload from the world's and the plan's, which begin from the same seed.
const OWN: u64 = 0x5ce7_a210;
/// How long faults last, where nothing is said.
const LASTING: Duration = Duration::from_secs(60);
/// How long the cluster may take to come to rest after them: nodes that lost each other dial at least once a minute.
const SETTLING: Duration = Duration::from_secs(120);

pub(crate) type Workload<N> = Box<dyn FnOnce(Run<N>) -> Pin<Box<dyn Future<Output = Result> + Send>> + Send>;

/// What becomes of gaps that nodes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gaps {
    /// A node deals with them in its `gap` hook.
    #[default]
    Allowed,
    /// They are a failure.
    Forbidden,
}

/// One run that is being set up: nodes, faults, workload and invariants. [`super::seeds`] shows all of it.
pub struct Sim<N> {
    seed: u64,
    world: World,
    rng: Rng,
    pub(crate) cluster: Option<SimCluster<N>>,
    pub(crate) run: Option<Run<N>>,
    pub(crate) orders: Orders,
    pub(crate) workloads: Vec<Workload<N>>,
    /// What the report shows of the nodes.
    pub(crate) shown: Vec<Box<dyn Fn() -> Vec<String> + Send>>,
}

/// The settings of a run.
#[derive(Debug)]
pub(crate) struct Orders {
    pub(crate) faults: Faults,
    pub(crate) plan: Option<Plan>,
    pub(crate) lasting: Option<Duration>,
    pub(crate) settling: Duration,
    pub(crate) cold: bool,
    pub(crate) only_delivery: bool,
}

impl<N> fmt::Debug for Sim<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sim of seed {}: {:?}, {:?}", self.seed, self.cluster, self.orders)
    }
}

impl<N: Node> Sim<N> {
    pub(crate) fn new(seed: u64, world: World) -> Sim<N> {
        let orders = Orders {
            faults: Faults::all(),
            plan: None,
            lasting: None,
            settling: SETTLING,
            cold: false,
            only_delivery: false,
        };
        Sim {
            seed,
            world,
            rng: Rng::new(seed ^ OWN),
            cluster: None,
            run: None,
            orders,
            workloads: Vec::new(),
            shown: Vec::new(),
        }
    }

    /// The seed of this run.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number that the seed decides: for the size of the cluster, for one.
    pub fn random(&mut self) -> u64 {
        self.rng.next_u64()
    }

    // ---- nodes -----------------------------------------------------------------------------------------------

    /// So many nodes, and how each is made: at its first start, and after each restart anew. Its [`Place`] says which start
    /// that is and has its disk. What is given back is the run, for invariants that ask who is there.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     let nodes = 3 + (sim.seed() % 3) as usize;
    ///     let run = sim.nodes(nodes, |place| Sum(place.start()));
    ///     sim.always("nobody is alone", move || run.running().len() > 1);
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// When nodes were said before, or there are to be none.
    pub fn nodes(&mut self, count: usize, mut make: impl FnMut(&Place) -> N + Send + 'static) -> Run<N> {
        self.joining(count, move |place| crate::join(place.seeds(), make(place)))
    }

    /// As [`Sim::nodes`], with the whole of how a node joins: its settings, what it tells of itself, or an
    /// [`crate::app`]. Its id, its address and its host are the simulator's.
    ///
    /// ```
    /// # use devts::sim::Sim;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl devts::Node for Quiet {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Quiet>| {
    ///     let run = sim.joining(3, |place| {
    ///         let mut config = devts::Config::lan();
    ///         config.engine.history = 1 << 20;
    ///         devts::join(place.seeds(), Quiet).config(config).info(&place.node())
    ///     });
    ///     sim.always("all can be up", move || run.down() <= 3);
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Sim::nodes`].
    pub fn joining(
        &mut self,
        count: usize,
        make: impl FnMut(&Place) -> Builder<N> + Send + 'static,
    ) -> Run<N> {
        assert!(
            self.cluster.is_none(),
            "`nodes` or `joining` is said once: all nodes of a run are of one type"
        );
        assert!(count > 0, "a cluster has at least one node");
        let cluster = SimCluster::new(&self.world, count, make);
        let run = Run { cluster: cluster.clone(), shared: Shared::new(self.rng.fork()) };
        (self.cluster, self.run) = (Some(cluster), Some(run.clone()));
        run
    }

    fn cluster(&self) -> &SimCluster<N> {
        self.cluster.as_ref().expect("`nodes` comes first: say `sim.nodes(3, |_| ..)` before this")
    }

    fn watching(&self) -> &Arc<Watching> {
        self.cluster().watching()
    }

    /// What is seen of each node after its turns, for invariants to judge and for the report to show.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     sim.nodes(3, |_| Sum(0));
    ///     let sums = sim.observe(|node: &Sum| node.0);
    ///     sim.always("no sum is above 9", move || sums.all(|sum| *sum <= 9));
    /// });
    /// ```
    ///
    /// # Panics
    ///
    /// When `nodes` was not said before; so do all that are about nodes.
    pub fn observe<T, F>(&mut self, mut see: F) -> Observed<T>
    where
        T: fmt::Debug + Send + 'static,
        F: FnMut(&N) -> T + Send + 'static,
    {
        let observed = Observed::new();
        let (sees, shows) = (observed.clone(), observed.clone());
        self.cluster().look_with(Box::new(move |node, seen| match seen {
            Some(seen) => sees.set(node, see(seen)),
            None => sees.clear(node),
        }));
        self.shown.push(Box::new(move || shows.lines()));
        observed
    }

    // ---- faults ----------------------------------------------------------------------------------------------

    /// What may go wrong, instead of [`Faults::all`]. What does, and when, is the seed's.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     sim.nodes(3, |_| Sum(0));
    ///     sim.faults(Faults::only_crashes().every(Duration::from_secs(5)));
    ///     sim.only_delivery();
    /// });
    /// ```
    pub fn faults(&mut self, faults: Faults) {
        self.orders.faults = faults;
    }

    /// What goes wrong, the same for every seed. Times count from the beginning of the run; the faults last until the
    /// plan is over, unless [`Sim::lasting`] says otherwise.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// let plan = Plan::parse("at 5s cut n1 from others\nat 20s heal", 3)?;
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     let run = sim.nodes(3, |_| Sum(0));
    ///     sim.plan(plan.clone());
    ///     sim.sometimes("n1 is alone", move || run.node(0).is_some_and(|node| node.view().len() == 1));
    /// });
    /// # Ok::<(), devts::sim::PlanError>(())
    /// ```
    pub fn plan(&mut self, plan: Plan) {
        self.orders.plan = Some(plan);
    }

    /// How long faults happen, from the beginning of the run. Default 60 s of virtual time. Then everything heals, every
    /// node that is down is started, and the cluster must come to rest.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// let summary = devts::sim::seeds(1).run(|sim: &mut Sim<Sum>| {
    ///     sim.nodes(3, |_| Sum(0));
    ///     sim.lasting(Duration::from_secs(600));
    ///     sim.settling(Duration::from_secs(90));
    ///     sim.only_delivery();
    /// });
    /// assert!(summary?.virtual_time >= Duration::from_secs(600));
    /// # Ok::<(), Box<devts::sim::Failure>>(())
    /// ```
    pub fn lasting(&mut self, time: Duration) {
        self.orders.lasting = Some(time);
    }

    /// How long the cluster may take to come to rest when the faults are over: until the workload has ended, every node
    /// sees every other, and all events are handled everywhere or told as gaps. Default 2 minutes of virtual time, for
    /// nodes that were parted for long dial each other once a minute.
    pub fn settling(&mut self, time: Duration) {
        self.orders.settling = time;
    }

    /// Faults and workload begin at once, while the first nodes join, and not once they are one cluster.
    pub fn cold_start(&mut self) {
        self.orders.cold = true;
    }

    // ---- what is done ----------------------------------------------------------------------------------------

    /// What is done with the cluster, on no machine: no fault touches it. It begins when the nodes are one cluster. Its
    /// error is a failure, so it must expect that nodes are down and that calls fail. Several run beside each other.
    ///
    /// ```
    /// # use devts::sim::{Run, Sim};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl devts::Node for Quiet {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Quiet>| {
    ///     let run = sim.nodes(3, |_| Quiet);
    ///     sim.workload(async |run: Run<Quiet>| {
    ///         while !run.is_over() {
    ///             if let Some(node) = run.pick() {
    ///                 let _ = node.with(|_quiet, _cx| ()).await; // it may be killed meanwhile
    ///             }
    ///             run.sleep(Duration::from_secs(1)).await;
    ///         }
    ///         Ok(())
    ///     });
    ///     sim.always("somebody runs", move || run.down() < 3);
    /// });
    /// ```
    pub fn workload<F, W>(&mut self, work: W)
    where
        W: FnOnce(Run<N>) -> F + Send + 'static,
        F: Future<Output = Result> + Send + 'static,
    {
        self.workloads.push(Box::new(move |run| Box::pin(work(run))));
    }

    // ---- what must hold --------------------------------------------------------------------------------------

    /// Must hold after the turns of every node (events of one kind and origin that come together are handled together),
    /// and whenever a node comes or goes; from when the cluster is formed until the run is over.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     let run = sim.nodes(5, |_| Sum(0));
    ///     sim.faults(Faults::only_crashes());
    ///     sim.always("a majority runs", move || match run.down() {
    ///         0..=2 => Ok(()),
    ///         down => Err(format!("{down} of 5 are down")),
    ///     });
    /// });
    /// ```
    pub fn always<V: Verdict>(&mut self, name: &str, mut holds: impl FnMut() -> V + Send + 'static) {
        let ask: Ask = Box::new(move || holds().verdict());
        self.watching().invariants().always(name, ask);
    }

    /// Must come to hold within this time of virtual time, once the faults are over and the cluster has come to rest.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     sim.nodes(3, |_| Sum(0));
    ///     let sums = sim.observe(|node: &Sum| node.0);
    ///     sim.eventually("all sums are equal", Duration::from_secs(1), move || sums.all_equal());
    /// });
    /// ```
    pub fn eventually<V: Verdict>(
        &mut self,
        name: &str,
        within: Duration,
        mut holds: impl FnMut() -> V + Send + 'static,
    ) {
        let ask: Ask = Box::new(move || holds().verdict());
        self.watching().invariants().eventually(name, within, ask);
    }

    /// Must hold at one of these moments in one run of all seeds; else the test does not test what it says. Not judged when
    /// one seed is replayed.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// let failure = devts::sim::seeds(2).run(|sim: &mut Sim<Sum>| {
    ///     let run = sim.nodes(3, |_| Sum(0));
    ///     sim.faults(Faults::network());
    ///     sim.sometimes("a node is down", move || run.down() > 0);
    /// });
    /// let text = failure.expect_err("no fault of the network does that").to_string();
    /// assert!(text.starts_with("in 2 seeds it was never so that a node is down"));
    /// ```
    pub fn sometimes<V: Verdict>(&mut self, name: &str, mut holds: impl FnMut() -> V + Send + 'static) {
        let ask: Ask = Box::new(move || holds().verdict());
        self.watching().invariants().sometimes(name, ask);
    }

    /// What becomes of gaps. They are allowed if nothing is said.
    ///
    /// ```
    /// # use devts::sim::{Faults, Gaps, Plan, Sim};
    /// # use std::time::Duration;
    /// # struct Sum(u64);
    /// # #[devts::node("sum")] impl devts::Node for Sum {}
    /// devts::sim::seeds(1).check(|sim: &mut Sim<Sum>| {
    ///     sim.nodes(3, |_| Sum(0));
    ///     sim.faults(Faults::none());
    ///     sim.gaps(Gaps::Forbidden);
    ///     sim.only_delivery();
    /// });
    /// ```
    pub fn gaps(&mut self, gaps: Gaps) {
        self.watching().allowed().gaps = gaps == Gaps::Allowed;
    }

    /// Panics of nodes are no failure of the test: for nodes that are to go on after one.
    pub fn allow_panics(&mut self) {
        self.watching().allowed().panics = true;
    }

    /// This test has no invariant of its own: it tests that its nodes are one cluster, that what they emit is delivered,
    /// and that they do not panic.
    pub fn only_delivery(&mut self) {
        self.orders.only_delivery = true;
    }
}

impl Orders {
    /// How long faults happen.
    pub(crate) fn lasting(&self) -> Duration {
        let plan = self.plan.as_ref().map(Plan::ends);
        self.lasting.or(plan).unwrap_or(LASTING)
    }
}
