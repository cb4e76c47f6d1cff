//! How a stream becomes a link: hellos, refusals, which of two links between the same two stays, and the resume
//! that puts it in use. Knows nothing of what is carried afterwards.

use super::link::{Link, Name, Phase, Purpose};
use super::{CloseReason, DialFailure, Engine, Output, Refusal, Stage, Target, Undeliverable};
use crate::id::{Life, LinkId, NodeId};
use crate::session::{Resume, Resumed};
use crate::time::Instant;
use crate::wire::{Frame, Hello, MAX_VERSION, MIN_VERSION};
use alloc::string::ToString;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

/// A link that ends sooner than this after it was opened is not dialled again at once: whatever ended it may be
/// waiting for the next.
const BRIEF: Duration = Duration::from_millis(500);

impl Engine {
    // ---- facts ---------------------------------------------------------------------------------------------

    /// A dialled stream is open.
    pub fn handle_link_up(&mut self, now: Instant, link: LinkId) {
        self.alarm.reset();
        self.catch_up(now);
        let Some(open) = self.links.get_mut(&link).filter(|open| open.phase == Phase::Dialling) else {
            return;
        };
        open.phase = Phase::Greeting;
        open.since = now;
        open.last_sent = now;
        let expects = match open.purpose {
            Some(Purpose::Member(node)) => Some(node),
            _ => None,
        };
        let dial = self.next_dial;
        self.next_dial += 1;
        let name = (self.life(), dial);
        let knew = expects.and_then(|node| self.peers.get(&node)).and_then(|peer| peer.last_link);
        let open = self.links.get_mut(&link).expect("it was just found");
        open.name = Some(name);
        open.replaces = knew;
        let hello = self.hello(expects, dial, 0);
        self.push(link, &Frame::Hello(hello));
    }

    /// A stream was accepted; the engine names it. It must greet in time.
    pub fn handle_accepted(&mut self, now: Instant, _from: SocketAddr) -> LinkId {
        self.catch_up(now);
        self.new_link(now, None, Phase::Greeting)
    }

    /// A dial failed.
    pub fn handle_dial_failed(&mut self, now: Instant, link: LinkId, why: DialFailure) {
        self.alarm.reset();
        self.catch_up(now);
        let Some(failed) = self.links.remove(&link) else { return };
        self.dial_failed(now, failed.purpose, why);
    }

    /// The stream ended or was reset.
    pub fn handle_link_down(&mut self, now: Instant, link: LinkId) {
        self.alarm.reset();
        self.catch_up(now);
        if let Some(lost) = self.links.remove(&link) {
            self.after_link(now, lost, true);
        }
    }

    // ---- dialling ------------------------------------------------------------------------------------------

    pub(super) fn dial(&mut self, now: Instant, purpose: Purpose, to: Target) {
        let link = self.new_link(now, Some(purpose), Phase::Dialling);
        self.out.push_back(Output::Dial { link, to });
    }

    fn dial_failed(&mut self, now: Instant, purpose: Option<Purpose>, why: DialFailure) {
        match purpose {
            Some(Purpose::Seed(seed)) => self.seed_failed(now, seed),
            Some(Purpose::Member(node)) => self.member_dial_failed(now, node, why),
            None => {}
        }
    }

    /// A link is gone. `lost`: not by this end's will.
    pub(super) fn after_link(&mut self, now: Instant, link: Link, lost: bool) {
        self.pull_elsewhere(now, link.id);
        // A sponsor that goes before its welcome is whole has not answered.
        if link.phase != Phase::Up || self.stage_is_joining() {
            self.dial_failed(now, link.purpose, DialFailure::Unreachable);
        }
        let Some(life) = link.peer else { return };
        let Some(peer) = self.peers.get_mut(&life.node).filter(|peer| peer.link == Some(link.id)) else {
            return;
        };
        peer.link = None;
        peer.session.unlinked();
        self.close_retired(now, life);
        if lost {
            self.link_lost(now, life.node, now.since(link.since) < BRIEF);
        }
    }

    // ---- hellos --------------------------------------------------------------------------------------------

    fn hello(&self, expects: Option<NodeId>, dial: u64, highest_boot: u64) -> Hello {
        let me = self.members.me();
        Hello {
            min_version: MIN_VERSION,
            max_version: MAX_VERSION,
            features: 0,
            life: me.life,
            incarnation: me.incarnation,
            revision: me.revision,
            joining: matches!(self.stage, Stage::Joining { .. }),
            ready: me.ready,
            expects,
            dial,
            last_link: expects.and_then(|node| self.peers.get(&node)).and_then(|peer| peer.last_link),
            highest_boot,
            address: me.address,
            kind: me.kind.clone(),
        }
    }

    /// The peer says who it is.
    pub(super) fn on_hello(&mut self, now: Instant, id: LinkId, hello: Hello) {
        let dialled = self.links.get(&id).is_some_and(|link| link.purpose.is_some());
        let highest = if self.is_joining_elsewhere(&hello) { 0 } else { self.highest_boot(hello.life.node) };
        if let Some(refusal) = self.objection(&hello, dialled) {
            return self.refuse(now, id, refusal);
        }
        if dialled && self.stage_is_joining() && hello.highest_boot >= self.life().boot {
            return self.take_younger_boot(now, id, hello.highest_boot);
        }
        if !dialled && self.stage_is_joining() {
            // Neither is in a cluster: this end has nothing to offer yet, and the other will try again.
            return self.close(now, id, CloseReason::Refused(Refusal::Leaving));
        }
        let life = self.life();
        let link = self.links.get_mut(&id).expect("the caller found it");
        link.decoder.greeted();
        link.phase = Phase::Greeted;
        link.peer = Some(hello.life);
        link.joining = hello.joining;
        if !dialled {
            link.name = Some((hello.life, hello.dial));
            link.replaces = hello.last_link;
            let answer = self.hello(Some(hello.life.node), 0, highest);
            self.push(id, &Frame::Hello(answer));
        }
        debug_assert!(self.links[&id].name.is_some_and(|name| name.0 == hello.life || name.0 == life));
        // Also to a joiner that should take a younger boot: by now it may be in, by another seed.
        let me = self.members.me().clone();
        self.push(id, &Frame::Members(alloc::vec![me]));
    }

    /// Why this hello is turned away, if it is.
    fn objection(&self, hello: &Hello, dialled: bool) -> Option<Refusal> {
        let me = self.life();
        if hello.life == me {
            return Some(Refusal::SelfConnect);
        }
        if self.stage == Stage::Left {
            return Some(Refusal::Leaving);
        }
        let known = self.highest_boot(hello.life.node);
        if known > hello.life.boot && (dialled || !hello.joining) {
            return Some(Refusal::Superseded);
        }
        if self.members.alive(hello.life.node).is_none() && !self.members.has_room() {
            return Some(Refusal::ClusterFull);
        }
        if !dialled && self.keeps_instead(hello) {
            return Some(Refusal::Duplicate);
        }
        None
    }

    /// Whether the link there is to this peer is kept and the new one turned away.
    fn keeps_instead(&self, hello: &Hello) -> bool {
        let current = self.peers.get(&hello.life.node).filter(|peer| peer.life == hello.life);
        let current = current.and_then(|peer| peer.link).and_then(|link| self.links.get(&link));
        let Some(name) = current.and_then(|link| link.name) else { return false };
        hello.last_link != Some(name) && preferred(name, (hello.life, hello.dial)) == name
    }

    /// The joiner's life is known already because another of its seeds was faster. It has not been linked to this
    /// node, which tells it from a process that started again with its clock set back.
    fn is_joining_elsewhere(&self, hello: &Hello) -> bool {
        let never_linked = |peer: &super::peer::Peer| peer.life == hello.life && peer.last_link.is_none();
        hello.joining
            && self.members.is_alive(hello.life)
            && self.peers.get(&hello.life.node).is_some_and(never_linked)
    }

    /// The highest boot number seen of a node.
    fn highest_boot(&self, node: NodeId) -> u64 {
        let me = self.life();
        let known = self.members.get(node).map_or(0, |known| known.claim.life.boot);
        if node == me.node { known.max(me.boot) } else { known }
    }

    /// Tells the peer why, and closes.
    pub(super) fn refuse(&mut self, now: Instant, link: LinkId, refusal: Refusal) {
        self.counters.refused += 1;
        let text = refusal.to_string();
        let (min_version, max_version) = (MIN_VERSION, MAX_VERSION);
        self.push(link, &Frame::Refuse { reason: refusal, min_version, max_version, text });
        self.close(now, link, CloseReason::Refused(refusal));
    }

    /// The peer turns this node away.
    pub(super) fn on_refuse(
        &mut self,
        now: Instant,
        id: LinkId,
        refusal: Refusal,
        text: alloc::string::String,
    ) {
        self.counters.refused += 1;
        let Some(link) = self.links.get(&id) else { return };
        let purpose = link.purpose;
        match refusal {
            Refusal::ClusterFull | Refusal::Version | Refusal::Superseded => {
                self.out.push_back(Output::Refused { refusal, text });
                if self.stage_is_joining() {
                    // There is a cluster and it answered: founding another beside it would help nobody.
                    self.stage = Stage::Joining { must_join: true };
                }
            }
            Refusal::SelfConnect | Refusal::Duplicate => {
                if let Some(Purpose::Seed(seed)) = purpose {
                    self.seed_is_linked(now, seed);
                }
            }
            _ => {}
        }
        self.close(now, id, CloseReason::Refused(refusal));
    }

    // ---- resume --------------------------------------------------------------------------------------------

    /// Says where the session with this peer stands.
    pub(super) fn push_resume(&mut self, id: LinkId, node: NodeId) {
        let Some(peer) = self.peers.get(&node) else { return };
        let Resume { generation, peer_generation, received } = peer.session.resume();
        let frame = Frame::Resume { down: peer.down_at, generation, peer_generation, received };
        self.push(id, &frame);
    }

    /// The peer says where the session stands.
    pub(super) fn on_resume(&mut self, now: Instant, id: LinkId, down: Option<u32>, resume: Resume) {
        let Some(life) = self.links.get(&id).and_then(Link::up) else {
            return self.misbehaved(now, id, "a resume before the link was in use");
        };
        self.close_retired(now, life);
        let Some(peer) = self.peers.get_mut(&life.node) else { return };
        let mut incoming = Vec::new();
        let resumed = peer.session.peer_resumed(resume, &mut incoming);
        self.take(life, &mut incoming);
        match resumed {
            Ok(Resumed { ended, say_again }) => {
                if let Some(ended) = ended {
                    self.session_ended(life.node, ended, Undeliverable::PeerDown);
                }
                if say_again {
                    self.push_resume(id, life.node);
                }
            }
            Err(error) => return self.misbehaved(now, id, &error.to_string()),
        }
        if down.is_some_and(|incarnation| self.members.refute(incarnation)) {
            self.tell_of_me();
        }
        self.tend_session(id, life.node);
    }

    /// A better link takes its place. On a slow way the peer's first word there comes much later than its last here, and
    /// between them it must not be taken for silent.
    fn retire(&mut self, old: LinkId) {
        if let Some(link) = self.links.get_mut(&old) {
            link.retired = true;
            link.flow.cursors.clear();
        }
    }

    /// The peer speaks on the link in use, or there is none any more.
    pub(super) fn close_retired(&mut self, now: Instant, life: Life) {
        let retired = self.links.values().filter(|link| link.retired && link.peer == Some(life));
        for link in retired.map(|link| link.id).collect::<Vec<_>>() {
            self.close(now, link, CloseReason::Duplicate);
        }
    }

    /// Makes this the link to its peer, unless there is a better one. `false`: it was closed.
    pub(super) fn put_in_use(&mut self, now: Instant, id: LinkId, life: Life) -> bool {
        let link = &self.links[&id];
        let (name, replaces) = (link.name.expect("a greeted link has a name"), link.replaces);
        let old = self.link_to(life.node).filter(|old| *old != id);
        if let Some((old, other)) = old.and_then(|old| Some((old, self.links.get(&old)?.name?))) {
            let better = replaces == Some(other) || preferred(other, name) == name;
            if !better {
                self.links.get_mut(&id).expect("found above").peer = None;
                self.close(now, id, CloseReason::Duplicate);
                return false;
            }
            self.retire(old);
        }
        let link = self.links.get_mut(&id).expect("found above");
        link.phase = Phase::Up;
        self.counters.links_up += 1;
        let purpose = link.purpose;
        let peer = self.peers.get_mut(&life.node).expect("the caller admitted it");
        peer.link = Some(id);
        peer.last_link = Some(name);
        peer.watch.linked(now);
        peer.redial.pause = self.config.redial.0;
        peer.session.unlinked(); // until the peer has resumed it here
        if let Some(Purpose::Seed(seed)) = purpose {
            self.seed_reached(seed, life.node);
        }
        true
    }
}

/// Which of two links between the same two nodes both ends keep: the one whose dialler's id is lower; of two by
/// one dialler the later.
fn preferred(a: Name, b: Name) -> Name {
    let key = |name: &Name| (core::cmp::Reverse(name.0.node), name.1);
    if key(&a) > key(&b) { a } else { b }
}
