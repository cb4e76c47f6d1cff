//! What the handles of one world share: its state behind one lock, the ready list, and what was done that must not be.
//! Knows how things are locked and woken, and nothing of what they mean.

use crate::disk::Disk;
use crate::net::Net;
use crate::rng::Rng;
use crate::task::{Ready, TaskId, Tasks};
use crate::time::{Agenda, Due, NEVER, Nanos};
use crate::trace::{Mode, Trace, What};
use crate::world::Settings;
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// The wall clock when a world begins: 2026-01-01 00:00 UTC.
const EPOCH: Nanos = 1_767_225_600 * 1_000_000_000;

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number for the calling thread, to tell it from others cheaply.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    thread_local! {
        static NUMBER: Cell<u64> = const { Cell::new(0) };
    }
    NUMBER.with(|number| {
        if number.get() == 0 {
            number.set(NEXT.fetch_add(1, Relaxed));
        }
        number.get()
    })
}

/// See the module.
pub(crate) struct Shared {
    thread: u64,
    state: Mutex<State>,
    pub(crate) ready: Ready,
    /// What was done from another thread, in words.
    foreign: Mutex<Vec<String>>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("World")
    }
}

impl Shared {
    pub(crate) fn new(seed: u64, settings: Settings, mode: Mode) -> Shared {
        let state = State::new(seed, settings, mode);
        Shared {
            thread: this_thread(),
            state: Mutex::new(state),
            ready: Ready::default(),
            foreign: Mutex::default(),
        }
    }

    /// Does something with the state, and wakes whom that concerns when it is unlocked again.
    pub(crate) fn with<R>(&self, act: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let result = act(&mut state);
        if state.woken.is_empty() && state.waste.is_empty() {
            return result;
        }
        let (woken, waste) = (std::mem::take(&mut state.woken), std::mem::take(&mut state.waste));
        drop(state);
        woken.into_iter().for_each(Waker::wake);
        drop(waste);
        result
    }

    /// Whether this is the world's thread. If not, that is noted, and the run will fail.
    pub(crate) fn must_be_here(&self, what: &str, machine: Option<usize>) -> bool {
        if self.thread == this_thread() {
            return true;
        }
        let thread = std::thread::current();
        let whose = machine.map_or_else(|| "of no machine".into(), |id| format!("of n{}", id + 1));
        let text =
            format!("{what} ({whose}) from the thread {:?}", thread.name().unwrap_or("without a name"));
        let mut foreign = lock(&self.foreign);
        if foreign.len() < 16 && !foreign.contains(&text) {
            foreign.push(text);
        }
        false
    }

    /// What was done from other threads.
    pub(crate) fn foreign(&self) -> Vec<String> {
        lock(&self.foreign).clone()
    }
}

/// One machine.
#[derive(Debug)]
pub(crate) struct MachineState {
    pub(crate) name: String,
    /// Counts its starts; a task or a stream of an earlier life is nobody's.
    pub(crate) life: u32,
    pub(crate) up: bool,
    /// It is down for want of power: its kernel answers nothing.
    pub(crate) silent: bool,
    pub(crate) rng: Rng,
    pub(crate) disk: Disk,
    pub(crate) next_port: u16,
    /// Its clock: local time `clock.1` was at true time `clock.0`, and runs this many per mille fast.
    clock: (Nanos, Nanos),
    pub(crate) per_mille: i64,
    pub(crate) wall_offset: i64,
    pub(crate) paused_until: Nanos,
    /// Tasks that are ready and wait for the end of the pause.
    pub(crate) held: Vec<TaskId>,
    /// Until when its tasks come late, and by how much at most.
    pub(crate) starved: (Nanos, Nanos),
    /// Starved tasks whose time has come.
    fed: Vec<TaskId>,
}

impl MachineState {
    fn new(name: &str, rng: Rng) -> MachineState {
        MachineState {
            name: name.into(),
            life: 1,
            up: true,
            silent: false,
            rng,
            disk: Disk::new(),
            next_port: 40_000,
            clock: (0, 0),
            per_mille: 0,
            wall_offset: 0,
            paused_until: 0,
            held: Vec::new(),
            starved: (0, 0),
            fed: Vec::new(),
        }
    }

    /// What its monotonic clock says at a true time.
    pub(crate) fn local(&self, now: Nanos) -> Nanos {
        let (from, at) = self.clock;
        at + scaled(now - from, 1000 + self.per_mille, 1000)
    }

    /// What its wall clock says.
    pub(crate) fn wall(&self, now: Nanos) -> Nanos {
        (EPOCH + self.local(now)).saturating_add_signed(self.wall_offset)
    }

    /// The true time at which its clock will say `local`, if nothing changes it.
    pub(crate) fn when(&self, now: Nanos, local: Nanos) -> Nanos {
        let left = local.saturating_sub(self.local(now));
        if self.per_mille == 0 {
            return now.saturating_add(left);
        }
        let scaled = u128::from(left) * 1000 / u128::from((1000 + self.per_mille).unsigned_abs()) + 1;
        now.saturating_add(Nanos::try_from(scaled).unwrap_or(NEVER))
    }

    /// A starved task may run once.
    pub(crate) fn feed(&mut self, task: TaskId) {
        self.fed.push(task);
    }

    /// Whether a starved task may run now.
    pub(crate) fn fed(&mut self, task: TaskId) -> bool {
        let place = self.fed.iter().position(|known| *known == task);
        place.map(|place| self.fed.swap_remove(place)).is_some()
    }

    /// From now on its clock runs so many per mille fast.
    pub(crate) fn set_rate(&mut self, now: Nanos, per_mille: i64) {
        self.clock = (now, self.local(now));
        self.per_mille = per_mille;
    }
}

fn scaled(time: Nanos, by: i64, of: u64) -> Nanos {
    if by.unsigned_abs() == of {
        return time;
    }
    Nanos::try_from(u128::from(time) * u128::from(by.unsigned_abs()) / u128::from(of)).unwrap_or(NEVER)
}

/// Everything of a world.
pub(crate) struct State {
    pub(crate) settings: Settings,
    pub(crate) now: Nanos,
    pub(crate) rng: Rng,
    pub(crate) agenda: Agenda,
    pub(crate) tasks: Tasks,
    pub(crate) machines: Vec<MachineState>,
    pub(crate) net: Net,
    pub(crate) trace: Trace,
    /// What tasks panicked with: the machine, and the text.
    pub(crate) panics: Vec<(Option<usize>, String)>,
    /// Who is woken when the lock is free again.
    pub(crate) woken: Vec<Waker>,
    /// Wakers that are dropped when the lock is free again: they may own anything.
    pub(crate) waste: Vec<Waker>,
}

impl State {
    fn new(seed: u64, settings: Settings, mode: Mode) -> State {
        State {
            settings,
            now: 0,
            rng: Rng::new(seed),
            agenda: Agenda::default(),
            tasks: Tasks::default(),
            machines: Vec::new(),
            net: Net::default(),
            trace: Trace::new(mode),
            panics: Vec::new(),
            woken: Vec::new(),
            waste: Vec::new(),
        }
    }

    pub(crate) fn record(&mut self, what: What) {
        self.trace.record(self.now, what);
    }

    /// A time, on the next tick.
    pub(crate) fn tick(&self, at: Nanos) -> Nanos {
        let tick = self.settings.tick.as_nanos() as Nanos;
        at.checked_next_multiple_of(tick).unwrap_or(NEVER)
    }

    /// Puts something at a time, which is rounded up to a tick.
    pub(crate) fn put(&mut self, at: Nanos, due: Due) {
        let (at, tie) = (self.tick(at), self.tie());
        if at < NEVER {
            self.agenda.put(at, tie, due);
        }
    }

    /// What orders two things of one instant.
    pub(crate) fn tie(&mut self) -> u32 {
        (self.rng.next_u64() >> 32) as u32
    }

    /// Wakes, once the lock is free.
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        self.woken.extend(waker);
    }

    /// Whether this life of a machine runs.
    pub(crate) fn lives(&self, machine: usize, life: u32) -> bool {
        self.machines[machine].up && self.machines[machine].life == life
    }

    pub(crate) fn add_machine(&mut self, name: &str) -> usize {
        let rng = self.rng.fork();
        self.machines.push(MachineState::new(name, rng));
        self.net.grow(self.machines.len(), &self.settings);
        self.machines.len() - 1
    }
}

/// The address of a machine: all of them are loopback addresses, which need no leave to be bound.
pub(crate) fn ip_of(machine: usize) -> IpAddr {
    let (high, low) = ((machine / 250) as u8, (machine % 250) as u8);
    IpAddr::V4(Ipv4Addr::new(127, 0, high, low + 1))
}

/// The machine of an address, if there are so many.
pub(crate) fn machine_of(ip: IpAddr, machines: usize) -> Option<usize> {
    let IpAddr::V4(ip) = ip else { return ip.is_loopback().then_some(0) };
    let [_, zero, high, low] = ip.octets();
    let machine = usize::from(high) * 250 + usize::from(low.checked_sub(1)?);
    (ip.is_loopback() && zero == 0 && machine < machines && low <= 250).then_some(machine)
}

#[cfg(test)]
mod tests {
    use super::{MachineState, ip_of, machine_of};
    use crate::rng::Rng;

    #[test]
    fn addresses_are_the_machines() {
        for machine in [0, 1, 249, 250, 999] {
            assert_eq!(machine_of(ip_of(machine), 1000), Some(machine));
        }
        assert_eq!(machine_of(ip_of(5), 5), None);
        assert_eq!(ip_of(0).to_string(), "127.0.0.1");
    }

    #[test]
    fn clocks_run_at_their_rate_and_never_back() {
        let mut machine = MachineState::new("n1", Rng::new(1));
        assert_eq!(machine.local(1_000), 1_000);
        machine.set_rate(1_000, 10);
        assert_eq!(machine.local(2_000), 2_010);
        machine.set_rate(2_000, -10);
        assert_eq!((machine.local(2_000), machine.local(3_000)), (2_010, 3_000));
        let when = machine.when(3_000, 3_990);
        assert!(machine.local(when) >= 3_990 && when <= 4_001, "{when}");
    }
}
