//! What changes in the view, and what follows from it for links, sessions and histories. The rules of claims are
//! [`crate::member`]'s; here they are carried out.

use super::link::{Link, Phase, Purpose};
use super::peer::{Peer, Redial};
use super::{
    ChangeKind, CloseReason, DialFailure, Engine, MemberChange, Output, Refusal, Stage, Target, Undeliverable,
};
use crate::claim::Claim;
use crate::id::{Life, LinkId, NodeId};
use crate::member::{Learnt, State};
use crate::session::Session;
use crate::time::Instant;
use crate::wire::Frame;
use alloc::vec::Vec;
use core::time::Duration;

/// How long a member waits for a joiner's dial before it dials the joiner.
const LET_IT_DIAL: Duration = Duration::from_millis(500);

impl Engine {
    // ---- claims --------------------------------------------------------------------------------------------

    /// Claims came over a link.
    pub(super) fn on_members(&mut self, now: Instant, id: LinkId, claims: Vec<Claim>) {
        let Some(link) = self.links.get_mut(&id) else { return };
        match (link.phase, link.peer) {
            (Phase::Greeted, Some(life)) => match claims.into_iter().find(|claim| claim.life == life) {
                Some(claim) => self.admit(now, id, claim),
                None => self.misbehaved(now, id, "it does not speak of itself"),
            },
            (Phase::Up, _) if matches!(self.stage, Stage::Joining { .. }) => {
                // Bounded: what a view may hold, of every link.
                let room = self.config.max_members.saturating_sub(link.held.len());
                link.held.extend(claims.into_iter().take(room));
            }
            (Phase::Up, _) => self.learn_all(now, id, claims, false),
            _ => self.misbehaved(now, id, "claims before the hello"),
        }
    }

    /// The peer at the other end of a greeted link speaks of itself: it is taken into the view, and told where
    /// the session stands. A sponsor fixes its vector as the joiner's baseline *before* it announces the joiner.
    fn admit(&mut self, now: Instant, id: LinkId, claim: Claim) {
        let life = claim.life;
        let Some(link) = self.links.get(&id) else { return };
        if link.joining && link.purpose.is_none() {
            let baseline = self.history.vector().into_iter().collect();
            let donors = self.donors_for(life.node);
            let remembered = self.members.down().map(|known| known.claim.clone()).collect();
            let link = self.links.get_mut(&id).expect("just found");
            link.welcome.baseline = baseline;
            link.welcome.donors = donors;
            link.welcome.remembered = remembered;
        }
        self.learn_claim(now, Some(id), &claim, false);
        match self.peers.get(&life.node) {
            Some(peer) if peer.life == life => {
                if self.put_in_use(now, id, life) {
                    self.push_resume(id, life.node);
                    self.came_back(now, life);
                    self.start_flow(now, id);
                }
            }
            _ if !self.members.has_room() => self.refuse(now, id, Refusal::ClusterFull),
            _ => self.refuse(now, id, Refusal::Superseded),
        }
    }

    /// Who was a member before a joiner: this node first, then the others.
    fn donors_for(&self, joiner: NodeId) -> Vec<NodeId> {
        let others = self.members.others().map(|claim| claim.life.node).filter(|node| *node != joiner);
        core::iter::once(self.life().node).chain(others).collect()
    }

    /// Learns many claims. `eager`: this node has just joined and dials everybody itself.
    pub(super) fn learn_all(&mut self, now: Instant, via: LinkId, claims: Vec<Claim>, eager: bool) {
        for claim in &claims {
            self.learn_claim(now, Some(via), claim, eager);
        }
    }

    fn learn_claim(&mut self, now: Instant, via: Option<LinkId>, claim: &Claim, eager: bool) {
        match self.members.learn(claim, now) {
            Learnt::Old => {}
            Learnt::Full => self.counters.refused += 1,
            Learnt::Joined => self.joined(now, via, claim, eager),
            Learnt::Replaced(old, state) => {
                self.life_ended(now, &old, state == State::Alive);
                self.joined(now, via, claim, eager);
            }
            Learnt::Updated(seen) => {
                if seen {
                    self.change(ChangeKind::Updated, claim.clone());
                }
            }
            Learnt::Left => {
                self.member_left(now, claim.clone());
                self.flood(via, claim);
            }
            Learnt::Calls => {
                if let Some(peer) = self.peers.get_mut(&claim.life.node) {
                    peer.redial.at = now;
                }
            }
            Learnt::OfMe(true) => {
                let text = alloc::format!("a younger process has the node id {}", claim.life.node);
                self.out.push_back(Output::Refused { refusal: Refusal::Superseded, text });
            }
            Learnt::OfMe(false) => {
                self.members.refute(claim.incarnation);
                self.tell_of_me();
            }
        }
    }

    /// Who failed before this node was there may come back: it is dialled, and what is emitted is kept for it.
    pub(super) fn remember(&mut self, now: Instant, claims: &[Claim]) {
        for claim in claims {
            if self.members.remember(claim, now) {
                self.add_peer(now, claim.life, now + self.config.redial.0);
                self.ended.entry(claim.life).or_insert(now);
            }
        }
    }

    fn add_peer(&mut self, now: Instant, life: Life, dial_at: Instant) {
        // Above that of any session with this life before, should it have been forgotten and come back.
        let generation = now.since_origin().as_nanos() as u64 + 1;
        let session = Session::new(generation, &self.config);
        let redial = Redial::at(dial_at, self.config.redial.0);
        self.peers.insert(life.node, Peer::new(now, life, session, self.own.stable(), redial));
    }

    fn joined(&mut self, now: Instant, via: Option<LinkId>, claim: &Claim, eager: bool) {
        self.add_peer(now, claim.life, if eager { now } else { now + LET_IT_DIAL });
        self.change(ChangeKind::Joined, claim.clone());
        self.flood(via, claim);
        if eager {
            self.dial_members(now);
        }
    }

    /// Tells all others of a claim.
    fn flood(&mut self, except: Option<LinkId>, claim: &Claim) {
        let frame = Frame::Members(alloc::vec![claim.clone()]);
        for link in self.up_links() {
            if Some(link) != except {
                self.push(link, &frame);
            }
        }
    }

    /// This node's own claim has changed.
    pub(super) fn tell_of_me(&mut self) {
        let me = self.members.me().clone();
        self.flood(None, &me);
    }

    fn change(&mut self, kind: ChangeKind, member: Claim) {
        let version = self.members.version();
        self.out.push_back(Output::Member(MemberChange { kind, member, version }));
    }

    // ---- the end of a member -------------------------------------------------------------------------------

    /// This node concludes that a member failed. It is remembered, and its life goes on.
    pub(super) fn fail(&mut self, now: Instant, node: NodeId) {
        let Some(claim) = self.members.fail(node, now) else { return };
        let dice = self.rng.below(512);
        let longest = self.config.redial.1;
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.down_at = Some(claim.incarnation);
            peer.redial.pause = self.config.redial.0;
            peer.redial.back_off(now, longest, dice);
            let link = peer.link.take();
            let ended = peer.session.end();
            if let Some(link) = link {
                self.close(now, link, CloseReason::Gone);
            }
            self.close_retired(now, claim.life);
            self.session_ended(node, ended, Undeliverable::PeerDown);
        }
        let life = claim.life;
        self.change(ChangeKind::Failed, claim);
        self.origin_ended(now, life);
    }

    /// A member left.
    fn member_left(&mut self, now: Instant, claim: Claim) {
        let life = claim.life;
        self.drop_peer(now, life, Undeliverable::PeerDown);
        self.change(ChangeKind::Left, claim);
        self.origin_ended(now, life);
    }

    /// A younger life took this one's place.
    fn life_ended(&mut self, now: Instant, old: &Claim, was_alive: bool) {
        self.drop_peer(now, old.life, Undeliverable::PeerRestarted);
        if was_alive {
            self.change(ChangeKind::Failed, old.clone());
        }
        self.origin_ended(now, old.life);
    }

    /// Ends everything with a life that will not come back.
    fn drop_peer(&mut self, now: Instant, life: Life, why: Undeliverable) {
        if self.peers.get(&life.node).is_none_or(|peer| peer.life != life) {
            return;
        }
        let mut peer = self.peers.remove(&life.node).expect("just found");
        let links: Vec<LinkId> =
            self.links.values().filter(|link| link.peer == Some(life)).map(|link| link.id).collect();
        for link in links {
            self.close(now, link, CloseReason::Gone);
        }
        let ended = peer.session.end();
        self.session_ended(life.node, ended, why);
    }

    /// The peer says that it leaves.
    pub(super) fn on_leave(&mut self, now: Instant, id: LinkId) {
        let Some(life) = self.links.get(&id).and_then(Link::up) else { return };
        if let Some(claim) = self.members.leave(life.node, now) {
            let mut told = claim.clone();
            told.left = true;
            self.member_left(now, claim);
            self.flood(None, &told);
        }
    }

    /// Tells everybody that this node leaves, and closes all links.
    pub fn leave(&mut self, now: Instant) {
        self.catch_up(now);
        self.alarm.reset();
        self.stage = Stage::Left;
        let links: Vec<(LinkId, Phase)> = self.links.values().map(|link| (link.id, link.phase)).collect();
        for (link, phase) in links {
            if phase == Phase::Up {
                self.push(link, &Frame::Leave);
            }
            self.close(now, link, CloseReason::Leaving);
        }
    }

    // ---- links lost and dials ------------------------------------------------------------------------------

    /// The life at the other end of a new link had failed here: it is back.
    pub(super) fn came_back(&mut self, now: Instant, life: Life) {
        if let Some((claim, seen)) = self.members.rejoin(life) {
            self.ended.remove(&life);
            self.peers.get_mut(&life.node).expect("remembered lives keep their peer").down_at = None;
            self.change(if seen { ChangeKind::Rejoined } else { ChangeKind::Joined }, claim);
            self.settle(now);
        }
    }

    /// The link in use to a member is gone: dial it at once, or after a pause if the link was `brief`.
    pub(super) fn link_lost(&mut self, now: Instant, node: NodeId, brief: bool) {
        let (longest, dice) = (self.config.redial_after, self.rng.below(512));
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if brief {
            peer.redial.back_off(now, longest, dice);
        } else {
            peer.redial.at = now;
        }
        self.dial_members(now);
    }

    /// A dial of a member, or of one remembered, led to nothing.
    pub(super) fn member_dial_failed(&mut self, now: Instant, node: NodeId, why: DialFailure) {
        let linked = self.link_to(node).is_some();
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if self.members.alive(node).is_some()
            && !linked
            && why == DialFailure::Refused
            && peer.watch.refused()
        {
            self.fail(now, node);
        }
    }

    /// Dials every member and remembered one that is due.
    pub(super) fn dial_members(&mut self, now: Instant) {
        if self.stage != Stage::Member {
            return;
        }
        let under_way = self.under_way();
        let wants = |(node, peer): &(&NodeId, &Peer)| self.member_due(now, **node, peer, &under_way) <= now;
        let due: Vec<NodeId> = self.peers.iter().filter(wants).map(|(node, _)| *node).collect();
        for node in due {
            let dice = self.rng.below(512);
            let alive = self.members.alive(node).is_some();
            let longest = if alive { self.config.redial_after } else { self.config.redial.1 };
            self.peers.get_mut(&node).expect("just listed").redial.back_off(now, longest, dice);
            let address = self.members.get(node).expect("a peer is known").claim.address;
            self.dial(now, Purpose::Member(node), Target::Address(address));
        }
    }

    /// When a peer wants to be dialled: it has no link, or a quiet one.
    pub(super) fn member_due(
        &self,
        now: Instant,
        node: NodeId,
        peer: &Peer,
        under_way: &[NodeId],
    ) -> Instant {
        let quiet = peer.watch.verdict(now, &self.config) != crate::member::Verdict::Fine;
        let wanted = peer.link.is_none() || quiet;
        if wanted && !under_way.contains(&node) { peer.redial.at } else { Instant::NEVER }
    }

    /// The members to whom a link is on its way: dialled, or being greeted.
    pub(super) fn under_way(&self) -> Vec<NodeId> {
        let coming = self.links.values().filter(|link| link.phase != Phase::Up);
        let to = |link: &super::link::Link| match link.purpose {
            Some(Purpose::Member(node)) => [Some(node), link.peer.map(|life| life.node)],
            _ => [None, link.peer.map(|life| life.node)],
        };
        coming.flat_map(to).flatten().collect()
    }
}
