//! What a plan leaves broken: reckoned from its steps alone, without a run. Knows which fault ends which.

use std::collections::BTreeSet;
use std::fmt;

use super::Plan;
use crate::fault::{Fault, MachineId, Nodes};

/// What is still broken when the last step of a plan is done and everything that ends by itself has ended. Wall clocks
/// that were set are not among it: a wrong time of day is a state like any other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Machines that are killed or powered off.
    pub down: BTreeSet<MachineId>,
    /// Directions, sender first, in which nothing passes.
    pub cut: BTreeSet<(MachineId, MachineId)>,
    /// Directions in which bytes come late.
    pub slow: BTreeSet<(MachineId, MachineId)>,
    /// Directions in which packets are lost.
    pub lossy: BTreeSet<(MachineId, MachineId)>,
    /// Machines whose clocks run fast or slow.
    pub clocks: BTreeSet<MachineId>,
    /// Machines whose disk is full.
    pub full: BTreeSet<MachineId>,
}

impl Plan {
    /// What the plan leaves broken: a cluster can only be expected to settle where this is nothing.
    ///
    /// ```
    /// let plan = devts_sim::Plan::parse("at 1s cut n1 to n2\nat 2s kill n3\nat 3s heal", 3)?;
    /// assert_eq!(plan.left().to_string(), "n3 down");
    /// # Ok::<(), devts_sim::PlanError>(())
    /// ```
    pub fn left(&self) -> Left {
        let mut left = Left::default();
        self.steps.iter().for_each(|step| left.apply(&step.fault));
        left
    }
}

impl Left {
    /// Whether nothing is left broken.
    pub fn is_nothing(&self) -> bool {
        *self == Left::default()
    }

    /// Whether everything that is broken here is broken there too.
    pub fn is_within(&self, other: &Left) -> bool {
        self.down.is_subset(&other.down)
            && self.cut.is_subset(&other.cut)
            && self.slow.is_subset(&other.slow)
            && self.lossy.is_subset(&other.lossy)
            && self.clocks.is_subset(&other.clocks)
            && self.full.is_subset(&other.full)
    }

    fn apply(&mut self, fault: &Fault) {
        match fault {
            Fault::Cut { from, to, both } => self.cut.extend(directions(from, to, *both)),
            Fault::Slow { from, to, both, .. } => self.slow.extend(directions(from, to, *both)),
            Fault::Lose { from, to, both, .. } => self.lossy.extend(directions(from, to, *both)),
            Fault::Heal => self.links().for_each(BTreeSet::clear),
            Fault::Mend { from, to, both } => self.links().for_each(|broken| {
                directions(from, to, *both).for_each(|direction| {
                    broken.remove(&direction);
                });
            }),
            Fault::Kill { node } | Fault::PowerOff { node } => set(&mut self.down, *node, true),
            Fault::Start { node } => set(&mut self.down, *node, false),
            Fault::ClockRate { node, per_mille } => set(&mut self.clocks, *node, *per_mille != 0),
            Fault::DiskFull { node, full } => set(&mut self.full, *node, *full),
            Fault::Reset { .. }
            | Fault::Pause { .. }
            | Fault::Starve { .. }
            | Fault::WallJump { .. }
            | Fault::Flap { .. } => {}
        }
    }

    fn links(&mut self) -> impl Iterator<Item = &mut BTreeSet<(MachineId, MachineId)>> {
        [&mut self.cut, &mut self.slow, &mut self.lossy].into_iter()
    }
}

/// Every direction between the two sides, sender first.
fn directions(from: &Nodes, to: &Nodes, both: bool) -> impl Iterator<Item = (MachineId, MachineId)> {
    let there = move |a: MachineId| to.iter().map(move |b| (a, b));
    from.iter().flat_map(there).flat_map(move |(a, b)| [Some((a, b)), both.then_some((b, a))]).flatten()
}

fn set(among: &mut BTreeSet<MachineId>, node: MachineId, broken: bool) {
    if broken {
        among.insert(node);
    } else {
        among.remove(&node);
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nodes = |what: &'static str, set: &BTreeSet<MachineId>| {
            set.iter().map(|node| format!("{node} {what}")).collect::<Vec<_>>()
        };
        let links = |what: &'static str, set: &BTreeSet<(MachineId, MachineId)>| {
            set.iter().map(|(a, b)| format!("{a} to {b} {what}")).collect::<Vec<_>>()
        };
        let parts = [
            nodes("down", &self.down),
            links("cut", &self.cut),
            links("slow", &self.slow),
            links("lossy", &self.lossy),
            nodes("out of time", &self.clocks),
            nodes("with a full disk", &self.full),
        ]
        .concat();
        f.write_str(if parts.is_empty() { "nothing" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(text: &str) -> String {
        Plan::parse(text, 4).unwrap().left().to_string()
    }

    #[test]
    fn what_was_ended_is_not_left() {
        assert_eq!(left("at 1s cut n1,n2 from n3\nat 2s mend n1 from n3"), "n2 to n3 cut, n3 to n2 cut");
        assert_eq!(
            left("at 1s lose 5% n1 to n2\nat 1s slow n1 to n2 latency 1s\nat 2s mend n1 to n2"),
            "nothing"
        );
        assert_eq!(left("at 1s cut n1 from n2\nat 2s mend n1 to n2"), "n2 to n1 cut");
        assert_eq!(
            left("at 1s clock n1 fast 5 per mille\nat 1s disk full n2"),
            "n1 out of time, n2 with a full disk"
        );
        assert_eq!(left("at 1s clock n1 fast 5 per mille\nat 2s clock n1 true"), "nothing");
        assert_eq!(left("at 1s pause n1 for 5s\nat 1s wall n1 +1h\nat 1s reset n1 from n2"), "nothing");
    }

    #[test]
    fn less_is_within_more() {
        let more = Plan::parse("at 1s kill n1\nat 2s cut n1 from n2", 2).unwrap().left();
        let less = Plan::parse("at 1s kill n1", 2).unwrap().left();
        assert!(less.is_within(&more) && !more.is_within(&less));
        assert!(Left::default().is_within(&less) && Left::default().is_nothing());
    }
}
