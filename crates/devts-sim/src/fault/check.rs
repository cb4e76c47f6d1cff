//! Which values are no faults: refused before a run, with the reason. Knows how many machines there are, nothing else.

use std::fmt;
use std::time::Duration;

use super::{Fault, MachineId, Nodes};

/// No fault, and no time of a plan, is longer than this: a year, so that virtual time never ends within a plan.
pub(crate) const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// A clock that is more than so many thousandths wrong is not a clock.
pub(crate) const MOST_PER_MILLE: i32 = 500;

/// Why a value is not a fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultError {
    /// There is no such machine.
    UnknownNode {
        /// The machine that was named.
        node: MachineId,
        /// How many there are.
        machines: usize,
    },
    /// One of the two sides is empty.
    NoNodes,
    /// A machine is on both sides.
    Overlap {
        /// The machine.
        node: MachineId,
    },
    /// Loss is 1 to 100 packets of a hundred.
    Percent {
        /// What was given.
        percent: u8,
    },
    /// A fault that would do nothing, or that would last no time.
    Zero {
        /// What is zero.
        what: &'static str,
    },
    /// A time longer than a year.
    TooLong {
        /// What is too long.
        what: &'static str,
    },
    /// A ring or a chain of so few machines has nothing to cut.
    TooFew {
        /// How many there are.
        machines: usize,
        /// How many it takes.
        least: usize,
    },
    /// A clock is at most 500 thousandths fast or slow.
    Rate {
        /// What was given.
        per_mille: i32,
    },
}

impl fmt::Display for FaultError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FaultError::UnknownNode { node, machines: 0 } => {
                write!(f, "there is no {node}: there are no machines")
            }
            FaultError::UnknownNode { node, machines } => {
                write!(f, "there is no {node}: the machines are n1 to n{machines}")
            }
            FaultError::NoNodes => write!(f, "one side is empty: name at least one machine on each"),
            FaultError::Overlap { node } => {
                write!(f, "{node} is on both sides: a machine always reaches itself")
            }
            FaultError::Percent { percent } => write!(f, "{percent}% is no loss: give 1% to 100%"),
            FaultError::Zero { what } => write!(f, "{what} is zero: leave the fault out, or give it more"),
            FaultError::TooLong { what } => write!(f, "{what} is more than a year"),
            FaultError::TooFew { machines, least } => {
                write!(f, "among {machines} machines everybody is a neighbour: it takes at least {least}")
            }
            FaultError::Rate { per_mille } => {
                write!(f, "a clock {per_mille} per mille off: give at most {MOST_PER_MILLE}, fast or slow")
            }
        }
    }
}

impl std::error::Error for FaultError {}

impl Fault {
    /// Whether this can be done in a world of so many `machines`.
    ///
    /// # Errors
    /// The reason why it cannot, the first that is found.
    ///
    /// ```
    /// use devts_sim::{Fault, FaultError, MachineId};
    ///
    /// let cut = Fault::partition(MachineId(0), MachineId(7));
    /// assert_eq!(cut.check(8), Ok(()));
    /// assert_eq!(cut.check(3), Err(FaultError::UnknownNode { node: MachineId(7), machines: 3 }));
    /// ```
    pub fn check(&self, machines: usize) -> Result<(), FaultError> {
        if let Some((from, to, _)) = self.link() {
            check_sides(from, to)?;
        }
        if let Some(node) = self.nodes().iter().find(|node| node.0 >= machines) {
            return Err(FaultError::UnknownNode { node, machines });
        }
        self.check_numbers()
    }

    fn check_numbers(&self) -> Result<(), FaultError> {
        match self {
            Fault::Slow { latency, jitter, rate, .. } => check_slow(*latency, *jitter, *rate),
            Fault::Lose { percent, .. } if !(1..=100).contains(percent) => {
                Err(FaultError::Percent { percent: *percent })
            }
            Fault::Pause { time, .. } => check_time("the pause", *time),
            Fault::Starve { delay, time, .. } => {
                check_time("the delay", *delay)?;
                check_time("the time", *time)
            }
            Fault::ClockRate { per_mille, .. }
                if per_mille.unsigned_abs() > MOST_PER_MILLE.unsigned_abs() =>
            {
                Err(FaultError::Rate { per_mille: *per_mille })
            }
            Fault::WallJump { by_ms, .. } => {
                check_time("the jump", Duration::from_millis(by_ms.unsigned_abs()))
            }
            Fault::Flap { up, down, time, .. } => {
                check_time("the time up", *up)?;
                check_time("the time down", *down)?;
                check_time("the time", *time)
            }
            _ => Ok(()),
        }
    }
}

fn check_sides(from: &Nodes, to: &Nodes) -> Result<(), FaultError> {
    if from.is_empty() || to.is_empty() {
        return Err(FaultError::NoNodes);
    }
    from.shared(to).map_or(Ok(()), |node| Err(FaultError::Overlap { node }))
}

fn check_slow(latency: Duration, jitter: Duration, rate: Option<u64>) -> Result<(), FaultError> {
    if latency.is_zero() && jitter.is_zero() && rate.is_none() {
        return Err(FaultError::Zero { what: "the latency" });
    }
    if rate == Some(0) {
        return Err(FaultError::Zero { what: "the rate" });
    }
    match latency.max(jitter) > LONGEST {
        true => Err(FaultError::TooLong { what: "the latency" }),
        false => Ok(()),
    }
}

fn check_time(what: &'static str, time: Duration) -> Result<(), FaultError> {
    match time {
        Duration::ZERO => Err(FaultError::Zero { what }),
        time if time > LONGEST => Err(FaultError::TooLong { what }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const N1: MachineId = MachineId(0);
    const N2: MachineId = MachineId(1);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn each_wrong_value_is_told() {
        let none = Nodes::default();
        let slow = |latency, jitter, rate| Fault::Slow {
            from: N1.into(),
            to: N2.into(),
            both: true,
            latency,
            jitter,
            rate,
        };
        let flap = |up, down, time| Fault::Flap { from: N1.into(), to: N2.into(), up, down, time };
        let zero = Duration::ZERO;
        let table = [
            (Fault::kill(MachineId(2)), FaultError::UnknownNode { node: MachineId(2), machines: 2 }),
            (Fault::partition(N1, none), FaultError::NoNodes),
            (Fault::reset(N1, [N2, N1]), FaultError::Overlap { node: N1 }),
            (Fault::lose(0, N1, N2), FaultError::Percent { percent: 0 }),
            (Fault::lose(101, N1, N2), FaultError::Percent { percent: 101 }),
            (slow(zero, zero, None), FaultError::Zero { what: "the latency" }),
            (slow(SECOND, zero, Some(0)), FaultError::Zero { what: "the rate" }),
            (slow(SECOND, LONGEST * 2, None), FaultError::TooLong { what: "the latency" }),
            (Fault::pause(N1, zero), FaultError::Zero { what: "the pause" }),
            (Fault::pause(N1, LONGEST + SECOND), FaultError::TooLong { what: "the pause" }),
            (Fault::Starve { node: N1, delay: zero, time: SECOND }, FaultError::Zero { what: "the delay" }),
            (Fault::Starve { node: N1, delay: SECOND, time: zero }, FaultError::Zero { what: "the time" }),
            (Fault::ClockRate { node: N1, per_mille: -501 }, FaultError::Rate { per_mille: -501 }),
            (Fault::WallJump { node: N1, by_ms: 0 }, FaultError::Zero { what: "the jump" }),
            (Fault::WallJump { node: N1, by_ms: i64::MIN }, FaultError::TooLong { what: "the jump" }),
            (flap(zero, SECOND, SECOND), FaultError::Zero { what: "the time up" }),
            (flap(SECOND, zero, SECOND), FaultError::Zero { what: "the time down" }),
            (flap(SECOND, SECOND, zero), FaultError::Zero { what: "the time" }),
        ];
        for (fault, error) in table {
            assert_eq!(fault.check(2), Err(error.clone()), "{fault}");
            assert!(!error.to_string().is_empty());
        }
    }

    #[test]
    fn what_is_in_range_is_allowed() {
        let clock = |per_mille| Fault::ClockRate { node: N1, per_mille };
        for fault in [Fault::Heal, clock(0), clock(500), Fault::lose(100, N1, N2), Fault::mend(N1, N2)] {
            assert_eq!(fault.check(2), Ok(()), "{fault}");
        }
    }
}
