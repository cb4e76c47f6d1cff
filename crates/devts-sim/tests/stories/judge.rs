//! Whether a run was as its story expects: each expectation, and what holds without a line, against the record. Knows no
//! world.

use crate::delivery;
use crate::record::{Change, End, Process, Record};
use devts_sim::MachineId;
use devts_sim::story::{Condition, Expectation, Seen, Story, Told, Who};
use std::collections::BTreeSet;
use std::time::Duration;

/// An expectation that was not met.
#[derive(Debug, PartialEq)]
pub struct Failure {
    /// Its line, or what always holds.
    pub line: String,
    /// What was seen instead.
    pub seen: Vec<String>,
}

pub const NAME: fn(usize) -> MachineId = MachineId;

/// All that were not met.
pub fn judge(story: &Story, record: &Record) -> Vec<Failure> {
    let lines = story.expectations.iter().map(|line| {
        let told = format!("line {}: `{}`", line.number, line.text);
        (told, expectation(story, record, &line.is))
    });
    let always = [
        (
            "always: nobody handles an event twice or out of order, or misses one in silence",
            delivery::always(record),
        ),
        ("always: no node stops by itself unless a line expects it", by_itself(story, record)),
    ];
    let always = always.map(|(line, seen)| (line.to_string(), seen));
    let all = lines.chain(always).filter(|(_, seen)| !seen.is_empty());
    all.map(|(line, seen)| Failure { line, seen }).collect()
}

/// Whether what is asked of the end holds already.
pub fn settled(story: &Story, record: &Record) -> bool {
    use Expectation::{Events, Requests, Sends};
    let ends = story
        .expectations
        .iter()
        .filter(|line| matches!(line.is, Events { .. } | Sends { .. } | Requests { .. }));
    ends.into_iter().all(|line| expectation(story, record, &line.is).is_empty())
}

fn expectation(story: &Story, record: &Record, expectation: &Expectation) -> Vec<String> {
    let lasts = story.lasts;
    match expectation {
        Expectation::By { at, what } => by(story, record, *at, what),
        Expectation::Never { after, before, what } => never(story, record, (*after, *before), what),
        Expectation::AtMost { count, who, after, before, per_minute } => {
            let allowed = Allowed { count: *count, after: *after, before: *before, per_minute: *per_minute };
            at_most(record, who, &allowed)
        }
        Expectation::Events { of, by, or_told } => delivery::events(record, lasts, (of, by), *or_told),
        Expectation::Sends { of, or_told } => delivery::sends(record, of, *or_told),
        Expectation::Requests { of, or_told, within } => delivery::requests(record, of, *or_told, *within),
        other => panic!("the judge does not know {other:?}"),
    }
}

// ---- at a time -------------------------------------------------------------------------------------------------------

/// What contradicts a condition at one time.
fn by(story: &Story, record: &Record, at: Duration, what: &Condition) -> Vec<String> {
    match what {
        Condition::Sees { who, whom, how } => each(story, record, who, at, |process| {
            let others = meant_nodes(record, whom, at).into_iter().filter(|node| *node != process.node);
            let wrong = others.filter(|node| !sees(record, process, *node, at, *how));
            wrong.map(|node| sight(process, node, at)).collect()
        }),
        Condition::SeesOnly { who, whom } => each(story, record, who, at, |process| {
            let wanted = meant_nodes(record, whom, at);
            let view = view(process, at);
            if view == wanted { Vec::new() } else { vec![format!("{} sees {}", name(process), names(&view))] }
        }),
        Condition::Told { who, what, of } => {
            let machines =
                (0..story.machines).filter(|machine| who.holds(NAME(*machine)) && ran(record, *machine, at));
            let untold =
                machines.filter(|machine| tellings(record, *machine, *what, of).all(|(when, _)| when > at));
            untold.map(|machine| format!("{} is not told {what}", NAME(machine))).collect()
        }
        Condition::Stopped { who } => {
            let machines = (0..story.machines).filter(|machine| who.holds(NAME(*machine)));
            let stopped = |machine: &usize| stops(record, *machine).any(|(when, _)| when <= at);
            machines
                .filter(|machine| !stopped(machine))
                .map(|machine| format!("{} runs", NAME(machine)))
                .collect()
        }
        other => panic!("the judge does not know {other:?}"),
    }
}

/// For each process that is meant and runs; a node called by name that does not run is told.
fn each(
    story: &Story,
    record: &Record,
    who: &Who,
    at: Duration,
    wrong: impl Fn(&Process) -> Vec<String>,
) -> Vec<String> {
    let mut found = Vec::new();
    for machine in (0..story.machines).filter(|machine| who.holds(NAME(*machine))) {
        match (record.running(machine, at), who) {
            (Some(process), _) if process.joined_at().is_some_and(|joined| joined <= at) => {
                found.extend(wrong(process))
            }
            (Some(process), _) => found.push(format!("{} is in no cluster yet", name(process))),
            (None, Who::Named(_)) => found.push(format!("{} does not run", NAME(machine))),
            (None, Who::All { .. }) => {}
        }
    }
    found
}

fn ran(record: &Record, machine: usize, at: Duration) -> bool {
    record.processes.iter().any(|process| process.machine == machine && process.started <= at)
}

/// The nodes that are meant: by name, or all that run.
fn meant_nodes(record: &Record, whom: &Who, at: Duration) -> BTreeSet<usize> {
    match whom {
        Who::Named(nodes) => nodes.iter().map(|node| node.0).collect(),
        Who::All { .. } => record
            .all_running(at)
            .map(|process| process.node)
            .filter(|node| whom.holds(NAME(*node)))
            .collect(),
    }
}

/// Whom a process has in its view, itself included.
fn view(process: &Process, at: Duration) -> BTreeSet<usize> {
    let others: BTreeSet<usize> = process.sees.iter().map(|sight| sight.node).collect();
    let present = others.into_iter().filter(|node| present(process, *node, at).is_some());
    present.chain([process.node]).collect()
}

/// The boot of a node that is in the view.
fn present(process: &Process, node: usize, at: Duration) -> Option<u64> {
    let sight = process.sight(node, at)?;
    matches!(sight.what, Change::First | Change::Joined | Change::Rejoined).then_some(sight.boot)
}

fn sees(record: &Record, process: &Process, node: usize, at: Duration, how: Seen) -> bool {
    let last = process.sight(node, at).map(|sight| sight.what);
    match how {
        Seen::Present => {
            let youngest = record.youngest(node, at).map(|(_, boot)| boot);
            youngest.is_some() && present(process, node, at) == youngest
        }
        Seen::Failed => last == Some(Change::Failed),
        Seen::Left => last == Some(Change::Left),
        Seen::Gone => present(process, node, at).is_none(),
    }
}

/// What it sees of another, in words.
fn sight(process: &Process, node: usize, at: Duration) -> String {
    let (me, node_name) = (name(process), NAME(node));
    let Some(sight) = process.sight(node, at) else { return format!("{me} has never seen {node_name}") };
    let word = match sight.what {
        Change::First | Change::Joined => "present",
        Change::Rejoined => "present again",
        Change::Failed => "failed",
        Change::Left => "left",
    };
    format!("{me} sees {node_name} {word} since {:.3?}, as boot {}", sight.at, sight.boot)
}

fn name(process: &Process) -> MachineId {
    NAME(process.machine)
}

fn names(nodes: &BTreeSet<usize>) -> String {
    let names: Vec<String> = nodes.iter().map(|node| NAME(*node).to_string()).collect();
    names.join(",")
}

// ---- in a span -------------------------------------------------------------------------------------------------------

type Span = (Duration, Duration);

/// What a condition says that may never be so, at each moment at which something changes.
fn never(story: &Story, record: &Record, (after, before): Span, what: &Condition) -> Vec<String> {
    match what {
        Condition::Sees { who, whom, how } => {
            let machines = record.processes.iter().filter(|process| who.holds(name(process)));
            machines.flat_map(|process| ever_sees(record, process, (after, before), whom, *how)).collect()
        }
        Condition::SeesOnly { who, .. } => {
            let processes = record.processes.iter().filter(|process| who.holds(name(process)));
            let moments = processes.flat_map(|process| moments(process, (after, before)));
            let so = |at: &Duration| by(story, record, *at, what).is_empty();
            moments.filter(so).map(|at| format!("so it was at {at:.3?}")).collect()
        }
        Condition::Told { who, what, of } => {
            let machines = (0..story.machines).filter(|machine| who.holds(NAME(*machine)));
            let told = machines.flat_map(|machine| {
                tellings(record, machine, *what, of)
                    .map(move |(at, of)| (machine, at, of))
                    .collect::<Vec<_>>()
            });
            let inside = told.filter(|(_, at, _)| after <= *at && *at <= before);
            inside
                .map(|(machine, at, of)| format!("{} is told {what} of {of} at {at:.3?}", NAME(machine)))
                .collect()
        }
        Condition::Stopped { who } => {
            let machines = (0..story.machines).filter(|machine| who.holds(NAME(*machine)));
            let stopped = machines.flat_map(|machine| {
                stops(record, machine).map(move |(at, why)| (machine, at, why)).collect::<Vec<_>>()
            });
            let inside = stopped.filter(|(_, at, _)| after <= *at && *at <= before);
            inside.map(|(machine, at, why)| format!("{} stopped at {at:.3?}: {why}", NAME(machine))).collect()
        }
        other => panic!("the judge does not know {other:?}"),
    }
}

/// Each moment of the span at which a view begins or changes.
fn moments(process: &Process, (after, before): Span) -> Vec<Duration> {
    let ended = process.ended.as_ref().map_or(before, |(at, _)| *at);
    let Some(joined) = process.joined_at() else { return Vec::new() };
    let first = joined.max(after);
    let changes = process.sees.iter().map(|sight| sight.at);
    let inside = |at: &Duration| *at >= first && *at <= before.min(ended);
    [first].into_iter().chain(changes).filter(inside).collect()
}

fn ever_sees(record: &Record, process: &Process, span: Span, whom: &Who, how: Seen) -> Vec<String> {
    let mut found = Vec::new();
    for at in moments(process, span) {
        let nodes: BTreeSet<usize> = match (whom, how) {
            // Who is gone does not run any more; who has never come is not gone.
            (Who::All { .. }, _) => {
                process.sees.iter().map(|sight| sight.node).filter(|node| whom.holds(NAME(*node))).collect()
            }
            _ => meant_nodes(record, whom, at),
        };
        let others = nodes.into_iter().filter(|node| *node != process.node);
        let seen = others.filter(|node| sees(record, process, *node, at, how));
        found.extend(seen.map(|node| sight(process, node, at)));
    }
    found.dedup();
    found
}

struct Allowed {
    count: u64,
    after: Duration,
    before: Duration,
    per_minute: bool,
}

fn at_most(record: &Record, who: &Who, allowed: &Allowed) -> Vec<String> {
    let mut found = Vec::new();
    let machines: BTreeSet<usize> = record.processes.iter().map(|process| process.machine).collect();
    for machine in machines.into_iter().filter(|machine| who.holds(NAME(*machine))) {
        let processes = record.processes.iter().filter(|process| process.machine == machine);
        let changes = processes.flat_map(|process| &process.sees).filter(|sight| sight.what != Change::First);
        let times: Vec<Duration> = changes
            .map(|sight| sight.at)
            .filter(|at| allowed.after <= *at && *at <= allowed.before)
            .collect();
        let length = if allowed.per_minute { Duration::from_secs(60) } else { Duration::MAX };
        let within = |from: &Duration| times.iter().filter(|at| *at >= from && **at - *from < length).count();
        let (from, most) =
            times.iter().map(|from| (*from, within(from))).max_by_key(|(_, most)| *most).unwrap_or_default();
        if most as u64 > allowed.count {
            found.push(format!("{} sees {most} changes from {from:.3?} on", NAME(machine)));
        }
    }
    found
}

// ---- what is told, and who stops ---------------------------------------------------------------------------------------

fn tellings<'a>(
    record: &'a Record,
    machine: usize,
    what: Told,
    of: &'a Option<Who>,
) -> impl Iterator<Item = (Duration, MachineId)> + 'a {
    let processes = record.processes.iter().filter(move |process| process.machine == machine);
    let told = processes.flat_map(|process| &process.told);
    let right = move |(_, told, node): &&(Duration, Told, usize)| {
        *told == what && of.as_ref().is_none_or(|of| of.holds(NAME(*node)))
    };
    told.filter(right).map(|(at, _, node)| (*at, NAME(*node)))
}

fn stops(record: &Record, machine: usize) -> impl Iterator<Item = (Duration, &str)> {
    let processes = record.processes.iter().filter(move |process| process.machine == machine);
    processes.filter_map(|process| match &process.ended {
        Some((at, End::ByItself(why))) => Some((*at, why.as_str())),
        _ => None,
    })
}

/// Who stops by itself and is not expected to.
fn by_itself(story: &Story, record: &Record) -> Vec<String> {
    let expected = |machine: usize| {
        story.expectations.iter().any(|line| match &line.is {
            Expectation::By { what: Condition::Stopped { who }, .. } => who.holds(NAME(machine)),
            _ => false,
        })
    };
    let machines = (0..story.machines).filter(|machine| !expected(*machine));
    machines
        .flat_map(|machine| {
            stops(record, machine).map(move |(at, why)| format!("{} at {at:.3?}: {why}", NAME(machine)))
        })
        .collect()
}
