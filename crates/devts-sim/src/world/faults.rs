//! How faults are done to a world. Knows what each means for tasks, clocks and paths; not when it is done.

use super::World;
use crate::fault::{Fault, FaultError, Nodes};
use crate::machine::nanos;
use crate::net::Flap;
use crate::shared::State;
use crate::time::{Due, Nanos};
use crate::trace::What;
use std::time::Duration;

impl World {
    /// Does a fault now. What a fault finds done already is left as it is. [`Fault::Start`] gives the machine a new life;
    /// what runs on it is the caller's to start: see [`World::at`].
    ///
    /// ```
    /// use devts_sim::{Fault, MachineId, World};
    ///
    /// let world = World::new(1);
    /// let (first, _) = (world.machine("n1"), world.machine("n2"));
    /// world.apply(&Fault::Kill { node: MachineId(0) }).unwrap();
    /// assert!(!first.is_up());
    /// assert!(world.apply(&Fault::Kill { node: MachineId(2) }).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// When it names a machine that is not there, or a value out of range; nothing is done then.
    pub fn apply(&self, fault: &Fault) -> Result<(), FaultError> {
        let dead = self.shared.with(|state| {
            fault.check(state.machines.len())?;
            state.record(What::Fault(fault.to_string().into()));
            let lives = |state: &State| -> Vec<(bool, u32)> {
                state.machines.iter().map(|machine| (machine.up, machine.life)).collect()
            };
            let before = lives(state);
            state.suffer(fault);
            let after = lives(state);
            let died = |machine: usize, life| before[machine] == (true, life) && !after[machine].0;
            Ok(state.tasks.take_if(|owner| owner.is_some_and(|(machine, life)| died(machine, life))))
        })?;
        // Dropped outside the lock: they own streams and timers.
        drop(dead);
        Ok(())
    }
}

impl State {
    fn suffer(&mut self, fault: &Fault) {
        let now = self.now;
        match fault {
            Fault::Cut { from, to, both } => {
                self.each(from, to, *both, |state, from, to| state.net.path_mut(from, to).cut = true);
            }
            Fault::Heal => {
                let all = Nodes::all(self.machines.len());
                self.mend(&all, &all, true);
            }
            Fault::Mend { from, to, both } => self.mend(from, to, *both),
            Fault::Slow { from, to, both, latency, jitter, rate } => {
                self.each(from, to, *both, |state, from, to| {
                    let path = state.net.path_mut(from, to);
                    (path.latency, path.jitter, path.rate) = (nanos(*latency), nanos(*jitter), *rate);
                });
            }
            Fault::Lose { from, to, both, percent } => {
                self.each(from, to, *both, |state, from, to| state.net.path_mut(from, to).loss = *percent);
            }
            Fault::Reset { from, to } => {
                self.each(from, to, false, |state, from, to| state.reset_between(from, to));
            }
            Fault::Kill { node } => self.die(node.0, false),
            Fault::PowerOff { node } => self.die(node.0, true),
            Fault::Start { node } => {
                self.start(node.0);
            }
            Fault::Pause { node, time } => {
                let until = (now + nanos(*time)).max(self.machines[node.0].paused_until);
                self.machines[node.0].paused_until = until;
                self.put(until, Due::Resume(node.0));
            }
            Fault::Starve { node, delay, time } => {
                self.machines[node.0].starved = (now + nanos(*time), nanos(*delay));
            }
            Fault::ClockRate { node, per_mille } => {
                self.machines[node.0].set_rate(now, i64::from(*per_mille));
            }
            Fault::WallJump { node, by_ms } => {
                let offset = &mut self.machines[node.0].wall_offset;
                *offset = offset.saturating_add(by_ms.saturating_mul(1_000_000));
            }
            Fault::DiskFull { node, full } => self.machines[node.0].disk.set_full(*full),
            Fault::Flap { from, to, up, down, time } => self.begin_flap(from, to, (*up, *down, *time)),
        }
    }

    /// Does something to each way from one side to the other.
    fn each(&mut self, from: &Nodes, to: &Nodes, both: bool, mut act: impl FnMut(&mut State, usize, usize)) {
        for one in from.iter() {
            for other in to.iter().filter(|other| *other != one) {
                act(self, one.0, other.0);
                if both {
                    act(self, other.0, one.0);
                }
            }
        }
    }

    fn mend(&mut self, from: &Nodes, to: &Nodes, both: bool) {
        let (latency, jitter) = (nanos(self.settings.latency), nanos(self.settings.jitter));
        let rate = self.settings.rate;
        self.each(from, to, both, |state, from, to| {
            let path = state.net.path_mut(from, to);
            (path.cut, path.flapped, path.loss) = (false, false, 0);
            (path.latency, path.jitter, path.rate) = (latency, jitter, rate);
            state.net.flaps.iter_mut().for_each(|flap| flap.pairs.retain(|pair| *pair != (from, to)));
        });
    }

    fn begin_flap(&mut self, from: &Nodes, to: &Nodes, (up, down, time): (Duration, Duration, Duration)) {
        let mut pairs = Vec::new();
        self.each(from, to, true, |_, from, to| pairs.push((from, to)));
        let until: Nanos = self.now + nanos(time);
        self.net.flaps.push(Flap { pairs, up: nanos(up), down: nanos(down), until, is_down: false });
        self.flap(self.net.flaps.len() - 1);
    }

    /// A machine's process dies, and its kernel too if the power fails.
    fn die(&mut self, machine: usize, silent: bool) {
        let was_up = std::mem::replace(&mut self.machines[machine].up, false);
        // Who is dead already may still lose power.
        self.machines[machine].silent |= silent;
        if silent {
            let mut rng = self.machines[machine].rng.fork();
            self.machines[machine].disk.crash(&mut rng);
        } else {
            // What the dead process may still hold of it is nothing any more.
            self.machines[machine].disk.detach();
        }
        if !was_up {
            return;
        }
        self.machines[machine].held.clear();
        self.machines[machine].paused_until = 0;
        if silent {
            self.end_conns(machine, true);
            self.end_listening(machine);
        } else {
            self.end_listening(machine);
            self.end_conns(machine, false);
        }
    }
}
