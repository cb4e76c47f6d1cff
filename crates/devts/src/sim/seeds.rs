//! Many runs, one per seed, on all cores; the first that fails is made again, shortened and reported. Knows runs as
//! endings, and nothing of nodes.

use super::course::{Ending, Order, Outcome, make};
use super::examine::{Case, as_found, examine};
use super::failure::{Broken, Failure};
use super::replay::{Asked, Place, asked};
use super::scenario::Sim;
use super::summary::{Progress, Summary};
use crate::Node;
use devts_sim::{Mode, Settings, Trace};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// How many seeds are run twice, where nothing is said.
const TWICE: u64 = 5;
/// How many lines of a run are kept to hold its second against them: 32 bytes each.
const HELD: usize = 2_000_000;

/// How many seeds a test runs, and how: what [`super::seeds`] gives.
#[derive(Clone, Debug)]
#[must_use = "nothing runs until `check` is called"]
pub struct Seeds {
    count: u64,
    twice: u64,
    shrinks: bool,
    settings: Settings,
}

impl Seeds {
    pub(crate) fn new(count: u64) -> Seeds {
        Seeds { count, twice: TWICE, shrinks: true, settings: Settings::default() }
    }

    /// How many of the first seeds are run twice, to be told if a run does not follow from its seed alone. Default 5;
    /// one that fails is run again in any case.
    ///
    /// ```
    /// # use devts::sim::Sim;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl devts::Node for Quiet {}
    /// devts::sim::seeds(2).twice(2).check(|sim: &mut Sim<Quiet>| {
    ///     sim.nodes(3, |_| Quiet);
    ///     sim.only_delivery();
    /// });
    /// ```
    pub fn twice(self, seeds: u64) -> Seeds {
        Seeds { twice: seeds, ..self }
    }

    /// A failure is reported as it was found: its plan is not shortened, no timeline is drawn, it is not run again. For
    /// runs that ask only whether a seed fails, and which.
    ///
    /// ```
    /// # use devts::sim::Sim;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl devts::Node for Quiet {}
    /// let failed = devts::sim::seeds(9).unshrunk().run(|sim: &mut Sim<Quiet>| {
    ///     sim.nodes(3, |_| Quiet);
    ///     sim.always("pigs fly", || false);
    /// });
    /// let failure = failed.expect_err("they do not");
    /// assert_eq!((failure.seed(), failure.plan(), failure.timeline()), (Some(0), None, None));
    /// ```
    pub fn unshrunk(self) -> Seeds {
        Seeds { shrinks: false, ..self }
    }

    /// How the world is beside its seed: the network's usual latency, the grain of time.
    ///
    /// ```
    /// # use devts::sim::{Settings, Sim};
    /// # use std::time::Duration;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl devts::Node for Quiet {}
    /// let mut settings = Settings::default();
    /// settings.latency = Duration::from_millis(40); // far away
    /// devts::sim::seeds(1).settings(settings).check(|sim: &mut Sim<Quiet>| {
    ///     sim.nodes(3, |_| Quiet);
    ///     sim.only_delivery();
    /// });
    /// ```
    pub fn settings(self, settings: Settings) -> Seeds {
        Seeds { settings, ..self }
    }

    /// Runs the scenario for each seed, and panics with a report if one fails. It is called anew for each run, so that
    /// whatever it makes is new in each.
    ///
    /// # Panics
    ///
    /// With the text of the [`Failure`].
    #[track_caller]
    pub fn check<N: Node>(self, scenario: impl Fn(&mut Sim<N>) + Sync) {
        if let Err(failure) = self.run(scenario) {
            panic!("{failure}");
        }
    }

    /// As [`Seeds::check`], for who wants to have the numbers, or the failure, as a value.
    ///
    /// ```
    /// # use devts::sim::Sim;
    /// # struct Quiet;
    /// # #[devts::node("quiet")] impl devts::Node for Quiet {}
    /// let summary = devts::sim::seeds(2).run(|sim: &mut Sim<Quiet>| {
    ///     sim.nodes(3, |_| Quiet);
    ///     sim.only_delivery();
    /// });
    /// let summary = summary.expect("nothing is emitted, and so nothing lost");
    /// assert_eq!(summary.seeds, 2);
    /// assert!(summary.virtual_time.as_secs() >= 120);
    /// ```
    ///
    /// # Errors
    ///
    /// The failure of the smallest seed that fails.
    pub fn run<N: Node>(self, scenario: impl Fn(&mut Sim<N>) + Sync) -> Result<Summary, Box<Failure>> {
        let asked = asked(self.count).map_err(test_fault)?;
        let place = Place::here();
        let (seeds, all) = match asked {
            Asked::One(seed) => ((seed, 1), false),
            Asked::Count(0) => return Err(test_fault("`seeds(0)` tests nothing".into())),
            Asked::Count(count) => ((0, count), count >= self.count),
        };
        let (summary, failed) = self.hunt(&scenario, seeds);
        match failed {
            Some((seed, ending)) => {
                let case = Case { seed, settings: self.settings, place };
                Err(Box::new(match self.shrinks {
                    true => examine(&scenario, &case, *ending),
                    false => as_found(&case, *ending),
                }))
            }
            None if all => summary.judged().map_err(|broken| Box::new(Failure::of_test(broken))),
            None => Ok(summary),
        }
    }

    /// Runs so many seeds from the first on; what was counted, and the smallest seed that failed.
    fn hunt<N: Node>(
        &self,
        scenario: &(dyn Fn(&mut Sim<N>) + Sync),
        (first, count): (u64, u64),
    ) -> (Summary, Option<(u64, Box<Ending>)>) {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64;
        let (next, end) = (AtomicU64::new(0), AtomicU64::new(count));
        let (tell, told) = channel();
        let progress = Progress::new(count);
        thread::scope(|scope| {
            for _ in 0..cores.min(count) {
                let (tell, next, end) = (tell.clone(), &next, &end);
                scope.spawn(move || self.work(scenario, first, (next, end), &tell));
            }
            drop(tell);
            gather(&told, progress)
        })
    }

    /// One core's share. After a failure only smaller seeds are of interest.
    fn work<N: Node>(
        &self,
        scenario: &(dyn Fn(&mut Sim<N>) + Sync),
        first: u64,
        (next, end): (&AtomicU64, &AtomicU64),
        tell: &Sender<Trial>,
    ) {
        loop {
            let index = next.fetch_add(1, Relaxed);
            if index >= end.load(Relaxed) {
                return;
            }
            let ending = self.trial(scenario, first + index, index < self.twice);
            if ending.broken.is_some() {
                end.fetch_min(index, Relaxed);
            }
            let trial =
                Trial { seed: first + index, outcome: ending.outcome.clone(), failed: failed(ending) };
            if tell.send(trial).is_err() {
                return;
            }
        }
    }

    fn trial<N: Node>(&self, scenario: &(dyn Fn(&mut Sim<N>) + Sync), seed: u64, twice: bool) -> Ending {
        let order = |mode| Order { seed, schedule: 0, plan: None, settings: self.settings.clone(), mode };
        if !twice {
            return make(scenario, &order(Mode::Hash));
        }
        let mut first = make(scenario, &order(Mode::Keep(HELD)));
        let trace = std::mem::replace(&mut first.trace, Trace::new(Mode::Hash));
        let second = make(scenario, &order(Mode::Compare(trace.into_lines())));
        match second.trace.difference() {
            Some(difference) => Ending { broken: Some(Broken::parted(difference)), ..first },
            None => first,
        }
    }
}

fn failed(ending: Ending) -> Option<Box<Ending>> {
    ending.broken.is_some().then(|| Box::new(ending))
}

/// What one seed came to.
struct Trial {
    seed: u64,
    outcome: Outcome,
    failed: Option<Box<Ending>>,
}

fn gather(told: &Receiver<Trial>, mut progress: Progress) -> (Summary, Option<(u64, Box<Ending>)>) {
    let mut summary = Summary::default();
    let mut failed: Option<(u64, Box<Ending>)> = None;
    for trial in told {
        summary.add(&trial.outcome);
        progress.show(&summary);
        if let Some(ending) = trial.failed
            && failed.as_ref().is_none_or(|(seed, _)| trial.seed < *seed)
        {
            failed = Some((trial.seed, ending));
        }
    }
    summary.real_time = progress.end();
    (summary, failed)
}

fn test_fault(text: String) -> Box<Failure> {
    Box::new(Failure::of_test(Broken::Test { text }))
}
