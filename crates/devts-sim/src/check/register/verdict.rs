//! What a check of a history says, in data and in words. Knows not how it is found.

use std::fmt;
use std::time::Duration;

/// What an operation is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The key becomes this; `None`: it has no value any more.
    Write(Option<String>),
    /// What is the key?
    Read,
    /// The key becomes `new` if it is `expected`.
    CompareAndSet {
        /// What it must be; `None`: without a value.
        expected: Option<String>,
        /// What it becomes.
        new: String,
    },
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It never returned: it took place at some time since, or not at all.
    Unknown,
    /// A write took place.
    Done,
    /// A read found this.
    Found(Option<String>),
    /// A compare-and-set did so, or found another value.
    Compared(bool),
    /// It certainly did not take place.
    Refused,
}

/// An operation of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Who called.
    pub client: String,
    /// On which key.
    pub key: String,
    /// For what.
    pub action: Action,
    /// When.
    pub called: Duration,
    /// When it returned, if it did.
    pub returned: Option<Duration>,
    /// What became of it.
    pub outcome: Outcome,
    /// The places of call and return among all that was recorded.
    pub(super) steps: (u64, u64),
}

/// What is to be said of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a verdict is to be looked at"]
pub enum Verdict {
    /// Every key can be explained.
    Linearizable,
    /// A key cannot be explained.
    Violated(Violation),
    /// No key was found wrong, but this one took more states than it was given: no pass.
    Undecided {
        /// The key.
        key: String,
        /// How many operations it has.
        operations: usize,
        /// How many states were visited.
        states: usize,
    },
}

/// Operations on one key that fit no order. None of them can be left out without the others becoming explicable, unless
/// the states to find that out did not suffice.
///
/// Shown as a table:
///
/// ```text
/// key "x" is not linearizable: these 3 operations, 0.000s to 0.060s, fit no order
///   0.000s..0.010s  n1  write 1  done
///   0.020s..0.030s  n2  write 2  done
///   0.050s..0.060s  n3  read     1
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The key.
    pub key: String,
    /// The operations, in the order of their calls.
    pub operations: Vec<Operation>,
}

impl Verdict {
    /// Whether every key can be explained; `false` also where that could not be found out.
    pub fn is_linearizable(&self) -> bool {
        matches!(self, Verdict::Linearizable)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Linearizable => f.write_str("linearizable"),
            Verdict::Violated(violation) => violation.fmt(f),
            Verdict::Undecided { key, operations, states } => write!(
                f,
                "key {key:?} is undecided: its {operations} operations take more than {states} states; write fewer of them \
                 at a time, or allow more states"
            ),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start = self.operations.iter().map(|operation| operation.called).min().unwrap_or_default();
        let times = self.operations.iter().map(|operation| operation.returned.unwrap_or(operation.called));
        let (count, end) = (self.operations.len(), times.max().unwrap_or_default());
        write!(f, "key {:?} is not linearizable: ", self.key)?;
        match count {
            1 => write!(f, "this operation, {} to {}, fits nothing", Seconds(start), Seconds(end))?,
            _ => write!(f, "these {count} operations, {} to {}, fit no order", Seconds(start), Seconds(end))?,
        }
        let rows: Vec<[String; 4]> = self.operations.iter().map(row).collect();
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (time, client, action) = (width(0), width(1), width(2));
        for row in &rows {
            write!(f, "\n  {:time$}  {:client$}  {:action$}  {}", row[0], row[1], row[2], row[3])?;
        }
        Ok(())
    }
}

fn row(operation: &Operation) -> [String; 4] {
    let end = operation.returned.map_or("?".to_owned(), |returned| Seconds(returned).to_string());
    let time = format!("{}..{end}", Seconds(operation.called));
    let action = match &operation.action {
        Action::Write(Some(value)) => format!("write {value}"),
        Action::Write(None) => "remove".to_owned(),
        Action::Read => "read".to_owned(),
        Action::CompareAndSet { expected, new } => format!("set {new} if {}", value(expected)),
    };
    let outcome = match &operation.outcome {
        Outcome::Unknown => "unknown",
        Outcome::Done => "done",
        Outcome::Found(found) => value(found),
        Outcome::Compared(true) => "done",
        Outcome::Compared(false) => "it was not",
        Outcome::Refused => "refused",
    };
    [time, operation.client.clone(), action, outcome.to_owned()]
}

fn value(value: &Option<String>) -> &str {
    value.as_deref().unwrap_or("nothing")
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}s", self.0.as_secs(), self.0.subsec_millis())
    }
}
