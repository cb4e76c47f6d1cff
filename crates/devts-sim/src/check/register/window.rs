//! The shortest part of a history that still cannot be explained: what a reader is shown. Knows no operation's words.

use super::search::{Answer, Call, Effect, Value, search};
use std::collections::BTreeSet;

/// How much more than the check itself may be spent on making the answer short.
const EFFORT: usize = 8;

/// Leaves out of calls that fit no order whatever can be left out so that the rest still fits none, the latest first, and
/// gives the places of the rest.
pub(super) fn shortest(calls: &[Call], states: usize) -> Vec<usize> {
    let mut states = states.saturating_mul(EFFORT);
    let mut rest = calls.to_vec();
    let mut size = rest.len().div_ceil(2);
    loop {
        let before = rest.len();
        let mut end = before;
        while end > 0 {
            let start = end.saturating_sub(size);
            let fewer = without(&rest, start, end);
            if fewer.len() < rest.len() && search(&fewer, &mut states) == Answer::No {
                rest = fewer;
            }
            end = start;
        }
        if size == 1 && (rest.len() == before || states == 0) {
            return rest.iter().map(|call| call.place).collect();
        }
        size = size.div_ceil(2);
    }
}

/// The calls without those from `start` to `end` whose absence explains nothing: what only looks, and what sets a value that
/// none of the others saw, if none of them saw that the value was not another.
fn without(calls: &[Call], start: usize, end: usize) -> Vec<Call> {
    let inside = |place: usize| (start..end).contains(&place);
    let goes = |place: usize, call: &Call| inside(place) && call.effect.only_looks();
    let looks_away =
        |(place, call): (usize, &Call)| matches!(call.effect, Effect::Differs(_)) && !goes(place, call);
    if calls.iter().enumerate().any(looks_away) {
        return keep(calls, |place, call| !goes(place, call));
    }
    let mut seen: BTreeSet<Value> = BTreeSet::new();
    seen.extend(
        calls
            .iter()
            .enumerate()
            .filter(|(place, call)| !goes(*place, call))
            .filter_map(|(_, call)| sees(call)),
    );
    let unseen = |call: &Call| match call.effect {
        Effect::Write(value) | Effect::Set { new: value, .. } => !seen.contains(&value),
        Effect::Read(_) | Effect::Differs(_) => true,
    };
    keep(calls, |place, call| !(inside(place) && unseen(call)))
}

fn keep(calls: &[Call], keeps: impl Fn(usize, &Call) -> bool) -> Vec<Call> {
    calls.iter().enumerate().filter(|(place, call)| keeps(*place, call)).map(|(_, call)| *call).collect()
}

/// The value that a call must have found.
fn sees(call: &Call) -> Option<Value> {
    match call.effect {
        Effect::Read(value) | Effect::Set { expected: value, .. } => Some(value),
        Effect::Write(_) | Effect::Differs(_) => None,
    }
}
