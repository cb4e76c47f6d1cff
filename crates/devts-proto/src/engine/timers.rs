//! What time alone brings: handshakes cut off, heartbeats, acknowledgements that waited long enough, silence,
//! dials, request deadlines. The earliest deadline is found by asking each, when the one found before has passed or
//! something rare has happened; what happens often only makes deadlines later, or says which it adds.

use super::link::{Link, Phase};
use super::peer::Peer;
use super::{CloseReason, Engine};
use crate::id::{LinkId, NodeId};
use crate::member::Verdict;
use crate::time::Instant;
use crate::wire::Frame;
use alloc::vec::Vec;
use core::time::Duration;

/// How often the vectors are compared with one neighbour (design.md §4.7).
pub(super) const SYNC_EVERY: Duration = Duration::from_secs(10);
/// Driven this much later than asked, the node slept: the silence was its own.
const SLEPT: Duration = Duration::from_millis(250);

impl Engine {
    /// The deadline of the last `Wait` has passed. Harmless at any other time.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.catch_up(now);
        if now >= self.alarm.acks_at() {
            self.send_all_acks();
        }
        if now < self.alarm.at() {
            return;
        }
        self.alarm.reset();
        self.cut_handshakes(now);
        self.tend_links(now);
        self.judge_members(now);
        self.expire_requests(now);
        self.decide_gaps(now);
        if matches!(self.stage, super::Stage::Member | super::Stage::Joining { .. }) {
            self.dial_members(now);
            self.dial_seeds(now);
        }
        self.settle(now);
        if now >= self.sync_at {
            self.sync_at = now + SYNC_EVERY;
            self.sync_one(now);
            self.forget(now);
            let me = self.life();
            let relays = |link: &Link| link.flow.cursors.keys().any(|origin| *origin != me);
            self.relays = self.links.values().any(relays);
        }
    }

    /// If this node was driven late, that time is taken off every peer's silence: it slept, not they.
    pub(super) fn catch_up(&mut self, now: Instant) {
        let late = now.since(self.due);
        if self.due != Instant::NEVER && late >= SLEPT {
            for peer in self.peers.values_mut() {
                peer.watch.excuse(late, now);
            }
            self.due = now;
        }
    }

    fn cut_handshakes(&mut self, now: Instant) {
        let late = |link: &&Link| greeting(link) && now >= link.since + self.config.handshake;
        let links: Vec<LinkId> = self.links.values().filter(late).map(|link| link.id).collect();
        for link in links {
            self.counters.handshake_timeouts += 1;
            self.close(now, link, CloseReason::HandshakeTimeout);
        }
    }

    fn tend_links(&mut self, now: Instant) {
        let due = |link: &Link| link.phase == Phase::Up && now >= link.last_sent + self.config.heartbeat;
        if self.links.values().any(due) {
            self.beat(now);
        }
    }

    /// One link's acknowledgement has waited long enough: all others go with it, so that one timer serves them all.
    fn send_all_acks(&mut self) {
        while let Some((since, link)) = self.alarm.pop_owing() {
            if self.owes_since(link) == Some(since) {
                self.send_acks(link);
            }
        }
    }

    fn owes_since(&self, link: LinkId) -> Option<Instant> {
        self.links.get(&link).and_then(|link| link.acks.since)
    }

    /// Heartbeats on all links on which one is due, or will be before a quarter of the time has passed again. Done too
    /// when a heartbeat arrives: so an idle node sends all of its own at once, idle members beat together, and each
    /// wakes a few times a second instead of once for every link and direction.
    pub(super) fn beat(&mut self, now: Instant) {
        if now < self.alarm.beat_at {
            return;
        }
        let early = self.config.heartbeat - self.config.heartbeat / 4;
        let due = |link: &&mut Link| link.phase == Phase::Up && now >= link.last_sent + early;
        let mut beats = Vec::new();
        for link in self.links.values_mut().filter(due) {
            link.last_sent = now;
            // A stream that takes nothing gets no second one: what waits is a sign of life as good.
            if link.control.is_empty() {
                beats.push(link.id);
            }
        }
        let up = self.links.values().filter(|link| link.phase == Phase::Up);
        self.alarm.beat_at = up.map(|link| link.last_sent + early).min().unwrap_or(Instant::NEVER);
        for link in &beats {
            self.push(*link, &Frame::Heartbeat);
        }
        if !beats.is_empty() {
            self.tell_stable();
        }
    }

    fn judge_members(&mut self, now: Instant) {
        if self.stage != super::Stage::Member {
            return;
        }
        let silent = |node: &NodeId| {
            self.members.alive(*node).is_some()
                && self
                    .peers
                    .get(node)
                    .is_some_and(|peer| peer.watch.verdict(now, &self.config) == Verdict::Silent)
        };
        let failed: Vec<NodeId> = self.peers.keys().copied().filter(silent).collect();
        for node in failed {
            self.fail(now, node);
        }
    }

    /// Lives that have been gone for long are forgotten: their events after `forget_after`, and after twice that also
    /// that they were ever known, which until then keeps a late copy of an event from being taken for new.
    fn forget(&mut self, now: Instant) {
        for life in self.members.forget(now, self.config.forget_after) {
            if self.peers.get(&life.node).is_some_and(|peer| peer.life == life) {
                self.peers.remove(&life.node);
            }
        }
        let (events, all) = (self.config.forget_after, self.config.forget_after * 2);
        for (origin, since) in &self.ended {
            if now.since(*since) >= events {
                self.history.trim(*origin, self.history.position(*origin));
            }
            if now.since(*since) >= all {
                self.history.forget(*origin);
                self.types.remove(origin);
                self.pulls.remove(origin);
            }
        }
        self.ended.retain(|_, since| now.since(*since) < all);
        self.settle(now);
    }

    /// When the engine wants to be called: at the earliest deadline, or a little before.
    pub(super) fn next_deadline(&mut self, now: Instant) -> Instant {
        if self.alarm.at() <= now {
            let at = self.deadline(now);
            self.alarm.set(at);
        }
        while let Some((since, link)) = self.alarm.first_owing()
            && self.owes_since(link) != Some(since)
        {
            self.alarm.pop_owing();
        }
        // Sampled, for it is what the alarm saves.
        debug_assert!(
            !self.counters.events_delivered.is_multiple_of(16) || self.alarm.at() <= self.deadline(now),
            "a deadline was added without being told"
        );
        let acks = if self.stage == super::Stage::Left { Instant::NEVER } else { self.alarm.acks_at() };
        self.alarm.at().min(acks).max(now)
    }

    /// The earliest of everything that waits for time, acknowledgements aside.
    fn deadline(&self, now: Instant) -> Instant {
        if self.stage == super::Stage::Left {
            return Instant::NEVER;
        }
        let links = self.links.values().map(|link| self.link_deadline(link));
        let under_way = self.under_way();
        let peers = self.peers.iter().map(|(node, peer)| self.peer_deadline(now, *node, peer, &under_way));
        let earliest = links
            .chain(peers)
            .min()
            .unwrap_or(Instant::NEVER)
            .min(self.seeds_due())
            .min(self.sync_at)
            .min(self.gap_deadline());
        earliest.max(now)
    }

    fn link_deadline(&self, link: &Link) -> Instant {
        match link.phase {
            Phase::Dialling => Instant::NEVER, // The driver answers for dials.
            Phase::Greeting | Phase::Greeted => link.since + self.config.handshake,
            Phase::Up => link.last_sent + self.config.heartbeat,
        }
    }

    fn peer_deadline(&self, now: Instant, node: NodeId, peer: &Peer, under_way: &[NodeId]) -> Instant {
        let requests = peer.session.next_deadline().unwrap_or(Instant::NEVER);
        if self.stage != super::Stage::Member {
            return requests;
        }
        let alive = self.members.alive(node).is_some();
        let silence = if alive { peer.watch.deadline(now, &self.config) } else { Instant::NEVER };
        let slow = peer.holds_since.map_or(Instant::NEVER, |since| since + self.config.slow_after);
        requests.min(silence).min(slow).min(self.member_due(now, node, peer, under_way))
    }
}

fn greeting(link: &Link) -> bool {
    matches!(link.phase, Phase::Greeting | Phase::Greeted)
}
