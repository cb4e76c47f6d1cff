//! What a picture needs of a run's lines, in bounded space: counts by column of time, and single events while they are
//! few. Knows no pixels.

use crate::trace::{Change, Line, What};

/// Columns of time that densities are counted in, where there are fewer than a hundred machines.
const COLUMNS: usize = 600;
/// So many events are drawn one by one; more are drawn as densities.
const FEW: usize = 400;

/// One run.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) until: u64,
    /// How many columns densities have.
    pub(super) columns: usize,
    pub(super) lanes: Vec<Lane>,
    pub(super) emitted: Few<Emitted>,
    pub(super) handled: Few<Handled>,
    pub(super) gaps: Vec<Gap>,
    pub(super) views: Vec<View>,
    pub(super) notes: Vec<Note>,
    pub(super) faults: Vec<(u64, Box<str>)>,
    pub(super) failure: Option<(u64, Box<str>)>,
}

/// One machine.
#[derive(Clone, Default)]
pub(super) struct Lane {
    pub(super) name: String,
    /// When something first happened on it.
    pub(super) first: Option<u64>,
    /// The node came up (`true`) or ended.
    pub(super) turns: Vec<(u64, bool)>,
    pub(super) emitted: Density,
    pub(super) handled: Density,
    pub(super) traffic: Density,
}

/// Counts by column.
#[derive(Clone, Default)]
pub(super) struct Density(Vec<u32>);

#[derive(Clone, Copy)]
pub(super) struct Emitted {
    pub(super) at: u64,
    pub(super) lane: usize,
    pub(super) seq: u64,
}

#[derive(Clone, Copy)]
pub(super) struct Handled {
    pub(super) at: u64,
    pub(super) lane: usize,
    pub(super) origin: usize,
    pub(super) first: u64,
    pub(super) last: u64,
}

pub(super) type Gap = Handled;

#[derive(Clone, Copy)]
pub(super) struct View {
    pub(super) at: u64,
    pub(super) lane: usize,
    pub(super) about: usize,
    pub(super) change: Change,
}

pub(super) struct Note {
    pub(super) at: u64,
    pub(super) lane: Option<usize>,
    pub(super) text: Box<str>,
}

/// The items while they are few, then none.
pub(super) struct Few<T> {
    items: Vec<T>,
    many: bool,
}

impl<T> Default for Few<T> {
    fn default() -> Few<T> {
        Few { items: Vec::new(), many: false }
    }
}

impl<T> Few<T> {
    fn push(&mut self, item: T) {
        if self.items.len() == FEW {
            self.items = Vec::new();
            self.many = true;
        }
        if !self.many {
            self.items.push(item);
        }
    }

    /// The items, unless they were too many.
    pub(super) fn get(&self) -> Option<&[T]> {
        (!self.many).then_some(&self.items)
    }
}

impl Density {
    fn add(&mut self, column: usize, count: u32) {
        self.0[column] = self.0[column].saturating_add(count);
    }

    pub(super) fn columns(&self) -> &[u32] {
        &self.0
    }

    pub(super) fn peak(&self) -> u32 {
        self.0.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn total(&self) -> u64 {
        self.0.iter().map(|&count| u64::from(count)).sum()
    }
}

impl Facts {
    pub(super) fn new(names: Vec<String>, until: u64) -> Facts {
        // Many rows have coarser densities each, so that the file stays small.
        let columns = COLUMNS / (1 + names.len() / 100).min(20);
        let none = || Density(vec![0; columns]);
        let lane = |name| Lane { name, emitted: none(), handled: none(), traffic: none(), ..Lane::default() };
        let lanes = names.into_iter().map(lane).collect();
        Facts { until: until.max(1), columns, lanes, ..Facts::default() }
    }

    fn column(&self, at: u64) -> usize {
        let column = u128::from(at) * self.columns as u128 / u128::from(self.until);
        usize::try_from(column).unwrap_or(usize::MAX).min(self.columns - 1)
    }

    /// How long a column is, in nanoseconds.
    pub(super) fn column_time(&self) -> u64 {
        self.until / self.columns as u64
    }

    pub(super) fn see(&mut self, line: &Line) {
        match &line.what {
            What::Fault(text) => self.faults.push((line.at, text.clone())),
            What::Failed(text) if self.failure.is_none() => self.failure = Some((line.at, text.clone())),
            What::Note { machine: crate::trace::NOBODY, text } => {
                self.notes.push(Note { at: line.at, lane: None, text: text.clone() });
            }
            what => {
                let lane = what.machine().map_or(usize::MAX, usize::from);
                if lane < self.lanes.len() {
                    self.see_at(lane, line.at, what);
                }
            }
        }
    }

    fn see_at(&mut self, lane: usize, at: u64, what: &What) {
        let column = self.column(at);
        let here = &mut self.lanes[lane];
        here.first.get_or_insert(at);
        match *what {
            What::Poll { .. } | What::Write { .. } => here.traffic.add(column, 1),
            What::Emitted { seq, .. } => {
                here.emitted.add(column, 1);
                self.emitted.push(Emitted { at, lane, seq });
            }
            What::Handled { origin, first, count, .. } => {
                here.handled.add(column, count);
                let last = first.saturating_add(u64::from(count).saturating_sub(1));
                self.handled.push(Handled { at, lane, origin: origin.into(), first, last });
            }
            What::Gap { origin, first, last, .. } => {
                self.gaps.push(Gap { at, lane, origin: origin.into(), first, last });
            }
            What::Joined { .. } => here.turns.push((at, true)),
            What::Stopped { .. } => here.turns.push((at, false)),
            What::Member { about, change, .. } => {
                self.views.push(View { at, lane, about: about.into(), change });
            }
            What::Note { ref text, .. } => self.notes.push(Note { at, lane: Some(lane), text: text.clone() }),
            What::Fault(_) | What::Failed(_) => {}
        }
    }

    /// What the machine is called.
    pub(super) fn name(&self, lane: usize) -> &str {
        self.lanes.get(lane).map_or("somebody", |lane| &lane.name)
    }

    /// The names of machines, as many as can be read.
    pub(super) fn names(&self, lanes: impl ExactSizeIterator<Item = usize>) -> String {
        let count = lanes.len();
        let shown: Vec<_> = lanes.take(12).map(|lane| self.name(lane)).collect();
        match count - shown.len() {
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    }
}
