//! Sends and requests, checked while a run goes on and at its end. Knows pairs of lives, numbers and times; not what was
//! sent or asked, nor which way it went.

#[cfg(test)]
mod tests;
mod violation;

pub use violation::Violation;

use super::LifeId;
use std::collections::BTreeMap;
use std::time::Duration;

/// So many violations are kept; later ones are counted.
const KEPT: usize = 100;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The handler's reply came, so it ran.
    Replied,
    /// Any typed error: the request may have run or not.
    Failed,
}

/// Checks that what is sent arrives at most once and in order, or is told, and that what is asked ends once and in time.
///
/// Feed it what happens, in the order in which it happens. What a life sends to a machine has rising numbers, with holes or
/// without, whichever of its processes it goes to; ids of requests are unique in the run. Times are those of the whole run,
/// since its start.
///
/// ```
/// use devts_sim::check::LifeId;
/// use devts_sim::check::calls::{Answer, Calls};
/// use std::time::Duration;
///
/// let (n1, n2) = (LifeId::new(0, 0), LifeId::new(1, 0));
/// let at = Duration::from_millis;
/// let mut calls = Calls::new(at(5)); // an answer may come 5 ms after its deadline
/// calls.sent(n1, n2, 1);
/// calls.sent(n1, n2, 2);
/// calls.received(n1, n2, 2);
/// calls.asked(7, n1, at(1_000));
/// calls.answered(7, Answer::Failed, at(1_200));
///
/// let found: Vec<String> = calls.finish(&[n1, n2], at(9_000)).iter().map(ToString::to_string).collect();
/// assert_eq!(found[0], "request 7 of n1 ended at 1.200s, 0.200s after its deadline");
/// assert_eq!(found[1], "send 1 from n1 to n2 neither arrived nor was told undeliverable");
/// ```
#[derive(Clone, Debug, Default)]
pub struct Calls {
    slack: Duration,
    pairs: BTreeMap<(LifeId, LifeId), Vec<Sent>>,
    /// The last number that arrived, by the life that sent and the one that received.
    arrived: BTreeMap<(LifeId, LifeId), u64>,
    requests: BTreeMap<u64, Request>,
    violations: Vec<Violation>,
    more: u64,
}

#[derive(Clone, Debug)]
struct Sent {
    number: u64,
    received: bool,
    told: bool,
}

#[derive(Clone, Debug)]
struct Request {
    by: LifeId,
    deadline: Duration,
    ran: bool,
    answer: Option<Answer>,
}

impl Calls {
    /// Nothing has happened. An answer is in time until `slack` after its deadline: timers have a grain, and whoever waits
    /// is woken a little later.
    pub fn new(slack: Duration) -> Calls {
        Calls { slack, ..Calls::default() }
    }

    /// A send was accepted: `to` is the life that ran there, or had run there last.
    pub fn sent(&mut self, from: LifeId, to: LifeId, number: u64) {
        let sends = self.pairs.entry((from, to)).or_default();
        let after = sends.last().map_or(0, |send| send.number);
        if number > after {
            sends.push(Sent { number, received: false, told: false });
        } else {
            self.report(Violation::Numbered { from, to, number, after });
        }
    }

    /// A send arrived: its handler was given it.
    pub fn received(&mut self, from: LifeId, to: LifeId, number: u64) {
        let Some(send) = self.find(from, to, number) else {
            return self.report(Violation::FromNowhere { from, to, number });
        };
        if std::mem::replace(&mut send.received, true) {
            return self.report(Violation::Twice { from, to, number });
        }
        let last = self.arrived.entry((from, to)).or_default();
        let after = *last;
        *last = after.max(number);
        if number < after {
            self.report(Violation::OutOfOrder { from, to, number, after });
        }
    }

    /// The sender was told that a send is undeliverable. It may have arrived all the same, or arrive still: told means that
    /// nobody can know.
    pub fn told_undeliverable(&mut self, from: LifeId, to: LifeId, number: u64) {
        let Some(send) = self.find(from, to, number) else {
            return self.report(Violation::ToldFromNowhere { from, to, number });
        };
        if std::mem::replace(&mut send.told, true) {
            self.report(Violation::ToldTwice { from, to, number });
        }
    }

    /// `by` made a request, which is to end by `deadline`.
    pub fn asked(&mut self, id: u64, by: LifeId, deadline: Duration) {
        let request = Request { by, deadline, ran: false, answer: None };
        if self.requests.insert(id, request).is_some() {
            self.report(Violation::AskedTwice { id });
        }
    }

    /// The handler of a request ran.
    pub fn ran(&mut self, id: u64) {
        let violation = match self.requests.get_mut(&id) {
            None => Some(Violation::RanFromNowhere { id }),
            Some(request) => {
                let by = request.by;
                std::mem::replace(&mut request.ran, true).then_some(Violation::RanTwice { id, by })
            }
        };
        violation.into_iter().for_each(|violation| self.report(violation));
    }

    /// A request ended `at` this time, for whoever asked.
    pub fn answered(&mut self, id: u64, answer: Answer, at: Duration) {
        let slack = self.slack;
        let Some(request) = self.requests.get_mut(&id) else {
            return self.report(Violation::AnswerFromNowhere { id });
        };
        let (by, ran, late) = (request.by, request.ran, at.saturating_sub(request.deadline));
        if request.answer.replace(answer).is_some() {
            return self.report(Violation::AnsweredTwice { id, by });
        }
        if answer == Answer::Replied && !ran {
            self.report(Violation::RepliedUnrun { id, by });
        }
        if late > slack {
            self.report(Violation::Late { id, by, at, late });
        }
    }

    /// What is wrong so far, the oldest first, at most a hundred. [`finish`](Calls::finish) says how many more there are.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Everything that is wrong, `now` that all is healed and quiet: what was found on the way, and what still hangs.
    ///
    /// A send between two of `alive` has arrived or was told. A request of one of them has ended, if its time is over.
    pub fn finish(&self, alive: &[LifeId], now: Duration) -> Vec<Violation> {
        let mut found = self.violations.clone();
        for ((from, to), sends) in &self.pairs {
            if alive.contains(from) && alive.contains(to) {
                let silent = sends.iter().filter(|send| !send.received && !send.told);
                found.extend(silent.map(|send| Violation::Silence {
                    from: *from,
                    to: *to,
                    number: send.number,
                }));
            }
        }
        for (id, request) in &self.requests {
            let due = request.deadline + self.slack < now;
            if request.answer.is_none() && due && alive.contains(&request.by) {
                found.push(Violation::Unanswered { id: *id, by: request.by, deadline: request.deadline });
            }
        }
        if self.more > 0 {
            found.push(Violation::More { count: self.more });
        }
        found
    }

    /// What `from` sent under this number to the machine of `to`: a later process of it may get what an earlier was sent.
    fn find(&mut self, from: LifeId, to: LifeId, number: u64) -> Option<&mut Sent> {
        let first = LifeId { boot: 0, ..to };
        let pairs = self.pairs.range_mut((from, first)..=(from, to)).rev();
        pairs.map(|(_, sends)| sends).find_map(|sends| {
            let place = sends.binary_search_by_key(&number, |send| send.number).ok()?;
            Some(&mut sends[place])
        })
    }

    fn report(&mut self, violation: Violation) {
        if self.violations.len() < KEPT {
            self.violations.push(violation);
        } else {
            self.more += 1;
        }
    }
}
