//! Timed faults, and their text form: one line a step, read and printed without loss. Knows when each fault happens and
//! what a plan leaves broken at its end; not who makes it happen.

mod left;
mod print;
pub(crate) mod read;
pub(crate) mod words;

use std::fmt;
use std::time::Duration;

use crate::fault::{Fault, FaultError, LONGEST};

pub use left::Left;
pub use read::PlanError;
pub use words::Reason;

/// What goes wrong in a run, and when: a list of faults in the order of their times.
///
/// Its text form has one line a step. `from` stands between two sides that are hit both ways, `to` before the one that
/// does not hear the other; `others` is everybody else. `#` begins a comment.
///
/// ```
/// use std::time::Duration;
/// use devts_sim::{Fault, MachineId, Plan};
///
/// let plan = Plan::parse(
///     "at 10s  cut n1,n2 from others   # a minority is alone
///      at 15s  kill n4
///      at 16s  start n4
///      at 30s  heal",
///     5,
/// )?;
/// assert_eq!(plan.steps.len(), 4);
/// assert_eq!(plan.to_string().lines().next(), Some("at 10s cut n1,n2 from n3,n4,n5"));
///
/// let [n1, n2, n4] = [0, 1, 3].map(MachineId);
/// let same = Plan::new()
///     .at(Duration::from_secs(30), Fault::Heal)
///     .at(Duration::from_secs(15), Fault::kill(n4))
///     .at(Duration::from_secs(16), Fault::start(n4))
///     .at(Duration::from_secs(10), Fault::partition([n1, n2], [2, 3, 4].map(MachineId)));
/// assert_eq!(plan, same);
/// # Ok::<(), devts_sim::PlanError>(())
/// ```
///
/// All the lines there are:
///
/// ```
/// # devts_sim::Plan::parse("
/// at 10s   cut n1,n2 from n3,n4,n5
/// at 12s   cut n1 to n2                       # one way
/// at 13s   cut n1 from others
/// at 14s   cut ring                           # or: cut chain
/// at 20s   slow n1 to n2 latency 50ms jitter 10ms rate 125000
/// at 20s   slow n1,n2 from n3 latency 2s
/// at 30s   lose 20% n1,n2 from n3
/// at 30s   lose 20% n1 to n3
/// at 31s   reset n1 from n2
/// at 40s   kill n3
/// at 40s   power off n4
/// at 45s   start n3
/// at 50s   pause n2 for 20s
/// at 50s   starve n2 by 3s for 10s
/// at 60s   clock n2 fast 10 per mille         # or: slow 10 per mille
/// at 65s   clock n2 true
/// at 66s   wall n2 +24h                       # or: -24h
/// at 70s   disk full n3
/// at 75s   disk free n3
/// at 80s   flap n1 from n2 up 20s down 20s for 10m
/// at 1m30s mend n1 from n2
/// at 100s  heal
/// # ", 5).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What happens, in order of time; of the same time, in this order.
    pub steps: Vec<Step>,
}

/// One fault at its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// When it happens, in true time since the start of the run (or of the plan, if whoever runs it says so).
    pub at: Duration,
    /// What happens.
    pub fault: Fault,
}

impl Plan {
    /// A plan in which nothing goes wrong.
    pub fn new() -> Plan {
        Plan::default()
    }

    /// The plan and one more step; steps of the same time happen in the order in which they were added.
    #[must_use]
    pub fn at(mut self, at: Duration, fault: Fault) -> Plan {
        self.insert(at, fault);
        self
    }

    /// The plan and several faults at one time, as [`Fault::ring`] gives them.
    #[must_use]
    pub fn all_at(mut self, at: Duration, faults: impl IntoIterator<Item = Fault>) -> Plan {
        for fault in faults {
            self.insert(at, fault);
        }
        self
    }

    /// One more step, behind those of the same time.
    pub(crate) fn insert(&mut self, at: Duration, fault: Fault) {
        let place = self.steps.partition_point(|step| step.at <= at);
        self.steps.insert(place, Step { at, fault });
    }

    /// When the last of it is over: the last step, or the end of what goes on after its step by itself.
    pub fn ends(&self) -> Duration {
        let end = |step: &Step| step.at.saturating_add(step.fault.time());
        self.steps.iter().map(end).max().unwrap_or_default()
    }

    /// Whether every step can be done in a world of so many `machines`, and in this order.
    ///
    /// # Errors
    /// The first step that cannot, with its place and the reason.
    pub fn check(&self, machines: usize) -> Result<(), StepError> {
        let mut before = Duration::ZERO;
        for (place, step) in self.steps.iter().enumerate() {
            let refused = |reason| StepError { place, text: step.to_string(), reason };
            step.fault.check(machines).map_err(|e| refused(Reason::Fault(e)))?;
            if step.at < before {
                return Err(refused(Reason::Backwards { at: step.at, before }));
            }
            if step.at > LONGEST {
                return Err(refused(Reason::Fault(FaultError::TooLong { what: "the time" })));
            }
            before = step.at;
        }
        Ok(())
    }

    /// Reads the text form, for a world of so many `machines`.
    ///
    /// # Errors
    /// The first line that cannot be read: its number, its text, and what to do about it.
    ///
    /// ```
    /// let error = devts_sim::Plan::parse("at 1s kill n1\nat 2s strat n1", 3).unwrap_err();
    /// assert_eq!(error.to_string(), "line 2: `at 2s strat n1`: `strat` is not known here: did you mean `start`?");
    /// ```
    pub fn parse(text: &str, machines: usize) -> Result<Plan, PlanError> {
        read::plan(text, machines)
    }
}

/// A step of a plan that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError {
    /// Its place in [`Plan::steps`].
    pub place: usize,
    /// Its line.
    pub text: String,
    /// Why not.
    pub reason: Reason,
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "step {} of the plan, `{}`: {}", self.place + 1, self.text, self.reason)
    }
}

impl std::error::Error for StepError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::MachineId;

    const N1: MachineId = MachineId(0);

    fn secs(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn steps_are_kept_in_order_and_equal_times_as_added() {
        let plan =
            Plan::new().at(secs(2), Fault::start(N1)).at(secs(1), Fault::kill(N1)).at(secs(1), Fault::Heal);
        assert_eq!(plan.to_string(), "at 1s kill n1\nat 1s heal\nat 2s start n1\n");
    }

    #[test]
    fn a_plan_ends_when_the_last_pause_does() {
        let plan = Plan::new().at(secs(5), Fault::pause(N1, secs(10))).at(secs(9), Fault::Heal);
        assert_eq!(plan.ends(), secs(15));
        assert_eq!(Plan::new().ends(), Duration::ZERO);
    }

    #[test]
    fn a_wrong_step_is_told_with_its_place() {
        let plan = Plan::new().at(secs(1), Fault::Heal).at(secs(2), Fault::kill(MachineId(3)));
        let error = plan.check(3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "step 2 of the plan, `at 2s kill n4`: there is no n4: the machines are n1 to n3"
        );
        let mut unsorted = plan;
        unsorted.steps.swap(0, 1);
        assert!(matches!(unsorted.check(4).unwrap_err().reason, Reason::Backwards { .. }));
        let late = Plan::new().at(LONGEST * 2, Fault::Heal);
        assert!(late.check(1).is_err());
    }
}
