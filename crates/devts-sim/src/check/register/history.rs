//! The recorder: what clients call and what they are answered. Knows not what a right history is.

use super::search::{self, Answer};
use super::verdict::{Action, Operation, Outcome, Verdict, Violation};
use super::window;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The states a check may visit for one key, where nothing else is asked for: some seconds, and some 50 MB.
const STATES: usize = 500_000;

/// What the clients of a store did and saw. Clones are the same history, so every client has one.
///
/// An operation is recorded when it is called and again when it returns, in the order in which that happens; times are
/// those of the run, not of a machine's clock. An operation that never returns, because its client crashed or lost its
/// patience, may have taken place at any time since, or not at all: to drop what `write`, `read` or `compare_and_set` gave
/// says just that.
///
/// Keys and values are whatever can be shown; two values that show alike are the same value. Give each write its own value:
/// the check is sharper, and faster.
///
/// ```
/// use devts_sim::check::register::History;
/// use std::time::Duration;
///
/// let at = Duration::from_millis;
/// let history = History::new();
/// let write = history.write("n1", "x", 1, at(0));
/// write.returned(at(10));
/// let lost = history.write("n1", "x", 2, at(20));
/// drop(lost); // its client crashed: it may still take place
/// history.read("n2", "x", at(30)).read(at(40), 1);
/// history.read("n2", "x", at(50)).read(at(60), 2);
/// assert!(history.check().is_linearizable());
///
/// history.read("n3", "x", at(70)).read(at(80), 1); // ... but it cannot be undone
/// let verdict = history.check();
/// assert!(!verdict.is_linearizable());
/// println!("{verdict}");
/// ```
#[derive(Clone, Debug, Default)]
pub struct History {
    log: Arc<Mutex<Log>>,
}

#[derive(Debug, Default)]
struct Log {
    operations: Vec<Operation>,
    /// Counts calls and returns: what came first of two with the same time.
    step: u64,
}

impl History {
    /// Nothing has happened: no key has a value.
    pub fn new() -> History {
        History::default()
    }

    /// A client calls for `key` to become `value`.
    pub fn write(
        &self,
        client: impl Display,
        key: impl Display,
        value: impl Display,
        at: Duration,
    ) -> Writing {
        Writing(self.call(client, key, Action::Write(Some(value.to_string())), at))
    }

    /// A client calls for `key` to have no value.
    pub fn remove(&self, client: impl Display, key: impl Display, at: Duration) -> Writing {
        Writing(self.call(client, key, Action::Write(None), at))
    }

    /// A client asks what `key` is.
    pub fn read(&self, client: impl Display, key: impl Display, at: Duration) -> Reading {
        Reading(self.call(client, key, Action::Read, at))
    }

    /// A client calls for `key` to become `new` if it is `expected`; `None`: if it has no value.
    pub fn compare_and_set<V: Display>(
        &self,
        client: impl Display,
        key: impl Display,
        expected: Option<V>,
        new: V,
        at: Duration,
    ) -> Comparing {
        let expected = expected.map(|value| value.to_string());
        Comparing(self.call(client, key, Action::CompareAndSet { expected, new: new.to_string() }, at))
    }

    /// How many operations were called so far.
    pub fn len(&self) -> usize {
        self.lock().operations.len()
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Judges every key. See [`check_within`](History::check_within).
    pub fn check(&self) -> Verdict {
        self.check_within(STATES)
    }

    /// Judges every key, and visits at most so many states for each; where that does not suffice, the verdict is
    /// [`Undecided`](Verdict::Undecided), which is no pass. The states are few where few operations overlap; each
    /// operation that never returned and whose value was seen may double them.
    ///
    /// The search is that of Wing & Gong (1993) with Lowe's memory of visited states ("Testing for linearizability",
    /// 2017), as in Knossos and porcupine. States are remembered by a hash of 128 bits.
    pub fn check_within(&self, states: usize) -> Verdict {
        let mut keys: BTreeMap<String, Vec<Operation>> = BTreeMap::new();
        for operation in
            self.lock().operations.iter().filter(|operation| operation.outcome != Outcome::Refused)
        {
            keys.entry(operation.key.clone()).or_default().push(operation.clone());
        }
        let mut verdict = Verdict::Linearizable;
        for (key, operations) in keys {
            let calls = search::calls(&operations);
            match search::search(&calls, &mut states.clone()) {
                Answer::Yes => {}
                Answer::No => {
                    let window = window::shortest(&calls, states);
                    let operations = window.into_iter().map(|place| operations[place].clone()).collect();
                    return Verdict::Violated(Violation { key, operations });
                }
                Answer::Unknown => {
                    verdict = Verdict::Undecided { key, operations: operations.len(), states };
                }
            }
        }
        verdict
    }

    fn call(&self, client: impl Display, key: impl Display, action: Action, at: Duration) -> Call {
        let mut log = self.lock();
        log.step += 1;
        let operation = Operation {
            client: client.to_string(),
            key: key.to_string(),
            action,
            called: at,
            returned: None,
            outcome: Outcome::Unknown,
            steps: (log.step, u64::MAX),
        };
        log.operations.push(operation);
        let place = log.operations.len() - 1;
        drop(log);
        Call { history: self.clone(), place }
    }

    fn lock(&self) -> MutexGuard<'_, Log> {
        // No call leaves the log half changed, so a panic elsewhere is no reason to fail here.
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An operation between its call and its return.
#[derive(Debug)]
struct Call {
    history: History,
    place: usize,
}

impl Call {
    fn ended(self, at: Duration, outcome: Outcome) {
        let mut log = self.history.lock();
        log.step += 1;
        let step = log.step;
        let operation = &mut log.operations[self.place];
        operation.returned = Some(at);
        operation.outcome = outcome;
        operation.steps.1 = step;
    }
}

/// A write that has not returned. Dropped, it may have taken place or not.
#[derive(Debug)]
#[must_use = "a write that is dropped counts as one whose outcome nobody knows"]
pub struct Writing(Call);

impl Writing {
    /// It has taken place.
    pub fn returned(self, at: Duration) {
        self.0.ended(at, Outcome::Done);
    }

    /// It has certainly not taken place, and never will: it was refused. A timeout is no such answer; drop it then.
    pub fn refused(self, at: Duration) {
        self.0.ended(at, Outcome::Refused);
    }
}

/// A read that has not returned. Dropped, it says nothing.
#[derive(Debug)]
#[must_use = "a read that is dropped says nothing"]
pub struct Reading(Call);

impl Reading {
    /// The key had this value.
    pub fn read(self, at: Duration, value: impl Display) {
        self.0.ended(at, Outcome::Found(Some(value.to_string())));
    }

    /// The key had no value.
    pub fn read_nothing(self, at: Duration) {
        self.0.ended(at, Outcome::Found(None));
    }
}

/// A compare-and-set that has not returned. Dropped, it may have taken place or not.
#[derive(Debug)]
#[must_use = "a compare-and-set that is dropped counts as one whose outcome nobody knows"]
pub struct Comparing(Call);

impl Comparing {
    /// Whether the value was the expected one, and has been set.
    pub fn returned(self, at: Duration, set: bool) {
        self.0.ended(at, Outcome::Compared(set));
    }

    /// It has certainly not taken place, and never will; nor does that say what the value was.
    pub fn refused(self, at: Duration) {
        self.0.ended(at, Outcome::Refused);
    }
}
