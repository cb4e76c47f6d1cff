//! Who runs when, as a story says it: so that nothing is asked of who is not there. Knows nothing of what nodes do.

use super::error::Reason;
use super::parts::{Action, Condition, Expectation, Story, Who};
use crate::fault::{Fault, MachineId, Nodes};
use std::time::Duration;

/// The changes of each machine, in the order of their times: it runs from then on, or no more.
pub(super) struct Presence(Vec<Vec<(Duration, bool)>>);

type Span = (Duration, Duration);

impl Presence {
    pub(super) fn of(story: &Story) -> Presence {
        let mut machines = vec![Vec::new(); story.machines];
        machines.iter_mut().take(story.nodes).for_each(|changes| changes.push((Duration::ZERO, true)));
        for line in &story.steps {
            let changes = changes(&line.is.action);
            let (pause, until) =
                line.is.again.unwrap_or((story.lasts, line.is.from + Duration::from_nanos(1)));
            let mut at = line.is.from;
            while !changes.is_empty() && at < until {
                for (who, up) in &changes {
                    let meant = machines.iter_mut().enumerate().filter(|(id, _)| who.holds(MachineId(*id)));
                    meant.for_each(|(_, machine)| machine.push((at, *up)));
                }
                at += pause;
            }
        }
        machines.iter_mut().for_each(|changes| changes.sort_by_key(|(at, _)| *at));
        Presence(machines)
    }

    /// Whether it runs at some moment of the span, both ends included.
    fn runs(&self, node: MachineId, (first, last): Span) -> bool {
        let Some(changes) = self.0.get(node.0) else { return false };
        let before = changes.iter().rev().find(|(at, _)| *at <= first).is_some_and(|(_, up)| *up);
        before || changes.iter().any(|(at, up)| *up && *at >= first && *at <= last)
    }

    /// Those that are called by name all run then; of all nodes, one does.
    fn there(&self, who: &Who, span: Span) -> Result<(), Reason> {
        match who {
            Who::Named(nodes) => match nodes.iter().find(|node| !self.runs(*node, span)) {
                Some(node) => Err(Reason::NotThere { node: Some(node), at: span.1 }),
                None => Ok(()),
            },
            Who::All { .. } => {
                let mut meant = (0..self.0.len()).map(MachineId).filter(|node| who.holds(*node));
                match meant.any(|node| self.runs(node, span)) {
                    true => Ok(()),
                    false => Err(Reason::NotThere { node: None, at: span.1 }),
                }
            }
        }
    }

    /// Whether an expectation can be judged at all.
    pub(super) fn judge(&self, story: &Story, expectation: &Expectation) -> Result<(), Reason> {
        let said = |verb, does: &dyn Fn(&Action) -> bool| match story.somebody(does) {
            true => Ok(()),
            false => Err(Reason::NothingSaid { verb }),
        };
        match expectation {
            Expectation::By { at, what } => self.condition(what, (*at, *at), (Duration::ZERO, *at)),
            Expectation::Never { after, before, what } => {
                self.condition(what, (*after, *before), (Duration::ZERO, *before))
            }
            Expectation::AtMost { who, after, before, .. } => self.there(who, (*after, *before)),
            Expectation::Events { of, by, .. } => {
                self.there(by, (story.lasts, story.lasts))?;
                said("emits", &|action| matches!(action, Action::Emit { who, .. } if meet(who, of, story)))
            }
            Expectation::Sends { of, .. } => {
                said("sends", &|action| matches!(action, Action::Send { who, .. } if meet(who, of, story)))
            }
            Expectation::Requests { of, .. } => {
                said("asks", &|action| matches!(action, Action::Ask { who, .. } if meet(who, of, story)))
            }
        }
    }

    /// `now`: when it is asked; `until`: from the beginning until then.
    fn condition(&self, what: &Condition, now: Span, until: Span) -> Result<(), Reason> {
        match what {
            Condition::Sees { who, whom, .. } | Condition::SeesOnly { who, whom } => {
                self.there(who, now)?;
                self.there(whom, until)
            }
            Condition::Told { who, of, .. } => {
                self.there(who, until)?;
                of.as_ref().map_or(Ok(()), |of| self.there(of, until))
            }
            Condition::Stopped { who } => self.there(who, until),
        }
    }
}

/// Whether some node is meant by both.
pub(super) fn meet(a: &Who, b: &Who, story: &Story) -> bool {
    (0..story.machines).map(MachineId).any(|node| a.holds(node) && b.holds(node))
}

fn changes(action: &Action) -> Vec<(Who, bool)> {
    match action {
        Action::Join { who, .. } => vec![(who.clone(), true)],
        Action::Leave(who) => vec![(who.clone(), false)],
        Action::Faults(faults) => faults.iter().filter_map(change).collect(),
        _ => Vec::new(),
    }
}

fn change(fault: &Fault) -> Option<(Who, bool)> {
    let named = |node: &MachineId| Who::Named(Nodes::from(*node));
    match fault {
        Fault::Kill { node } | Fault::PowerOff { node } => Some((named(node), false)),
        Fault::Start { node } => Some((named(node), true)),
        _ => None,
    }
}
