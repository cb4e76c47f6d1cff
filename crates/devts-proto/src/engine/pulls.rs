//! Events that an origin cannot bring itself, because it died or cannot be reached: whom to ask, and when to tell
//! that nobody has them. Knows nothing of how events are kept.

use super::{Engine, Output};
use crate::history::{Cursor, LAST_SEQUENCE};
use crate::id::{Life, LinkId};
use crate::time::Instant;
use crate::wire::Frame;
use alloc::vec::Vec;
use core::time::Duration;

/// One origin whose events this node asks others for.
#[derive(Debug)]
pub(super) struct Pull {
    /// Who was asked.
    link: Option<LinkId>,
    since: Instant,
    /// Who no longer has what is missing.
    tried: Vec<LinkId>,
    /// The earliest event that one of these still had, and who.
    best: Option<(u64, LinkId)>,
}

impl Engine {
    /// Asks somebody for events of `origin` if somebody has more than this node and it does not come by itself.
    pub(super) fn pull(&mut self, now: Instant, origin: Life) {
        let tried = match self.pulls.get(&origin) {
            Some(Pull { link: Some(_), .. }) => return,
            Some(pull) => pull.tried.clone(),
            None if origin == self.life() || self.comes_by_itself(origin) => return,
            None => Vec::new(),
        };
        if let Some(link) = self.holder(origin, &tried) {
            let fresh = || Pull { link: None, since: now, tried: Vec::new(), best: None };
            self.pulls.entry(origin).or_insert_with(fresh).link = Some(link);
            self.want(link, origin);
        }
    }

    /// The origin is linked to this node.
    fn comes_by_itself(&self, origin: Life) -> bool {
        self.members.is_alive(origin) && self.link_to(origin.node).is_some()
    }

    /// A link whose peer has more of `origin` than this node, other than those tried.
    fn holder(&self, origin: Life, tried: &[LinkId]) -> Option<LinkId> {
        let position = self.history.position(origin);
        let more = |link: &&super::link::Link| {
            link.up().is_some()
                && !tried.contains(&link.id)
                && link.flow.have.get(&origin).is_some_and(|have| *have > position)
        };
        self.links.values().find(more).map(|link| link.id)
    }

    fn want(&mut self, link: LinkId, origin: Life) {
        let from = self.history.position(origin) + 1;
        self.push(link, &Frame::Want { origin, from });
    }

    /// Events of `origin` have come, from wherever: is the pull done?
    pub(super) fn pull_progress(&mut self, now: Instant, origin: Life) {
        let Some(pull) = self.pulls.get_mut(&origin) else { return };
        pull.since = now;
        let asked = pull.link.and_then(|link| self.links.get(&link));
        let upto = asked.and_then(|link| link.flow.have.get(&origin)).copied().unwrap_or(0);
        if self.history.position(origin) >= upto {
            self.pulls.remove(&origin);
            self.go_on(now, origin);
        }
    }

    /// No pull is under way: the origin itself goes on where this node stands, or somebody else is asked. What the
    /// origin has sent meanwhile came early and is gone, so that it must be told.
    fn go_on(&mut self, now: Instant, origin: Life) {
        match self.link_to(origin.node).filter(|_| self.comes_by_itself(origin)) {
            Some(direct) => self.want(direct, origin),
            None => self.pull(now, origin),
        }
    }

    /// The peer has nothing of `origin` before `next`.
    pub(super) fn on_gap(&mut self, now: Instant, id: LinkId, origin: Life, next: u64) {
        if next > LAST_SEQUENCE {
            return self.misbehaved(now, id, "a gap up to a number that no event has");
        }
        if origin == self.life() || next <= self.history.position(origin) + 1 {
            return;
        }
        let fresh = || Pull { link: None, since: now, tried: Vec::new(), best: None };
        let pull = self.pulls.entry(origin).or_insert_with(fresh);
        pull.tried.push(id);
        if pull.best.is_none_or(|(best, _)| next < best) {
            pull.best = Some((next, id));
        }
        pull.link = None;
        pull.since = now;
        self.pull(now, origin);
        self.ask_everybody(origin);
        self.decide_gap(now, origin);
    }

    /// Nobody is known to have what is missing: whoever does says so when he is told where this node stands.
    fn ask_everybody(&mut self, origin: Life) {
        let Some(pull) = self.pulls.get(&origin).filter(|pull| pull.link.is_none()) else { return };
        let have = Frame::Have(alloc::vec![(origin, self.history.position(origin))]);
        let untried: Vec<LinkId> =
            self.up_links().into_iter().filter(|link| !pull.tried.contains(link)).collect();
        for link in untried {
            self.push(link, &have);
        }
    }

    /// Is what is missing lost? Once every member was asked; or when those who have not said that they have it
    /// had the time to find the origin dead and to say so. A living origin whose link is on its way has the last
    /// word itself.
    fn decide_gap(&mut self, now: Instant, origin: Life) {
        let Some(pull) = self.pulls.get(&origin).filter(|pull| pull.link.is_none()) else { return };
        let asked = |node| self.link_to(node).is_some_and(|link| pull.tried.contains(&link));
        let all_asked = self.members.others().all(|member| asked(member.life.node));
        let direct = asked(origin.node);
        if self.members.is_alive(origin) && !direct {
            self.pulls.remove(&origin);
        } else if all_asked || now >= pull.since + self.patience() {
            self.tell_gap(now, origin);
        }
    }

    /// How long others may take to find an origin dead, to be asked, and to say what they have of it: each way takes less
    /// than a member may be silent.
    fn patience(&self) -> Duration {
        self.config.silent_after * 3 + self.config.heartbeat
    }

    /// Pulls that wait for somebody to say that he has what is missing.
    pub(super) fn decide_gaps(&mut self, now: Instant) {
        let waiting: Vec<Life> =
            self.pulls.iter().filter(|(_, pull)| pull.link.is_none()).map(|(origin, _)| *origin).collect();
        for origin in waiting {
            self.pull(now, origin);
            self.decide_gap(now, origin);
        }
    }

    /// When the next of these is decided.
    pub(super) fn gap_deadline(&self) -> Instant {
        let waiting = self.pulls.values().filter(|pull| pull.link.is_none());
        waiting.map(|pull| pull.since + self.patience()).min().unwrap_or(Instant::NEVER)
    }

    /// Nobody who can be reached has what is missing: told, and passed over.
    fn tell_gap(&mut self, now: Instant, origin: Life) {
        let Some((next, link)) = self.pulls.remove(&origin).and_then(|pull| pull.best) else { return };
        let first = self.history.position(origin) + 1;
        if next <= first {
            return self.pull(now, origin);
        }
        self.counters.events_missed = self.counters.events_missed.saturating_add(next - first);
        self.out.push_back(Output::Gap { origin, first, last: next - 1 });
        self.history.skip_to(origin, next - 1);
        self.want(link, origin);
    }

    /// A link is gone: what was asked there is asked elsewhere.
    pub(super) fn pull_elsewhere(&mut self, now: Instant, link: LinkId) {
        let asked = |pull: &&mut Pull| pull.link == Some(link) || pull.tried.contains(&link);
        let origins: Vec<Life> =
            self.pulls.iter_mut().filter(|(_, pull)| asked(pull)).map(|(origin, _)| *origin).collect();
        for origin in origins {
            self.pulls.remove(&origin);
            self.go_on(now, origin);
        }
    }

    /// What was asked long ago and did not come is asked anew.
    pub(super) fn pull_again(&mut self, now: Instant) {
        let stale = |pull: &Pull| now.since(pull.since) >= super::timers::SYNC_EVERY;
        let origins: Vec<Life> =
            self.pulls.iter().filter(|(_, pull)| stale(pull)).map(|(origin, _)| *origin).collect();
        for origin in origins {
            self.pulls.remove(&origin);
            self.go_on(now, origin);
        }
    }

    /// The origin itself is linked now: others need not bring its events.
    pub(super) fn pull_stops(&mut self, direct: LinkId, origin: Life) {
        if let Some(link) = self.pulls.remove(&origin).and_then(|pull| pull.link)
            && link != direct
        {
            self.push(link, &Frame::Want { origin, from: u64::MAX });
        }
    }

    /// The peer asks for events of `origin` from `from` on; the greatest number ends that.
    pub(super) fn on_want(&mut self, now: Instant, id: LinkId, origin: Life, from: u64) {
        let me = self.life();
        let Some(link) = self.links.get_mut(&id) else { return };
        match from {
            0 => return self.misbehaved(now, id, "it wants the event before the first"),
            u64::MAX if origin != me => _ = link.flow.cursors.remove(&origin),
            from if self.history.knows(origin) => {
                self.relays |= origin != me;
                link.flow.cursors.insert(origin, Cursor { next: from, offset: 0 });
            }
            _ => {}
        }
        self.wake(id);
    }

    /// An origin is out of the view: everybody tells what it has of it, and takes what it lacks.
    pub(super) fn origin_ended(&mut self, now: Instant, origin: Life) {
        self.ended.insert(origin, now);
        let have = Frame::Have(alloc::vec![(origin, self.history.position(origin))]);
        for link in self.up_links() {
            self.push(link, &have);
        }
        self.pull(now, origin);
        self.settle(now);
    }

    /// Compares the vectors with one neighbour, chosen by chance: what any message lost is found by this.
    pub(super) fn sync_one(&mut self, now: Instant) {
        self.pull_again(now);
        let links = self.up_links();
        if links.is_empty() {
            return;
        }
        let chosen = links[self.rng.below(links.len() as u64) as usize];
        let have: Vec<_> = self.history.vector().into_iter().collect();
        self.push(chosen, &Frame::Have(have));
    }
}
