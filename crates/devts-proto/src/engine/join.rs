//! Getting into a cluster and trying the seeds for ever: the joiner's side, the first of a cluster, and the
//! sponsor's welcome. Knows nothing of how links are greeted.

use super::link::{Phase, Purpose};
use super::{CloseReason, Engine, Output, Refusal, Stage, Target};
use crate::claim::Claim;
use crate::id::{Life, LinkId, NodeId};
use crate::time::Instant;
use alloc::vec::Vec;
use core::time::Duration;

/// The longest pause between dials of a seed while this node is alone.
const ALONE: Duration = Duration::from_secs(5);
/// How many seeds are dialled at the same time.
const AT_ONCE: usize = 8;

/// One seed: when it is dialled next, and whom it turned out to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed {
    redial: super::peer::Redial,
    tried: bool,
    is: Option<NodeId>,
}

impl Engine {
    /// Dials the seeds (given by number; the driver knows their names). Until one answers or all have failed this
    /// node is in no cluster; then it is its cluster's first, unless `must_join`, and goes on trying the seeds.
    pub fn join(&mut self, now: Instant, seeds: usize, must_join: bool) {
        debug_assert!(self.stage == Stage::Idle, "a node joins once");
        self.alarm.reset();
        self.stage = Stage::Joining { must_join };
        let redial = super::peer::Redial::at(now, self.config.redial.0);
        self.seeds = alloc::vec![Seed { redial, tried: false, is: None }; seeds];
        self.dial_seeds(now);
        self.be_first_if_alone();
    }

    pub(super) fn stage_is_joining(&self) -> bool {
        matches!(self.stage, Stage::Joining { .. })
    }

    /// Dials the seeds that are due and lead to nobody in the view.
    pub(super) fn dial_seeds(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Idle | Stage::Left) {
            return;
        }
        let mut busy = self.seed_dials();
        for index in 0..self.seeds.len() {
            if busy < AT_ONCE && self.seed_due(index) <= now {
                self.pause_seed(now, index);
                self.dial(now, Purpose::Seed(index), Target::Seed(index));
                busy += 1;
            }
        }
    }

    /// When a seed wants to be dialled.
    fn seed_due(&self, index: usize) -> Instant {
        let seed = &self.seeds[index];
        let known = seed.is.is_some_and(|node| self.members.alive(node).is_some());
        let under_way =
            self.links.values().any(|link| dials_a_seed(link) && link.purpose == Some(Purpose::Seed(index)));
        if known || under_way { Instant::NEVER } else { seed.redial.at }
    }

    /// When the next seed wants to be dialled and may: only so many are dialled at the same time.
    pub(super) fn seeds_due(&self) -> Instant {
        if self.seeds.is_empty() || self.seed_dials() >= AT_ONCE {
            return Instant::NEVER;
        }
        (0..self.seeds.len()).map(|seed| self.seed_due(seed)).min().unwrap_or(Instant::NEVER)
    }

    fn seed_dials(&self) -> usize {
        self.links.values().filter(|link| dials_a_seed(link)).count()
    }

    fn pause_seed(&mut self, now: Instant, index: usize) {
        let longest = if self.members.count() == 1 { ALONE } else { self.config.redial.1 };
        let dice = self.rng.below(512);
        self.seeds[index].redial.back_off(now, longest.min(self.config.redial.1), dice);
    }

    /// A dial of the seed led to nothing.
    pub(super) fn seed_failed(&mut self, now: Instant, index: usize) {
        self.seeds[index].tried = true;
        self.seeds[index].is = None;
        self.dial_seeds(now);
        self.be_first_if_alone();
    }

    /// The seed is this node, or one it has a link to.
    pub(super) fn seed_is_linked(&mut self, now: Instant, index: usize) {
        let longest = self.config.redial.1;
        self.seeds[index].redial.at = now + longest;
        self.seeds[index].tried = true;
        self.be_first_if_alone();
    }

    /// The seed is this member.
    pub(super) fn seed_reached(&mut self, index: usize, node: NodeId) {
        self.seeds[index].is = Some(node);
        self.seeds[index].tried = true;
        self.seeds[index].redial.pause = self.config.redial.0;
    }

    /// All seeds were tried and nobody answers: this node is the first of a cluster.
    fn be_first_if_alone(&mut self) {
        let none_left = self.seeds.iter().all(|seed| seed.tried);
        let none_open = !self.links.values().any(|link| matches!(link.purpose, Some(Purpose::Seed(_))));
        if self.stage == (Stage::Joining { must_join: false }) && none_left && none_open {
            self.stage = Stage::Member;
            self.out.push_back(Output::Joined { donors: Vec::new() });
        }
    }

    /// A seed knows a life of this id that is not older: this process takes a younger boot and greets again.
    pub(super) fn take_younger_boot(&mut self, now: Instant, id: LinkId, highest: u64) {
        let old = self.life();
        let Some(boot) = highest.checked_add(1) else {
            let text =
                alloc::string::String::from("the boot numbers of this node id are used up: take another id");
            self.out.push_back(Output::Refused { refusal: Refusal::Superseded, text });
            return self.close(now, id, CloseReason::Refused(Refusal::Superseded));
        };
        self.members.reboot(boot);
        let life = self.life();
        self.history = crate::history::History::new(life, self.config.history, self.config.max_message);
        if let Some(types) = self.types.remove(&old) {
            self.types.insert(life, types);
        }
        self.greet_anew(now);
        self.dial_seeds(now);
    }

    /// Whoever was greeted as the old life is dialled and greeted again.
    fn greet_anew(&mut self, now: Instant) {
        let greeted = self.links.values_mut().filter(|link| link.phase != Phase::Dialling);
        let greeted: Vec<_> = greeted.map(|link| (link.id, link.purpose.take())).collect();
        for (link, purpose) in greeted {
            if let Some(Purpose::Seed(seed)) = purpose {
                self.seeds[seed].tried = false;
                self.seeds[seed].redial.at = now;
            }
            self.close(now, link, CloseReason::Gone);
        }
    }

    /// A sponsor tells of those that failed before.
    pub(super) fn on_remembered(&mut self, id: LinkId, claims: Vec<Claim>) {
        let most = self.config.max_members;
        let Some(link) = self.links.get_mut(&id).filter(|link| link.phase == Phase::Up) else { return };
        if matches!(self.stage, Stage::Joining { .. }) {
            // Bounded, whoever sends them.
            let room = most.saturating_sub(link.welcome.remembered.len());
            link.welcome.remembered.extend(claims.into_iter().take(room));
        }
    }

    /// The sponsor's answer comes in pieces; with the last this node is a member.
    pub(super) fn on_welcome(
        &mut self,
        now: Instant,
        id: LinkId,
        baseline: Vec<(Life, u64)>,
        donors: Vec<NodeId>,
        last: bool,
    ) {
        let Some(link) = self.links.get_mut(&id).filter(|link| link.phase == Phase::Up) else { return };
        if !matches!(self.stage, Stage::Joining { .. }) {
            return; // Another sponsor was faster.
        }
        link.welcome.baseline.extend(baseline);
        link.welcome.donors.extend(donors);
        if !last {
            return;
        }
        let welcome = core::mem::take(&mut link.welcome);
        let me = self.life();
        for (origin, seq) in welcome.baseline.into_iter().filter(|(origin, _)| *origin != me) {
            self.history.baseline(origin, seq);
        }
        self.stage = Stage::Member;
        self.out.push_back(Output::Joined { donors: welcome.donors });
        for link in self.up_links() {
            let held =
                self.links.get_mut(&link).map(|link| core::mem::take(&mut link.held)).unwrap_or_default();
            self.learn_all(now, link, held, true);
        }
        self.remember(now, &welcome.remembered);
        for link in self.up_links() {
            self.start_flow(now, link);
        }
    }
}

fn dials_a_seed(link: &super::link::Link) -> bool {
    matches!(link.purpose, Some(Purpose::Seed(_))) && link.phase != Phase::Up
}
