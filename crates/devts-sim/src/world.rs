//! One run: everything that happens in it happens here, one thing after the other, in an order that the seed gives.
//! Knows machines, tasks and faults; nothing of what runs on them.

mod faults;

use crate::machine::{Machine, Sleep, nanos, spawn};
use crate::rng::Rng;
use crate::shared::{Shared, State};
use crate::task::{MAIN, Task, TaskId, TaskWaker};
use crate::time::{Due, NEVER, Nanos};
use crate::trace::{Mode, NOBODY, Trace, What};
use devts_rt::BoxFuture;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// How a world is, beside its seed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// Things happen at multiples of this: the grain of time. Default 1 ms, which is that of tokio's timers and the least
    /// of a sleep on most systems; coarser is faster to run, and lets more happen at once.
    pub tick: Duration,
    /// How long a packet between two machines travels. Default 1 ms.
    pub latency: Duration,
    /// How much longer it may take. Default 1 ms.
    pub jitter: Duration,
    /// How many bytes a second one connection carries, if that is bounded. Default: it is not.
    pub rate: Option<u64>,
    /// The virtual time at which `block_on` gives up. Default 30 days.
    pub limit: Duration,
    /// How often tasks may run while virtual time stands still, before that is called spinning. Default 1 million.
    pub spin: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            tick: Duration::from_millis(1),
            latency: Duration::from_millis(1),
            jitter: Duration::from_millis(1),
            rate: None,
            limit: Duration::from_secs(30 * 24 * 3600),
            spin: 1_000_000,
        }
    }
}

/// A world: machines, the network between them, and time. It belongs to the thread that made it, and ends with its last
/// clone: everything that still runs in it is dropped then.
///
/// ```
/// use devts_rt::Runtime;
/// use devts_sim::World;
/// use std::time::Duration;
///
/// let world = World::new(77);
/// let (one, other) = (world.machine("n1"), world.machine("n2"));
/// let there = world.block_on(async {
///     let listener = other.transport().listen("127.0.0.1:80".parse().unwrap()).await.unwrap();
///     let name = one.transport().resolve("n2:80".into()).await.unwrap();
///     one.transport().connect(name[0]).await.is_ok() && listener.address() == name[0]
/// });
/// assert!(there.unwrap());
/// assert!(world.now() < Duration::from_millis(10));
/// ```
#[derive(Clone)]
pub struct World {
    shared: Arc<Shared>,
    owner: Arc<Owner>,
}

/// Ends the world.
struct Owner {
    shared: Arc<Shared>,
    turns: Mutex<Turns>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.shared.with(|state| state.machines.iter_mut().for_each(|machine| machine.up = false));
        // What they drop may drop or wake others.
        loop {
            let tasks = self.shared.with(|state| state.tasks.take_if(|_| true));
            if tasks.is_empty() {
                break;
            }
            drop(tasks);
        }
    }
}

/// What is ready, and who chooses among it.
struct Turns {
    list: Vec<TaskId>,
    rng: Rng,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "World(at {:?})", self.now())
    }
}

/// Why a run did not come to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stuck {
    /// Nothing is ready and nothing will be: what is awaited cannot come.
    Nothing {
        /// When.
        at: Duration,
        /// What still waits.
        left: Running,
    },
    /// The bound of virtual time.
    Limit {
        /// The bound.
        limit: Duration,
        /// What still runs.
        left: Running,
    },
    /// Tasks wake each other and virtual time stands still.
    Spins {
        /// When.
        at: Duration,
        /// Whose task ran last: a machine's number, or of no machine.
        task: Option<usize>,
        /// What still runs.
        left: Running,
    },
    /// Something came from another thread: real time, threads or sockets were used inside the run.
    Foreign {
        /// What was done, by which thread.
        what: Vec<String>,
    },
}

/// What runs in a world: tasks by machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Each machine with tasks, and how many; `None` for those of no machine.
    pub tasks: Vec<(Option<usize>, usize)>,
    /// How many connections are open or closing.
    pub connections: usize,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (machine, count) in &self.tasks {
            let plural = if *count == 1 { "" } else { "s" };
            match machine {
                Some(machine) => write!(f, "{count} task{plural} of n{}, ", machine + 1)?,
                None => write!(f, "{count} task{plural} of no machine, ")?,
            }
        }
        write!(f, "{} connections", self.connections)
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stuck::Nothing { at, left } => {
                write!(f, "at {at:.3?} nothing can happen any more, and the run is not over: {left} wait")
            }
            Stuck::Limit { limit, left } => {
                write!(f, "after {limit:?} of virtual time the run is not over: {left} are still there")
            }
            Stuck::Spins { at, task, left } => {
                let whose = task.map_or_else(|| "no machine".into(), |machine| format!("n{}", machine + 1));
                write!(
                    f,
                    "at {at:.3?} tasks wake each other without end and virtual time stands still (the last is of \
                     {whose}; {left}): a task that waits must sleep, or wait for something that comes"
                )
            }
            Stuck::Foreign { what } => write!(
                f,
                "{}: real time, threads and sockets have no place in a simulated run; use the node's `cx.spawn`, \
                 `cx.every`, `cx.unblock`, or the runtime it is given",
                what.join("; ")
            ),
        }
    }
}

impl std::error::Error for Stuck {}

impl World {
    /// A world with the usual settings. Everything that happens in it follows from the seed.
    pub fn new(seed: u64) -> World {
        World::with(seed, Settings::default(), Mode::Hash)
    }

    /// A world with settings, and with what becomes of its trace.
    ///
    /// # Panics
    ///
    /// When the tick is zero.
    pub fn with(seed: u64, settings: Settings, mode: Mode) -> World {
        assert!(!settings.tick.is_zero(), "a tick is longer than zero");
        let mut rng = Rng::new(seed);
        let turns = Mutex::new(Turns { list: Vec::new(), rng: rng.fork() });
        let shared = Arc::new(Shared::new(rng.next_u64(), settings, mode));
        World { owner: Arc::new(Owner { shared: shared.clone(), turns }), shared }
    }

    /// One machine more. Its name resolves in this world; give each another one.
    pub fn machine(&self, name: &str) -> Machine {
        let id = self.shared.with(|state| state.add_machine(name));
        Machine { shared: self.shared.clone(), id, life: 1 }
    }

    /// The present life of the machine with this number, if there are so many.
    pub fn at(&self, machine: usize) -> Option<Machine> {
        let life = self.shared.with(|state| state.machines.get(machine).map(|machine| machine.life))?;
        Some(Machine { shared: self.shared.clone(), id: machine, life })
    }

    /// Lets a name resolve to these addresses, or to nothing.
    pub fn set_name(&self, name: &str, addresses: Vec<IpAddr>) {
        self.shared.with(|state| state.net.names.insert(name.into(), addresses));
    }

    /// Virtual time since the world began, on no machine's clock.
    pub fn now(&self) -> Duration {
        Duration::from_nanos(self.shared.with(|state| state.now))
    }

    /// Completes after this long on no machine's clock.
    pub fn sleep(&self, duration: Duration) -> BoxFuture<()> {
        let until = self.shared.with(|state| state.now.saturating_add(nanos(duration)));
        Box::pin(Sleep { shared: self.shared.clone(), machine: None, until, armed: None })
    }

    /// Runs a future to its end, on no machine: crashes do not touch it.
    pub fn spawn(&self, future: impl Future<Output = ()> + Send + 'static) {
        drop(spawn(&self.shared, None, Box::pin(future)));
    }

    /// A number of this run's own.
    pub fn random(&self) -> u64 {
        self.shared.with(|state| state.rng.next_u64())
    }

    /// One line of the trace.
    pub fn record(&self, what: What) {
        self.shared.with(|state| state.record(what));
    }

    /// The hash of everything that has happened so far.
    pub fn trace_hash(&self) -> u64 {
        self.shared.with(|state| state.trace.hash())
    }

    /// Looks at the trace.
    pub fn trace<R>(&self, look: impl FnOnce(&Trace) -> R) -> R {
        self.shared.with(|state| look(&state.trace))
    }

    /// Takes the trace out; what happens later is hashed only.
    pub fn take_trace(&self) -> Trace {
        self.shared.with(|state| std::mem::replace(&mut state.trace, Trace::new(Mode::Hash)))
    }

    /// What tasks have panicked with since this was asked last, each with its machine's number.
    pub fn take_panics(&self) -> Vec<(Option<usize>, String)> {
        self.shared.with(|state| std::mem::take(&mut state.panics))
    }

    /// What runs now.
    pub fn left(&self) -> Running {
        self.shared.with(left)
    }

    // ---- the loop ----------------------------------------------------------------------------------------------

    /// Runs the world until the future is done.
    ///
    /// # Errors
    ///
    /// When it cannot be done any more, is not by the limit, or something outside the world took part.
    ///
    /// # Panics
    ///
    /// When called inside a run of the same world.
    pub fn block_on<F: Future>(&self, future: F) -> Result<F::Output, Stuck> {
        let mut turns = self.owner.turns.try_lock().expect("a world runs one `block_on` at a time");
        let mark = TaskWaker::new(&self.shared, MAIN, None);
        let waker = Waker::from(mark.clone());
        let mut future = pin!(future);
        waker.wake_by_ref();
        let mut spun = 0;
        loop {
            self.shared.ready.take(&mut turns.list);
            let Some(id) = turns.next() else {
                if !self.foreign().is_empty() {
                    return Err(Stuck::Foreign { what: self.foreign() });
                }
                match self.advance() {
                    Err(Stuck::Nothing { at, left }) => return Err(self.nothing(at, left)),
                    other => other?,
                }
                spun = 0;
                continue;
            };
            spun += 1;
            if id == MAIN {
                mark.looked_at();
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return self.ended(output);
                }
            } else {
                self.run(id);
            }
            if spun > self.shared.with(|state| state.settings.spin) {
                return Err(self.spins(id));
            }
        }
    }

    fn ended<T>(&self, output: T) -> Result<T, Stuck> {
        let what = self.foreign();
        if what.is_empty() { Ok(output) } else { Err(Stuck::Foreign { what }) }
    }

    /// The run is over without an end. If what it waits for comes from another thread, that is the better thing to say,
    /// and the thread gets a moment of real time to show itself.
    fn nothing(&self, at: Duration, left: Running) -> Stuck {
        for _ in 0..20 {
            if !self.foreign().is_empty() {
                return Stuck::Foreign { what: self.foreign() };
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Stuck::Nothing { at, left }
    }

    fn foreign(&self) -> Vec<String> {
        self.shared.foreign()
    }

    /// Lets one task run.
    fn run(&self, id: TaskId) {
        let taken = self.shared.with(|state| state.begin(id));
        let Some((mut future, waker, machine)) = taken else { return };
        let polled =
            catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut Context::from_waker(&waker))));
        let over = match polled {
            Ok(Poll::Pending) => self.shared.with(|state| match state.tasks.get(id) {
                Some(task) => {
                    task.future = Some(future);
                    None
                }
                // It was killed while it ran.
                None => Some((future, None)),
            }),
            Ok(Poll::Ready(())) => Some((future, self.shared.with(|state| state.tasks.remove(id)))),
            Err(panic) => {
                let text = text(&*panic);
                self.shared.with(|state| state.panics.push((machine, text)));
                Some((future, self.shared.with(|state| state.tasks.remove(id))))
            }
        };
        drop(over);
    }

    /// Nothing is ready: on to the next instant at which something happens.
    fn advance(&self) -> Result<(), Stuck> {
        self.shared.with(|state| {
            let at = state.agenda.next_at().filter(|at| *at < NEVER);
            let limit = nanos(state.settings.limit);
            match at {
                None => Err(Stuck::Nothing { at: Duration::from_nanos(state.now), left: left(state) }),
                Some(at) if at > limit => {
                    Err(Stuck::Limit { limit: state.settings.limit, left: left(state) })
                }
                Some(at) => {
                    state.now = state.now.max(at);
                    while let Some(due) = state.agenda.pop(at) {
                        state.happen(due, &self.shared);
                    }
                    Ok(())
                }
            }
        })
    }

    fn spins(&self, last: TaskId) -> Stuck {
        self.shared.with(|state| {
            let task = state.tasks.get(last).and_then(|task| task.machine).map(|(machine, _)| machine);
            Stuck::Spins { at: Duration::from_nanos(state.now), task, left: left(state) }
        })
    }
}

/// What is in a world now.
fn left(state: &mut State) -> Running {
    let owners = state.tasks.owners();
    let mut tasks: Vec<(Option<usize>, usize)> = Vec::new();
    for owner in owners {
        match tasks.iter_mut().find(|(known, _)| *known == owner) {
            Some((_, count)) => *count += 1,
            None => tasks.push((owner, 1)),
        }
    }
    tasks.sort_unstable();
    Running { tasks, connections: state.net.open_connections() }
}

fn text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".into())
}

impl Turns {
    /// One of those that are ready, by the seed.
    fn next(&mut self) -> Option<TaskId> {
        match self.list.len() {
            0 => None,
            1 => self.list.pop(),
            len => Some(self.list.swap_remove(self.rng.below(len as u64) as usize)),
        }
    }
}

type Begun = (BoxFuture<()>, Waker, Option<usize>);

impl State {
    /// Takes a task out to be polled, unless it is over, stands still, or starves.
    fn begin(&mut self, id: TaskId) -> Option<Begun> {
        let owner = self.tasks.get(id)?.machine;
        if let Some((machine, _)) = owner {
            let now = self.now;
            let owner = &mut self.machines[machine];
            if owner.paused_until > now {
                owner.held.push(id);
                return None;
            }
            let (until, delay) = owner.starved;
            if until > now && !owner.fed(id) {
                let at = now + self.rng.below(delay + 1);
                self.put(at, Due::Run(id));
                return None;
            }
        }
        let machine = owner.map(|(machine, _)| machine);
        let number = machine.map_or(NOBODY, |machine| machine as u16);
        self.record(What::Poll { task: id.place, machine: number });
        let task: &mut Task = self.tasks.get(id)?;
        task.mark.looked_at();
        Some((task.future.take()?, task.waker.clone(), machine))
    }

    /// Something is due.
    fn happen(&mut self, due: Due, shared: &Shared) {
        match due {
            Due::Timer { slot, round } => {
                let waker = self.agenda.disarm(slot, round);
                self.wake(waker);
            }
            Due::Net(due) => self.net_due(due),
            Due::Run(id) => {
                if let Some((machine, _)) = self.tasks.get(id).and_then(|task| task.machine) {
                    self.machines[machine].feed(id);
                    shared.ready.push(id);
                }
            }
            Due::Resume(machine) => {
                if self.machines[machine].paused_until <= self.now {
                    let held = std::mem::take(&mut self.machines[machine].held);
                    held.into_iter().for_each(|id| shared.ready.push(id));
                }
            }
            Due::Flap(index) => self.flap(index),
        }
    }

    /// A machine runs again; its life's number.
    pub(crate) fn start(&mut self, machine: usize) -> u32 {
        let now: Nanos = self.now;
        let state = &mut self.machines[machine];
        if !state.up {
            state.up = true;
            state.silent = false;
            state.life += 1;
            state.paused_until = now;
            state.starved = (0, 0);
        }
        state.life
    }
}

#[cfg(test)]
mod tests;
