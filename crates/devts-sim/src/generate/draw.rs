//! A plan being drawn: one fault after the other, each with its end. Knows who is down when, so that nobody dies twice.

use std::time::Duration;

use super::{Faults, Shape};
use crate::fault::{Fault, MachineId, Nodes};
use crate::plan::Plan;
use crate::rng::Rng;

/// Milliseconds since the start of the plan: what is drawn is round enough to be read.
type Ms = u64;

pub(super) struct Draft {
    rng: Rng,
    shapes: Vec<Shape>,
    machines: usize,
    most_down: usize,
    every: Ms,
    during: Ms,
    /// For each machine, until when it is down or paused.
    away: Vec<Option<Ms>>,
    plan: Plan,
}

impl Draft {
    pub(super) fn new(faults: &Faults, seed: u64, machines: usize, during: Duration) -> Draft {
        let mut rng = Rng::new(seed);
        Draft {
            shapes: swarm(
                &mut rng,
                faults.shapes.iter().copied().filter(|&shape| least(shape) <= machines).collect(),
            ),
            rng,
            machines,
            most_down: faults.most_down_of(machines),
            every: whole_ms(faults.every).max(100),
            during: whole_ms(during),
            away: vec![None; machines],
            plan: Plan::new(),
        }
    }

    /// Draws faults until there is no time left.
    pub(super) fn plan(mut self) -> Plan {
        let mut at = self.gap();
        while at < self.during && !self.shapes.is_empty() {
            let one = self.below(self.shapes.len());
            self.add(self.shapes[one], at);
            at = at.saturating_add(self.gap());
        }
        self.plan
    }

    fn add(&mut self, shape: Shape, at: Ms) {
        match shape {
            Shape::Split | Shape::Isolate | Shape::Bridge | Shape::Pair => self.cut(shape, at),
            Shape::Ring => self.cut_many(at, Fault::ring(self.machines)),
            Shape::Chain => self.cut_many(at, Fault::chain(self.machines)),
            Shape::OneWay => self.cut_one_way(at),
            Shape::Flap => self.flap(at),
            Shape::Loss => self.lose(at),
            Shape::Slow => self.slow(at),
            Shape::Reset => self.reset(at),
            Shape::Crash | Shape::PowerOff => self.crash(at, shape == Shape::PowerOff),
            Shape::CrashStorm => self.crash_storm(at),
            Shape::CrashLoop => self.crash_loop(at),
            Shape::Pause => self.pause(at),
            Shape::Starve => self.starve(at),
            Shape::ClockRate => self.clock_rate(at),
            Shape::WallJump => self.wall_jump(at),
            Shape::DiskFull => self.disk_full(at),
        }
    }

    // ---- between machines ---------------------------------------------------------------------------------------

    fn cut(&mut self, shape: Shape, at: Ms) {
        let (from, to) = self.sides(shape);
        let end = self.end(at, 1_000, 60_000);
        self.cut_between(at, end, from, to, true);
    }

    fn cut_one_way(&mut self, at: Ms) {
        let (from, to) = self.any_sides();
        let end = self.end(at, 1_000, 60_000);
        self.cut_between(at, end, from, to, false);
    }

    fn cut_between(&mut self, at: Ms, end: Ms, from: Nodes, to: Nodes, both: bool) {
        self.step(at, Fault::Cut { from: from.clone(), to: to.clone(), both });
        self.mend(end, from, to, both);
    }

    /// A ring or a chain, which only a heal can end in one line.
    fn cut_many(&mut self, at: Ms, cuts: Vec<Fault>) {
        let end = self.end(at, 1_000, 60_000);
        cuts.into_iter().for_each(|cut| self.step(at, cut));
        self.step(end, Fault::Heal);
    }

    fn flap(&mut self, at: Ms) {
        let (from, to) = self.any_sides();
        let (up, down) = (self.span(500, 20_000), self.span(500, 20_000));
        let time = self.end(at, 5_000, 120_000) - at;
        self.step(at, Fault::Flap { from, to, up: ms(up), down: ms(down), time: ms(time) });
    }

    fn lose(&mut self, at: Ms) {
        let (from, to) = self.any_sides();
        let both = self.both_ways();
        let percent = 5 + u8::try_from(self.rng.below(36)).expect("below 36");
        let end = self.end(at, 1_000, 60_000);
        self.step(at, Fault::Lose { from: from.clone(), to: to.clone(), both, percent });
        self.mend(end, from, to, both);
    }

    fn slow(&mut self, at: Ms) {
        let (from, to) = self.any_sides();
        let both = self.both_ways();
        let latency = self.span(20, 2_000);
        let jitter = if self.rng.percent(50) { latency / 4 } else { 0 };
        let rate = if self.rng.percent(25) { Some(self.span(12, 1_250) * 1_000) } else { None };
        let end = self.end(at, 1_000, 60_000);
        let (latency, jitter) = (ms(latency), ms(jitter));
        self.step(at, Fault::Slow { from: from.clone(), to: to.clone(), both, latency, jitter, rate });
        self.mend(end, from, to, both);
    }

    fn reset(&mut self, at: Ms) {
        let (from, to) = self.any_sides();
        self.step(at, Fault::Reset { from, to });
    }

    /// What was broken between two sides ends: these alone, or everything with it.
    fn mend(&mut self, at: Ms, from: Nodes, to: Nodes, both: bool) {
        let fault = if self.rng.percent(25) { Fault::Heal } else { Fault::Mend { from, to, both } };
        self.step(at, fault);
    }

    /// Two sides of any shape.
    fn any_sides(&mut self) -> (Nodes, Nodes) {
        let shape = [Shape::Split, Shape::Isolate, Shape::Pair][self.below(3)];
        let (from, to) = self.sides(shape);
        if self.rng.percent(50) { (from, to) } else { (to, from) }
    }

    fn sides(&mut self, shape: Shape) -> (Nodes, Nodes) {
        let mut ids = self.shuffled();
        let first = match shape {
            Shape::Split => 1 + self.below(self.machines - 1),
            Shape::Bridge => {
                ids.pop();
                1 + self.below(ids.len() - 1)
            }
            Shape::Pair => {
                ids.truncate(2);
                1
            }
            _ => 1,
        };
        let second = ids.split_off(first);
        (ids.into(), second.into())
    }

    /// Mostly; where one-way faults are wanted, not always.
    fn both_ways(&mut self) -> bool {
        !(self.shapes.contains(&Shape::OneWay) && self.rng.percent(40))
    }

    // ---- to one machine -----------------------------------------------------------------------------------------

    fn crash(&mut self, at: Ms, power: bool) {
        let Some(node) = self.present(at, 1).pop() else { return };
        let end = self.end(at, 50, 60_000);
        self.die(node, at, end, power);
    }

    /// As many as may be down, within a second.
    fn crash_storm(&mut self, at: Ms) {
        for node in self.present(at, self.machines) {
            let later = self.rng.below(1 + (self.during - at).min(1_000) / 20) * 10;
            let end = self.end(at + later, 50, 30_000);
            let power = self.shapes.contains(&Shape::PowerOff) && self.rng.percent(50);
            self.die(node, at + later, end, power);
        }
    }

    /// One machine that dies again and again, soon after each start.
    fn crash_loop(&mut self, at: Ms) {
        let Some(node) = self.present(at, 1).pop() else { return };
        let mut at = at;
        for _ in 0..2 + self.below(4) {
            if at >= self.during {
                break;
            }
            let end = self.end(at, 50, 5_000);
            self.die(node, at, end, false);
            at = end + self.span(100, 5_000);
        }
    }

    fn die(&mut self, node: MachineId, at: Ms, end: Ms, power: bool) {
        self.step(at, if power { Fault::PowerOff { node } } else { Fault::Kill { node } });
        self.step(end, Fault::Start { node });
        self.away[node.0] = Some(end);
    }

    fn pause(&mut self, at: Ms) {
        let Some(node) = self.present(at, 1).pop() else { return };
        let end = self.end(at, 100, 20_000);
        self.step(at, Fault::Pause { node, time: ms(end - at) });
        self.away[node.0] = Some(end);
    }

    fn starve(&mut self, at: Ms) {
        let node = self.node();
        let delay = ms(self.span(20, 3_000));
        let time = ms(self.end(at, 1_000, 30_000) - at);
        self.step(at, Fault::Starve { node, delay, time });
    }

    fn clock_rate(&mut self, at: Ms) {
        let node = self.node();
        let per_mille = 1 + i32::try_from(self.rng.below(10)).expect("below 10");
        let fast = self.rng.percent(50);
        let end = self.end(at, 10_000, 600_000);
        self.step(at, Fault::ClockRate { node, per_mille: if fast { per_mille } else { -per_mille } });
        self.step(end, Fault::ClockRate { node, per_mille: 0 });
    }

    /// Forwards or back; sometimes somebody sets it right again.
    fn wall_jump(&mut self, at: Ms) {
        let node = self.node();
        let size = i64::try_from(self.span(1_000, 86_400_000)).expect("a day fits");
        let by_ms = if self.rng.percent(50) { size } else { -size };
        self.step(at, Fault::WallJump { node, by_ms });
        if self.rng.percent(50) {
            let end = self.end(at, 1_000, 60_000);
            self.step(end, Fault::WallJump { node, by_ms: -by_ms });
        }
    }

    fn disk_full(&mut self, at: Ms) {
        let node = self.node();
        let end = self.end(at, 1_000, 60_000);
        self.step(at, Fault::DiskFull { node, full: true });
        self.step(end, Fault::DiskFull { node, full: false });
    }

    fn node(&mut self) -> MachineId {
        MachineId(self.below(self.machines))
    }

    /// At most so many machines that run at this time and may go away, in random order.
    fn present(&mut self, at: Ms, wanted: usize) -> Vec<MachineId> {
        let away = |until: &Option<Ms>| until.is_some_and(|until| until >= at);
        let free = self.most_down.saturating_sub(self.away.iter().filter(|until| away(until)).count());
        let mut ids = self.shuffled();
        ids.retain(|id| !away(&self.away[id.0]));
        ids.truncate(free.min(wanted));
        ids
    }

    // ---- numbers ------------------------------------------------------------------------------------------------

    fn step(&mut self, at: Ms, fault: Fault) {
        self.plan.insert(ms(at), fault);
    }

    /// When something that begins at `at` ends: after a span of this range, in time.
    fn end(&mut self, at: Ms, least: Ms, most: Ms) -> Ms {
        (at + self.span(least, most)).min(self.during)
    }

    /// The time to the next fault: as often short as long.
    fn gap(&mut self) -> Ms {
        (1 + self.rng.below(self.every / 50)).saturating_mul(100)
    }

    /// A number of this range, each doubling as likely as the next, so that there are short ones and long ones; round.
    fn span(&mut self, least: Ms, most: Ms) -> Ms {
        let doublings = (most / least).ilog2() + 1;
        let base = least << self.rng.below(u64::from(doublings));
        let exact = base + self.rng.below(base);
        let grain = if exact >= 1_000 { 100 } else { 10 };
        (exact / grain * grain).clamp(least, most)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.rng.below(bound as u64)).expect("below a usize")
    }

    /// All machines in random order (Fisher, Yates 1938).
    fn shuffled(&mut self) -> Vec<MachineId> {
        let mut ids: Vec<MachineId> = (0..self.machines).map(MachineId).collect();
        for last in (1..ids.len()).rev() {
            ids.swap(last, self.below(last + 1));
        }
        ids
    }
}

/// Each shape in half of the seeds, one at least.
fn swarm(rng: &mut Rng, all: Vec<Shape>) -> Vec<Shape> {
    let some: Vec<Shape> = all.iter().copied().filter(|_| rng.percent(50)).collect();
    if some.is_empty() && !all.is_empty() {
        let one = usize::try_from(rng.below(all.len() as u64)).expect("below a usize");
        return vec![all[one]];
    }
    some
}

/// How many machines a shape takes.
fn least(shape: Shape) -> usize {
    match shape {
        Shape::Ring => 4,
        Shape::Chain | Shape::Bridge => 3,
        Shape::Split | Shape::Isolate | Shape::Pair | Shape::OneWay => 2,
        Shape::Flap | Shape::Loss | Shape::Slow | Shape::Reset => 2,
        _ => 1,
    }
}

fn ms(ms: Ms) -> Duration {
    Duration::from_millis(ms)
}

/// In whole milliseconds, a year at most.
fn whole_ms(time: Duration) -> Ms {
    u64::try_from(time.min(crate::fault::LONGEST).as_millis()).expect("a year fits")
}
