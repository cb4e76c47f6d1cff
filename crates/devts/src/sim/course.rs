//! One run from its first node to its verdict: form, faults and workload beside each other, heal, come to rest, judge.
//! Knows no other run.

use super::cluster::SimCluster;
use super::failure::Broken;
use super::panics::{self, Keeping};
use super::run::Run;
use super::scenario::{Orders, Sim, Workload};
use super::watch::Counts;
use crate::Node;
use devts_sim::{Mode, Plan, Settings, Trace, World};
use futures_util::future::{Either, select};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::time::Duration;

/// How often what must come to hold is asked for, when nothing else happens.
const GLANCE: Duration = Duration::from_millis(100);

/// Which run is to be made.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) seed: u64,
    /// Another order of what happens at once, and other latencies, of the same scenario; 0 for the seed's own.
    pub(crate) schedule: u64,
    /// Instead of the scenario's own.
    pub(crate) plan: Option<Plan>,
    pub(crate) settings: Settings,
    pub(crate) mode: Mode,
}

/// What was counted in one run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// What was counted.
    pub counts: Counts,
    /// How long it lasted, in virtual time.
    pub time: Duration,
    /// The hash of its trace: equal for equal runs.
    pub trace_hash: u64,
    /// How many lines the trace has.
    pub lines: u64,
    /// The names of [`super::Sim::sometimes`], and those that held.
    pub(crate) sometimes: (BTreeSet<String>, BTreeSet<String>),
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) broken: Option<(Duration, Broken)>,
    pub(crate) values: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) plan: Plan,
    pub(crate) nodes: usize,
    pub(crate) trace: Trace,
}

/// Makes a run.
pub(crate) fn make<N: Node>(scenario: &dyn Fn(&mut Sim<N>), order: &Order) -> Ending {
    let keeping = Keeping::new();
    let world = World::with(order.seed ^ (order.schedule << 48), order.settings.clone(), order.mode.clone());
    let mut sim = Sim::new(order.seed, world.clone());
    let said = catch_unwind(AssertUnwindSafe(|| scenario(&mut sim)));
    let (cluster, run) = match (said, sim.cluster.take(), sim.run.take()) {
        (Ok(()), Some(cluster), Some(run)) => (cluster, run),
        (Ok(()), ..) => {
            return misused(order, &world, "this test has no nodes: say `sim.nodes(3, |_| ..)`".into());
        }
        (Err(_), ..) => return misused(order, &world, panics::take().join("; ")),
    };
    let plan = plan(order, &sim.orders, cluster.len());
    *run.shared.lasting() = sim.orders.lasting();
    let end = go(&world, &cluster, &run, sim, &plan);
    drop(keeping);
    end.with(order, plan, &world, &cluster)
}

/// The seed's plan has a generator of its own: what the scenario draws moves no fault.
fn plan(order: &Order, orders: &Orders, nodes: usize) -> Plan {
    let drawn = || orders.faults.plan(order.seed, nodes, orders.lasting());
    order.plan.clone().or_else(|| orders.plan.clone()).unwrap_or_else(drawn)
}

/// What a run leaves behind for its report.
struct End {
    broken: Option<(Duration, Broken)>,
    values: Vec<String>,
}

/// The run itself. When it is over nothing of it is left but what is counted.
fn go<N: Node>(world: &World, cluster: &SimCluster<N>, run: &Run<N>, sim: Sim<N>, plan: &Plan) -> End {
    let Sim { orders, workloads, shown, .. } = sim;
    let ended = world.block_on({
        let (cluster, run) = (cluster.clone(), run.clone());
        async move {
            let course = pin!(course(&cluster, &run, &orders, workloads, plan));
            let breaks = pin!(cluster.breaks());
            match select(breaks, course).await {
                Either::Left((broken, _)) | Either::Right((Err(broken), _)) => Err(broken),
                Either::Right((Ok(()), _)) => Ok(()),
            }
        }
    });
    let broken = match ended {
        Ok(Ok(())) => None,
        Ok(Err(broken)) => Some(broken),
        Err(stuck) => Some(Broken::World { text: stuck.to_string() }),
    };
    if let Some(broken) = broken {
        cluster.watching().fail(broken);
    }
    let end = End { broken: cluster.broken(), values: shown.iter().flat_map(|show| show()).collect() };
    run.shared.close();
    end
}

impl End {
    fn with<N: Node>(self, order: &Order, plan: Plan, world: &World, cluster: &SimCluster<N>) -> Ending {
        let (notes, nodes) = (cluster.watching().notes(), cluster.len());
        let sometimes = cluster.watching().invariants().fired();
        let outcome = Outcome { counts: cluster.counts(), sometimes, ..outcome(order, world) };
        let trace = world.take_trace();
        cluster.close();
        Ending { outcome, broken: self.broken, values: self.values, notes, plan, nodes, trace }
    }
}

fn outcome(order: &Order, world: &World) -> Outcome {
    Outcome {
        seed: order.seed,
        counts: Counts::default(),
        time: world.now(),
        trace_hash: world.trace_hash(),
        lines: world.trace(Trace::len),
        sometimes: Default::default(),
    }
}

fn misused(order: &Order, world: &World, text: String) -> Ending {
    Ending {
        outcome: outcome(order, world),
        broken: Some((Duration::ZERO, Broken::Test { text })),
        values: Vec::new(),
        notes: Vec::new(),
        plan: Plan::new(),
        nodes: 0,
        trace: world.take_trace(),
    }
}

// ---- the course ----------------------------------------------------------------------------------------------

async fn course<N: Node>(
    cluster: &SimCluster<N>,
    run: &Run<N>,
    orders: &Orders,
    workloads: Vec<Workload<N>>,
    plan: &Plan,
) -> Result<(), Broken> {
    plan.check(cluster.len()).map_err(|error| Broken::Test { text: error.to_string() })?;
    let within = orders.settling;
    if orders.cold {
        (0..cluster.len()).for_each(|node| cluster.launch(node));
    } else {
        cluster.form(within).await.map_err(|missing| Broken::Unsettled { within, missing })?;
    }
    cluster.watching().ask();
    for workload in workloads {
        let own = run.clone();
        run.spawn(async move { workload(own).await });
    }
    cluster.play(plan).await.map_err(|error| Broken::Test { text: error.to_string() })?;
    cluster.world().sleep(orders.lasting().saturating_sub(cluster.world().now())).await;
    cluster.heal();
    let rest = cluster.until(within, || unrest(cluster, run)).await;
    rest.map_err(|missing| Broken::Unsettled { within, missing })?;
    eventually(cluster).await?;
    run.shared.judge()?;
    if cluster.watching().invariants().is_empty() && !run.shared.has_history() && !orders.only_delivery {
        return Err(Broken::Test { text: NOTHING_TO_HOLD.into() });
    }
    Ok(())
}

const NOTHING_TO_HOLD: &str = "this test says nothing that must hold: say `sim.always`, `sim.eventually` or \
     `sim.sometimes`, record a `run.history()`, or, if it is enough that events are delivered, `sim.only_delivery()`";

/// What keeps a run whose faults are over from being at rest.
fn unrest<N: Node>(cluster: &SimCluster<N>, run: &Run<N>) -> Vec<String> {
    let stopped = cluster.absent().into_iter().filter(|(_, since)| since.is_none());
    let stopped =
        stopped.map(|(node, _)| format!("n{} has stopped by itself, and nobody starts it", node + 1));
    let tasks = run.shared.running().into_iter().map(|task| format!("{task} still runs"));
    tasks.chain(stopped).chain(cluster.missing()).collect()
}

async fn eventually<N: Node>(cluster: &SimCluster<N>) -> Result<(), Broken> {
    let rested = cluster.world().now();
    loop {
        let after = cluster.world().now() - rested;
        let over = cluster.watching().invariants().look_ahead(after)?;
        if over {
            return Ok(());
        }
        cluster.world().sleep(GLANCE).await;
    }
}
