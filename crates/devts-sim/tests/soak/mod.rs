//! Random runs of a whole cluster, for as many seeds as one has time for: five to twenty nodes, five virtual minutes of
//! random faults, events of all sizes, sends and requests; and everything that is promised held against what came. The
//! smoke test runs some hundreds of seeds, `--example soak` as many as it is told to.

#![allow(unreachable_pub, dead_code, reason = "a module of a test and of an example")]

mod book;
mod traffic;

use book::{Book, Scribe, Witness};
use devts::Node;
use devts::sim::{Faults, Gaps, Seeds, Sim, Summary};
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
pub struct Record(Arc<(Mutex<Calls>, AtomicU64)>);

impl Record {
    fn new() -> Record {
        Record(Arc::new((Mutex::new(Calls::new(SLACK)), AtomicU64::new(1))))
    }

    /// A number for a call.
    pub fn number(&self) -> u64 {
        self.0.1.fetch_add(1, Relaxed)
    }

    /// The checker of calls.
    pub fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
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

fn scenario<N: Node + AsMut<Book> + AsRef<Book>>(sim: &mut Sim<N>, size: Size, wrap: fn(Book) -> N) {
    let (least, most) = size.nodes;
    let count = least + (sim.random() % (most - least + 1) as u64) as usize;
    let record = Record::new();
    let own = record.clone();
    let run = sim.nodes(count, move |place| {
        let me = LifeId::new(place.node() as u16, place.start() as u16 - 1);
        wrap(Book::new(me, own.clone()))
    });
    sim.faults(Faults::all());
    sim.lasting(size.lasting);
    sim.gaps(Gaps::Allowed);
    let books = sim.observe(|node: &N| node.as_ref().pages());
    let (calls, lives) = (record.clone(), run.clone());
    sim.always("calls: at most once, in order, ended", move || match calls.calls().violations().first() {
        None => Ok(()),
        Some(violation) => Err(violation.to_string()),
    });
    let (calls, alive) = (record.clone(), books.clone());
    sim.eventually("calls: nothing in silence", Duration::from_secs(10), move || {
        let alive: Vec<LifeId> = alive.values().values().map(|pages| pages.me).collect();
        match calls.calls().finish(&alive, lives.now()).first() {
            None => Ok(()),
            Some(violation) => Err(violation.to_string()),
        }
    });
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
    let traffic_run = run;
    sim.sometimes("nodes are down", move || traffic_run.down() > 0);
    sim.workload(move |run| traffic(Traffic { run, record, pause: size.pause }));
}
