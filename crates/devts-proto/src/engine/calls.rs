//! Calls: commands into the session with one peer, and what comes out of it. Order, acknowledgement and credit
//! are [`crate::session`]'s; deadlocks are `probes`'.

use super::{
    CallError, ChannelEnd, Engine, Outcome, Output, RequestError, Room, StateRefusal, Undeliverable,
};
use crate::claim::Vector;
use crate::id::{ChannelId, Life, LinkId, NodeId, RequestId};
use crate::session::{Ended, Incoming, Lane, Session, Wait};
use crate::time::Instant;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytes::Bytes;
use core::time::Duration;

/// A request as [`Engine::request`] takes it.
#[derive(Clone, Copy, Debug)]
pub struct RequestArgs<'a> {
    /// The event's index in this node's type table.
    pub ty: u16,
    /// The encoded event.
    pub body: &'a [u8],
    /// How long the caller waits.
    pub timeout: Duration,
    /// The caller is a turn of this node, which takes no other turn until the reply is here.
    pub in_turn: bool,
    /// The request that the waiting turn serves, if it serves one.
    pub serving: Option<(NodeId, RequestId)>,
}

impl Engine {
    // ---- commands ------------------------------------------------------------------------------------------

    /// One event for one member. Accepted, it arrives once, or `Undeliverable` is told.
    pub fn send(&mut self, to: NodeId, ty: u16, body: &[u8]) -> Result<(), CallError> {
        self.send_with(to, ty, body, None)
    }

    /// As [`Engine::send`]; `Delivered` with this receipt follows, or `Undeliverable` and no receipt.
    pub fn send_confirmed(
        &mut self,
        to: NodeId,
        ty: u16,
        body: &[u8],
        receipt: u64,
    ) -> Result<(), CallError> {
        self.send_with(to, ty, body, Some(receipt))
    }

    fn send_with(&mut self, to: NodeId, ty: u16, body: &[u8], receipt: Option<u64>) -> Result<(), CallError> {
        self.member_session(to)?.send(ty, body, receipt)?;
        self.called(to);
        Ok(())
    }

    /// One event that is to be answered. Accepted, exactly one `Reply` follows.
    pub fn request(
        &mut self,
        now: Instant,
        to: NodeId,
        args: RequestArgs<'_>,
    ) -> Result<RequestId, CallError> {
        let wait = args.in_turn.then_some(Wait { serving: args.serving });
        let session = self.member_session(to)?;
        let request = session.request(now, args.ty, args.body, args.timeout, wait)?;
        self.called(to);
        self.alarm.arm(now + args.timeout);
        if args.in_turn {
            self.begin_wait(to, request);
        }
        Ok(request)
    }

    /// The caller no longer waits: no `Reply` will come.
    pub fn cancel(&mut self, to: NodeId, request: RequestId) {
        self.end_wait(to, request);
        if let Some(peer) = self.peers.get_mut(&to) {
            peer.session.cancel(request);
        }
    }

    /// Answers a peer's request; ignored if that session is over.
    pub fn reply(&mut self, to: Life, request: RequestId, outcome: Outcome, body: &[u8]) {
        self.with_session(to, |session| session.reply(request, outcome, body));
    }

    /// The turn that served this request ended without an answer, which no longer depends on this node's turns.
    pub fn deferred(&mut self, to: Life, request: RequestId) {
        self.with_session(to, |session| session.deferred(request));
    }

    /// Opens a channel with one event.
    pub fn open(&mut self, to: NodeId, ty: u16, body: &[u8]) -> Result<ChannelId, CallError> {
        let channel = self.member_session(to)?.open(ty, body)?;
        self.called(to);
        Ok(channel)
    }

    /// Sends on a channel. After `Full`, `Room` tells.
    pub fn channel_send(&mut self, peer: NodeId, channel: ChannelId, body: &[u8]) -> Result<(), CallError> {
        let session = self.peers.get_mut(&peer).map(|peer| &mut peer.session).ok_or(CallError::Closed)?;
        session.channel_send(channel, body)?;
        self.wake_peer(peer);
        Ok(())
    }

    /// Closes this end's sending side (what was sent still arrives), or with `abort` the whole channel at once.
    pub fn channel_close(&mut self, peer: NodeId, channel: ChannelId, why: ChannelEnd, abort: bool) {
        if let Some(open) = self.peers.get_mut(&peer) {
            open.session.channel_close(channel, why, abort);
            self.wake_peer(peer);
        }
    }

    /// The receiver of a channel has taken a message with a body of `bytes`.
    pub fn channel_consumed(&mut self, peer: NodeId, channel: ChannelId, bytes: usize) {
        if let Some(open) = self.peers.get_mut(&peer) {
            open.session.channel_consumed(channel, bytes);
            self.wake_peer(peer);
        }
    }

    /// Asks `donor` for its state; exactly one of `StateGiven` and `StateRefused` with this number follows.
    pub fn ask_state(&mut self, donor: NodeId, ask: u64, vector: &Vector, merge: bool) {
        let asked = self.member_session(donor).and_then(|session| session.ask_state(ask, vector, merge));
        match asked {
            Ok(()) => self.wake_peer(donor),
            Err(CallError::NotMember) => self.state_refused(donor, ask, StateRefusal::PeerDown),
            Err(_) => self.state_refused(donor, ask, StateRefusal::NotReady),
        }
    }

    fn state_refused(&mut self, from: NodeId, ask: u64, why: StateRefusal) {
        self.out.push_back(Output::StateRefused { from, ask, why });
    }

    /// Gives the state that `to` asked for, with the vector it reflects.
    pub fn give_state(&mut self, to: Life, ask: u64, vector: Vector, state: Bytes) {
        self.with_session(to, |session| session.give_state(ask, vector, state));
    }

    /// Refuses the state that `to` asked for.
    pub fn refuse_state(&mut self, to: Life, ask: u64, why: StateRefusal) {
        self.with_session(to, |session| session.refuse_state(ask, why));
    }

    fn member_session(&mut self, node: NodeId) -> Result<&mut Session, CallError> {
        if self.members.alive(node).is_none() {
            return Err(CallError::NotMember);
        }
        self.peers.get_mut(&node).map(|peer| &mut peer.session).ok_or(CallError::NotMember)
    }

    fn with_session(&mut self, life: Life, what: impl FnOnce(&mut Session)) {
        if let Some(peer) = self.peers.get_mut(&life.node).filter(|peer| peer.life == life) {
            what(&mut peer.session);
            self.wake_peer(life.node);
        }
    }

    fn called(&mut self, to: NodeId) {
        self.counters.calls_sent += 1;
        self.wake_peer(to);
    }

    pub(super) fn wake_peer(&mut self, node: NodeId) {
        if let Some(link) = self.link_to(node) {
            self.wake(link);
        }
    }

    // ---- what comes over the link --------------------------------------------------------------------------

    pub(super) fn on_data(&mut self, now: Instant, id: LinkId, lane: Lane, offset: u64, bytes: Bytes) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.owes(now, bytes.len(), &mut self.alarm);
        link.acks.lanes = true;
        let life = link.peer.expect("a link in use has a peer");
        let Some(peer) = self.peers.get_mut(&life.node) else { return };
        let mut incoming = core::mem::take(&mut self.incoming);
        let received = peer.session.receive(now, lane, offset, bytes, &mut incoming);
        self.take(life, &mut incoming);
        self.incoming = incoming;
        match received {
            Ok(()) => {
                self.send_acks_if_many(id);
                self.tend_session(id, life.node);
            }
            Err(error) => self.misbehaved(now, id, &error.to_string()),
        }
    }

    pub(super) fn on_ack(&mut self, now: Instant, id: LinkId, received: [u64; 3]) {
        let Some(life) = self.links.get(&id).and_then(|link| link.peer) else { return };
        let Some(peer) = self.peers.get_mut(&life.node) else { return };
        let mut incoming = Vec::new();
        let acked = peer.session.acked(received, &mut incoming);
        self.take(life, &mut incoming);
        match acked {
            Ok(()) => self.tend_session(id, life.node),
            Err(error) => self.misbehaved(now, id, &error.to_string()),
        }
    }

    pub(super) fn on_credit(&mut self, id: LinkId, events: u64, calls: u64, bulk: u64) {
        let Some(link) = self.links.get_mut(&id) else { return };
        link.flow.limit = link.flow.limit.max(events);
        if let Some(peer) = link.peer.and_then(|life| self.peers.get_mut(&life.node)) {
            peer.session.granted(calls, bulk);
        }
        self.wake(id);
    }

    /// After the peer's word on the session: says what it wants said besides data, to the peer and to callers.
    /// An acknowledgement, also one inside a resume, can free room here and, by what was answered, credit there.
    pub(super) fn tend_session(&mut self, id: LinkId, node: NodeId) {
        let Some(peer) = self.peers.get_mut(&node) else { return };
        if peer.session.take_room() {
            self.out.push_back(Output::Room(Room::Calls(node)));
        }
        if peer.session.credit_due() {
            self.push_credit(id);
        }
        self.wake(id);
    }

    /// Passes on what a session brought.
    pub(super) fn take(&mut self, from: Life, incoming: &mut Vec<Incoming>) {
        for what in incoming.drain(..) {
            self.take_one(from, what);
        }
    }

    fn take_one(&mut self, from: Life, what: Incoming) {
        let peer = from.node;
        let output = match what {
            Incoming::Call { call, cost } => {
                self.counters.calls_delivered += 1;
                Output::Call { from, call, cost }
            }
            Incoming::Reply { request, outcome, body } => {
                self.end_wait(peer, request);
                Output::Reply { from: peer, request, result: result_of(outcome, body) }
            }
            Incoming::ChannelData { channel, body } => Output::ChannelData { peer, channel, body },
            Incoming::ChannelClosed { channel, why } => Output::ChannelClosed { peer, channel, why },
            Incoming::ChannelRoom { channel } => Output::Room(Room::Channel(peer, channel)),
            Incoming::StateAsked { ask, vector, merge } => Output::StateAsked { from, ask, vector, merge },
            Incoming::StateGiven { ask, vector, state } => {
                Output::StateGiven { from: peer, ask, vector, state }
            }
            Incoming::StateRefused { ask, why } => Output::StateRefused { from: peer, ask, why },
            Incoming::Delivered { receipt } => Output::Delivered { to: peer, receipt },
            Incoming::Probe { initiator, wait, request } => {
                return self.on_probe(peer, initiator, wait, request);
            }
        };
        self.out.push_back(output);
    }

    // ---- time and the end ----------------------------------------------------------------------------------

    /// Requests whose deadline has passed.
    pub(super) fn expire_requests(&mut self, now: Instant) {
        let mut expired = Vec::new();
        let nodes: Vec<NodeId> = self.peers.keys().copied().collect();
        for from in nodes {
            self.peers.get_mut(&from).expect("just listed").session.expire(now, &mut expired);
            for request in expired.drain(..) {
                self.end_wait(from, request);
                self.out.push_back(Output::Reply { from, request, result: Err(RequestError::Timeout) });
            }
        }
    }

    /// A session is over: everybody who waits for something of it is told.
    pub(super) fn session_ended(&mut self, peer: NodeId, ended: Ended, why: Undeliverable) {
        let error = match why {
            Undeliverable::PeerRestarted => RequestError::PeerRestarted,
            _ => RequestError::PeerDown,
        };
        for request in ended.requests {
            self.end_wait(peer, request);
            self.out.push_back(Output::Reply { from: peer, request, result: Err(error.clone()) });
        }
        for channel in ended.channels {
            self.out.push_back(Output::ChannelClosed { peer, channel, why: ChannelEnd::PeerGone });
        }
        for ask in ended.asks {
            self.state_refused(peer, ask, StateRefusal::PeerDown);
        }
        if !ended.types.is_empty() || !ended.receipts.is_empty() {
            self.counters.calls_undeliverable += ended.types.len() as u64;
            let (types, receipts) = (ended.types, ended.receipts);
            self.out.push_back(Output::Undeliverable { to: peer, why, types, receipts });
        }
        self.out.push_back(Output::Room(Room::Calls(peer)));
    }
}

fn result_of(outcome: Outcome, body: Bytes) -> Result<Bytes, RequestError> {
    match outcome {
        Outcome::Ok => Ok(body),
        Outcome::NoHandler => Err(RequestError::NoHandler),
        Outcome::Busy => Err(RequestError::Busy),
        Outcome::Remote => Err(RequestError::Remote(String::from_utf8_lossy(&body).into_owned())),
    }
}
