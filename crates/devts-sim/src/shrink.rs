//! The shortest plan that still fails: steps are left out, then made smaller, as long as the failure stays. Knows no run:
//! whether a plan fails is asked.

mod pairs;
mod simpler;

use std::collections::BTreeSet;

use crate::plan::{Left, Plan, Step};
use pairs::{Unit, units};

/// A plan as short and as mild as can be found that still fails, by at most `budget` calls of `still_fails`.
///
/// First steps are left out, by halves, then quarters and so on down to single ones (delta debugging: Zeller,
/// Hildebrandt 2002), a fault and what ends it together. Then the rest is made milder: shorter, fewer machines, less
/// loss. A shortened plan leaves nothing broken that the given one did not leave broken, so that a cluster which had to
/// settle still has to.
///
/// What is returned is `plan` itself, or a plan for which `still_fails` has said yes.
///
/// ```
/// use devts_sim::{Plan, shrink};
///
/// let plan = Plan::parse(
///     "at 1s  cut n1 from n2
///      at 2s  kill n3
///      at 4s  lose 30% n2 from n3
///      at 9s  start n3
///      at 10s heal",
///     3,
/// )?;
/// let fails = |plan: &Plan| plan.to_string().contains("kill n3");
/// assert_eq!(shrink(&plan, fails, 100).to_string(), "at 2s kill n3\nat 2s start n3\n");
/// # Ok::<(), devts_sim::PlanError>(())
/// ```
pub fn shrink(plan: &Plan, still_fails: impl FnMut(&Plan) -> bool, budget: usize) -> Plan {
    let mut search = Search::new(plan, still_fails, budget);
    search.accepts(Plan::new());
    let (pairs, fixed) = units(&search.best);
    search.leave_out(pairs, &fixed);
    let singles = search.best.steps.iter().cloned().enumerate().map(|step| vec![step]).collect();
    search.leave_out(singles, &[]);
    search.make_milder();
    search.best
}

/// The shortest plan so far, and how many runs are left to find a shorter one.
struct Search<F> {
    best: Plan,
    /// What the given plan leaves broken, which is the most that a shorter one may.
    allowed: Left,
    still_fails: F,
    budget: usize,
    /// Plans that were tried, by their text: no run is made twice.
    tried: BTreeSet<String>,
}

impl<F: FnMut(&Plan) -> bool> Search<F> {
    fn new(plan: &Plan, still_fails: F, budget: usize) -> Search<F> {
        let tried = BTreeSet::from([plan.to_string()]);
        Search { best: plan.clone(), allowed: plan.left(), still_fails, budget, tried }
    }

    /// Whether the candidate fails too; if so, it is the best from now on.
    fn accepts(&mut self, candidate: Plan) -> bool {
        let may = self.budget > 0 && candidate.left().is_within(&self.allowed);
        if !may || !self.tried.insert(candidate.to_string()) {
            return false;
        }
        self.budget -= 1;
        let fails = (self.still_fails)(&candidate);
        if fails {
            self.best = candidate;
        }
        fails
    }

    /// Leaves out as many of the units as can be, `fixed` steps staying, until none can be left out alone.
    fn leave_out(&mut self, mut units: Vec<Unit>, fixed: &[(usize, Step)]) {
        let mut size = units.len().div_ceil(2);
        while size > 0 && !units.is_empty() && self.budget > 0 {
            let left_out = self.sweep(&mut units, fixed, size);
            size = if size == 1 && left_out { 1 } else { size / 2 };
        }
    }

    /// One pass over the units, so many at a time. Whether any could be left out.
    fn sweep(&mut self, units: &mut Vec<Unit>, fixed: &[(usize, Step)], size: usize) -> bool {
        let before = units.len();
        let mut place = 0;
        while place < units.len() {
            let end = (place + size).min(units.len());
            let rest = [&units[..place], &units[end..]].concat();
            if self.accepts(assemble(&rest, fixed)) {
                *units = rest;
            } else {
                place = end;
            }
        }
        units.len() < before
    }

    /// Makes single steps milder until nothing more comes of it.
    fn make_milder(&mut self) {
        let mut place = 0;
        let mut changed = false;
        while self.budget > 0 && !self.best.steps.is_empty() {
            if place == self.best.steps.len() {
                if !changed {
                    break;
                }
                (place, changed) = (0, false);
            }
            let found =
                simpler::plans(&self.best, place).into_iter().any(|candidate| self.accepts(candidate));
            changed |= found;
            place += usize::from(!found);
        }
        self.accepts(simpler::rounded(&self.best));
    }
}

/// The plan of these units and the fixed steps, in the order of their times and, for equal times, of the given plan.
fn assemble(units: &[Unit], fixed: &[(usize, Step)]) -> Plan {
    let mut steps: Vec<&(usize, Step)> = units.iter().flatten().chain(fixed).collect();
    steps.sort_by_key(|(rank, step)| (step.at, *rank));
    Plan { steps: steps.into_iter().map(|(_, step)| step.clone()).collect() }
}
