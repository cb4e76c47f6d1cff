//! A run as a picture: machines as rows, faults as shades over them, and what nodes saw and did as marks. It knows lines
//! of a trace and faults as values; not what a node is.

mod axis;
mod draw;
mod facts;
mod glyph;
mod layout;
mod legend;
mod lives;
mod marks;
mod rows;
mod shades;
mod spans;
mod svg;
#[cfg(test)]
mod tests;
mod track;

use std::time::Duration;

use crate::fault::Fault;
use crate::plan::Plan;
use crate::trace::Line;
use facts::Facts;
use spans::{Faults, Reader, Span};

pub use spans::SpanKind;

/// A run as a picture that a developer looks at after a failure: an SVG of at most about 1.5 MB, whose marks say more
/// when pointed at.
///
/// Each machine is a row with a bar while it lives. On the bar: changes of its view as triangles, events that it handled
/// as dots, events that it emitted as ticks, events that it missed in red. Where a run has too many events, dots and ticks
/// become densities; marks that would cover each other become one. Faults are shades over the rows they concern and are
/// written above; a failure is a red line through all.
///
/// ```
/// use std::time::Duration;
/// use devts_sim::timeline::Timeline;
/// use devts_sim::{Change, Mode, Trace, What};
///
/// let mut trace = Trace::new(Mode::keep());
/// for machine in 0..3 {
///     trace.record(0, What::Joined { machine, boot: 1 });
/// }
/// trace.record(2_000_000_000, What::Fault("cut n3 from n1,n2".into()));
/// trace.record(5_500_000_000, What::Member { machine: 0, about: 2, change: Change::Failed });
/// trace.record(9_000_000_000, What::Failed("n3 never came back".into()));
///
/// let names = ["n1", "n2", "n3"];
/// let until = Duration::from_secs(9);
/// let svg = Timeline::from_lines(&names, trace.lines(), until, "three nodes, seed 7", "rejoins").to_svg();
/// assert!(svg.starts_with("<svg") && svg.contains("n3 never came back"));
/// ```
pub struct Timeline {
    facts: Facts,
    title: String,
    subtitle: String,
    given: Option<Faults>,
    spans: Vec<Span>,
}

impl Timeline {
    /// The picture of a run of `until` so long. Machine 0 is drawn first and called by the first name, and so on; a line
    /// of a machine without a name is left out. Faults are taken from the [`What::Fault`](crate::What::Fault) lines.
    pub fn from_lines<'a>(
        names: &[impl AsRef<str>],
        lines: impl IntoIterator<Item = &'a Line>,
        until: Duration,
        title: &str,
        subtitle: &str,
    ) -> Timeline {
        let names = names.iter().map(|name| name.as_ref().to_string()).collect();
        let mut facts = Facts::new(names, nanos(until));
        lines.into_iter().for_each(|line| facts.see(line));
        Timeline { facts, title: title.into(), subtitle: subtitle.into(), given: None, spans: Vec::new() }
    }

    /// The faults of this plan, in place of those that the lines tell of; its times are counted from the start of the run.
    ///
    /// ```
    /// use std::time::Duration;
    /// use devts_sim::timeline::Timeline;
    /// use devts_sim::{Fault, MachineId, Plan};
    ///
    /// let plan = Plan::new().at(Duration::from_secs(3), Fault::kill(MachineId(1)));
    /// let mut timeline = Timeline::from_lines(&["n1", "n2"], [], Duration::from_secs(9), "two", "");
    /// timeline.faults(&plan);
    /// assert!(timeline.to_svg().contains("kill n2"));
    /// ```
    pub fn faults(&mut self, plan: &Plan) {
        let mut reader = Reader::new(self.facts.until);
        plan.steps.iter().for_each(|step| reader.fault(nanos(step.at), &step.fault));
        self.given = Some(reader.finish());
    }

    /// One more shade over these machines (0 is the first), for what no fault of the run says.
    ///
    /// ```
    /// use std::time::Duration;
    /// use devts_sim::timeline::{SpanKind, Timeline};
    ///
    /// let [from, to, until] = [2, 5, 9].map(Duration::from_secs);
    /// let mut timeline = Timeline::from_lines(&["n1", "n2"], [], until, "two", "");
    /// timeline.span(from, to, [1], SpanKind::Other, "a backup runs");
    /// assert!(timeline.to_svg().contains("a backup runs"));
    /// ```
    pub fn span(
        &mut self,
        from: Duration,
        to: Duration,
        lanes: impl IntoIterator<Item = usize>,
        kind: SpanKind,
        text: &str,
    ) {
        let to = nanos(to).min(self.facts.until);
        let from = nanos(from).min(to);
        let lanes = lanes.into_iter().collect();
        self.spans.push(Span { from, to, kind, lanes, others: Vec::new(), both: true, text: text.into() });
    }

    /// The picture.
    pub fn to_svg(&self) -> String {
        let mut faults = self.given.clone().unwrap_or_else(|| self.faults_of_lines());
        faults.spans.extend(self.spans.iter().cloned());
        draw::picture(&self.facts, &faults, &self.title, &self.subtitle)
    }

    fn faults_of_lines(&self) -> Faults {
        let mut reader = Reader::new(self.facts.until);
        for (at, text) in &self.facts.faults {
            match read(text, self.facts.lanes.len()) {
                Some(faults) => faults.iter().for_each(|fault| reader.fault(*at, fault)),
                None => reader.text(*at, text),
            }
        }
        reader.finish()
    }
}

/// The faults that a text names, as a step of a plan would.
fn read(text: &str, machines: usize) -> Option<Vec<Fault>> {
    let plan = Plan::parse(&format!("at 0s {text}"), machines).ok()?;
    Some(plan.steps.into_iter().map(|step| step.fault).collect())
}

/// Nanoseconds; five centuries where there are more.
fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
