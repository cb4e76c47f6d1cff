//! What happened in a run, line by line, as one 64-bit hash, as kept lines, or held against an earlier run of the same
//! seed. It knows numbers of machines and bytes counted, not what runs on them.

mod compare;
mod hash;
mod line;
mod lines;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use compare::Comparison;
use hash::Rolling;

pub use compare::Difference;
pub use hash::hash_bytes;
pub use line::{Change, Line, NOBODY, What};
pub use lines::Lines;

/// How many lines a trace keeps where nothing else is said: 20 million, 32 bytes each.
pub const KEPT_LINES: usize = 20_000_000;

/// What a [`Trace`] does with its lines besides hashing them.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// Nothing.
    #[default]
    Hash,
    /// Keeps so many; [`Mode::keep`] says how many are usual. Later lines are hashed, and of them only the facts
    /// ([`What::is_fact`]) are kept, again at most so many: what a picture of the run needs.
    Keep(usize),
    /// Holds each against the same line of an earlier run and remembers where the two part.
    Compare(Arc<Lines>),
}

impl Mode {
    /// Keeps up to [`KEPT_LINES`] lines.
    pub fn keep() -> Mode {
        Mode::Keep(KEPT_LINES)
    }
}

/// The trace of one run.
///
/// ```
/// use devts_sim::{Mode, Trace, What};
///
/// let run = |mode, number| {
///     let mut trace = Trace::new(mode);
///     trace.record(0, What::Joined { machine: 0, boot: 1 });
///     trace.record(12_345_000_000, What::Emitted { machine: 0, boot: 1, seq: number });
///     trace
/// };
/// let first = run(Mode::keep(), 17);
/// assert_eq!(first.hash(), run(Mode::Hash, 17).hash());
/// assert_eq!(first.lines().last().unwrap().to_string(), "12.345s n1 emitted 17");
///
/// let second = run(Mode::Compare(first.into_lines()), 18);
/// let difference = second.difference().unwrap();
/// assert_eq!(difference.index, 1);
/// assert!(difference.to_string().contains("n1 emitted 18"));
/// ```
#[derive(Debug)]
pub struct Trace {
    hash: Rolling,
    len: u64,
    keeping: Keeping,
}

#[derive(Debug)]
enum Keeping {
    Nothing,
    All(Box<Lines>),
    Against(Box<Comparison>),
}

impl Trace {
    /// An empty trace.
    pub fn new(mode: Mode) -> Trace {
        let keeping = match mode {
            Mode::Hash => Keeping::Nothing,
            Mode::Keep(bound) => Keeping::All(Box::new(Lines::new(bound))),
            Mode::Compare(first) => Keeping::Against(Box::new(Comparison::new(first))),
        };
        Trace { hash: Rolling::default(), len: 0, keeping }
    }

    /// The next line, at so many nanoseconds of the run.
    #[inline]
    pub fn record(&mut self, at: u64, what: What) {
        self.hash.line(at, &what);
        let index = self.len;
        self.len += 1;
        match &mut self.keeping {
            Keeping::Nothing => {}
            Keeping::All(lines) => lines.push(Line { at, what }),
            Keeping::Against(comparison) => comparison.see(index, Line { at, what }),
        }
    }

    /// The hash of all lines so far: two traces have the same one if, and with a chance of 2^-64 only if, their lines
    /// are the same.
    pub fn hash(&self) -> u64 {
        self.hash.value(self.len)
    }

    /// How many lines were recorded.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The kept lines, oldest first; none without [`Mode::Keep`].
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        match &self.keeping {
            Keeping::All(lines) => Some(lines.iter()),
            _ => None,
        }
        .into_iter()
        .flatten()
    }

    /// Ends the run: what was kept of it, to draw it or to hold another run against it.
    pub fn into_lines(self) -> Arc<Lines> {
        let (len, hash) = (self.len, self.hash());
        let mut lines = match self.keeping {
            Keeping::All(lines) => *lines,
            _ => Lines::new(0),
        };
        lines.end(len, hash);
        Arc::new(lines)
    }

    /// Where this run, which has ended, parts from the one it is held against; nothing where the two are the same, or
    /// without [`Mode::Compare`].
    pub fn difference(&self) -> Option<Difference> {
        match &self.keeping {
            Keeping::Against(comparison) => comparison.difference(self.len, self.hash()),
            _ => None,
        }
    }
}
