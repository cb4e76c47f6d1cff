//! Milder forms of one step of a plan: shorter, fewer machines, less of it. Knows what is milder, not whether it fails.

use std::time::Duration;

use super::pairs::end_of;
use crate::fault::{Fault, Nodes};
use crate::plan::{Plan, Step};

/// Below this, half as long is no longer a help to whoever reads it.
const SHORT: Duration = Duration::from_millis(100);

/// The plan with its step at `place` made milder, the boldest first. What ends the step goes along.
pub(super) fn plans(plan: &Plan, place: usize) -> Vec<Plan> {
    let step = &plan.steps[place];
    let end = end_of(plan, place);
    let milder = sides(&step.fault).into_iter().chain(less(&step.fault));
    let replaced = milder.map(|fault| replace(plan, place, end, fault));
    sooner(plan, place, end).into_iter().chain(replaced).collect()
}

/// The plan with all its times in whole seconds, which reads better.
pub(super) fn rounded(plan: &Plan) -> Plan {
    let whole = |step: &Step| Step { at: Duration::from_secs(step.at.as_secs()), fault: step.fault.clone() };
    Plan { steps: plan.steps.iter().map(whole).collect() }
}

/// What ends the step comes at once, or in half the time.
fn sooner(plan: &Plan, place: usize, end: Option<usize>) -> Vec<Plan> {
    let Some(end) = end else { return Vec::new() };
    let (begin, over) = (plan.steps[place].at, plan.steps[end].at);
    let moved = |at: Duration| {
        let mut steps = plan.steps.clone();
        let fault = steps.remove(end).fault;
        let mut moved = Plan { steps };
        moved.insert(at, fault);
        moved
    };
    let gap = over.saturating_sub(begin);
    let mut gaps = vec![Duration::ZERO, half(gap)];
    gaps.retain(|shorter| *shorter < gap && (gap > SHORT || shorter.is_zero()));
    gaps.into_iter().map(|gap| moved(begin + gap)).collect()
}

fn replace(plan: &Plan, place: usize, end: Option<usize>, fault: Fault) -> Plan {
    let mut plan = plan.clone();
    if let (Some(end), Some((from, to, _))) = (end, fault.link()) {
        plan.steps[end].fault = with_sides(&plan.steps[end].fault, from, to);
    }
    plan.steps[place].fault = fault;
    plan
}

/// The same between fewer machines.
fn sides(fault: &Fault) -> Vec<Fault> {
    let Some((from, to, _)) = fault.link() else { return Vec::new() };
    let fewer_from = fewer(from).into_iter().map(|from| with_sides(fault, &from, to));
    let fewer_to = fewer(to).into_iter().map(|to| with_sides(fault, from, &to));
    fewer_from.chain(fewer_to).collect()
}

/// Each half of the set, then the set without each single one.
fn fewer(nodes: &Nodes) -> Vec<Nodes> {
    let ids: Vec<_> = nodes.iter().collect();
    if ids.len() < 2 {
        return Vec::new();
    }
    let (low, high) = ids.split_at(ids.len() / 2);
    let without = nodes.iter().map(|one| ids.iter().copied().filter(|id| *id != one).collect());
    let mut sets = vec![Nodes::from(low), Nodes::from(high)];
    if ids.len() > 2 {
        sets.extend(without);
    }
    sets
}

fn with_sides(fault: &Fault, from: &Nodes, to: &Nodes) -> Fault {
    let (a, b) = (from.clone(), to.clone());
    let mut fault = fault.clone();
    match &mut fault {
        Fault::Cut { from, to, .. }
        | Fault::Mend { from, to, .. }
        | Fault::Slow { from, to, .. }
        | Fault::Lose { from, to, .. }
        | Fault::Reset { from, to }
        | Fault::Flap { from, to, .. } => (*from, *to) = (a, b),
        _ => {}
    }
    fault
}

/// The same, but less of it.
fn less(fault: &Fault) -> Vec<Fault> {
    match fault {
        Fault::PowerOff { node } => vec![Fault::Kill { node: *node }],
        Fault::Slow { .. } => less_slow(fault),
        Fault::Lose { from, to, both, percent } if *percent > 1 => {
            vec![Fault::Lose { from: from.clone(), to: to.clone(), both: *both, percent: percent / 2 }]
        }
        Fault::Pause { node, time } if *time > SHORT => vec![Fault::Pause { node: *node, time: half(*time) }],
        Fault::Starve { node, delay, time } => less_starved(*delay, *time)
            .into_iter()
            .map(|(delay, time)| Fault::Starve { node: *node, delay, time })
            .collect(),
        Fault::ClockRate { node, per_mille } if per_mille.abs() > 1 => {
            vec![Fault::ClockRate { node: *node, per_mille: per_mille / 2 }]
        }
        Fault::WallJump { node, by_ms } if by_ms.unsigned_abs() > 1_000 => {
            vec![Fault::WallJump {
                node: *node,
                by_ms: by_ms / 2_000 * 1_000 + by_ms.signum() * less_than_two(*by_ms),
            }]
        }
        Fault::Flap { from, to, up, down, time } if *time > SHORT => {
            let (from, to) = (from.clone(), to.clone());
            vec![Fault::Flap { from, to, up: *up, down: *down, time: half(*time) }]
        }
        _ => Vec::new(),
    }
}

/// Half of less than two seconds would be none in whole seconds: it is one half in milliseconds.
fn less_than_two(by_ms: i64) -> i64 {
    if by_ms.abs() < 2_000 { by_ms.abs() / 2 } else { 0 }
}

fn less_slow(fault: &Fault) -> Vec<Fault> {
    let Fault::Slow { from, to, both, latency, jitter, rate } = fault else { return Vec::new() };
    let slow = |latency, jitter, rate| {
        let (from, to) = (from.clone(), to.clone());
        Fault::Slow { from, to, both: *both, latency, jitter, rate }
    };
    let mut milder = Vec::new();
    if !latency.is_zero() && (!jitter.is_zero() || rate.is_some()) {
        milder.push(slow(*latency, Duration::ZERO, None));
        milder.push(slow(*latency, *jitter, None));
        milder.push(slow(*latency, Duration::ZERO, *rate));
    }
    if *latency > Duration::from_millis(1) {
        milder.push(slow(half(*latency), *jitter, *rate));
    }
    milder.retain(|candidate| candidate != fault);
    milder.dedup();
    milder
}

fn less_starved(delay: Duration, time: Duration) -> Vec<(Duration, Duration)> {
    let shorter = (time > SHORT).then(|| (delay, half(time)));
    let lighter = (delay > Duration::from_millis(1)).then(|| (half(delay), time));
    [shorter, lighter].into_iter().flatten().collect()
}

/// About half, in a number that reads well; never nothing of something longer than a millisecond.
fn half(time: Duration) -> Duration {
    let exact = time.as_millis() / 2;
    let grain = if exact >= 1_000 { 100 } else { 1 };
    Duration::from_millis(u64::try_from(exact / grain * grain).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn milder(text: &str) -> Vec<String> {
        let plan = Plan::parse(text, 4).unwrap();
        plans(&plan, 0).iter().map(|plan| plan.to_string().trim_end().replace('\n', "; ")).collect()
    }

    #[test]
    fn each_step_has_milder_forms_that_are_plans() {
        assert_eq!(milder("at 1s pause n1 for 20s"), ["at 1s pause n1 for 10s"]);
        assert_eq!(milder("at 1s lose 40% n1 from n2"), ["at 1s lose 20% n1 from n2"]);
        assert_eq!(milder("at 1s wall n1 -24h"), ["at 1s wall n1 -12h"]);
        assert_eq!(milder("at 1s wall n1 +1.5s"), ["at 1s wall n1 +750ms"]);
        assert_eq!(milder("at 1s clock n1 slow 10 per mille"), ["at 1s clock n1 slow 5 per mille"]);
        assert_eq!(milder("at 1s power off n1"), ["at 1s kill n1"]);
        assert_eq!(
            milder("at 1s starve n1 by 2s for 4s"),
            ["at 1s starve n1 by 2s for 2s", "at 1s starve n1 by 1s for 4s"]
        );
        assert_eq!(
            milder("at 1s slow n1 from n2 latency 50ms rate 100"),
            ["at 1s slow n1 from n2 latency 50ms", "at 1s slow n1 from n2 latency 25ms rate 100"]
        );
        assert_eq!(
            milder("at 1s flap n1 from n2 up 1s down 1s for 8s"),
            ["at 1s flap n1 from n2 up 1s down 1s for 4s"]
        );
        for mildest in ["heal", "kill n1", "disk full n1", "pause n1 for 100ms", "lose 1% n1 from n2"] {
            assert!(milder(&format!("at 1s {mildest}")).is_empty(), "{mildest}");
        }
    }

    #[test]
    fn what_ends_a_step_goes_along() {
        let forms = milder("at 1s cut n1 from n2,n3\nat 5s mend n1 from n2,n3");
        assert_eq!(
            forms,
            [
                "at 1s cut n1 from n2,n3; at 1s mend n1 from n2,n3",
                "at 1s cut n1 from n2,n3; at 3s mend n1 from n2,n3",
                "at 1s cut n1 from n2; at 5s mend n1 from n2",
                "at 1s cut n1 from n3; at 5s mend n1 from n3",
            ]
        );
    }
}
