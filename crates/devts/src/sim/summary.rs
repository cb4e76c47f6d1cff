//! What many runs came to, in numbers, and how far they are. Knows no run that is under way.

use super::course::Outcome;
use super::failure::Broken;
use super::watch::Counts;
use std::collections::BTreeSet;
use std::fmt;
use std::io::{IsTerminal, Write, stderr};
use std::time::{Duration, Instant};

/// How often progress is told: where somebody watches, and where a log is written.
const WATCHED: Duration = Duration::from_secs(1);
const LOGGED: Duration = Duration::from_secs(10);

/// What all runs of a test came to.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Summary {
    /// How many seeds were run.
    pub seeds: u64,
    /// What was counted in all of them.
    pub counts: Counts,
    /// How long they lasted, in virtual time.
    pub virtual_time: Duration,
    /// How long they took, in real time, on all cores.
    pub real_time: Duration,
    /// How many lines their traces have.
    pub lines: u64,
    sometimes: (BTreeSet<String>, BTreeSet<String>),
}

impl Summary {
    pub(crate) fn add(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.counts += outcome.counts;
        self.virtual_time += outcome.time;
        self.lines += outcome.lines;
        self.sometimes.0.extend(outcome.sometimes.0.iter().cloned());
        self.sometimes.1.extend(outcome.sometimes.1.iter().cloned());
    }

    /// Whether everything that was to be so sometimes was.
    pub(crate) fn judged(self) -> Result<Summary, Broken> {
        let names: Vec<String> = self.sometimes.0.difference(&self.sometimes.1).cloned().collect();
        if names.is_empty() { Ok(self) } else { Err(Broken::Sometimes { names, seeds: self.seeds }) }
    }

    /// How many seconds of virtual time passed in a second of real time.
    pub fn speed(&self) -> f64 {
        self.virtual_time.as_secs_f64() / self.real_time.as_secs_f64().max(1e-9)
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (minutes, real) = (self.virtual_time.as_secs_f64() / 60.0, self.real_time.as_secs_f64());
        let counts = &self.counts;
        write!(
            f,
            "{} seeds, {minutes:.0} virtual minutes in {real:.1} s ({:.0} x): ",
            self.seeds,
            self.speed()
        )?;
        write!(f, "{} events emitted, {} handled, {} gaps, ", counts.emitted, counts.handled, counts.gaps)?;
        write!(f, "{} view changes, {} faults, {} starts", counts.views, counts.faults, counts.starts)
    }
}

/// Tells how far the runs are: on a terminal, or when it takes long.
pub(crate) struct Progress {
    count: u64,
    began: Instant,
    told: Instant,
    watched: bool,
}

impl Progress {
    pub(crate) fn new(count: u64) -> Progress {
        let now = Instant::now();
        Progress { count, began: now, told: now, watched: stderr().is_terminal() }
    }

    pub(crate) fn show(&mut self, summary: &Summary) {
        let pause = if self.watched { WATCHED } else { LOGGED };
        if self.told.elapsed() < pause {
            return;
        }
        self.told = Instant::now();
        let line = format!(
            "devts: {} of {} seeds, {:.0} s",
            summary.seeds,
            self.count,
            self.began.elapsed().as_secs_f64()
        );
        let (before, after) = if self.watched { ("\r", "\x1b[K") } else { ("", "\n") };
        say(&format!("{before}{line}{after}"));
    }

    /// How long it took.
    pub(crate) fn end(self) -> Duration {
        if self.watched && self.told > self.began {
            say("\r\x1b[K");
        }
        self.began.elapsed()
    }
}

/// Past what a test harness keeps until the test is over; who cannot be told is not told.
fn say(text: &str) {
    let mut stderr = stderr();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
}
