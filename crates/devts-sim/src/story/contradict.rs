//! Expectations that exclude each other: one of them would fail whatever happens. Knows what conditions mean, not who runs.

use super::check::fault_at;
use super::error::{Reason, StoryError};
use super::parts::{Condition, Expectation, Seen, Story, Who};
use super::presence::meet;
use crate::fault::MachineId;
use std::time::Duration;

pub(super) fn check(story: &Story) -> Result<(), StoryError> {
    for (place, line) in story.expectations.iter().enumerate() {
        let above = &story.expectations[..place];
        if let Some(other) = above.iter().find(|other| exclude(story, &other.is, &line.is)) {
            return Err(fault_at(line, Reason::Contradiction { with: other.number }));
        }
    }
    Ok(())
}

fn exclude(story: &Story, a: &Expectation, b: &Expectation) -> bool {
    use Expectation::{By, Never};
    match (a, b) {
        (By { at, what: by }, Never { after, before, what: never })
        | (Never { after, before, what: never }, By { at, what: by }) => {
            denies(story, (*after, *before, never), (*at, by))
        }
        (By { at: one, what: a }, By { at: other, what: b }) => one == other && differ(story, a, b),
        _ => false,
    }
}

/// What may never be must be.
fn denies(
    story: &Story,
    (after, before, never): (Duration, Duration, &Condition),
    (at, by): (Duration, &Condition),
) -> bool {
    let inside = after <= at && at <= before;
    match (never, by) {
        (Condition::Sees { who: a, whom: b, how }, Condition::Sees { who: c, whom: d, how: other }) => {
            inside && how == other && pair(story, (a, b), (c, d))
        }
        (Condition::SeesOnly { who, whom }, Condition::SeesOnly { who: a, whom: b }) => {
            inside && who == a && whom == b
        }
        (Condition::Stopped { who }, Condition::Stopped { who: other }) => inside && meet(who, other, story),
        // It may have been told before the time in which it must not be.
        (Condition::Told { who, what, of }, Condition::Told { who: a, what: b, of: c }) => {
            let same = of.as_ref().zip(c.as_ref()).is_none_or(|(of, c)| meet(of, c, story));
            inside && after.is_zero() && what == b && meet(who, a, story) && same
        }
        _ => false,
    }
}

/// One node would see another in two ways at one time.
fn differ(story: &Story, a: &Condition, b: &Condition) -> bool {
    let (Condition::Sees { who: a, whom: b, how }, Condition::Sees { who: c, whom: d, how: other }) = (a, b)
    else {
        return false;
    };
    let absent = |seen: &Seen| matches!(seen, Seen::Failed | Seen::Left | Seen::Gone);
    let agree =
        how == other || (absent(how) && absent(other) && (*how == Seen::Gone || *other == Seen::Gone));
    !agree && pair(story, (a, b), (c, d))
}

/// Whether some pair of two nodes is meant by both.
fn pair(story: &Story, (a, b): (&Who, &Who), (c, d): (&Who, &Who)) -> bool {
    let both = |one: &Who, other: &Who| -> Vec<usize> {
        (0..story.machines).filter(|id| one.holds(MachineId(*id)) && other.holds(MachineId(*id))).collect()
    };
    let (first, second) = (both(a, c), both(b, d));
    first.iter().any(|one| second.iter().any(|other| one != other))
}
