//! What can go wrong in a run, and the report of it: what, when, how to make it again. Knows no run that is under way.

use devts_sim::{Difference, Plan};
use std::fmt::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What went wrong in a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Broken {
    /// An invariant of [`super::Sim::always`] did not hold after a turn.
    Always {
        /// Its name.
        name: String,
        /// What it found instead.
        found: String,
    },
    /// An invariant of [`super::Sim::eventually`] did not come to hold.
    Eventually {
        /// Its name.
        name: String,
        /// The time it had.
        within: Duration,
        /// What it found at the end of it.
        found: String,
    },
    /// Invariants of [`super::Sim::sometimes`] that held in no run of any seed.
    Sometimes {
        /// Their names.
        names: Vec<String>,
        /// How many seeds were run.
        seeds: u64,
    },
    /// Events were handled twice, out of order, or are missing and no gap was told.
    Delivery {
        /// Which.
        found: String,
    },
    /// Events were missed, and told as gaps, where [`super::Gaps::Forbidden`] is asked for.
    Gap {
        /// Which.
        found: String,
    },
    /// The reads and writes of [`super::Run::history`] are those of no register.
    History {
        /// Which, as a table.
        found: String,
    },
    /// The workload, or a node in one of its turns, panicked.
    Panicked {
        /// The texts, with their places.
        text: String,
    },
    /// The workload returned an error.
    Workload {
        /// The error.
        error: String,
    },
    /// A node stopped, or could not join, for a reason that does not pass.
    Node {
        /// Which: 0 is `n1`.
        node: usize,
        /// What it said.
        error: String,
    },
    /// After the faults, not everything came to its end.
    Unsettled {
        /// The time it had.
        within: Duration,
        /// What was still missing or running.
        missing: Vec<String>,
    },
    /// The world could not go on: nothing was left that could happen, or something was done that a run must not do.
    World {
        /// What.
        text: String,
    },
    /// Two runs of this seed were not the same.
    Nondeterminism(Box<Difference>),
    /// The test itself cannot be run as it is written.
    Test {
        /// Why, and what to do.
        text: String,
    },
}

impl Broken {
    /// The same kind of failure, of the same invariant or at the same place: what a shorter plan must bring about.
    pub(crate) fn is_like(&self, other: &Broken) -> bool {
        let name = |broken: &Broken| match broken {
            Broken::Always { name, .. } | Broken::Eventually { name, .. } => name.clone(),
            Broken::Panicked { text } => text.rsplit(" (").next().unwrap_or_default().into(), // the place
            _ => String::new(),
        };
        std::mem::discriminant(self) == std::mem::discriminant(other) && name(self) == name(other)
    }

    /// Two runs were not the same, and when they parted.
    pub(crate) fn parted(difference: Difference) -> (Duration, Broken) {
        let at = difference.first.first().or(difference.second.first()).map_or(0, |line| line.at);
        (Duration::from_nanos(at), Broken::Nondeterminism(Box::new(difference)))
    }

    /// Whether other faults could bring about another result.
    pub(crate) fn is_of_a_plan(&self) -> bool {
        !matches!(self, Broken::Sometimes { .. } | Broken::Test { .. } | Broken::Nondeterminism(_))
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let found = |f: &mut fmt::Formatter<'_>, found: &str| {
            if found.is_empty() { Ok(()) } else { write!(f, ": {found}") }
        };
        match self {
            Broken::Always { name, found: what } => {
                write!(f, "always {name:?} does not hold")?;
                found(f, what)
            }
            Broken::Eventually { name, within, found: what } => {
                write!(f, "eventually {name:?} does not hold within {within:?}")?;
                found(f, what)
            }
            Broken::Sometimes { names, seeds } => {
                write!(f, "in {seeds} seeds it was never so that {}: ", names.join(", or that "))?;
                f.write_str("run more seeds, or make it likelier, for this test does not test what it says")
            }
            Broken::Delivery { found } => write!(f, "events are not delivered as promised: {found}"),
            Broken::Gap { found } => write!(f, "events were missed: {found}"),
            Broken::History { found } => f.write_str(found),
            Broken::Panicked { text } => write!(f, "a panic: {text}"),
            Broken::Workload { error } => write!(f, "the workload failed: {error}"),
            Broken::Node { node, error } => write!(f, "n{} is no node of the cluster: {error}", node + 1),
            Broken::Unsettled { within, missing } => {
                write!(f, "within {within:?} it did not come to rest:")?;
                missing.iter().try_for_each(|line| write!(f, "\n    {line}"))
            }
            Broken::World { text } => f.write_str(text),
            Broken::Nondeterminism(difference) => difference.fmt(f),
            Broken::Test { text } => f.write_str(text),
        }
    }
}

impl std::error::Error for Broken {}

/// A failing run, with all that is needed to make it again. Its text is the report that [`super::Seeds::check`] panics
/// with.
#[derive(Clone, Debug)]
pub struct Failure {
    pub(crate) seed: Option<u64>,
    pub(crate) broken: Broken,
    pub(crate) at: Duration,
    pub(crate) values: Vec<String>,
    pub(crate) notes: Vec<String>,
    pub(crate) plan: Option<(Plan, usize)>,
    pub(crate) flaky: bool,
    pub(crate) timeline: Option<PathBuf>,
    pub(crate) replay: Option<String>,
}

impl Failure {
    pub(crate) fn of_test(broken: Broken) -> Failure {
        Failure {
            seed: None,
            broken,
            at: Duration::ZERO,
            values: Vec::new(),
            notes: Vec::new(),
            plan: None,
            flaky: false,
            timeline: None,
            replay: None,
        }
    }

    /// The seed, if it is a seed's failure.
    pub fn seed(&self) -> Option<u64> {
        self.seed
    }

    /// What went wrong.
    pub fn broken(&self) -> &Broken {
        &self.broken
    }

    /// When, in virtual time since the run began.
    pub fn at(&self) -> Duration {
        self.at
    }

    /// The shortest plan of faults that was found to bring it about.
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref().map(|(plan, _)| plan)
    }

    /// Where the timeline of the run with that plan was written.
    pub fn timeline(&self) -> Option<&Path> {
        self.timeline.as_deref()
    }

    /// The line that makes the run again, to type in a shell.
    pub fn replay(&self) -> Option<&str> {
        self.replay.as_deref()
    }

    fn script(&self, text: &mut String) -> fmt::Result {
        match &self.plan {
            Some((plan, _)) if plan.steps.is_empty() => write!(text, "\n  faults   none are needed"),
            Some((plan, of)) => {
                write!(text, "\n  faults   {} of {of} are enough:", plan.steps.len())?;
                plan.to_string().lines().try_for_each(|line| write!(text, "\n    {line}"))
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(seed) = self.seed else { return self.broken.fmt(f) };
        let mut text = format!("seed {seed}, at {:.3} s: {}", self.at.as_secs_f64(), self.broken);
        let lines = [("seen", &self.values), ("notes", &self.notes)];
        for (word, lines) in lines {
            for (index, line) in lines.iter().enumerate() {
                write!(text, "\n  {:<8} {line}", if index == 0 { word } else { "" })?;
            }
        }
        self.script(&mut text)?;
        if self.flaky {
            write!(
                text,
                "\n  beware   when it was run again, this seed did not fail so: something is not from the seed"
            )?;
        }
        if let Some(timeline) = &self.timeline {
            write!(text, "\n  timeline {}", timeline.display())?;
        }
        if let Some(replay) = &self.replay {
            write!(text, "\n  replay   {replay}")?;
        }
        f.write_str(&text)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.broken)
    }
}
