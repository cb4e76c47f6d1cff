//! The delivery contract, checked while a run goes on and at its end. Knows origins, receivers and sequence numbers; not
//! what was emitted, nor why a life ended.

#[cfg(test)]
mod tests;
mod violation;

pub use violation::Violation;

use super::LifeId;

/// So many violations are kept; later ones are counted. One mistake of an engine may repeat a million times.
const KEPT: usize = 100;

/// Whether a receiver may be told that something is missing for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gaps {
    /// A told gap stands in for what it names.
    Allowed,
    /// Each told gap is a [`Violation::GapForbidden`]: in this run, nobody was away for longer than histories hold.
    Forbidden,
}

/// Checks that every receiver has every origin's events once, in order, and is told what it cannot have.
///
/// Feed it what happens, in the order in which it happens: an emission before it is handled, a receiver's baseline before
/// anything else of it. An origin's numbers start at 1 and have no holes. Feeding costs a few nanoseconds. A violation is
/// kept with its numbers, and the checker goes on as if what happened had been right, so that one mistake is one line.
///
/// ```
/// use devts_sim::check::LifeId;
/// use devts_sim::check::delivery::{Delivery, Gaps};
///
/// let (n1, n3) = (LifeId::new(0, 0), LifeId::new(2, 0));
/// let mut delivery = Delivery::new();
/// delivery.joined(n3, []);
/// (1..=9).for_each(|number| delivery.emitted(n1, number));
/// delivery.handled(n3, n1, 1, 6); // 1 to 6, one run
/// delivery.handled(n3, n1, 9, 1);
///
/// let found = delivery.finish(&[n1, n3], Gaps::Allowed);
/// assert_eq!(found[0].to_string(), "n3 handled 9 of n1 after 6: 7..8 neither came nor were told");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// Machine, boot: one more than the place in `lives`; 0 is none.
    places: Vec<Vec<u32>>,
    lives: Vec<Life>,
    /// Counts emissions and joins: what came before what.
    step: u64,
    gaps: Vec<Violation>,
    violations: Vec<Violation>,
    /// Violations that are not kept.
    more: u64,
}

#[derive(Clone, Debug)]
struct Life {
    id: LifeId,
    emitted: u64,
    /// When it emitted last.
    spoke: u64,
    joined: Option<u64>,
    stopped: bool,
    /// By origin's place: up to where it handled, was told, restored or need not know.
    known: Vec<u64>,
}

impl Delivery {
    /// Nothing has happened.
    pub fn new() -> Delivery {
        Delivery::default()
    }

    /// `origin` emitted its event of this number.
    pub fn emitted(&mut self, origin: LifeId, number: u64) {
        let place = self.place(origin);
        self.step += 1;
        let life = &mut self.lives[place];
        let (before, stopped) = (life.emitted, life.stopped);
        life.emitted = number.max(before);
        life.spoke = self.step;
        if number != before + 1 {
            self.report(Violation::Numbered { origin, number, after: before });
        }
        if stopped {
            self.report(Violation::AfterStop { life: origin, what: format!("emitted {number}") });
        }
    }

    /// `receiver` is in the cluster. What `baseline` names, up to its numbers, will not be delivered to it: it came before.
    pub fn joined(&mut self, receiver: LifeId, baseline: impl IntoIterator<Item = (LifeId, u64)>) {
        let place = self.place(receiver);
        self.step += 1;
        if self.lives[place].joined.replace(self.step).is_some() {
            self.report(Violation::JoinedTwice { receiver });
        }
        self.raise(receiver, baseline);
    }

    /// `count` events of `origin`, from `first` on, had their turn in `receiver`, whether it has a handler for them or not.
    pub fn handled(&mut self, receiver: LifeId, origin: LifeId, first: u64, count: u64) {
        if let Some(more) = count.checked_sub(1) {
            self.account(receiver, origin, first, first + more, true);
        }
    }

    /// `receiver` was told that the events `first` to `last` of `origin` are missing.
    pub fn gap(&mut self, receiver: LifeId, origin: LifeId, first: u64, last: u64) {
        if last < first {
            return self.report(Violation::EmptyGap { receiver, origin, first, last });
        }
        self.account(receiver, origin, first, last, false);
        self.gaps.push(Violation::GapForbidden { receiver, origin, first, last });
    }

    /// The state of `receiver` reflects these now, as if it had handled them: it took a snapshot, or merged one. What it
    /// knew beyond stays known, so that a merge of two sides that diverged needs no other verb.
    pub fn restored(&mut self, receiver: LifeId, vector: impl IntoIterator<Item = (LifeId, u64)>) {
        let place = self.place(receiver);
        if self.may(place, || "restored a state".to_owned()) {
            self.raise(receiver, vector);
        }
    }

    /// `life` left, was killed, or has no power: it is owed nothing more, and does nothing more.
    pub fn stopped(&mut self, life: LifeId) {
        let place = self.place(life);
        self.lives[place].stopped = true;
    }

    /// What is wrong so far, the oldest first, at most a hundred. [`finish`](Delivery::finish) says how many more there are.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Everything that is wrong, now that all is healed and quiet: what was found on the way, and what `alive` do not have.
    ///
    /// Each of them must have, or be told it cannot have, whatever another of them emitted. Of origins that are not alive,
    /// all receivers that had joined before their last event must have the same.
    pub fn finish(&self, alive: &[LifeId], rule: Gaps) -> Vec<Violation> {
        let mut found = self.violations.clone();
        if rule == Gaps::Forbidden {
            found.extend(self.gaps.iter().cloned());
        }
        let receivers: Vec<&Life> =
            alive.iter().filter_map(|id| self.life(*id)).filter(|l| !l.stopped).collect();
        let absent = alive.iter().filter(|id| self.life(**id).is_none_or(|life| life.joined.is_none()));
        found.extend(absent.map(|receiver| Violation::NeverJoined { receiver: *receiver }));
        for (place, origin) in self.lives.iter().enumerate() {
            if alive.contains(&origin.id) {
                found.extend(receivers.iter().filter_map(|receiver| lost(receiver, origin, place)));
            } else {
                found.extend(disagreements(&receivers, origin, place));
            }
        }
        if self.more > 0 {
            found.push(Violation::More { count: self.more });
        }
        found
    }

    /// The events `first` to `last` come to `receiver`, or it learns that they do not: nothing may be between them and what
    /// it knows.
    fn account(&mut self, receiver: LifeId, origin: LifeId, first: u64, last: u64, came: bool) {
        let (to, of) = (self.place(receiver), self.place(origin));
        let emitted = self.lives[of].emitted;
        let slot = self.lives[to].knows_mut(of);
        let known = *slot;
        *slot = known.max(last.min(emitted));
        let usual = first == known + 1 && last <= emitted;
        let life = &self.lives[to];
        if usual && life.joined.is_some() && !life.stopped {
            return;
        }
        let deed = || format!("{} {first} of {origin}", if came { "handled" } else { "was told it misses" });
        if !self.may(to, deed) {
            return;
        }
        if last > emitted || first == 0 {
            self.report(Violation::FromNowhere { receiver, origin, first, last, emitted, came });
        } else if first <= known {
            let twice = Violation::Twice { receiver, origin, number: first, known };
            let told = Violation::GapOfKnown { receiver, origin, first, last, known };
            self.report(if came { twice } else { told });
        } else if first > known + 1 && receiver != origin {
            // Of its own events a life handles those that include itself; the others are no gap.
            self.report(Violation::OutOfOrder { receiver, origin, number: first, after: known, came });
        }
    }

    fn raise(&mut self, receiver: LifeId, vector: impl IntoIterator<Item = (LifeId, u64)>) {
        let to = self.place(receiver);
        for (origin, last) in vector {
            let of = self.place(origin);
            let emitted = self.lives[of].emitted;
            let known = self.lives[to].knows_mut(of);
            *known = (*known).max(last.min(emitted));
            if last > emitted {
                self.report(Violation::VectorFromNowhere { receiver, origin, last, emitted });
            }
        }
    }

    /// Whether this life may do anything at all.
    fn may(&mut self, place: usize, deed: impl Fn() -> String) -> bool {
        let life = &self.lives[place];
        let (life, joined, stopped) = (life.id, life.joined.is_some(), life.stopped);
        if stopped {
            self.report(Violation::AfterStop { life, what: deed() });
        } else if !joined {
            self.report(Violation::BeforeJoining { life, what: deed() });
        }
        joined && !stopped
    }

    fn report(&mut self, violation: Violation) {
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        } else {
            self.more += 1;
        }
    }

    fn life(&self, id: LifeId) -> Option<&Life> {
        let place = *self.places.get(usize::from(id.machine))?.get(usize::from(id.boot))?;
        self.lives.get((place as usize).checked_sub(1)?)
    }

    fn place(&mut self, id: LifeId) -> usize {
        let (machine, boot) = (usize::from(id.machine), usize::from(id.boot));
        match self.places.get(machine).and_then(|boots| boots.get(boot)) {
            Some(place) if *place > 0 => *place as usize - 1,
            _ => self.add(id, machine, boot),
        }
    }

    fn add(&mut self, id: LifeId, machine: usize, boot: usize) -> usize {
        if self.places.len() <= machine {
            self.places.resize(machine + 1, Vec::new());
        }
        let boots = &mut self.places[machine];
        if boots.len() <= boot {
            boots.resize(boot + 1, 0);
        }
        self.lives.push(Life { id, emitted: 0, spoke: 0, joined: None, stopped: false, known: Vec::new() });
        boots[boot] = self.lives.len() as u32;
        self.lives.len() - 1
    }
}

impl Life {
    fn knows(&self, origin: usize) -> u64 {
        self.known.get(origin).copied().unwrap_or(0)
    }

    fn knows_mut(&mut self, origin: usize) -> &mut u64 {
        if self.known.len() <= origin {
            self.known.resize(origin + 1, 0);
        }
        &mut self.known[origin]
    }
}

fn lost(receiver: &Life, origin: &Life, place: usize) -> Option<Violation> {
    let known = receiver.knows(place);
    let owed = receiver.joined.is_some() && receiver.id != origin.id && known < origin.emitted;
    let (receiver, origin, last) = (receiver.id, origin.id, origin.emitted);
    owed.then_some(Violation::Lost { receiver, origin, first: known + 1, last })
}

/// Those who were there when a dead origin spoke for the last time, and have less of it than another of them.
fn disagreements(receivers: &[&Life], origin: &Life, place: usize) -> Vec<Violation> {
    let there = |life: &&&Life| life.joined.is_some_and(|joined| joined < origin.spoke);
    let witnesses: Vec<&&Life> = receivers.iter().filter(there).collect();
    let Some(most) = witnesses.iter().max_by_key(|life| (life.knows(place), std::cmp::Reverse(life.id)))
    else {
        return Vec::new();
    };
    let less = witnesses.iter().filter(|life| life.knows(place) < most.knows(place));
    let disagree = |life: &&&Life| Violation::Disagree {
        origin: origin.id,
        receiver: life.id,
        last: life.knows(place),
        other: most.id,
        most: most.knows(place),
    };
    less.map(disagree).collect()
}
