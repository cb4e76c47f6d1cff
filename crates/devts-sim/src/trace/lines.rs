//! The kept lines of a run, bounded. Knows no meaning of a line but whether it is a fact.

use super::line::Line;

/// Lines a chunk: 2 MiB, so that growing never copies what is there.
const CHUNK: usize = 1 << 16;

/// What was kept of a run: its first lines without a hole, beyond the bound the facts only, and the hash of all.
#[derive(Debug)]
pub struct Lines {
    bound: usize,
    kept: Chunks,
    beyond: Chunks,
    len: u64,
    hash: u64,
}

impl Lines {
    pub(super) fn new(bound: usize) -> Lines {
        Lines { bound, kept: Chunks::default(), beyond: Chunks::default(), len: 0, hash: 0 }
    }

    pub(super) fn push(&mut self, line: Line) {
        if self.kept.len < self.bound {
            self.kept.push(line);
        } else if line.what.is_fact() && self.beyond.len < self.bound {
            self.beyond.push(line);
        }
    }

    pub(super) fn end(&mut self, len: u64, hash: u64) {
        self.len = len;
        self.hash = hash;
    }

    /// All that was kept, oldest first.
    ///
    /// ```
    /// use devts_sim::{Mode, Trace, What};
    ///
    /// let mut trace = Trace::new(Mode::Keep(1));
    /// trace.record(0, What::Poll { task: 0, machine: 0 });
    /// trace.record(1, What::Poll { task: 1, machine: 0 });
    /// trace.record(2, What::Stopped { machine: 0, boot: 1 });
    /// let lines = trace.into_lines();
    /// assert_eq!(lines.iter().map(|line| line.at).collect::<Vec<_>>(), [0, 2]); // the second poll is beyond the bound
    /// assert!(!lines.is_whole());
    /// assert_eq!(lines.len(), 3);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &Line> {
        self.kept.iter().chain(self.beyond.iter())
    }

    /// The line with this number, from 0, if it lies within the bound.
    pub fn get(&self, index: u64) -> Option<&Line> {
        self.kept.get(index)
    }

    /// How many lines the run had, kept or not.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether the run had no line.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether every line was kept.
    pub fn is_whole(&self) -> bool {
        self.kept() == self.len
    }

    /// The hash of all lines, kept or not: [`Trace::hash`](crate::Trace::hash) at the end of the run.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many of the first lines were kept without a hole.
    pub(super) fn kept(&self) -> u64 {
        self.kept.len as u64
    }

    /// Up to `count` lines before this number.
    pub(super) fn before(&self, index: u64, count: u64) -> Vec<Line> {
        (index.saturating_sub(count)..index).filter_map(|i| self.get(i).cloned()).collect()
    }

    /// Up to `count` lines from this number on.
    pub(super) fn from(&self, index: u64, count: u64) -> Vec<Line> {
        (index..index.saturating_add(count)).filter_map(|i| self.get(i).cloned()).collect()
    }
}

#[derive(Debug, Default)]
struct Chunks {
    chunks: Vec<Vec<Line>>,
    len: usize,
}

impl Chunks {
    fn push(&mut self, line: Line) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK => chunk.push(line),
            _ => self.open(line),
        }
        self.len += 1;
    }

    /// The first chunk grows as a vector does, since most traces are short; the others are made at their size.
    fn open(&mut self, line: Line) {
        let mut chunk = Vec::with_capacity(if self.chunks.is_empty() { 64 } else { CHUNK });
        chunk.push(line);
        self.chunks.push(chunk);
    }

    fn get(&self, index: u64) -> Option<&Line> {
        let index = usize::try_from(index).ok()?;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    fn iter(&self) -> impl Iterator<Item = &Line> {
        self.chunks.iter().flatten()
    }
}
