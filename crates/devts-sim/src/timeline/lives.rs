//! When each machine lived, put together from what it did and what was done to it. Knows no pixels.

use super::facts::Lane;
use super::spans::{Faults, Moment, MomentKind};

/// A change of a machine's being alive, where it was not so already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Turn {
    /// The node on it ended by itself.
    Stopped,
    Killed,
    PowerOff,
    Started,
}

/// One machine's lives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lives {
    /// From when to when it lived.
    pub(super) alive: Vec<(u64, u64)>,
    pub(super) turns: Vec<(u64, Turn)>,
}

/// The lives of the machine with this number.
pub(super) fn of(number: usize, lane: &Lane, faults: &Faults, until: u64) -> Lives {
    let turns = turns(number, lane, faults);
    let mut lives = Lives::default();
    // It begins with the first thing that happened on it, which may be an end.
    let mut since = lane.first.or(turns.first().map(|turn| turn.0));
    for (at, turn) in turns {
        let before = since;
        match turn {
            Turn::Started if since.is_none() => since = Some(at),
            Turn::Started => {}
            _ => {
                if let Some(from) = since.take() {
                    lives.alive.push((from.min(at), at));
                }
            }
        }
        if before.is_some() != since.is_some() {
            lives.turns.push((at, turn));
        }
    }
    lives.alive.extend(since.map(|from| (from, until.max(from))));
    lives
}

fn turns(number: usize, lane: &Lane, faults: &Faults) -> Vec<(u64, Turn)> {
    let of_fault = |moment: &Moment| match moment.kind {
        MomentKind::Killed => Some(Turn::Killed),
        MomentKind::PowerOff => Some(Turn::PowerOff),
        MomentKind::Started => Some(Turn::Started),
        MomentKind::Other => None,
    };
    let here = faults.moments.iter().filter(|moment| moment.lanes.contains(&number));
    let done_to_it = here.filter_map(|moment| Some((moment.at, of_fault(moment)?)));
    let own = lane.turns.iter().map(|&(at, up)| (at, if up { Turn::Started } else { Turn::Stopped }));
    let mut turns: Vec<_> = done_to_it.chain(own).collect();
    // Of one time: a kill explains why the node stopped, and a start comes after either.
    turns.sort_by_key(|&(at, turn)| (at, turn == Turn::Started, turn == Turn::Stopped));
    turns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lane(first: Option<u64>, turns: &[(u64, bool)], done: &[(u64, MomentKind)]) -> Lives {
        let lane = Lane { first, turns: turns.to_vec(), ..Lane::default() };
        let moment =
            |&(at, kind): &(u64, MomentKind)| Moment { at, kind, lanes: vec![3], text: String::new() };
        let faults = Faults { moments: done.iter().map(moment).collect(), ..Faults::default() };
        assert_eq!(of(4, &Lane::default(), &faults, 100), Lives::default(), "another lane has no part in it");
        of(3, &lane, &faults, 100)
    }

    #[test]
    fn it_lives_from_the_first_sign_to_the_end() {
        assert_eq!(of_lane(None, &[], &[]), Lives::default());
        let lives = of_lane(Some(2), &[(5, true)], &[]);
        assert_eq!(lives, Lives { alive: vec![(2, 100)], turns: vec![] });
    }

    #[test]
    fn a_kill_is_one_end_however_often_it_is_told() {
        let lives = of_lane(
            Some(0),
            &[(1, true), (10, false), (21, true)],
            &[(10, MomentKind::Killed), (20, MomentKind::Started)],
        );
        assert_eq!(lives.alive, [(0, 10), (20, 100)]);
        assert_eq!(lives.turns, [(10, Turn::Killed), (20, Turn::Started)]);
    }

    #[test]
    fn a_node_that_ends_by_itself_stopped() {
        let lives = of_lane(Some(0), &[(10, false), (30, true)], &[(20, MomentKind::PowerOff)]);
        assert_eq!(lives.alive, [(0, 10), (30, 100)]);
        assert_eq!(lives.turns, [(10, Turn::Stopped), (30, Turn::Started)]);
    }
}
