//! Faults as values: what can be done to machines and to what lies between them. Knows what each fault means and which
//! values are no faults at all; not when it happens (the plan), and not how it is done (the world).

mod check;
mod nodes;

use std::time::Duration;

pub use check::FaultError;
pub(crate) use check::{LONGEST, MOST_PER_MILLE};
pub use nodes::{MachineId, Nodes};

/// One thing that goes wrong, or is mended again.
///
/// A fault is a value: it can be printed (as a line of a [`Plan`](crate::Plan)), compared, drawn from a seed and left out
/// to see whether a run still fails. So that every part of a plan is a plan too, a fault that finds nothing to do does
/// nothing: killing a machine that is down, starting one that runs, mending what was not cut.
///
/// `both` says whether traffic is hit both ways, or only what `from` sends to `to`. A segment and its acknowledgement are
/// traffic of opposite directions, so a one-way fault stalls the streams of the other direction as well once their
/// windows are full; what those have sent before still arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// No packet passes. New connections time out; open ones stall silently, as nobody tells either end, and go on where
    /// they stopped if the cut ends before their owners give up. Ends by [`Fault::Mend`] or [`Fault::Heal`].
    /// Full, one-way, partial, ring and chained partitions are all made of it.
    Cut {
        /// The machines on one side.
        from: Nodes,
        /// The machines on the other.
        to: Nodes,
        /// Hit both ways, or only what `from` sends.
        both: bool,
    },
    /// Every cut, slowness, loss and flapping ends, everywhere. Machines, clocks and disks stay as they are.
    Heal,
    /// Every cut, slowness, loss and flapping between these ends, in the directions told.
    Mend {
        /// The machines on one side.
        from: Nodes,
        /// The machines on the other.
        to: Nodes,
        /// Mended both ways, or only what `from` sends.
        both: bool,
    },
    /// Bytes come late: `latency` and up to `jitter` more, in place of what the world does by itself; never reordered
    /// within a stream. With a `rate`, no more bytes pass than that. Ends by [`Fault::Mend`], [`Fault::Heal`], or
    /// another `Slow` in its place.
    Slow {
        /// The machines on one side.
        from: Nodes,
        /// The machines on the other.
        to: Nodes,
        /// Hit both ways, or only what `from` sends.
        both: bool,
        /// How long a byte is under way at least.
        latency: Duration,
        /// How much longer it may be.
        jitter: Duration,
        /// Bytes a second that pass, `None` for as many as there are.
        rate: Option<u64>,
    },
    /// Packets are lost, as TCP feels it: a stream stalls until the retransmission, which backs off each time it is lost
    /// again, and is reset when it was lost too often. Ends by [`Fault::Mend`], [`Fault::Heal`], or another `Lose`.
    Lose {
        /// The machines on one side.
        from: Nodes,
        /// The machines on the other.
        to: Nodes,
        /// Hit both ways, or only what `from` sends.
        both: bool,
        /// So many packets of a hundred, 1 to 100.
        percent: u8,
    },
    /// Connections that are open between them now are reset: both ends are told at once and what was under way is lost.
    /// New ones may be opened. It is over when it has happened.
    Reset {
        /// The machines at one end.
        from: Nodes,
        /// The machines at the other.
        to: Nodes,
    },
    /// The process dies on the spot, its kernel lives: peers get FIN or RST, dials are refused. What was written to the
    /// disk is there after the restart, synced or not. Ends by [`Fault::Start`].
    Kill {
        /// The machine whose process dies.
        node: MachineId,
    },
    /// The power fails: nobody is told anything, connections stay half open at the peers, dials time out. Writes that were
    /// not synced are lost, whole or in parts, as the seed says. Ends by [`Fault::Start`].
    PowerOff {
        /// The machine without power.
        node: MachineId,
    },
    /// A killed or powered-off machine starts again: same id, same disk, new memory. Its process is started by whoever
    /// owns it.
    Start {
        /// The machine that starts.
        node: MachineId,
    },
    /// The process stands still (SIGSTOP), then goes on where it was (SIGCONT). Its kernel goes on meanwhile: connections
    /// are accepted and bytes taken until the buffers are full. Its clocks go on as well, so that it wakes to timers long
    /// due. Ends by itself, or when the process dies.
    Pause {
        /// The machine whose process stands still.
        node: MachineId,
        /// For how long.
        time: Duration,
    },
    /// The process gets too little of the processor: whatever wakes its tasks does so up to `delay` late, each time anew.
    /// Ends by itself, or when the process dies.
    Starve {
        /// The machine that is short of processor time.
        node: MachineId,
        /// How late a task comes to run, at most.
        delay: Duration,
        /// For how long this goes on.
        time: Duration,
    },
    /// Both clocks of the machine, the monotonic one included, run fast or slow from now on; its timers fire accordingly.
    /// Ends by a rate of 0, which leaves standing what has been gained or lost.
    ClockRate {
        /// The machine whose clocks are wrong.
        node: MachineId,
        /// Thousandths that they gain: 10 is one per cent fast, -10 one per cent slow, 0 is true.
        per_mille: i32,
    },
    /// The wall clock is set, and goes on from there. The monotonic clock is not touched. It is over when it has happened.
    WallJump {
        /// The machine whose wall clock jumps.
        node: MachineId,
        /// Forwards, or backwards if negative, in milliseconds.
        by_ms: i64,
    },
    /// The disk has no room left: what would need more is refused with `StorageFull`, reading and overwriting go on.
    /// Ends by the same with `full: false`.
    DiskFull {
        /// The machine whose disk it is.
        node: MachineId,
        /// No room left, or room again.
        full: bool,
    },
    /// The link comes and goes: usable for `up`, cut both ways for `down`, and so on, beginning with the cut. Ends by
    /// itself after `time`, or by [`Fault::Mend`] or [`Fault::Heal`]; the link is up then.
    Flap {
        /// The machines on one side.
        from: Nodes,
        /// The machines on the other.
        to: Nodes,
        /// How long it works each time.
        up: Duration,
        /// How long it does not.
        down: Duration,
        /// For how long this goes on.
        time: Duration,
    },
}

impl Fault {
    /// Nothing passes between the two sides, in either direction.
    ///
    /// ```
    /// use devts_sim::{Fault, MachineId};
    ///
    /// let [n1, n2, n3] = [0, 1, 2].map(MachineId);
    /// assert_eq!(Fault::partition([n1, n2], n3).to_string(), "cut n1,n2 from n3");
    /// ```
    pub fn partition(a: impl Into<Nodes>, b: impl Into<Nodes>) -> Fault {
        Fault::Cut { from: a.into(), to: b.into(), both: true }
    }

    /// What `from` sends does not reach `to`; what `to` sends does arrive.
    pub fn one_way(from: impl Into<Nodes>, to: impl Into<Nodes>) -> Fault {
        Fault::Cut { from: from.into(), to: to.into(), both: false }
    }

    /// One machine is cut off from all the others, in a world of so many `machines`.
    pub fn isolate(node: MachineId, machines: usize) -> Fault {
        let alone = Nodes::from(node);
        Fault::Cut { to: alone.others(machines), from: alone, both: true }
    }

    /// The cuts that leave a ring: each machine reaches its two neighbours only. Nothing for fewer than four machines,
    /// where everybody is a neighbour.
    ///
    /// ```
    /// use devts_sim::Fault;
    ///
    /// let ring: Vec<_> = Fault::ring(5).iter().map(Fault::to_string).collect();
    /// assert_eq!(ring, ["cut n1 from n3,n4", "cut n2 from n4,n5", "cut n3 from n5"]);
    /// ```
    pub fn ring(machines: usize) -> Vec<Fault> {
        let neighbours = |a: usize, b: usize| b - a == 1 || (a == 0 && b + 1 == machines);
        cut_unless(machines, neighbours)
    }

    /// The cuts that leave a chain: n1 - n2 - n3 and so on, a ring without the link that closes it. Nothing for fewer
    /// than three machines.
    pub fn chain(machines: usize) -> Vec<Fault> {
        cut_unless(machines, |a, b| b - a == 1)
    }

    /// Every cut, slowness, loss and flapping between these ends.
    pub fn mend(a: impl Into<Nodes>, b: impl Into<Nodes>) -> Fault {
        Fault::Mend { from: a.into(), to: b.into(), both: true }
    }

    /// What passes between the two sides, in either direction, is under way for so long.
    pub fn slow(a: impl Into<Nodes>, b: impl Into<Nodes>, latency: Duration) -> Fault {
        Fault::Slow { from: a.into(), to: b.into(), both: true, latency, jitter: Duration::ZERO, rate: None }
    }

    /// So many packets of a hundred are lost between the two sides, in either direction.
    pub fn lose(percent: u8, a: impl Into<Nodes>, b: impl Into<Nodes>) -> Fault {
        Fault::Lose { from: a.into(), to: b.into(), both: true, percent }
    }

    /// The connections between the two sides are reset.
    pub fn reset(a: impl Into<Nodes>, b: impl Into<Nodes>) -> Fault {
        Fault::Reset { from: a.into(), to: b.into() }
    }

    /// The process dies, its kernel answers.
    pub fn kill(node: MachineId) -> Fault {
        Fault::Kill { node }
    }

    /// The machine falls silent, and forgets what was not synced.
    pub fn power_off(node: MachineId) -> Fault {
        Fault::PowerOff { node }
    }

    /// The machine, killed or powered off, starts again.
    pub fn start(node: MachineId) -> Fault {
        Fault::Start { node }
    }

    /// The process stands still for so long.
    pub fn pause(node: MachineId, time: Duration) -> Fault {
        Fault::Pause { node, time }
    }

    /// The word that its line of a plan begins with.
    pub fn verb(&self) -> &'static str {
        match self {
            Fault::Cut { .. } => "cut",
            Fault::Heal => "heal",
            Fault::Mend { .. } => "mend",
            Fault::Slow { .. } => "slow",
            Fault::Lose { .. } => "lose",
            Fault::Reset { .. } => "reset",
            Fault::Kill { .. } => "kill",
            Fault::PowerOff { .. } => "power",
            Fault::Start { .. } => "start",
            Fault::Pause { .. } => "pause",
            Fault::Starve { .. } => "starve",
            Fault::ClockRate { .. } => "clock",
            Fault::WallJump { .. } => "wall",
            Fault::DiskFull { .. } => "disk",
            Fault::Flap { .. } => "flap",
        }
    }

    /// The machines that it names, all of them; none for [`Fault::Heal`], which concerns everybody.
    pub fn nodes(&self) -> Nodes {
        match (self.link(), self.node()) {
            (Some((from, to, _)), _) => from.iter().chain(to.iter()).collect(),
            (None, Some(node)) => node.into(),
            (None, None) => Nodes::default(),
        }
    }

    /// The two sides it lies between, and whether it holds both ways, if it lies between any.
    pub fn link(&self) -> Option<(&Nodes, &Nodes, bool)> {
        match self {
            Fault::Cut { from, to, both }
            | Fault::Mend { from, to, both }
            | Fault::Slow { from, to, both, .. }
            | Fault::Lose { from, to, both, .. } => Some((from, to, *both)),
            Fault::Reset { from, to } | Fault::Flap { from, to, .. } => Some((from, to, true)),
            _ => None,
        }
    }

    /// The one machine that it happens to, if it happens to one.
    pub fn node(&self) -> Option<MachineId> {
        match self {
            Fault::Kill { node }
            | Fault::PowerOff { node }
            | Fault::Start { node }
            | Fault::Pause { node, .. }
            | Fault::Starve { node, .. }
            | Fault::ClockRate { node, .. }
            | Fault::WallJump { node, .. }
            | Fault::DiskFull { node, .. } => Some(*node),
            _ => None,
        }
    }

    /// How long it goes on before it ends by itself; zero for one that has happened at once or needs another to end it.
    pub fn time(&self) -> Duration {
        match self {
            Fault::Pause { time, .. } | Fault::Starve { time, .. } | Fault::Flap { time, .. } => *time,
            _ => Duration::ZERO,
        }
    }
}

/// Cuts between every two machines that are not `joined(a, b)`, `a < b`; one fault for each `a`.
fn cut_unless(machines: usize, joined: impl Fn(usize, usize) -> bool) -> Vec<Fault> {
    let beyond =
        |a: usize| -> Nodes { (a + 1..machines).filter(|&b| !joined(a, b)).map(MachineId).collect() };
    let cut = |a: usize| Fault::partition(MachineId(a), beyond(a));
    (0..machines).filter(|&a| !beyond(a).is_empty()).map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(cuts: &[Fault], a: usize, b: usize) -> bool {
        let (a, b) = (MachineId(a), MachineId(b));
        let between = |(from, to, _): (&Nodes, &Nodes, bool)| {
            (from.contains(a) && to.contains(b)) || (from.contains(b) && to.contains(a))
        };
        !cuts.iter().filter_map(Fault::link).any(between)
    }

    #[test]
    fn in_a_ring_each_reaches_its_two_neighbours_only() {
        for n in 0..12 {
            let cuts = Fault::ring(n);
            assert!(cuts.iter().all(|cut| cut.check(n).is_ok()));
            for a in 0..n {
                let reached = (0..n).filter(|&b| b != a && joined(&cuts, a, b)).count();
                assert_eq!(reached, n.saturating_sub(1).min(2), "n{} of {n}", a + 1);
            }
        }
    }

    #[test]
    fn a_chain_is_a_ring_whose_ends_do_not_meet() {
        assert!(Fault::chain(2).is_empty());
        for n in 3..12 {
            let cuts = Fault::chain(n);
            assert!(!joined(&cuts, 0, n - 1));
            assert!((1..n).all(|b| joined(&cuts, b - 1, b)));
        }
    }

    #[test]
    fn a_fault_tells_whom_it_concerns() {
        let cut = Fault::partition([MachineId(4), MachineId(0)], MachineId(2));
        assert_eq!(cut.nodes().to_string(), "n1,n3,n5");
        assert_eq!(Fault::kill(MachineId(1)).nodes().to_string(), "n2");
        assert!(Fault::Heal.nodes().is_empty());
    }
}
