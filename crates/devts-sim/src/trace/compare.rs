//! Two runs of one seed, held against each other, and where they part, in words. Knows what usually makes a run
//! unrepeatable, not what did so here.

use std::fmt;
use std::sync::Arc;

use super::line::{Line, Name, Seconds, What};
use super::lines::Lines;

/// So many lines are shown before the first difference.
const BEFORE: u64 = 2;
/// So many lines of each run are shown from the first difference on.
const SHOWN: usize = 3;

/// A run in progress against one that has ended.
#[derive(Debug)]
pub(super) struct Comparison {
    first: Arc<Lines>,
    parted: Option<Parted>,
}

/// Where the runs parted, and what the second went on with.
#[derive(Debug)]
struct Parted {
    index: u64,
    second: Vec<Line>,
}

impl Comparison {
    pub(super) fn new(first: Arc<Lines>) -> Comparison {
        Comparison { first, parted: None }
    }

    pub(super) fn see(&mut self, index: u64, line: Line) {
        if let Some(parted) = &mut self.parted {
            if parted.second.len() < SHOWN {
                parted.second.push(line);
            }
            return;
        }
        let same = match self.first.get(index) {
            Some(first) => *first == line,
            None => !self.first.is_whole(), // beyond the bound: the hash will tell
        };
        if !same {
            self.parted = Some(Parted { index, second: vec![line] });
        }
    }

    pub(super) fn difference(&self, len: u64, hash: u64) -> Option<Difference> {
        match &self.parted {
            Some(parted) => Some(self.parted_at(parted.index, parted.second.clone(), len)),
            None if len < self.first.kept() => Some(self.parted_at(len, Vec::new(), len)),
            None if (len, hash) != (self.first.len(), self.first.hash()) => {
                Some(Difference { beyond: true, ..self.parted_at(self.first.kept(), Vec::new(), len) })
            }
            None => None,
        }
    }

    fn parted_at(&self, index: u64, second: Vec<Line>, len: u64) -> Difference {
        Difference {
            index,
            before: self.first.before(index, BEFORE),
            first: self.first.from(index, SHOWN as u64),
            second,
            lengths: [self.first.len(), len],
            beyond: false,
        }
    }
}

/// Where two runs of one seed first differ: the run does not follow from its seed alone. Its text names the line, the
/// virtual time, the machine, the usual causes and what to use instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The number of the first line that differs, from 0.
    pub index: u64,
    /// The last two lines that both runs have.
    pub before: Vec<Line>,
    /// The line of the first run and up to two after it; empty if that run ended here.
    pub first: Vec<Line>,
    /// The line of the second run and up to two after it; empty if that run ended here.
    pub second: Vec<Line>,
    /// How many lines the two runs had.
    pub lengths: [u64; 2],
    /// The runs differ somewhere beyond the lines that were kept; `index` is the first that was not.
    pub beyond: bool,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.beyond {
            self.head_beyond(f)?
        } else {
            self.head(f)?
        }
        write!(f, "{} {CAUSES}", self.judgement())
    }
}

/// One sentence on what to look for, and what to put in its place.
const CAUSES: &str = "The usual causes are the order of a HashMap or HashSet, SystemTime or Instant, random numbers \
of one's own, and threads: use BTreeMap or BTreeSet, cx.now(), cx.random() and cx.spawn() instead.";

impl Difference {
    fn head_beyond(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.lengths;
        writeln!(
            f,
            "two runs of one seed differ beyond line {} of the trace, the last that was kept.",
            self.index
        )?;
        writeln!(f, "They have {first} and {second} lines: keep more to see where.")
    }

    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let times = [self.first.first(), self.second.first()].into_iter().flatten().map(|line| line.at);
        let line = self.index + 1;
        match times.min() {
            Some(at) => writeln!(
                f,
                "two runs of one seed part at {} of virtual time (line {line} of the trace):",
                Seconds(at)
            )?,
            None => writeln!(f, "two runs of one seed part at line {line} of the trace:")?,
        }
        for line in &self.before {
            writeln!(f, "    both        {line}")?;
        }
        for (name, lines) in [("first run ", &self.first), ("second run", &self.second)] {
            match lines.split_first() {
                None => writeln!(f, "  > {name}  ended here")?,
                Some((line, after)) => {
                    writeln!(f, "  > {name}  {line}")?;
                    for line in after {
                        writeln!(f, "    {name}  {line}")?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether the two lines are of one time.
    fn at_once(&self) -> bool {
        self.first.first().map(|line| line.at) == self.second.first().map(|line| line.at)
    }

    /// What the two lines tell about the cause.
    fn judgement(&self) -> String {
        let (first, second) = (self.first.first(), self.second.first());
        let machine = [second, first].into_iter().flatten().find_map(|line| line.what.machine());
        let place =
            machine.map_or("Something".to_string(), |machine| format!("Something on {}", Name(machine)));
        let seen = match (first.map(|line| &line.what), second.map(|line| &line.what)) {
            (
                Some(What::Write { machine, to, len, .. }),
                Some(What::Write { machine: m, to: t, len: l, .. }),
            ) if (machine, to, len) == (m, t, l) && self.at_once() => {
                " (as many bytes to the same peer, but other ones)"
            }
            (Some(a), Some(b)) if a == b => " (the same thing, but at another time)",
            _ => "",
        };
        format!("{place} does not follow from the seed{seen}.")
    }
}
