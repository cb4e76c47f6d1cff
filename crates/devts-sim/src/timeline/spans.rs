//! Faults as what a picture shows of them: spans of time over machines, and moments. Knows when a fault ends, not how it
//! is drawn.

use std::collections::BTreeSet;

use super::nanos;
use crate::fault::{Fault, Nodes};

/// What is wrong during a span, which decides its shade and its words in the legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SpanKind {
    /// No packet passes between machines.
    Cut,
    /// Bytes between machines come late.
    Slow,
    /// Packets between machines are lost.
    Lossy,
    /// Links between machines come and go.
    Flapping,
    /// A process stands still.
    Paused,
    /// A process gets too little of the processor.
    Starved,
    /// Clocks run at a wrong rate.
    Clock,
    /// A disk has no room left.
    DiskFull,
    /// Something else.
    Other,
}

/// A fault that lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) kind: SpanKind,
    /// The machines concerned, or one side of them.
    pub(super) lanes: Vec<usize>,
    /// The other side, of a fault between machines.
    pub(super) others: Vec<usize>,
    /// Whether it holds both ways, of a fault between machines.
    pub(super) both: bool,
    pub(super) text: String,
}

/// What a fault of a moment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MomentKind {
    Killed,
    PowerOff,
    Started,
    Other,
}

/// A fault that has happened at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: u64,
    pub(super) kind: MomentKind,
    pub(super) lanes: Vec<usize>,
    pub(super) text: String,
}

/// All faults of a run, as a picture shows them.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    pub(super) spans: Vec<Span>,
    pub(super) moments: Vec<Moment>,
}

/// A span whose end is not known yet.
struct Open {
    span: Span,
    /// The directed pairs of machines that it still holds for.
    pairs: BTreeSet<(usize, usize)>,
}

/// Turns faults, in order of time, into spans and moments.
pub(super) struct Reader {
    until: u64,
    open: Vec<Open>,
    faults: Faults,
}

impl Reader {
    pub(super) fn new(until: u64) -> Reader {
        Reader { until, open: Vec::new(), faults: Faults::default() }
    }

    /// A fault that was applied.
    pub(super) fn fault(&mut self, at: u64, fault: &Fault) {
        match fault {
            Fault::Heal => {
                self.end(at, |open| !open.pairs.is_empty());
                self.moment(at, MomentKind::Other, fault);
            }
            Fault::Mend { .. } => {
                self.part(at, &pairs(fault), |_| true);
                self.moment(at, MomentKind::Other, fault);
            }
            Fault::Cut { .. } => self.begin(at, SpanKind::Cut, fault),
            Fault::Slow { .. } => self.replace(at, SpanKind::Slow, fault),
            Fault::Lose { .. } => self.replace(at, SpanKind::Lossy, fault),
            Fault::Flap { .. } => self.replace(at, SpanKind::Flapping, fault),
            Fault::Kill { .. } => self.down(at, MomentKind::Killed, fault),
            Fault::PowerOff { .. } => self.down(at, MomentKind::PowerOff, fault),
            Fault::Start { .. } => self.moment(at, MomentKind::Started, fault),
            Fault::Pause { .. } => self.begin(at, SpanKind::Paused, fault),
            Fault::Starve { .. } => self.begin(at, SpanKind::Starved, fault),
            Fault::ClockRate { per_mille, .. } => self.state(at, SpanKind::Clock, fault, *per_mille != 0),
            Fault::DiskFull { full, .. } => self.state(at, SpanKind::DiskFull, fault, *full),
            Fault::Reset { .. } | Fault::WallJump { .. } => self.moment(at, MomentKind::Other, fault),
        }
    }

    /// A fault of which only a text is known.
    pub(super) fn text(&mut self, at: u64, text: &str) {
        let moment = Moment { at, kind: MomentKind::Other, lanes: Vec::new(), text: text.to_string() };
        self.faults.moments.push(moment);
    }

    /// All that was read; what was not ended lasts until the end of the run.
    pub(super) fn finish(mut self) -> Faults {
        self.end(self.until, |_| true);
        self.faults.spans.sort_by(|a, b| (a.from, a.to, &a.lanes).cmp(&(b.from, b.to, &b.lanes)));
        self.faults
    }

    fn moment(&mut self, at: u64, kind: MomentKind, fault: &Fault) {
        let lanes = lanes(&fault.nodes());
        self.faults.moments.push(Moment { at, kind, lanes, text: fault.to_string() });
    }

    /// The process dies, and with it what was wrong with the process.
    fn down(&mut self, at: u64, kind: MomentKind, fault: &Fault) {
        let lanes = lanes(&fault.nodes());
        let of_process = [SpanKind::Paused, SpanKind::Starved];
        self.end(at, |open| of_process.contains(&open.span.kind) && open.span.lanes == lanes);
        self.moment(at, kind, fault);
    }

    fn begin(&mut self, at: u64, kind: SpanKind, fault: &Fault) {
        let to = match nanos(fault.time()) {
            0 => self.until,
            time => at.saturating_add(time).min(self.until),
        };
        let (lanes, others, both) = match fault.link() {
            Some((from, to, both)) => (self::lanes(from), self::lanes(to), both),
            None => (self::lanes(&fault.nodes()), Vec::new(), true),
        };
        let span = Span { from: at, to, kind, lanes, others, both, text: fault.to_string() };
        self.open.push(Open { span, pairs: pairs(fault) });
    }

    /// It takes the place of another of its kind between the same machines.
    fn replace(&mut self, at: u64, kind: SpanKind, fault: &Fault) {
        self.part(at, &pairs(fault), |span| span.kind == kind);
        self.begin(at, kind, fault);
    }

    /// It lasts until the same fault says that it is over.
    fn state(&mut self, at: u64, kind: SpanKind, fault: &Fault, wrong: bool) {
        let lanes = lanes(&fault.nodes());
        self.end(at, |open| open.span.kind == kind && open.span.lanes == lanes);
        if wrong {
            self.begin(at, kind, fault);
        }
    }

    /// Spans hold no longer for these pairs; those that hold for none are over.
    fn part(&mut self, at: u64, pairs: &BTreeSet<(usize, usize)>, which: impl Fn(&Span) -> bool) {
        let mut over = vec![false; self.open.len()];
        for (open, over) in self.open.iter_mut().zip(&mut over) {
            if which(&open.span) && !open.pairs.is_empty() {
                open.pairs.retain(|pair| !pairs.contains(pair));
                *over = open.pairs.is_empty();
            }
        }
        let mut over = over.into_iter();
        self.end(at, |_| over.next().unwrap_or(false));
    }

    fn end(&mut self, at: u64, mut which: impl FnMut(&Open) -> bool) {
        for mut open in self.open.extract_if(.., |open| which(open)) {
            open.span.to = open.span.to.min(at).max(open.span.from);
            self.faults.spans.push(open.span);
        }
    }
}

fn lanes(nodes: &Nodes) -> Vec<usize> {
    nodes.iter().map(|id| id.0).collect()
}

/// The directed pairs of machines that a fault lies between.
fn pairs(fault: &Fault) -> BTreeSet<(usize, usize)> {
    let Some((from, to, both)) = fault.link() else { return BTreeSet::new() };
    let there = from.iter().flat_map(|a| to.iter().map(move |b| (a.0, b.0)));
    let mut pairs: BTreeSet<_> = there.collect();
    if both {
        pairs.extend(pairs.clone().into_iter().map(|(a, b)| (b, a)));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Plan;

    const S: u64 = 1_000_000_000;

    fn read(plan: &str) -> Vec<(SpanKind, u64, u64)> {
        let mut reader = Reader::new(100 * S);
        for step in Plan::parse(plan, 5).unwrap().steps {
            reader.fault(nanos(step.at), &step.fault);
        }
        let spans = reader.finish().spans.into_iter();
        spans.map(|span| (span.kind, span.from / S, span.to / S)).collect()
    }

    #[test]
    fn a_cut_ends_by_heal_or_with_its_last_pair() {
        assert_eq!(read("at 1s cut n1 from n2\nat 5s heal"), [(SpanKind::Cut, 1, 5)]);
        assert_eq!(read("at 1s cut n1 from n2"), [(SpanKind::Cut, 1, 100)]);
        let half = "at 1s cut n1 from n2\nat 5s mend n1 to n2";
        assert_eq!(read(half), [(SpanKind::Cut, 1, 100)]);
        assert_eq!(read(&format!("{half}\nat 7s mend n2 to n1")), [(SpanKind::Cut, 1, 7)]);
        assert_eq!(read("at 1s cut n1 from n2\nat 5s mend n3 from n4"), [(SpanKind::Cut, 1, 100)]);
    }

    #[test]
    fn slowness_ends_by_other_slowness_and_not_by_loss() {
        let plan =
            "at 1s slow n1 from n2 latency 1s\nat 3s lose 5% n1 from n2\nat 4s slow n1 from n2 latency 2s";
        let spans = [(SpanKind::Slow, 1, 4), (SpanKind::Lossy, 3, 100), (SpanKind::Slow, 4, 100)];
        assert_eq!(read(plan), spans);
    }

    #[test]
    fn what_is_wrong_with_a_process_ends_with_it() {
        assert_eq!(read("at 1s pause n1 for 9s"), [(SpanKind::Paused, 1, 10)]);
        assert_eq!(read("at 1s pause n1 for 9s\nat 2s kill n2\nat 4s kill n1"), [(SpanKind::Paused, 1, 4)]);
        assert_eq!(read("at 1s pause n1 for 3s\nat 9s power off n1"), [(SpanKind::Paused, 1, 4)]);
    }

    #[test]
    fn clocks_and_disks_are_wrong_until_they_are_right() {
        let plan = "at 1s clock n1 fast 5 per mille\nat 2s clock n1 slow 5 per mille\nat 4s clock n1 true";
        assert_eq!(read(plan), [(SpanKind::Clock, 1, 2), (SpanKind::Clock, 2, 4)]);
        assert_eq!(read("at 1s disk full n1\nat 3s disk free n2"), [(SpanKind::DiskFull, 1, 100)]);
        assert_eq!(read("at 1s disk full n1\nat 3s disk free n1"), [(SpanKind::DiskFull, 1, 3)]);
    }
}
