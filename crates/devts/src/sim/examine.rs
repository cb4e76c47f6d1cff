//! A run that failed: made again to be sure, its plan shortened, its timeline drawn, its report written. Knows not why
//! runs fail.

use super::course::{Ending, Order, Outcome, make};
use super::failure::{Broken, Failure};
use super::replay::Place;
use super::scenario::Sim;
use crate::Node;
use devts_sim::timeline::Timeline;
use devts_sim::{Lines, Mode, Plan, Settings};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How many shorter plans are tried, in how many schedules each, and how long in all.
const PLANS: usize = 100;
const SCHEDULES: u64 = 4;
const PATIENCE: Duration = Duration::from_secs(60);
/// How many lines are kept of a run that is to be drawn or held against another.
const HELD: usize = 4_000_000;
/// How many notes of the workload a report shows, the last ones.
const NOTES: usize = 8;

/// Which run failed, and where its test is.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
    pub(crate) place: Place,
}

impl Case {
    fn order(&self, mode: Mode) -> Order {
        Order { seed: self.seed, schedule: 0, plan: None, settings: self.settings.clone(), mode }
    }

    /// The first of these files that can be written.
    fn draw(&self, ending: &Ending, lines: &Lines) -> Option<PathBuf> {
        let svg = picture(ending, lines);
        self.place.timelines(self.seed).into_iter().find(|file| {
            let folder = file.parent().expect("it is in a folder");
            fs::create_dir_all(folder).and_then(|()| fs::write(file, &svg)).is_ok()
        })
    }
}

/// What a seed's failing run is reported as.
pub(crate) fn examine<N: Node>(scenario: &dyn Fn(&mut Sim<N>), case: &Case, first: Ending) -> Failure {
    let (at, broken) = first.broken.clone().expect("only what failed is examined");
    if matches!(broken, Broken::Test { .. }) {
        return Failure::of_test(broken);
    }
    let (again, lines) = kept(make(scenario, &case.order(Mode::Keep(HELD))));
    if let Some((at, difference)) = parted(scenario, case, &lines) {
        return report(case, &again, at, difference, None, false).drawn(case, &again, &lines);
    }
    if !again.broken.as_ref().is_some_and(|(_, again)| again.is_like(&broken)) {
        return report(case, &first, at, broken, None, true).drawn(case, &again, &lines);
    }
    if !broken.is_of_a_plan() {
        return report(case, &again, at, broken, None, false).drawn(case, &again, &lines);
    }
    drop(lines);
    let of = again.plan.steps.len();
    let short = shorten(scenario, case, again.plan, &broken);
    let (ending, lines) = kept(make(scenario, &Order { mode: Mode::Keep(HELD), ..short.clone() }));
    let (at, broken) = ending.broken.clone().unwrap_or((at, broken));
    let plan = short.plan.map(|plan| (plan, of));
    report(case, &ending, at, broken, plan, false).drawn(case, &ending, &lines)
}

/// As [`examine`], and nothing is run again for it.
pub(crate) fn as_found(case: &Case, ending: Ending) -> Failure {
    let (at, broken) = ending.broken.clone().expect("only what failed is examined");
    match broken {
        Broken::Test { .. } => Failure::of_test(broken),
        broken => report(case, &ending, at, broken, None, false),
    }
}

fn kept(mut ending: Ending) -> (Ending, Arc<Lines>) {
    let trace = std::mem::replace(&mut ending.trace, devts_sim::Trace::new(Mode::Hash));
    (ending, trace.into_lines())
}

/// Whether the run is another one when it is made again; then that is the failure, for nothing else can be relied on.
fn parted<N: Node>(
    scenario: &dyn Fn(&mut Sim<N>),
    case: &Case,
    lines: &Arc<Lines>,
) -> Option<(Duration, Broken)> {
    let against = make(scenario, &case.order(Mode::Compare(lines.clone())));
    against.trace.difference().map(Broken::parted)
}

/// The run with the shortest plan that fails alike. What is left out of a plan moves all that comes after it, so that a
/// failure which is a matter of milliseconds is looked for in a few schedules of each.
fn shorten<N: Node>(scenario: &dyn Fn(&mut Sim<N>), case: &Case, plan: Plan, broken: &Broken) -> Order {
    let mut best = Order { plan: Some(plan.clone()), ..case.order(Mode::Hash) };
    let began = Instant::now();
    let still_fails = |plan: &Plan| {
        (0..SCHEDULES).any(|schedule| {
            let order = Order { plan: Some(plan.clone()), schedule, ..case.order(Mode::Hash) };
            let ending = (began.elapsed() < PATIENCE).then(|| make(scenario, &order).broken).flatten();
            let fails = ending.is_some_and(|(_, found)| found.is_like(broken));
            if fails {
                best = order;
            }
            fails
        })
    };
    devts_sim::shrink(&plan, still_fails, PLANS);
    best
}

fn report(
    case: &Case,
    ending: &Ending,
    at: Duration,
    broken: Broken,
    plan: Option<(Plan, usize)>,
    flaky: bool,
) -> Failure {
    let notes = ending.notes.iter().skip(ending.notes.len().saturating_sub(NOTES)).cloned().collect();
    Failure {
        seed: Some(case.seed),
        broken,
        at,
        values: ending.values.clone(),
        notes,
        plan,
        flaky,
        timeline: None,
        replay: Some(case.place.line(case.seed)),
    }
}

impl Failure {
    fn drawn(self, case: &Case, ending: &Ending, lines: &Lines) -> Failure {
        Failure { timeline: case.draw(ending, lines), ..self }
    }
}

fn picture(ending: &Ending, lines: &Lines) -> String {
    let names: Vec<String> = (1..=ending.nodes).map(|number| format!("n{number}")).collect();
    let Outcome { seed, time, counts, .. } = &ending.outcome;
    let title = format!("{} nodes, seed {seed}", ending.nodes);
    let said =
        format!("{} events emitted, {} handled, {} faults", counts.emitted, counts.handled, counts.faults);
    Timeline::from_lines(&names, lines.iter(), *time, &title, &said).to_svg()
}
