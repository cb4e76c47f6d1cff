//! Which steps of a plan belong together: a fault and what ends it.

use crate::fault::Fault;
use crate::plan::{Plan, Step};

/// Steps that are left out together, each with its place in the plan.
pub(super) type Unit = Vec<(usize, Step)>;

/// The steps of a plan as units, and those that end what others began or begin nothing of their own (a heal, a second
/// start): left in place they do no harm, and without them other steps would leave something broken.
pub(super) fn units(plan: &Plan) -> (Vec<Unit>, Unit) {
    let mut taken = vec![false; plan.steps.len()];
    let mut units = Vec::new();
    let mut fixed = Vec::new();
    for (place, step) in plan.steps.iter().enumerate().filter(|(_, step)| !is_end(&step.fault)) {
        let end = end_of(plan, place).filter(|&end| !std::mem::replace(&mut taken[end], true));
        let end = end.map(|end| (end, plan.steps[end].clone()));
        units.push([Some((place, step.clone())), end].into_iter().flatten().collect());
    }
    for (place, step) in plan.steps.iter().enumerate() {
        if is_end(&step.fault) && !taken[place] {
            fixed.push((place, step.clone()));
        }
    }
    (units, fixed)
}

/// The place of the step that ends what the step at `place` begins, if one ends this and nothing else.
pub(super) fn end_of(plan: &Plan, place: usize) -> Option<usize> {
    let begins = &plan.steps[place].fault;
    let later = plan.steps.iter().enumerate().skip(place + 1);
    later.filter(|(_, step)| ends(&step.fault, begins)).map(|(place, _)| place).next()
}

fn is_end(fault: &Fault) -> bool {
    matches!(
        fault,
        Fault::Heal
            | Fault::Mend { .. }
            | Fault::Start { .. }
            | Fault::ClockRate { per_mille: 0, .. }
            | Fault::DiskFull { full: false, .. }
    )
}

fn ends(end: &Fault, begin: &Fault) -> bool {
    match (end, begin) {
        (Fault::Start { node }, Fault::Kill { node: dead } | Fault::PowerOff { node: dead }) => node == dead,
        (Fault::ClockRate { node, per_mille: 0 }, Fault::ClockRate { node: wrong, .. }) => node == wrong,
        (Fault::DiskFull { node, full: false }, Fault::DiskFull { node: filled, full: true }) => {
            node == filled
        }
        (
            Fault::Mend { .. },
            Fault::Cut { .. } | Fault::Slow { .. } | Fault::Lose { .. } | Fault::Flap { .. },
        ) => end.link() == begin.link(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(steps: &[(usize, Step)]) -> Vec<String> {
        steps.iter().map(|(_, step)| step.to_string()).collect()
    }

    #[test]
    fn what_begins_and_what_ends_it_belong_together() {
        let plan = "at 1s kill n1\nat 2s cut n1 from n2\nat 3s start n2\nat 4s start n1\nat 5s mend n1 from n2\nat 6s heal";
        let (units, fixed) = units(&Plan::parse(plan, 3).unwrap());
        assert_eq!(text(&units[0]), ["at 1s kill n1", "at 4s start n1"]);
        assert_eq!(text(&units[1]), ["at 2s cut n1 from n2", "at 5s mend n1 from n2"]);
        assert_eq!(text(&fixed), ["at 3s start n2", "at 6s heal"]);
    }

    #[test]
    fn one_end_belongs_to_one_beginning() {
        let (units, fixed) =
            units(&Plan::parse("at 1s kill n1\nat 2s power off n1\nat 3s start n1", 1).unwrap());
        assert_eq!(units.iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert!(fixed.is_empty());
    }
}
