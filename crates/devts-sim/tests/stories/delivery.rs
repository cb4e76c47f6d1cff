//! What must have become of events, sends and requests. Knows the record only.

use crate::record::{Asked, End, Life, Process, Record};
use devts_sim::MachineId as N;
use devts_sim::story::{Told, Who};
use std::collections::BTreeSet;
use std::time::Duration;

/// How much later than its deadline an error may be told: timers have a grain, and turns take theirs.
const SLACK: Duration = Duration::from_millis(100);
/// A process that dies takes with it what it had and had not handled.
const IN_HAND: Duration = Duration::from_secs(2);

/// Numbers ascend by one; what is left out was told missing.
pub fn always(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for process in &record.processes {
        for (origin, numbers) in &process.heard {
            let whose = |what: String| format!("{} of {}: {what}", N(process.machine), origin_name(*origin));
            for pair in numbers.windows(2).filter(|pair| pair[1] != pair[0] + 1) {
                let [one, next] = [pair[0], pair[1]];
                if next <= one {
                    found.push(whose(format!("{next} after {one}")));
                } else if !(one + 1..next).all(|number| is_told(process, *origin, number)) {
                    found.push(whose(format!("{next} after {one}, and no gap was told")));
                }
            }
        }
        for (origin, numbers) in &process.got {
            let backwards = numbers.windows(2).find(|pair| pair[1] <= pair[0]);
            found.extend(backwards.map(|pair| {
                format!(
                    "{}: send {} of {} after {}",
                    N(process.machine),
                    pair[1],
                    origin_name(*origin),
                    pair[0]
                )
            }));
        }
    }
    found
}

fn origin_name((node, boot): Life) -> String {
    format!("n{node} (boot {boot})")
}

fn is_told(process: &Process, origin: Life, number: u64) -> bool {
    process.gaps.iter().any(|(life, first, last)| *life == origin && (*first..=*last).contains(&number))
}

// ---- events ------------------------------------------------------------------------------------------------------------

pub fn events(record: &Record, end: Duration, (of, by): (&Who, &Who), or_told: bool) -> Vec<String> {
    let receivers: Vec<&Process> =
        record.all_running(end).filter(|process| by.holds(N(process.machine))).collect();
    let mut found = Vec::new();
    for receiver in receivers.iter().filter(|receiver| receiver.joined.is_none()) {
        found.push(format!("{} is in no cluster", N(receiver.machine)));
    }
    for origin in record.processes.iter().filter(|origin| of.holds(N(origin.machine))) {
        for receiver in receivers.iter().filter(|receiver| receiver.node != origin.node) {
            found.extend(missing(origin, receiver, &receivers, or_told));
        }
    }
    found
}

/// What a receiver lacks of an origin.
fn missing(origin: &Process, receiver: &Process, all: &[&Process], or_told: bool) -> Option<String> {
    let ((came, life), (joined, _)) = (origin.joined?, receiver.joined?);
    let first = origin.emitted.iter().position(|at| *at > came.max(joined))? as u64;
    let last = last_due(origin, life, all)?;
    let heard = |number: &u64| receiver.heard.get(&life).is_some_and(|all| all.binary_search(number).is_ok());
    let told = |number: &u64| or_told && is_told(receiver, life, *number);
    let lacks: Vec<u64> = (first..=last).filter(|number| !heard(number) && !told(number)).collect();
    let (one, other) = (lacks.first()?, lacks.last()?);
    Some(format!(
        "{} lacks {} of the {} events of {} that it should have, the first is {one}, the last {other}",
        N(receiver.machine),
        lacks.len(),
        (last + 1).saturating_sub(first),
        origin_name(life)
    ))
}

/// The last event that everybody must have: of an origin that was killed, the last that anybody has.
fn last_due(origin: &Process, life: Life, all: &[&Process]) -> Option<u64> {
    match origin.ended {
        Some((_, End::Killed)) => {
            all.iter().filter_map(|process| process.heard.get(&life)?.last().copied()).max()
        }
        _ => (origin.emitted.len() as u64).checked_sub(1),
    }
}

// ---- sends -------------------------------------------------------------------------------------------------------------

pub fn sends(record: &Record, of: &Who, or_told: bool) -> Vec<String> {
    let senders = record.processes.iter().filter(|process| of.holds(N(process.machine)));
    let alive = senders.filter(|process| !matches!(process.ended, Some((_, End::Killed))));
    alive.flat_map(|sender| sender.sent.keys().filter_map(|to| lost(record, sender, *to, or_told))).collect()
}

/// What was accepted for a node and neither arrived nor was told.
fn lost(record: &Record, sender: &Process, to: usize, or_told: bool) -> Option<String> {
    let (_, life) = sender.joined?;
    let receivers = || record.processes.iter().filter(|process| process.node == to);
    let got = receivers().filter_map(|process| process.got.get(&life)).flatten();
    let arrived: BTreeSet<u64> = got.copied().collect();
    let died_with_it = |at: Duration| {
        receivers().any(|process| match process.ended {
            Some((ended, End::Killed)) => at <= ended && at + IN_HAND >= ended,
            _ => false,
        })
    };
    let numbered = sender.sent[&to].iter().enumerate().map(|(number, at)| (number as u64, *at));
    let lost: Vec<u64> = numbered
        .filter(|(number, at)| !arrived.contains(number) && !died_with_it(*at))
        .map(|(number, _)| number)
        .collect();
    let told =
        sender.told.iter().filter(|(_, what, node)| *what == Told::Undeliverable && *node == to).count();
    let allowed = if or_told { told } else { 0 };
    (lost.len() > allowed).then(|| {
        let count = sender.sent[&to].len();
        format!(
            "{} of {count} sends of {} to {} did not arrive, {told} were told; the first is {}",
            lost.len(),
            N(sender.machine),
            N(to),
            lost[0]
        )
    })
}

// ---- requests ----------------------------------------------------------------------------------------------------------

pub fn requests(record: &Record, of: &Who, or_told: bool, within: Option<Duration>) -> Vec<String> {
    let askers = record.processes.iter().filter(|process| of.holds(N(process.machine)));
    let judged = askers.flat_map(|asker| {
        let over = asker.ended.as_ref().map_or(Duration::MAX, |(at, _)| *at);
        let open = move |asked: &&Asked| asked.at + asked.within + SLACK < over;
        asker.asked.iter().filter(open).map(move |asked| (asker, asked))
    });
    judged.filter_map(|(asker, asked)| unanswered(asker, asked, or_told, within)).collect()
}

fn unanswered(asker: &Process, asked: &Asked, or_told: bool, within: Option<Duration>) -> Option<String> {
    let wrong = |what: String| {
        let (asker, of) = (N(asker.machine), N(asked.of));
        Some(format!("what {asker} asked {of} at {:.3?} {what}", asked.at))
    };
    let Some((ended, answer)) = &asked.ended else { return wrong("has no answer and no error".into()) };
    let took = ended.saturating_sub(asked.at);
    match answer {
        Ok(()) if within.is_some_and(|within| took > within) => {
            wrong(format!("was answered after {took:.3?}"))
        }
        Ok(()) => None,
        Err(error) if !or_told => wrong(format!("ended with: {error}")),
        Err(error) if took > asked.within + SLACK => wrong(format!("was told after {took:.3?}: {error}")),
        Err(_) => None,
    }
}
