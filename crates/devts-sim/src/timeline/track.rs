//! The faults, written in lines above the rows. Knows their times and texts, not what they do.

use super::axis::said;
use super::glyph;
use super::layout::{LINE, Layout, SMALL, WIDTH};
use super::shades::class;
use super::spans::{Faults, SpanKind};
use super::svg::{Svg, shortened, text_width};

/// So many lines of faults at most, above the rows.
const LINES: usize = 8;
/// So many faults are written at most.
const WRITTEN: usize = 120;
/// Characters of a fault's text; fewer where all faults fit then.
const WIDTHS: [usize; 4] = [48, 28, 14, 0];

/// The faults above the rows.
pub(super) struct Track {
    lines: usize,
    placed: Vec<Placed>,
    left_out: usize,
}

/// A fault in its line.
struct Placed {
    line: usize,
    x: [f64; 2],
    text_x: f64,
    text: String,
    /// The class of its bar; a moment has a stroke instead.
    class: Option<&'static str>,
    tip: String,
}

/// Faults of one time and kind, as they are written.
struct Entry {
    from: u64,
    to: u64,
    kind: Option<SpanKind>,
    text: String,
    more: usize,
}

impl Track {
    pub(super) fn new(faults: &Faults, layout: &Layout) -> Track {
        let entries = entries(faults);
        let fitting =
            |&width: &usize| Some(Track::packed(&entries, layout, width)).filter(|track| track.left_out == 0);
        WIDTHS.iter().find_map(fitting).unwrap_or_else(|| Track::packed(&entries, layout, WIDTHS[1]))
    }

    fn packed(entries: &[Entry], layout: &Layout, width: usize) -> Track {
        let mut track = Track { lines: 0, placed: Vec::new(), left_out: 0 };
        let mut taken: Vec<f64> = Vec::new();
        for entry in entries.iter().take(WRITTEN) {
            let mut placed = Placed::new(entry, layout, width);
            let begin = placed.x[0].min(placed.text_x);
            let end = placed.x[1].max(placed.text_x + text_width(&placed.text, SMALL)) + 4.0;
            match taken.iter().position(|&until| until <= begin) {
                Some(line) => placed.line = line,
                None if taken.len() < LINES => placed.line = taken.len(),
                None => {
                    track.left_out += 1;
                    continue;
                }
            }
            if placed.line == taken.len() {
                taken.push(end);
            }
            taken[placed.line] = end;
            track.placed.push(placed);
        }
        track.left_out += entries.len().saturating_sub(WRITTEN);
        track.lines = taken.len() + usize::from(track.left_out > 0);
        track
    }

    pub(super) fn height(&self) -> f64 {
        LINE * self.lines as f64
    }

    pub(super) fn draw(&self, svg: &mut Svg, layout: &Layout, top: f64) {
        if self.lines > 0 {
            svg.text("muted end", [layout.left - 6.0, top + 11.0], SMALL, "faults");
        }
        for placed in &self.placed {
            placed.draw(svg, top + LINE * placed.line as f64);
        }
        if self.left_out > 0 {
            let text = format!("and {} more, not written here", self.left_out);
            svg.text("muted", [layout.left, top + LINE * self.lines as f64 - 4.0], SMALL, &text);
        }
    }
}

impl Placed {
    fn new(entry: &Entry, layout: &Layout, width: usize) -> Placed {
        let x0 = layout.x(entry.from).min(layout.right - 2.0);
        let x1 = layout.x(entry.to).max(x0 + 2.0);
        let text = if width == 0 { String::new() } else { entry.written(width) };
        let wide = text_width(&text, SMALL);
        let behind = x0 + 4.0 + wide < WIDTH - 4.0;
        Placed {
            line: 0,
            x: [x0, x1],
            text_x: if behind { x0 + 4.0 } else { x0 - 4.0 - wide },
            text,
            class: entry.kind.map(class),
            tip: entry.told(),
        }
    }

    fn draw(&self, svg: &mut Svg, y: f64) {
        match self.class {
            Some(class) => svg.rect(class, [self.x[0], y, self.x[1] - self.x[0], LINE - 2.0], &self.tip),
            None => svg.path("moment", &glyph::stroke(self.x[0], y, LINE - 2.0), &self.tip),
        }
        if !self.text.is_empty() {
            svg.text("over", [self.text_x, y + 10.0], SMALL, &self.text);
        }
    }
}

impl Entry {
    fn written(&self, width: usize) -> String {
        match self.more {
            0 => shortened(&self.text, 1.0, width as f64 * 0.6 + 0.1),
            more => format!("{} +{more}", shortened(&self.text, 1.0, width as f64 * 0.6 + 0.1)),
        }
    }

    fn told(&self) -> String {
        let more = if self.more == 0 { String::new() } else { format!(" and {} more", self.more) };
        match self.kind {
            Some(_) => format!("{} to {}: {}{more}", said(self.from), said(self.to), self.text),
            None => format!("{}: {}{more}", said(self.from), self.text),
        }
    }
}

/// What is written: spans and moments by time, those of the same time and kind as one.
fn entries(faults: &Faults) -> Vec<Entry> {
    let spans = faults.spans.iter().map(|span| (span.from, span.to, Some(span.kind), span.text.as_str()));
    let moments = faults.moments.iter().map(|moment| (moment.at, moment.at, None, moment.text.as_str()));
    let mut all: Vec<_> = spans.chain(moments).collect();
    all.sort_by_key(|&(from, to, kind, text)| (from, kind, to, verb(text)));
    let same = |a: &(u64, u64, Option<SpanKind>, &str), b: &(u64, u64, Option<SpanKind>, &str)| {
        (a.0, a.1, a.2, verb(a.3)) == (b.0, b.1, b.2, verb(b.3))
    };
    let entry = |run: &[(u64, u64, Option<SpanKind>, &str)]| {
        let (from, to, kind, text) = run[0];
        Entry { from, to, kind, text: ranges(text), more: run.len() - 1 }
    };
    all.chunk_by(same).map(entry).collect()
}

/// The text with `n1..n20` in place of a list of them all.
pub(super) fn ranges(text: &str) -> String {
    text.split(' ').map(shortened_list).collect::<Vec<_>>().join(" ")
}

fn shortened_list(word: &str) -> String {
    let number = |name: &str| name.strip_prefix('n')?.parse::<u32>().ok();
    let Some(numbers) = word.split(',').map(number).collect::<Option<Vec<_>>>() else {
        return word.to_string();
    };
    let run = |run: &[u32]| match run {
        [first, _, .., last] => format!("n{first}..n{last}"),
        few => few.iter().map(|n| format!("n{n}")).collect::<Vec<_>>().join(","),
    };
    numbers.chunk_by(|a, b| a.checked_add(1) == Some(*b)).map(run).collect::<Vec<_>>().join(",")
}

fn verb(text: &str) -> &str {
    text.split(' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_neighbours_are_ranges() {
        assert_eq!(ranges("cut n1,n2,n3,n5,n7,n8 from n9"), "cut n1..n3,n5,n7,n8 from n9");
        assert_eq!(ranges("note, n1 is alone, or not"), "note, n1 is alone, or not");
    }
}
