//! The search for an order that explains one key: Wing & Gong, with Lowe's memory. Knows operations as numbers.

use super::verdict::{Action, Operation, Outcome};
use crate::Rng;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A value of the key; 0 is none.
pub(super) type Value = u32;

/// A moment: its time, and its place among all that was recorded.
type Moment = (Duration, u64);

/// An operation that may have to be explained.
#[derive(Clone, Copy, Debug)]
pub(super) struct Call {
    pub(super) place: usize,
    pub(super) effect: Effect,
    called: Moment,
    /// `None`: it may be left out of the order, and may take place at any time after its call.
    returned: Option<Moment>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Read(Value),
    Write(Value),
    Set {
        expected: Value,
        new: Value,
    },
    /// A compare-and-set that found something else.
    Differs(Value),
}

impl Effect {
    /// What the value is afterwards, if this can take place now.
    fn apply(self, value: Value) -> Option<Value> {
        match self {
            Effect::Read(found) => (found == value).then_some(value),
            Effect::Write(new) => Some(new),
            Effect::Set { expected, new } => (expected == value).then_some(new),
            Effect::Differs(other) => (other != value).then_some(value),
        }
    }

    /// Changes nothing: where it can take place at once, there is no reason to wait.
    pub(super) fn only_looks(self) -> bool {
        matches!(self, Effect::Read(_) | Effect::Differs(_))
    }
}

/// Whether there is an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Yes,
    No,
    /// It took more states than were given.
    Unknown,
}

/// The values of a key, numbered as they come up.
struct Values<'a>(BTreeMap<Option<&'a str>, Value>);

impl<'a> Values<'a> {
    fn number(&mut self, value: &'a Option<String>) -> Value {
        self.name(value.as_deref())
    }

    fn name(&mut self, value: Option<&'a str>) -> Value {
        let next = self.0.len() as Value;
        *self.0.entry(value).or_insert(next)
    }
}

/// What there is to explain of one key: all but the reads that never returned.
pub(super) fn calls(operations: &[Operation]) -> Vec<Call> {
    let mut values = Values(BTreeMap::from([(None, 0)]));
    let mut calls = Vec::new();
    for (place, operation) in operations.iter().enumerate() {
        let effect = match (&operation.action, &operation.outcome) {
            (Action::Write(value), _) => Effect::Write(values.number(value)),
            (Action::Read, Outcome::Found(found)) => Effect::Read(values.number(found)),
            (Action::Read, _) => continue,
            (Action::CompareAndSet { expected, .. }, Outcome::Compared(false)) => {
                Effect::Differs(values.number(expected))
            }
            (Action::CompareAndSet { expected, new }, _) => {
                Effect::Set { expected: values.number(expected), new: values.name(Some(new)) }
            }
        };
        let returned = operation.returned.map(|at| (at, operation.steps.1));
        calls.push(Call { place, effect, called: (operation.called, operation.steps.0), returned });
    }
    calls
}

/// Looks for an order, and takes what it visits from `states`.
pub(super) fn search(calls: &[Call], states: &mut usize) -> Answer {
    Search::new(calls).run(states)
}

/// The list of what must be explained, in the order of calls and returns, starts and ends here.
const CERTAIN: usize = 0;
/// The list of what may have taken place, in the order of calls.
const POSSIBLE: usize = 1;

struct Search<'a> {
    calls: &'a [Call],
    /// Two rings of nodes: those of what is not yet in the order. See `node`.
    next: Vec<usize>,
    previous: Vec<usize>,
    /// A random number for each call: those in the order, combined, stand for the set of them.
    marks: Vec<u128>,
    /// What is in the order, and the value after it: from there, nothing was found.
    visited: BTreeSet<(u128, Value)>,
    order: Vec<Taken>,
    set: u128,
    value: Value,
    /// How many must still be explained.
    missing: usize,
    /// When the first of them returned.
    bound: Option<Moment>,
    /// Whether a compare-and-set may have taken place: it sees as well as sets.
    possible_sets: bool,
}

/// A call that is in the order.
struct Taken {
    call: usize,
    before: Value,
    /// It was the only choice.
    forced: bool,
}

/// The node of a call; that of its return is the next.
fn node(call: usize) -> usize {
    2 + 2 * call
}

fn is_return(node: usize) -> bool {
    node > POSSIBLE && node % 2 == 1
}

impl<'a> Search<'a> {
    fn new(calls: &'a [Call]) -> Search<'a> {
        let mut rng = Rng::new(calls.len() as u64);
        let mut mark = || u128::from(rng.next_u64()) << 64 | u128::from(rng.next_u64());
        let nodes = node(calls.len());
        let mut search = Search {
            calls,
            next: (0..nodes).collect(),
            previous: (0..nodes).collect(),
            marks: calls.iter().map(|_| mark()).collect(),
            visited: BTreeSet::new(),
            order: Vec::new(),
            set: 0,
            value: 0,
            missing: calls.iter().filter(|call| call.returned.is_some()).count(),
            bound: None,
            possible_sets: calls
                .iter()
                .any(|call| call.returned.is_none() && !matches!(call.effect, Effect::Write(_))),
        };
        let mut moments: Vec<(Moment, usize)> = Vec::new();
        for (call, node) in calls.iter().zip((2..).step_by(2)) {
            moments.push((call.called, node));
            moments.extend(call.returned.map(|returned| (returned, node + 1)));
        }
        moments.sort_unstable();
        moments.iter().for_each(|(_, node)| search.append(*node));
        search.bound = search.first_return();
        search
    }

    fn append(&mut self, node: usize) {
        let ring = if self.call(node).returned.is_some() { CERTAIN } else { POSSIBLE };
        let last = self.previous[ring];
        (self.next[last], self.previous[node]) = (node, last);
        (self.next[node], self.previous[ring]) = (ring, node);
    }

    fn call(&self, node: usize) -> &'a Call {
        &self.calls[(node - 2) / 2]
    }

    fn run(mut self, states: &mut usize) -> Answer {
        let mut candidate = self.next[CERTAIN];
        while self.missing > 0 {
            if let Some(call) = self.looking() {
                self.take(call, self.value, true);
                candidate = self.next[CERTAIN];
                continue;
            }
            let Some(node) = self.choice(candidate) else {
                match self.take_back() {
                    Some(call) => candidate = self.next[node(call)],
                    None => return Answer::No,
                }
                continue;
            };
            candidate = self.next[node];
            let call = (node - 2) / 2;
            let Some(value) = self.useful(call) else { continue };
            if self.visited.insert((self.set ^ self.marks[call], value)) {
                if *states == 0 {
                    return Answer::Unknown;
                }
                *states -= 1;
                self.take(call, value, false);
                candidate = self.next[CERTAIN];
            }
        }
        Answer::Yes
    }

    /// The first that may be next in the order, from this node on: first what must be explained, then what may have been.
    fn choice(&self, node: usize) -> Option<usize> {
        let node = if node == CERTAIN || is_return(node) { self.next[POSSIBLE] } else { node };
        (node > POSSIBLE && self.bound.is_some_and(|bound| self.call(node).called < bound)).then_some(node)
    }

    fn first_return(&self) -> Option<Moment> {
        let mut node = self.next[CERTAIN];
        while node != CERTAIN && !is_return(node) {
            node = self.next[node];
        }
        (node != CERTAIN).then(|| self.call(node).returned).flatten()
    }

    /// The calls that may be next in the order.
    fn choices(&self) -> impl Iterator<Item = usize> + '_ {
        let first = self.choice(self.next[CERTAIN]);
        std::iter::successors(first, |node| self.choice(self.next[*node])).map(|node| (node - 2) / 2)
    }

    /// Those of them that must be explained.
    fn certain_choices(&self) -> impl Iterator<Item = usize> + '_ {
        self.choices().take_while(|call| self.calls[*call].returned.is_some())
    }

    /// One that only looks, and finds what it should: nothing is lost by taking it now.
    fn looking(&self) -> Option<usize> {
        let looks = |call: &usize| {
            let effect = self.calls[*call].effect;
            effect.only_looks() && effect.apply(self.value).is_some()
        };
        self.certain_choices().find(looks)
    }

    /// The value after this call, if it can be next. What only may have taken place is of use only if something can see
    /// it at once: in an order with as few of them as can be, each is followed by what saw it.
    fn useful(&self, call: usize) -> Option<Value> {
        let value = self.calls[call].effect.apply(self.value)?;
        let sees = |other: usize| match self.calls[other].effect {
            Effect::Write(_) => false,
            effect => other != call && effect.apply(value).is_some(),
        };
        let useful = self.calls[call].returned.is_some()
            || self.certain_choices().any(sees)
            || self.possible_sets && self.choices().any(sees);
        useful.then_some(value)
    }

    fn take(&mut self, call: usize, value: Value, forced: bool) {
        self.order.push(Taken { call, before: self.value, forced });
        self.value = value;
        self.set ^= self.marks[call];
        self.missing -= usize::from(self.calls[call].returned.is_some());
        self.unlink(node(call));
        self.unlink(node(call) + 1);
        self.bound = self.first_return();
    }

    /// Takes back the last that was a choice, and what followed from it.
    fn take_back(&mut self) -> Option<usize> {
        loop {
            let Taken { call, before, forced } = self.order.pop()?;
            self.relink(node(call) + 1);
            self.relink(node(call));
            self.value = before;
            self.set ^= self.marks[call];
            self.missing += usize::from(self.calls[call].returned.is_some());
            self.bound = self.first_return();
            if !forced {
                return Some(call);
            }
        }
    }

    /// A return that is in no ring is its own neighbour: nothing changes.
    fn unlink(&mut self, node: usize) {
        let (previous, next) = (self.previous[node], self.next[node]);
        (self.next[previous], self.previous[next]) = (next, previous);
    }

    fn relink(&mut self, node: usize) {
        let (previous, next) = (self.previous[node], self.next[node]);
        (self.next[previous], self.previous[next]) = (node, node);
    }
}
