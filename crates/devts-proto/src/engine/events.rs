//! Events: emitting, accepting, acknowledging, and what holds the emitter back. Where events are kept is
//! [`crate::history`]'s; whom to ask for missing ones is `pulls`'.

use super::{Engine, Output, Room, RunMark};
use crate::claim::{TypeEntry, Vector};
use crate::history::{Accepted, Cursor, FragmentAccepted, LAST_SEQUENCE};
use crate::id::{Life, LinkId, NodeId};
use crate::time::Instant;
use crate::wire::{self, Frame};
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use bytes::Bytes;

/// Received bytes after which an acknowledgement does not wait any longer.
const ACK_BYTES: usize = 256 * 1024;
/// How many origins one peer may speak of: far more than a cluster has, and a bound for one that lies.
const MAX_ORIGINS: usize = 4096;
/// Newly stable events (bytes emitted) after which others are told before the next heartbeat.
const STABLE_BYTES: u64 = 256 * 1024;

/// What this node emitted, as far as somebody has not acknowledged it.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// Last sequence number and bytes emitted in all, after each batch that a live member still lacks.
    batches: VecDeque<(u64, u64)>,
    last: u64,
    total: u64,
    /// Bytes emitted in all when the last event was that every live, not slow member has.
    acked: u64,
    /// The last event that every member has, those remembered as down and the slow included.
    stable: u64,
    told: u64,
    told_at: u64,
    full: bool,
    bound: u64,
    /// The least that a live, not slow member has, and how many have no more.
    least: (u64, usize),
}

impl Own {
    /// The last event that everybody has.
    pub(super) fn stable(&self) -> u64 {
        self.stable
    }

    fn unacked(&self) -> u64 {
        self.total - self.acked
    }

    /// A member that had `before` now has `seq`. `true`: nobody, or perhaps nobody, is left who has the least.
    fn lets_go(&mut self, before: u64, seq: u64) -> bool {
        let (least, count) = &mut self.least;
        if seq > before && before == *least {
            *count = count.saturating_sub(1);
        }
        seq > before && (before < *least || *count == 0)
    }

    fn trim(&mut self, live: u64) {
        while self.batches.front().is_some_and(|(last, _)| *last <= live) {
            self.acked = self.batches.pop_front().expect("just seen").1;
        }
    }
}

impl Engine {
    // ---- emitting ------------------------------------------------------------------------------------------

    /// Emits whole runs of encoded events; returns the sequence number of the last. Call it only while
    /// [`Engine::may_emit`]; the batch that crosses the bound is still taken.
    pub fn emit(&mut self, now: Instant, marks: &[RunMark], bytes: &[u8]) -> u64 {
        let last = self.history.append(marks, bytes);
        self.counters.events_emitted += last - self.own.last;
        self.own.last = last;
        self.own.total += bytes.len() as u64;
        self.own.batches.push_back((last, self.own.total));
        self.wake_cursors(self.life());
        self.settle(now);
        last
    }

    /// Whether own events that live members lack are below history / (2 x active origins). After `false`,
    /// `Room(Events)` tells when it is worth asking again.
    pub fn may_emit(&mut self) -> bool {
        let may = self.own.unacked() <= self.own.bound.max(1);
        self.own.full |= !may;
        may
    }

    /// Whether everything emitted and called is acknowledged by all members of the view.
    pub fn is_flushed(&self) -> bool {
        let lacking = |node: NodeId| self.members.alive(node).is_some();
        self.own.batches.is_empty()
            && self.peers.iter().all(|(node, peer)| !lacking(*node) || peer.session.is_flushed())
    }

    /// Wakes every link that carries events of this origin.
    fn wake_cursors(&mut self, origin: Life) {
        for link in self.links.values_mut() {
            if link.flow.cursors.contains_key(&origin) {
                link.loaded = true;
                if !link.writing {
                    link.writing = true;
                    self.out.push_back(Output::Write(link.id));
                }
            }
        }
    }

    /// After acknowledgements, emits and changes of the view: what can be let go, who may go on.
    pub(super) fn settle(&mut self, now: Instant) {
        let alive = |node: &NodeId| self.members.alive(*node).is_some();
        let last = self.own.last;
        let all = self.peers.values().map(|peer| peer.acked).min().unwrap_or(last);
        let live = || {
            let live = self.peers.iter().filter(|(node, peer)| alive(node) && !peer.slow);
            live.map(|(_, peer)| peer.acked)
        };
        let least = live().min().unwrap_or(last);
        let lacking = live().filter(|acked| *acked == least).count();
        let live = least;
        self.own.least = (least, lacking);
        self.own.trim(live);
        self.own.stable = self.own.stable.max(all);
        let origins = self.members.others().filter(|claim| self.history.position(claim.life) > 0).count() + 1;
        self.own.bound = (self.config.history / (2 * origins)) as u64;
        let me = self.life();
        self.history.trim(me, all);
        self.watch_slow(now, live);
        if self.history.is_full() {
            let protect = Vector::from([(me, live)]);
            self.history.evict(&protect);
        }
        if self.own.full && self.own.unacked() <= self.own.bound {
            self.own.full = false;
            self.out.push_back(Output::Room(Room::Events));
        }
        if self.own.stable > self.own.told && self.own.acked >= self.own.told_at + STABLE_BYTES {
            self.tell_stable();
        }
    }

    /// A member that alone holds the emitter back for `slow_after` no longer does.
    fn watch_slow(&mut self, now: Instant, live: u64) {
        let blocked = self.own.unacked() > self.own.bound;
        for (node, peer) in &mut self.peers {
            let holds = blocked && peer.acked == live && !peer.slow && self.members.alive(*node).is_some();
            if peer.slow && peer.acked >= live {
                peer.slow = false;
            }
            match peer.holds_since {
                _ if !holds => peer.holds_since = None,
                None => {
                    peer.holds_since = Some(now);
                    self.alarm.arm(now + self.config.slow_after);
                }
                Some(since) if now.since(since) >= self.config.slow_after => {
                    peer.slow = true;
                    peer.holds_since = None;
                    self.counters.slow += 1;
                }
                Some(_) => {}
            }
        }
    }

    /// Tells everybody up to where everybody has this node's events, if that is news.
    pub(super) fn tell_stable(&mut self) {
        if self.own.stable == self.own.told {
            return;
        }
        self.own.told = self.own.stable;
        self.own.told_at = self.own.acked;
        let frame = Frame::Stable { origin: self.life(), upto: self.own.stable };
        for link in self.up_links() {
            self.push(link, &frame);
        }
    }

    // ---- accepting -----------------------------------------------------------------------------------------

    pub(super) fn on_run(
        &mut self,
        now: Instant,
        id: LinkId,
        origin: Life,
        first: u64,
        count: u32,
        events: &Bytes,
    ) {
        if !self.take_credit(now, id, events.len()) || !self.may_come(id, origin) {
            return;
        }
        match self.history.accept(origin, first, count, events) {
            Accepted::Deliver { first, count, events } => self.deliver(now, id, origin, first, count, events),
            Accepted::Known => self.known(now, id, origin, u64::from(count)),
            Accepted::Early { next } => self.early(id, origin, next),
            Accepted::Malformed => self.misbehaved(now, id, "a run whose events do not add up"),
        }
        self.grant(id);
    }

    #[expect(clippy::too_many_arguments, reason = "they are the frame's fields")]
    pub(super) fn on_fragment(
        &mut self,
        now: Instant,
        id: LinkId,
        origin: Life,
        seq: u64,
        total: u32,
        offset: u32,
        bytes: &Bytes,
    ) {
        if !self.take_credit(now, id, bytes.len()) || !self.may_come(id, origin) {
            return;
        }
        match self.history.accept_fragment(origin, seq, total, offset, bytes) {
            FragmentAccepted::Deliver { first, count, events } => {
                self.deliver(now, id, origin, first, count, events);
            }
            FragmentAccepted::More { missing } => self.admit_rest(id, missing),
            FragmentAccepted::Known => self.known(now, id, origin, 1),
            FragmentAccepted::Early { next } => self.early(id, origin, next),
            FragmentAccepted::Malformed => self.misbehaved(now, id, "a fragment that does not fit its event"),
        }
        self.grant(id);
    }

    /// Only an origin itself, or whom this node asked, may bring events of it.
    fn may_come(&self, id: LinkId, origin: Life) -> bool {
        let from_itself = self.links.get(&id).and_then(|link| link.up()) == Some(origin);
        let asked = self.history.knows(origin) || self.pulls.contains_key(&origin);
        origin != self.life() && (from_itself || asked)
    }

    fn deliver(&mut self, now: Instant, id: LinkId, origin: Life, first: u64, count: u32, events: Bytes) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let via = link.peer.expect("a link in use has a peer").node;
        link.owes(now, events.len(), &mut self.alarm);
        link.acks.names(origin);
        if let Some(peer) = self.peers.get_mut(&via) {
            peer.unused += events.len();
        }
        self.counters.events_delivered += u64::from(count);
        self.out.push_back(Output::Events { origin, first, count, events, via });
        if self.relays {
            self.wake_cursors(origin);
        }
        self.pull_progress(now, origin);
        if self.history.is_full() {
            self.settle(now);
        }
        self.send_acks_if_many(id);
    }

    fn known(&mut self, now: Instant, id: LinkId, origin: Life, count: u64) {
        self.counters.events_known += count;
        if let Some(link) = self.links.get_mut(&id) {
            link.owes(now, ACK_BYTES, &mut self.alarm);
            link.acks.names(origin);
        }
        self.send_acks_if_many(id);
    }

    /// A run came before its turn: its sender goes back to where this node stands.
    fn early(&mut self, id: LinkId, origin: Life, next: u64) {
        self.counters.runs_early += 1;
        let Some(link) = self.links.get_mut(&id) else { return };
        // All that was under way comes early too: it is said once.
        if !self.pulls.contains_key(&origin) && link.flow.wanted.insert(origin, next) != Some(next) {
            self.push(id, &Frame::Want { origin, from: next });
        }
    }

    pub(super) fn on_types(
        &mut self,
        now: Instant,
        id: LinkId,
        origin: Life,
        first: u16,
        entries: Vec<TypeEntry>,
    ) {
        if origin == self.life() {
            return;
        }
        let known = self.types.entry(origin).or_default();
        let skip = known.len().saturating_sub(usize::from(first));
        if usize::from(first) > known.len() {
            return self.misbehaved(now, id, "types that do not follow those before");
        }
        let new: Vec<TypeEntry> = entries.into_iter().skip(skip).collect();
        if !new.is_empty() {
            let first = known.len() as u16;
            known.extend(new.iter().cloned());
            self.out.push_back(Output::Types { origin, first, entries: new });
        }
    }

    pub(super) fn on_stable(&mut self, id: LinkId, origin: Life, upto: u64) {
        if self.links.get(&id).and_then(|link| link.up()) == Some(origin) {
            self.history.trim(origin, upto.min(self.history.position(origin)));
        }
    }

    // ---- acknowledgements and credit -----------------------------------------------------------------------

    /// The peer says what it has.
    pub(super) fn on_have(&mut self, now: Instant, id: LinkId, entries: Vec<(Life, u64)>) {
        let me = self.life();
        let (mut ours, mut news) = (false, false);
        let mut more = Vec::new();
        for (origin, seq) in entries {
            let emitted = if origin == me { self.own.last } else { LAST_SEQUENCE };
            if seq > emitted {
                return self.misbehaved(now, id, "it has events that were never emitted");
            }
            let Some(link) = self.links.get_mut(&id) else { return };
            if origin == me {
                news |= !link.flow.cursors.contains_key(&me);
                link.flow.cursors.entry(me).or_insert(Cursor { next: seq + 1, offset: 0 });
                let node = link.peer.expect("a link in use has a peer").node;
                if let Some(peer) = self.peers.get_mut(&node) {
                    ours |= self.own.lets_go(peer.acked, seq) || peer.slow || seq == 0;
                    peer.acked = peer.acked.max(seq);
                }
            } else if link.flow.have.len() < MAX_ORIGINS || link.flow.have.contains_key(&origin) {
                let have = link.flow.have.entry(origin).or_default();
                *have = seq.max(*have);
                news = true;
                let position = self.history.position(origin);
                if position > seq {
                    more.push((origin, position));
                }
                self.alarm.reset();
                self.pull(now, origin);
                self.trim_ended(origin);
            }
        }
        if ours {
            self.settle(now);
        }
        if !more.is_empty() {
            // Whoever lost the origin and lacks events of it learns at once whom to ask.
            self.push(id, &Frame::Have(more));
        }
        if news {
            self.wake(id);
        }
    }

    /// An ended origin's events go once everybody has them, those remembered as down included: they may come back
    /// and ask.
    fn trim_ended(&mut self, origin: Life) {
        if self.members.is_alive(origin) {
            return;
        }
        let has = |peer: &super::peer::Peer| {
            let link = peer.link.and_then(|link| self.links.get(&link));
            link.and_then(|link| link.flow.have.get(&origin)).copied().unwrap_or(0)
        };
        let all = self.peers.values().filter(|peer| peer.life != origin).map(has).min().unwrap_or(0);
        self.history.trim(origin, all.min(self.history.position(origin)));
    }

    pub(super) fn send_acks_if_many(&mut self, id: LinkId) {
        if self.links.get(&id).is_some_and(|link| link.acks.bytes >= ACK_BYTES) {
            self.send_acks(id);
        }
    }

    /// Acknowledges all that came over this link.
    pub(super) fn send_acks(&mut self, id: LinkId) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let history = &self.history;
        if !link.acks.origins.is_empty() {
            let have = link.acks.origins.drain(..).map(|origin| (origin, history.position(origin)));
            wire::encode_have(self.config.checksum, &mut link.control, have);
        }
        link.acks.since = None;
        link.acks.bytes = 0;
        let lanes = core::mem::take(&mut link.acks.lanes);
        if let Some(peer) = link.peer.filter(|_| lanes).and_then(|life| self.peers.get(&life.node)) {
            let received = peer.session.received();
            link.push(&Frame::Ack { received });
        }
        self.wake_control(id);
    }

    /// Turns have used `bytes` that `via` had sent: events, or the cost of a call.
    pub fn consumed(&mut self, via: NodeId, events: usize, calls: usize) {
        let Some(peer) = self.peers.get_mut(&via) else { return };
        peer.unused = peer.unused.saturating_sub(events);
        peer.session.consumed(calls);
        if let Some(link) = peer.link {
            self.grant(link);
        }
    }

    /// Counts received event bytes against what was granted. `false`: the link was closed.
    fn take_credit(&mut self, now: Instant, id: LinkId, bytes: usize) -> bool {
        let Some(link) = self.links.get_mut(&id) else { return false };
        link.flow.received += bytes as u64;
        if link.flow.received > link.flow.granted {
            self.misbehaved(now, id, "more event bytes than it had credit for");
            return false;
        }
        true
    }

    /// The rest of an event in assembly is admitted whole.
    fn admit_rest(&mut self, id: LinkId, missing: usize) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if link.flow.received + missing as u64 > link.flow.granted {
            link.flow.granted = link.flow.received + missing as u64;
            self.push_credit(id);
        }
    }

    /// Grants the peer more once that is worth a frame: a quarter of the window.
    pub(super) fn grant(&mut self, id: LinkId) {
        let window = self.config.receive_window as u64;
        let Some(link) = self.links.get_mut(&id) else { return };
        let Some(peer) = link.up().and_then(|life| self.peers.get_mut(&life.node)) else { return };
        let limit = link.flow.received + window.saturating_sub(peer.unused as u64);
        let worth = limit >= link.flow.granted + window / 4 || peer.session.credit_due();
        if link.flow.told && worth {
            link.flow.granted = limit.max(link.flow.granted);
            self.push_credit(id);
        }
    }

    /// Tells the peer how much it may have sent.
    pub(super) fn push_credit(&mut self, id: LinkId) {
        let Some(link) = self.links.get(&id) else { return };
        let Some(peer) = link.peer.and_then(|life| self.peers.get_mut(&life.node)) else { return };
        let (calls, bulk) = peer.session.take_credit();
        let events = link.flow.granted;
        self.push(id, &Frame::Credit { events, calls, bulk });
    }

    /// A link has come into use: everything that both ends must know before anything else flows.
    pub(super) fn start_flow(&mut self, now: Instant, id: LinkId) {
        if self.stage != super::Stage::Member {
            return;
        }
        let Some(link) = self.links.get_mut(&id).filter(|link| !link.flow.told) else { return };
        link.flow.told = true;
        let (life, joining) = (link.up().expect("the caller put it in use"), link.joining);
        let welcome = core::mem::take(&mut link.welcome);
        let unused = self.peers.get(&life.node).map_or(0, |peer| peer.unused);
        link.flow.granted = (self.config.receive_window.saturating_sub(unused)) as u64;
        let claims: Vec<_> = self.members.view().filter(|claim| claim.life != life).cloned().collect();
        self.push(id, &Frame::Members(claims));
        if joining {
            if !welcome.remembered.is_empty() {
                self.push(id, &Frame::Remembered(welcome.remembered));
            }
            self.push(id, &Frame::Welcome { baseline: welcome.baseline, donors: welcome.donors, last: true });
        }
        let direct = (life, self.history.position(life));
        self.push(id, &Frame::Have(alloc::vec![direct]));
        let have: Vec<_> = self.history.vector().into_iter().filter(|(origin, _)| *origin != life).collect();
        self.push(id, &Frame::Have(have));
        self.push_credit(id);
        self.pull_stops(id, life);
        self.settle(now);
    }

    /// The node's state now reflects `vector`: events up to it will not be delivered any more.
    pub fn restored(&mut self, now: Instant, vector: &Vector) {
        self.alarm.reset();
        let me = self.life();
        for (origin, seq) in vector.iter().filter(|(origin, _)| **origin != me) {
            if *seq > self.history.position(*origin) {
                self.history.skip_to(*origin, *seq);
                self.pull_progress(now, *origin);
                if let Some(id) = self.link_to(origin.node) {
                    self.push(id, &Frame::Have(alloc::vec![(*origin, *seq)]));
                }
            }
        }
    }
}
