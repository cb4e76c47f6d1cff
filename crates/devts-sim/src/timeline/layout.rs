//! Where things are: times to pixels, machines to rows, and the parts of a row. Knows nothing of what is drawn there.

use super::svg::text_width;

/// Width of the picture in pixels.
pub(super) const WIDTH: f64 = 1400.0;
/// Kept free at the left and right edge.
pub(super) const MARGIN: f64 = 16.0;
/// Height of a line of small text.
pub(super) const LINE: f64 = 15.0;
/// Size of small text.
pub(super) const SMALL: f64 = 11.0;

/// The measures of one picture.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) left: f64,
    pub(super) right: f64,
    /// Where the rows begin.
    pub(super) top: f64,
    pub(super) row: f64,
    rows: usize,
    until: u64,
}

impl Layout {
    /// For rows of these names; where they begin is told later.
    pub(super) fn new<'a>(names: impl ExactSizeIterator<Item = &'a str>, until: u64) -> Layout {
        let rows = names.len();
        let row = (720.0 / rows.max(1) as f64).clamp(9.0, 64.0);
        let size = label_size(row);
        let widest = names.map(|name| text_width(name, size)).fold(0.0, f64::max);
        let left = MARGIN + widest.clamp(40.0, 160.0) + 8.0;
        Layout { left, right: WIDTH - MARGIN, top: 0.0, row, rows, until: until.max(1) }
    }

    pub(super) fn x(&self, at: u64) -> f64 {
        let share = at as f64 / self.until as f64;
        self.left + share.min(1.0) * (self.right - self.left)
    }

    /// The left edge of a column of so many.
    pub(super) fn column(&self, column: usize, of: usize) -> f64 {
        self.left + (self.right - self.left) * column as f64 / of as f64
    }

    pub(super) fn bottom(&self) -> f64 {
        self.top + self.row * self.rows as f64
    }

    pub(super) fn row_top(&self, row: usize) -> f64 {
        self.top + self.row * row as f64
    }

    pub(super) fn middle(&self, row: usize) -> f64 {
        self.row_top(row) + self.row / 2.0
    }

    /// Top of the bar that says that a machine is alive; everything that happens on the machine is drawn on it.
    pub(super) fn bar_top(&self, row: usize) -> f64 {
        self.row_top(row) + 0.1 * self.row
    }

    pub(super) fn bar(&self) -> f64 {
        0.8 * self.row
    }

    /// This share of the bar's height, from its top.
    pub(super) fn on_bar(&self, row: usize, share: f64) -> f64 {
        self.bar_top(row) + share * self.bar()
    }

    /// A mark's radius: this share of the bar's height, within bounds.
    pub(super) fn radius(&self, share: f64, least: f64, most: f64) -> f64 {
        (share * self.bar()).clamp(least, most)
    }

    pub(super) fn label_size(&self) -> f64 {
        label_size(self.row)
    }

    /// The rows as boxes between two edges, neighbouring ones as one. What is no row has no box.
    pub(super) fn boxes(&self, x0: f64, x1: f64, rows: &[usize]) -> Vec<[f64; 4]> {
        let mut sorted: Vec<usize> = rows.iter().copied().filter(|&row| row < self.rows).collect();
        sorted.sort_unstable();
        sorted.dedup();
        let neighbours = sorted.chunk_by(|a, b| a + 1 == *b);
        let width = (x1 - x0).max(1.0).min(self.right - x0);
        neighbours.map(|run| [x0, self.row_top(run[0]), width, self.row * run.len() as f64]).collect()
    }
}

fn label_size(row: f64) -> f64 {
    (0.8 * row).clamp(7.0, 14.0)
}
