//! Plans from a seed: which kinds of faults may come, how often, how many machines at once. Knows no run: the same seed
//! and the same knobs are the same plan, whatever is done with it.

mod draw;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::plan::Plan;
use draw::Draft;

/// What may go wrong in generated plans.
///
/// Of the kinds that are on, each seed uses some only (swarm testing: Groce, Zhang, Eide, Chen, Regehr 2012): a plan of
/// everything at once hides what a few faults show, so that many seeds of few kinds find more.
///
/// ```
/// use std::time::Duration;
/// use devts_sim::Faults;
///
/// let faults = Faults::all().disks(false).clocks(false);
/// let plan = faults.plan(7, 5, Duration::from_secs(300));
///
/// assert_eq!(plan, faults.plan(7, 5, Duration::from_secs(300)), "a seed is a plan");
/// assert!(plan.left().is_nothing() && plan.ends() <= Duration::from_secs(300), "it ends with all well");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults {
    shapes: BTreeSet<Shape>,
    every: Duration,
    most_down: Option<usize>,
}

/// One way in which something goes wrong and comes right again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Shape {
    Split,
    Isolate,
    Bridge,
    Pair,
    Ring,
    Chain,
    OneWay,
    Flap,
    Loss,
    Slow,
    Reset,
    Crash,
    CrashStorm,
    CrashLoop,
    PowerOff,
    Pause,
    Starve,
    ClockRate,
    WallJump,
    DiskFull,
}

const PARTITIONS: &[Shape] =
    &[Shape::Split, Shape::Isolate, Shape::Bridge, Shape::Pair, Shape::Ring, Shape::Chain];
const CRASHES: &[Shape] = &[Shape::Crash, Shape::CrashStorm, Shape::CrashLoop];
const CLOCKS: &[Shape] = &[Shape::ClockRate, Shape::WallJump];

impl Faults {
    /// Nothing goes wrong; switch on what should.
    pub fn none() -> Faults {
        Faults { shapes: BTreeSet::new(), every: Duration::from_secs(20), most_down: None }
    }

    /// Everything that there is.
    pub fn all() -> Faults {
        Faults::network().crashes(true).power(true).pauses(true).starvation(true).clocks(true).disks(true)
    }

    /// Whatever goes wrong between machines, and nothing that happens to one.
    pub fn network() -> Faults {
        Faults::only_partitions().one_way(true).flaps(true).loss(true).slow(true).resets(true)
    }

    /// Partitions of every shape, both ways.
    pub fn only_partitions() -> Faults {
        Faults::none().partitions(true)
    }

    /// Processes that die and start again.
    pub fn only_crashes() -> Faults {
        Faults::none().crashes(true)
    }

    /// Cuts, both ways: in two halves, one machine from the rest, two from each other, two sides with a machine between
    /// that sees both, a ring, a chain. For 1 to 60 seconds.
    #[must_use]
    pub fn partitions(self, on: bool) -> Faults {
        self.set(PARTITIONS, on)
    }

    /// Cuts of one direction. Off, loss and slowness are of both directions, too.
    #[must_use]
    pub fn one_way(self, on: bool) -> Faults {
        self.set(&[Shape::OneWay], on)
    }

    /// Links that come and go, for up to two minutes.
    #[must_use]
    pub fn flaps(self, on: bool) -> Faults {
        self.set(&[Shape::Flap], on)
    }

    /// 5 to 40 packets of a hundred lost.
    #[must_use]
    pub fn loss(self, on: bool) -> Faults {
        self.set(&[Shape::Loss], on)
    }

    /// Latencies of up to two seconds, jitter, little bandwidth.
    #[must_use]
    pub fn slow(self, on: bool) -> Faults {
        self.set(&[Shape::Slow], on)
    }

    /// Connections that are reset.
    #[must_use]
    pub fn resets(self, on: bool) -> Faults {
        self.set(&[Shape::Reset], on)
    }

    /// Processes that die and start again with their disk, soon or within a minute; one, one several times, or several
    /// at once.
    #[must_use]
    pub fn crashes(self, on: bool) -> Faults {
        self.set(CRASHES, on)
    }

    /// Machines that fall silent, forget what was not synced, and start again.
    #[must_use]
    pub fn power(self, on: bool) -> Faults {
        self.set(&[Shape::PowerOff], on)
    }

    /// Processes that stand still for up to 20 seconds.
    #[must_use]
    pub fn pauses(self, on: bool) -> Faults {
        self.set(&[Shape::Pause], on)
    }

    /// Processes whose tasks come up to 3 seconds late, for up to half a minute.
    #[must_use]
    pub fn starvation(self, on: bool) -> Faults {
        self.set(&[Shape::Starve], on)
    }

    /// Clocks up to 1 % fast or slow for a while, and wall clocks set up to a day forwards or back.
    #[must_use]
    pub fn clocks(self, on: bool) -> Faults {
        self.set(CLOCKS, on)
    }

    /// Disks that are full for a while.
    #[must_use]
    pub fn disks(self, on: bool) -> Faults {
        self.set(&[Shape::DiskFull], on)
    }

    /// How much time lies between two faults on average, 20 seconds if not told; not less than 100 ms.
    #[must_use]
    pub fn every(self, pause: Duration) -> Faults {
        Faults { every: pause, ..self }
    }

    /// How many machines may be down or paused at once. If not told, a minority, yet at least one: 1 of 2, 2 of 5.
    #[must_use]
    pub fn most_down(self, machines: usize) -> Faults {
        Faults { most_down: Some(machines), ..self }
    }

    /// The plan that follows from `seed`, for a world of so many `machines`, in which nothing happens after `during`.
    ///
    /// It is well formed: only running machines are killed or paused, each is started again, and by `during` all is
    /// well: everything healed, everybody running, all clocks true, no disk full. A machine that is paused or killed is
    /// left alone by other crashes until it is back; faults of the network overlap as they come.
    pub fn plan(&self, seed: u64, machines: usize, during: Duration) -> Plan {
        Draft::new(self, seed, machines, during).plan()
    }

    fn set(mut self, shapes: &[Shape], on: bool) -> Faults {
        if on {
            self.shapes.extend(shapes);
        } else {
            self.shapes.retain(|shape| !shapes.contains(shape));
        }
        self
    }

    fn most_down_of(&self, machines: usize) -> usize {
        let minority = (machines.saturating_sub(1) / 2).max(1);
        self.most_down.unwrap_or(minority).min(machines)
    }
}

impl Default for Faults {
    fn default() -> Faults {
        Faults::all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_knob_switches_its_shapes_and_no_other() {
        assert_eq!(Faults::all().partitions(false).partitions(true), Faults::all());
        assert_eq!(Faults::only_crashes().crashes(false), Faults::none());
        assert!(Faults::none().plan(1, 5, Duration::from_secs(600)).steps.is_empty());
        assert_eq!(Faults::all().shapes.len(), 20);
    }

    #[test]
    fn most_are_up() {
        let most = |machines| Faults::all().most_down_of(machines);
        assert_eq!([0, 1, 2, 3, 4, 5, 20].map(most), [0, 1, 1, 1, 1, 2, 9]);
        assert_eq!(Faults::all().most_down(4).most_down_of(3), 3);
    }
}
