//! Plans as a user meets them: any plan is printed and read back the same; a generated one is well formed, whatever the
//! seed; a shortened one still fails.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use devts_sim::{Fault, Faults, MachineId, Nodes, Plan, shrink};
use proptest::prelude::*;

const FIVE_MINUTES: Duration = Duration::from_secs(300);

// ---- text ------------------------------------------------------------------------------------------------------

const MACHINES: usize = 9;

fn any_node() -> impl Strategy<Value = MachineId> {
    (0..MACHINES).prop_map(MachineId)
}

/// Two sides without a machine in common.
fn any_sides() -> impl Strategy<Value = (Nodes, Nodes)> {
    let two_at_least = proptest::collection::btree_set(0..MACHINES, 2..=MACHINES);
    (two_at_least, any::<prop::sample::Index>()).prop_map(|(ids, cut)| {
        let ids: Vec<MachineId> = ids.into_iter().map(MachineId).collect();
        let (from, to) = ids.split_at(1 + cut.index(ids.len() - 1));
        (from.into(), to.into())
    })
}

fn any_time() -> impl Strategy<Value = Duration> {
    let grain =
        prop_oneof![Just(1_u64), Just(1_000), Just(1_000_000), Just(1_000_000_000), Just(60_000_000_000)];
    (grain, 1..5_000_u64).prop_map(|(grain, count)| Duration::from_nanos(grain * count))
}

fn any_fault() -> impl Strategy<Value = Fault> {
    let between = (any_sides(), any::<bool>(), any_time(), any_time(), any::<Option<u64>>(), 1..=100_u8);
    let links =
        (between, 0..6).prop_map(|(((from, to), both, latency, jitter, rate, percent), kind)| match kind {
            0 => Fault::Cut { from, to, both },
            1 => Fault::Mend { from, to, both },
            2 => Fault::Slow { from, to, both, latency, jitter, rate: rate.map(|rate| rate.max(1)) },
            3 => Fault::Lose { from, to, both, percent },
            4 => Fault::Reset { from, to },
            _ => Fault::Flap { from, to, up: latency, down: jitter, time: latency + jitter },
        });
    let alone = (any_node(), any_time(), any_time(), -500..=500, 1..86_400_000_i64, any::<bool>(), 0..8);
    let nodes = alone.prop_map(|(node, time, delay, per_mille, by_ms, flag, kind)| match kind {
        0 => Fault::Kill { node },
        1 => Fault::PowerOff { node },
        2 => Fault::Start { node },
        3 => Fault::Pause { node, time },
        4 => Fault::Starve { node, delay, time },
        5 => Fault::ClockRate { node, per_mille },
        6 => Fault::WallJump { node, by_ms: if flag { by_ms } else { -by_ms } },
        _ => Fault::DiskFull { node, full: flag },
    });
    prop_oneof![links, nodes, Just(Fault::Heal)]
}

fn any_plan() -> impl Strategy<Value = Plan> {
    proptest::collection::vec((any_time(), any_fault()), 0..40)
        .prop_map(|steps| steps.into_iter().fold(Plan::new(), |plan, (at, fault)| plan.at(at, fault)))
}

proptest! {
    #[test]
    fn what_is_printed_is_read_back_the_same(plan in any_plan()) {
        prop_assert_eq!(plan.check(MACHINES), Ok(()));
        prop_assert_eq!(Plan::parse(&plan.to_string(), MACHINES), Ok(plan));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(at [0-9.]{0,4}[a-z]{0,2} [a-z]{0,6}[ n0-9,.%+-]{0,20}\n?){0,4}") {
        let _ = Plan::parse(&text, 3);
    }
}

// ---- generated -------------------------------------------------------------------------------------------------

/// Follows a plan step by step and says what is wrong with it.
fn well_formed(plan: &Plan, machines: usize, most_down: usize, during: Duration) -> Result<(), String> {
    plan.check(machines).map_err(|error| error.to_string())?;
    let mut down = BTreeSet::new();
    let mut paused = BTreeMap::new();
    for step in &plan.steps {
        paused.retain(|_, until| *until > step.at);
        let runs = |node: &MachineId| !down.contains(node) && !paused.contains_key(node);
        match &step.fault {
            Fault::Kill { node } | Fault::PowerOff { node } | Fault::Pause { node, .. } if !runs(node) => {
                return Err(format!("`{step}`: it does not run"));
            }
            Fault::Pause { node, time } => drop(paused.insert(*node, step.at + *time)),
            Fault::Kill { node } | Fault::PowerOff { node } => drop(down.insert(*node)),
            Fault::Start { node } if !down.remove(node) => return Err(format!("`{step}`: it runs")),
            _ => {}
        }
        if down.len() + paused.len() > most_down {
            return Err(format!("`{step}`: too many are away"));
        }
    }
    match (plan.left(), plan.ends()) {
        (left, _) if !left.is_nothing() => Err(format!("left: {left}")),
        (_, end) if end > during => Err(format!("ends at {end:?}")),
        _ => Ok(()),
    }
}

#[test]
fn generated_plans_are_well_formed() {
    for seed in 0..2_000 {
        let machines = 1 + seed as usize % 20;
        let during = Duration::from_millis(FIVE_MINUTES.as_millis() as u64 >> (seed % 12));
        let plan = Faults::all().every(Duration::from_secs(1 + seed % 20)).plan(seed, machines, during);
        let most_down = ((machines - 1) / 2).max(1);
        assert_eq!(well_formed(&plan, machines, most_down, during), Ok(()), "seed {seed}\n{plan}");
    }
}

#[test]
fn a_seed_is_a_plan_and_another_seed_another() {
    let plans: BTreeSet<String> =
        (0..200).map(|seed| Faults::all().plan(seed, 5, FIVE_MINUTES).to_string()).collect();
    assert_eq!(plans.len(), 200);
    for seed in 0..200 {
        assert!(plans.contains(&Faults::all().plan(seed, 5, FIVE_MINUTES).to_string()));
    }
}

#[test]
fn every_kind_comes_over_200_seeds_and_no_seed_has_them_all() {
    let verbs = |seed| -> BTreeSet<&str> {
        Faults::all().plan(seed, 5, FIVE_MINUTES).steps.iter().map(|step| step.fault.verb()).collect()
    };
    let all: BTreeSet<&str> = (0..200).flat_map(verbs).collect();
    assert_eq!(all.len(), 15, "{all:?}");
    assert!((0..200).all(|seed| verbs(seed).len() < 15));
}

#[test]
fn faults_come_as_often_as_wanted() {
    let begun = |plan: Plan| plan.steps.iter().filter(|step| step.fault.verb() == "reset").count();
    let resets = Faults::none().resets(true).every(Duration::from_secs(10));
    let count: usize = (0..100).map(|seed| begun(resets.plan(seed, 3, FIVE_MINUTES))).sum();
    assert!((2_500..3_500).contains(&count), "{count} resets in 100 times 5 minutes");
}

#[test]
fn what_is_off_does_not_come() {
    for seed in 0..200 {
        let plan = Faults::only_crashes().plan(seed, 5, FIVE_MINUTES);
        assert!(plan.steps.iter().all(|step| ["kill", "start"].contains(&step.fault.verb())), "{plan}");
        let plan = Faults::all().one_way(false).plan(seed, 5, FIVE_MINUTES);
        assert!(plan.steps.iter().all(|step| step.fault.link().is_none_or(|(_, _, both)| both)), "{plan}");
        let plan = Faults::all().most_down(0).plan(seed, 5, FIVE_MINUTES);
        assert_eq!(well_formed(&plan, 5, 0, FIVE_MINUTES), Ok(()));
    }
}

#[test]
fn a_world_too_small_has_fewer_faults_and_none_that_is_wrong() {
    for seed in 0..100 {
        assert!(Faults::network().plan(seed, 1, FIVE_MINUTES).steps.is_empty());
        assert!(Faults::all().plan(seed, 0, FIVE_MINUTES).steps.is_empty());
        assert!(Faults::all().plan(seed, 5, Duration::ZERO).steps.is_empty());
    }
}

// ---- shrunk ----------------------------------------------------------------------------------------------------

/// A generated plan of at least so many steps.
fn long_plan(seed: u64, steps: usize) -> Plan {
    let plan = Faults::all().every(Duration::from_secs(2)).plan(seed, 5, FIVE_MINUTES);
    if plan.steps.len() >= steps { plan } else { long_plan(seed + 1_000, steps) }
}

#[test]
fn the_two_steps_that_matter_are_found_among_sixty() {
    let runs = |first: usize, second: usize| {
        let plan = (0..60).fold(Plan::new(), |plan, n| {
            plan.at(Duration::from_secs(n), Fault::reset(MachineId(n as usize), MachineId(100)))
        });
        let (a, b) = (plan.steps[first].fault.clone(), plan.steps[second].fault.clone());
        let mut runs = 0;
        let shrunk = shrink(
            &plan,
            |plan| {
                runs += 1;
                let has = |fault: &Fault| plan.steps.iter().any(|step| step.fault == *fault);
                has(&a) && has(&b)
            },
            100,
        );
        let expected = Plan::new().at(Duration::from_secs(first as u64), a);
        assert_eq!(shrunk, expected.at(Duration::from_secs(second as u64), b));
        runs
    };
    let most = (0..60).flat_map(|a| (a + 1..60).map(move |b| (a, b))).map(|(a, b)| runs(a, b)).max();
    assert!(most <= Some(60), "{most:?} runs");
}

#[test]
fn what_fails_without_any_fault_is_told_in_one_run() {
    let mut runs = 0;
    let shrunk = shrink(
        &long_plan(1, 60),
        |_| {
            runs += 1;
            true
        },
        100,
    );
    assert_eq!((shrunk, runs), (Plan::new(), 1));
}

#[test]
fn a_long_pause_becomes_as_short_as_it_may_be() {
    let plan =
        long_plan(3, 60).at(Duration::from_secs(100), Fault::pause(MachineId(0), Duration::from_secs(300)));
    let long = |plan: &Plan| {
        plan.steps.iter().any(|step| matches!(&step.fault, Fault::Pause { time, .. } if time.as_secs() >= 30))
    };
    assert_eq!(shrink(&plan, long, 300).to_string(), "at 100s pause n1 for 37.5s\n");
}

#[test]
fn a_cut_keeps_only_the_machines_that_matter_and_is_mended_with_them() {
    let plan = Plan::parse("at 1s cut n1..n4 from n5..n9\nat 31s mend n1..n4 from n5..n9", 9).unwrap();
    let parts = |plan: &Plan| {
        let hits = |from: &Nodes, to: &Nodes| from.contains(MachineId(2)) && to.contains(MachineId(6));
        plan.steps.iter().any(|step| matches!(&step.fault, Fault::Cut { from, to, .. } if hits(from, to)))
    };
    assert_eq!(shrink(&plan, parts, 100).to_string(), "at 1s cut n3 from n7\nat 1s mend n3 from n7\n");
}

/// What a synthetic run fails at, by number: enough variety to trip a shrinker.
fn fails_at(kind: u64, plan: &Plan) -> bool {
    let count = |verb| plan.steps.iter().filter(|step| step.fault.verb() == verb).count();
    match kind % 4 {
        0 => count("kill") >= 2,
        1 => count("cut") >= 1 && count("pause") >= 1,
        2 => count("start") > count("heal"),
        _ => plan.ends() > Duration::from_secs(120) && count("lose") >= 1,
    }
}

#[test]
fn a_shrunk_plan_fails_within_the_budget_and_leaves_nothing_broken() {
    for seed in 0..200 {
        let plan = long_plan(seed, 40);
        if !fails_at(seed, &plan) {
            continue;
        }
        let budget = 10 + seed as usize;
        let mut runs = 0;
        let shrunk = shrink(
            &plan,
            |plan| {
                runs += 1;
                assert!(plan.left().is_nothing() && plan.check(5).is_ok(), "{plan}");
                fails_at(seed, plan)
            },
            budget,
        );
        assert!(fails_at(seed, &shrunk) && shrunk.steps.len() <= plan.steps.len(), "seed {seed}\n{shrunk}");
        assert!(runs <= budget);
    }
}

#[test]
fn without_a_budget_or_a_failure_the_plan_stays_as_it_is() {
    let plan = long_plan(5, 40);
    assert_eq!(shrink(&plan, |_| panic!("no run is allowed"), 0), plan);
    assert_eq!(shrink(&plan, |_| false, 500), plan);
}
