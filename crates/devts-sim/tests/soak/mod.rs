//! Random runs of a whole cluster, for as many seeds as one has time for: five to twenty nodes, five virtual minutes of
//! random faults, events of all sizes, sends and requests; and everything that is promised held against what came. The
//! smoke test runs some hundreds of seeds, `--example soak` as many as it is told to.

#![allow(unreachable_pub, dead_code, reason = "a module of a test and of an example")]

mod book;
mod gaps;
mod traffic;

use book::{Book, Pages, Scribe, Witness};
use devts::sim::{Fault, Faults, Gaps, MachineId, Observed, Plan, Run, Seeds, Sim, Summary};
use devts::{Config, Life, Node, NodeHandle};
use devts_sim::check::LifeId;
use devts_sim::check::calls::Calls;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use traffic::{Traffic, traffic};

/// How long a request waits, and how much later its end may be seen: its node may stand still for 20 s, or starve.
const DEADLINE: Duration = Duration::from_secs(3);
const SLACK: Duration = Duration::from_secs(30);

/// What is said and heard in one run, seen from above: by the nodes, the traffic and the checkers.
#[derive(Clone, Debug)]
pub struct Record(Arc<Kept>);

#[derive(Debug)]
struct Kept {
    calls: Mutex<Calls>,
    numbers: AtomicU64,
    gaps: Mutex<gaps::Gaps>,
}

impl Record {
    fn new() -> Record {
        let calls = Mutex::new(Calls::new(SLACK));
        Record(Arc::new(Kept { calls, numbers: AtomicU64::new(1), gaps: Mutex::default() }))
    }

    /// A number for a call.
    pub fn number(&self) -> u64 {
        self.0.numbers.fetch_add(1, Relaxed)
    }

    /// The checker of calls.
    pub fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of whom gaps were told.
    pub fn gaps(&self) -> MutexGuard<'_, gaps::Gaps> {
        self.0.gaps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The size of a run.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// The least and the greatest number of nodes.
    pub nodes: (usize, usize),
    /// How long faults last.
    pub lasting: Duration,
    /// The mean pause between two things that are said, in the whole cluster.
    pub pause: Duration,
}

impl Size {
    /// Five to twenty nodes, five minutes.
    pub const SMOKE: Size =
        Size { nodes: (5, 20), lasting: Duration::from_secs(300), pause: Duration::from_millis(250) };
    /// As many nodes as a full mesh takes.
    pub const LARGE: Size =
        Size { nodes: (64, 64), lasting: Duration::from_secs(300), pause: Duration::from_millis(250) };
}

/// Runs nodes with a state, or without one.
pub fn run(seeds: Seeds, size: Size, with_state: bool) -> Result<Summary, Box<devts::sim::Failure>> {
    if with_state {
        seeds.run(move |sim: &mut Sim<Scribe>| scenario(sim, size, Scribe))
    } else {
        seeds.run(move |sim: &mut Sim<Witness>| scenario(sim, size, Witness))
    }
}

/// How a run differs from the usual one: each in a part of the seeds, so that it hides nothing from the others.
#[derive(Clone, Copy, Debug)]
struct Ways {
    /// Windows and histories are as small as they may be: they fill up, and what is not acknowledged is lost.
    narrow: bool,
    /// Everybody starts at once, and half of those who do cannot reach the one they know.
    cold: bool,
}

impl Ways {
    fn config(self) -> Config {
        let mut config = Config::lan();
        if self.narrow {
            config.engine.history = 1 << 20;
            config.engine.receive_window = 128 << 10;
            config.engine.session = 128 << 10;
        }
        config
    }

    /// Those who cannot reach their seed are founders, and must find the others all the same.
    fn start<N: Node>(self, sim: &mut Sim<N>, count: usize, size: Size) {
        sim.faults(Faults::all());
        sim.lasting(size.lasting);
        if self.cold {
            let lost: Vec<MachineId> =
                (1..count).filter(|_| sim.random().is_multiple_of(2)).map(MachineId).collect();
            if !lost.is_empty() {
                let until = Duration::from_secs(5 + sim.random() % 20);
                let plan = Faults::all().plan(sim.seed(), count, size.lasting);
                let plan = apart(plan, lost, until);
                sim.plan(plan);
            }
            sim.cold_start();
        }
    }
}

fn apart(rest: Plan, lost: Vec<MachineId>, until: Duration) -> Plan {
    let cut = Fault::partition([MachineId(0)], lost.clone());
    let mend = Fault::Mend { from: [MachineId(0)].into(), to: lost.into(), both: true };
    let start = Plan::new().at(Duration::ZERO, cut).at(until, mend);
    rest.steps.into_iter().fold(start, |plan, step| plan.at(step.at, step.fault))
}

fn scenario<N: Node + AsMut<Book> + AsRef<Book>>(sim: &mut Sim<N>, size: Size, wrap: fn(Book) -> N) {
    let (least, most) = size.nodes;
    let count = least + (sim.random() % (most - least + 1) as u64) as usize;
    let ways = Ways { narrow: sim.random().is_multiple_of(4), cold: sim.random().is_multiple_of(4) };
    let record = Record::new();
    let own = record.clone();
    let run = sim.joining(count, move |place| {
        let me = LifeId::new(place.node() as u16, place.start() as u16 - 1);
        devts::join(place.seeds(), wrap(Book::new(me, own.clone()))).config(ways.config())
    });
    ways.start(sim, count, size);
    sim.gaps(Gaps::Allowed);
    let books = sim.observe(|node: &N| node.as_ref().pages());
    calls_hold(sim, &run, &record, books.clone());
    books_hold(sim, books);
    protocol_holds(sim, &run);
    if !ways.narrow {
        gaps_hold(sim, &run, &record);
    }
    let traffic_run = run;
    sim.sometimes("nodes are down", move || traffic_run.down() > 0);
    sim.workload(move |run| traffic(Traffic { run, record, pause: size.pause }));
}

fn calls_hold<N: Node>(sim: &mut Sim<N>, run: &Run<N>, record: &Record, books: Observed<Pages>) {
    let (calls, now) = (record.clone(), run.clone());
    sim.always("calls: at most once, in order, ended", {
        let calls = calls.clone();
        move || match calls.calls().violations().first() {
            None => Ok(()),
            Some(violation) => Err(violation.to_string()),
        }
    });
    sim.eventually("calls: nothing in silence", Duration::from_secs(10), move || {
        let alive: Vec<LifeId> = books.values().values().map(|pages| pages.me).collect();
        match calls.calls().finish(&alive, now.now()).first() {
            None => Ok(()),
            Some(violation) => Err(violation.to_string()),
        }
    });
}

fn books_hold<N: Node>(sim: &mut Sim<N>, books: Observed<Pages>) {
    sim.eventually("all books tell the same", Duration::from_secs(10), move || {
        let values = books.values();
        let mut pages = values.iter().filter(|(_, pages)| pages.whole);
        let Some((first, reference)) = pages.next() else { return Ok(()) };
        match pages.find(|(_, pages)| pages.said != reference.said) {
            None => Ok(()),
            Some((other, pages)) => Err(format!(
                "n{} and n{}: {}",
                first + 1,
                other + 1,
                book::difference(&reference.said, &pages.said)
            )),
        }
    });
}

/// Among nodes that keep to the protocol nobody is taken for one that breaks it. Looked at once a second.
fn protocol_holds<N: Node>(sim: &mut Sim<N>, run: &Run<N>) {
    let run = run.clone();
    let mut next = Duration::ZERO;
    sim.always("nobody breaks the protocol", move || {
        if run.now() < next {
            return Ok(());
        }
        next = run.now() + Duration::from_secs(1);
        let broken = |node: &NodeHandle<N>| node.stats().engine.misbehaved > 0;
        match run.running().iter().find(|node| broken(node)) {
            None => Ok(()),
            Some(node) => Err(format!("n{} has closed a link for that", node.id().get())),
        }
    });
}

fn gaps_hold<N: Node>(sim: &mut Sim<N>, run: &Run<N>, record: &Record) {
    let (run, record) = (run.clone(), record.clone());
    sim.always("what one is told to miss, nobody in its view has", move || {
        let lives = |life: Life| {
            let node = run.running().into_iter().find(|node| node.id() == life.node);
            node.is_some_and(|node| node.view().iter().any(|member| member.life() == life))
        };
        record.gaps().wrong(run.now(), lives)
    });
}
