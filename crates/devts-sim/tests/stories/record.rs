//! What happened in a run of a story, as plain data with its times: who ran, what was said, heard, seen and told. Knows
//! no expectation.

use devts_sim::World;
use devts_sim::story::Told;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The id and the boot of a process, as the origin of what it says.
pub type Life = (u64, u64);

/// Everything that happened.
#[derive(Debug, Default)]
pub struct Record {
    /// Each start of a node, in order.
    pub processes: Vec<Process>,
}

/// A node's process, from its start to its end.
#[derive(Debug)]
pub struct Process {
    /// The machine it runs on.
    pub machine: usize,
    /// Whose id it has: that of this machine's node.
    pub node: usize,
    pub started: Duration,
    /// When it was in the cluster, and as which life.
    pub joined: Option<(Duration, Life)>,
    pub ended: Option<(Duration, End)>,
    /// When each event was accepted; its number is the index.
    pub emitted: Vec<Duration>,
    /// The numbers heard of each origin.
    pub heard: BTreeMap<Life, Vec<u64>>,
    /// Numbers that were told missing: origin, first, last.
    pub gaps: Vec<(Life, u64, u64)>,
    pub sees: Vec<Sight>,
    pub told: Vec<(Duration, Told, usize)>,
    /// Sends that were accepted, by their receiver: when each was, its number is the index.
    pub sent: BTreeMap<usize, Vec<Duration>>,
    /// The numbers of sends that came, by their sender.
    pub got: BTreeMap<Life, Vec<u64>>,
    pub asked: Vec<Asked>,
}

/// Why a process is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The story killed it.
    Killed,
    /// The story let it leave.
    Left,
    /// Nobody asked for it.
    ByItself(String),
}

/// A change in what a process sees of a node.
#[derive(Clone, Debug)]
pub struct Sight {
    pub at: Duration,
    pub node: usize,
    pub boot: u64,
    pub what: Change,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was in the view when this process came in.
    First,
    Joined,
    Rejoined,
    Failed,
    Left,
}

/// A request.
#[derive(Debug)]
pub struct Asked {
    pub at: Duration,
    pub of: usize,
    pub within: Duration,
    /// When it ended, and with which error.
    pub ended: Option<(Duration, Result<(), String>)>,
}

impl Process {
    pub fn new(machine: usize, node: usize, started: Duration) -> Process {
        Process {
            machine,
            node,
            started,
            joined: None,
            ended: None,
            emitted: Vec::new(),
            heard: BTreeMap::new(),
            gaps: Vec::new(),
            sees: Vec::new(),
            told: Vec::new(),
            sent: BTreeMap::new(),
            got: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    /// It has started by then and not ended.
    pub fn runs(&self, at: Duration) -> bool {
        self.started <= at && self.ended.as_ref().is_none_or(|(ended, _)| *ended > at)
    }

    pub fn joined_at(&self) -> Option<Duration> {
        self.joined.map(|(at, _)| at)
    }

    pub fn life(&self) -> Option<Life> {
        self.joined.map(|(_, life)| life)
    }

    /// The last change in what it saw of a node, until then.
    pub fn sight(&self, node: usize, at: Duration) -> Option<&Sight> {
        self.sees.iter().rev().find(|sight| sight.node == node && sight.at <= at)
    }
}

impl Record {
    /// The process that runs on a machine at that time.
    pub fn running(&self, machine: usize, at: Duration) -> Option<&Process> {
        self.processes.iter().rev().find(|process| process.machine == machine && process.runs(at))
    }

    /// All that run at that time.
    pub fn all_running(&self, at: Duration) -> impl Iterator<Item = &Process> {
        self.processes.iter().filter(move |process| process.runs(at))
    }

    /// The youngest life of a node that had joined by then.
    pub fn youngest(&self, node: usize, at: Duration) -> Option<Life> {
        let of_node = self.processes.iter().filter(|process| process.node == node);
        of_node
            .filter(|process| process.joined_at().is_some_and(|joined| joined <= at))
            .filter_map(Process::life)
            .max()
    }
}

/// A share in the record, and the clock: true virtual time.
#[derive(Clone)]
pub struct Shared(Arc<Inner>);

struct Inner {
    record: Mutex<Record>,
    /// None once the run is over: nodes hold this, and the world holds them.
    world: Mutex<Option<World>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub fn new(world: World) -> Shared {
        Shared(Arc::new(Inner { record: Mutex::default(), world: Mutex::new(Some(world)) }))
    }

    pub fn now(&self) -> Duration {
        lock(&self.0.world).as_ref().map(World::now).unwrap_or_default()
    }

    /// Writes or reads, under a short lock.
    pub fn with<R>(&self, act: impl FnOnce(&mut Record) -> R) -> R {
        act(&mut lock(&self.0.record))
    }

    /// The share of one process.
    pub fn ink(&self, process: usize) -> Ink {
        Ink { shared: self.clone(), process }
    }

    /// The run is over: what it leaves.
    pub fn close(&self) -> Record {
        let world = lock(&self.0.world).take();
        drop(world);
        std::mem::take(&mut lock(&self.0.record))
    }
}

/// What one process writes with.
#[derive(Clone)]
pub struct Ink {
    shared: Shared,
    process: usize,
}

impl Ink {
    pub fn now(&self) -> Duration {
        self.shared.now()
    }

    pub fn with<R>(&self, act: impl FnOnce(&mut Process) -> R) -> R {
        let process = self.process;
        self.shared.with(|record| act(&mut record.processes[process]))
    }

    pub fn told(&self, what: Told, of: usize) {
        let now = self.now();
        self.with(|process| process.told.push((now, what, of)));
    }

    /// It is over, unless the story has ended it already.
    pub fn ended(&self, why: End) {
        let now = self.now();
        self.with(|process| {
            process.ended.get_or_insert((now, why));
        });
    }
}
