//! Calls on their way: what a peer's session had no room for, who waits for which reply or receipt, open channels.
//! Knows no stream and no queue of callers.

use crate::command::{Errand, Receipt, Replied, Request};
use crate::pipe::{Opening, Pipe};
use crate::promise::Promise;
use bytes::Bytes;
use devts_proto::engine::{CallError, ChannelEnd, Engine, RequestArgs, RequestError, Undeliverable};
use devts_proto::{ChannelId, Instant, NodeId, RequestId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// Calls that wait for room, per peer, in order.
    parked: BTreeMap<NodeId, VecDeque<Parked>>,
    /// What the engine has accepted, for the outbox's account.
    pub(super) accepted: Vec<(NodeId, usize)>,
    /// Who waits for a reply.
    requests: BTreeMap<(NodeId, RequestId), (u64, Promise<Replied>)>,
    /// Which request a call became, to cancel it.
    ids: BTreeMap<u64, (NodeId, RequestId)>,
    /// Who waits for an acknowledgement.
    receipts: BTreeMap<u64, Promise<Receipt>>,
    next_receipt: u64,
    channels: BTreeMap<(NodeId, ChannelId), Channel>,
    /// Sends that will not arrive: to whom, the type, and why.
    pub(super) failed: Vec<(NodeId, u16, Undeliverable)>,
}

#[derive(Debug)]
struct Parked {
    ty: u16,
    body: Bytes,
    errand: Errand,
    /// When a request's caller stops waiting.
    deadline: Instant,
}

#[derive(Debug)]
struct Channel {
    pipe: Arc<Pipe>,
    /// Messages that wait for room.
    parked: VecDeque<Bytes>,
    /// This end closes once they are sent.
    closing: bool,
}

/// A call that the engine is asked to take.
#[derive(Clone, Copy)]
struct Letter<'a> {
    to: NodeId,
    ty: u16,
    body: &'a [u8],
    deadline: Instant,
}

impl Calls {
    // ---- send, request, open ---------------------------------------------------------------------------------

    /// Hands a call to the engine, or parks it behind those that wait.
    pub(super) fn call(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        (to, ty): (NodeId, u16),
        body: &[u8],
        errand: Errand,
    ) {
        let deadline = match &errand {
            Errand::Request(request) => now + request.timeout,
            _ => Instant::NEVER,
        };
        let letter = Letter { to, ty, body, deadline };
        let refused = match self.parked.contains_key(&to) {
            true => Some(errand),
            false => self.offer(engine, now, letter, errand),
        };
        if let Some(errand) = refused {
            let parked = Parked { ty, body: Bytes::copy_from_slice(body), errand, deadline };
            self.parked.entry(to).or_default().push_back(parked);
        }
    }

    /// There is room for calls to this peer.
    pub(super) fn retry(&mut self, engine: &mut Engine, now: Instant, to: NodeId) {
        let Some(mut parked) = self.parked.remove(&to) else { return };
        while let Some(Parked { ty, body, errand, deadline }) = parked.pop_front() {
            let letter = Letter { to, ty, body: &body, deadline };
            if let Some(errand) = self.offer(engine, now, letter, errand) {
                parked.push_front(Parked { ty, body, errand, deadline });
                self.parked.insert(to, parked);
                return;
            }
        }
    }

    /// Offers a call to the engine. Gives the errand back if there is no room; in all other cases it is settled.
    fn offer(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        letter: Letter<'_>,
        errand: Errand,
    ) -> Option<Errand> {
        let Letter { to, ty, body, .. } = letter;
        let refused = match errand {
            Errand::Send(None) => match engine.send(to, ty, body) {
                Err(CallError::Full) => return Some(Errand::Send(None)),
                Err(_) => Some(None),
                Ok(()) => None,
            },
            Errand::Send(Some(promise)) => match engine.send_confirmed(to, ty, body, self.next_receipt) {
                Err(CallError::Full) => return Some(Errand::Send(Some(promise))),
                Err(_) => Some(Some(promise)),
                Ok(()) => {
                    self.receipts.insert(self.next_receipt, promise);
                    self.next_receipt += 1;
                    None
                }
            },
            Errand::Request(request) => {
                if let Some(request) = self.ask(engine, now, letter, request) {
                    return Some(Errand::Request(request));
                }
                None
            }
            Errand::Open(opening) => {
                if let Some(opening) = self.open(engine, letter, opening) {
                    return Some(Errand::Open(opening));
                }
                None
            }
        };
        // The peer was a member when the caller asked, and is none now.
        match refused {
            Some(Some(promise)) => promise.keep(Err(Undeliverable::PeerDown)),
            Some(None) => self.failed.push((to, ty, Undeliverable::PeerDown)),
            None => {}
        }
        self.accepted.push((to, body.len()));
        None
    }

    fn ask(
        &mut self,
        engine: &mut Engine,
        now: Instant,
        letter: Letter<'_>,
        request: Request,
    ) -> Option<Request> {
        let Letter { to, ty, body, deadline } = letter;
        if request.promise.is_moot() {
            return None;
        }
        let timeout = deadline.since(now);
        let args = RequestArgs {
            ty,
            body,
            timeout,
            in_turn: request.turn.is_some(),
            serving: request.turn.flatten(),
        };
        let result =
            if timeout.is_zero() { Err(RequestError::Timeout) } else { Ok(engine.request(now, to, args)) };
        match result {
            Ok(Ok(id)) => {
                self.ids.insert(request.call, (to, id));
                self.requests.insert((to, id), (request.call, request.promise));
            }
            Ok(Err(CallError::Full)) => return Some(request),
            Ok(Err(CallError::Deadlock)) => request.promise.keep(Err(RequestError::Deadlock)),
            Ok(Err(_)) => request.promise.keep(Err(RequestError::PeerDown)),
            Err(error) => request.promise.keep(Err(error)),
        }
        None
    }

    fn open(&mut self, engine: &mut Engine, letter: Letter<'_>, opening: Opening) -> Option<Opening> {
        match engine.open(letter.to, letter.ty, letter.body) {
            Ok(id) => self.add_channel(opening.opened(id), id),
            Err(CallError::Full) => return Some(opening),
            // Dropped here, it is over.
            Err(_) => {}
        }
        None
    }

    /// The caller no longer waits.
    pub(super) fn cancel(&mut self, engine: &mut Engine, call: u64) {
        if let Some((to, id)) = self.ids.remove(&call) {
            self.requests.remove(&(to, id));
            engine.cancel(to, id);
        }
    }

    pub(super) fn replied(&mut self, from: NodeId, request: RequestId, result: Replied) {
        if let Some((call, promise)) = self.requests.remove(&(from, request)) {
            self.ids.remove(&call);
            promise.keep(result);
        }
    }

    pub(super) fn received(&mut self, receipt: u64, how: Receipt) {
        if let Some(promise) = self.receipts.remove(&receipt) {
            promise.keep(how);
        }
    }

    /// Requests that are parked past their deadline are over.
    pub(super) fn expire(&mut self, now: Instant) {
        let accepted = &mut self.accepted;
        self.parked.retain(|to, parked| {
            let (over, left): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(parked).into_iter().partition(|parked| parked.deadline <= now);
            for Parked { body, errand, .. } in over {
                accepted.push((*to, body.len()));
                if let Errand::Request(request) = errand {
                    request.promise.keep(Err(RequestError::Timeout));
                }
            }
            *parked = left;
            !parked.is_empty()
        });
    }

    /// When the next parked request is over.
    pub(super) fn deadline(&self) -> Instant {
        let parked = self.parked.values().flatten();
        parked.map(|parked| parked.deadline).min().unwrap_or(Instant::NEVER)
    }

    /// Nothing is parked.
    pub(super) fn is_empty(&self) -> bool {
        self.parked.is_empty() && self.channels.values().all(|channel| channel.parked.is_empty())
    }

    // ---- channels --------------------------------------------------------------------------------------------

    pub(super) fn add_channel(&mut self, pipe: Arc<Pipe>, id: ChannelId) {
        let channel = Channel { pipe: pipe.clone(), parked: VecDeque::new(), closing: false };
        self.channels.insert((pipe.peer, id), channel);
    }

    pub(super) fn forget_channel(&mut self, peer: NodeId, id: ChannelId) {
        self.channels.remove(&(peer, id));
    }

    pub(super) fn channel_send(&mut self, engine: &mut Engine, pipe: &Arc<Pipe>, body: &[u8]) {
        let Some(id) = pipe.id() else { return };
        let Some(channel) = self.channels.get_mut(&(pipe.peer, id)) else { return };
        channel.parked.push_back(Bytes::copy_from_slice(body));
        self.channel_retry(engine, pipe.peer, id);
    }

    /// There is room on this channel.
    pub(super) fn channel_retry(&mut self, engine: &mut Engine, peer: NodeId, id: ChannelId) {
        let Some(channel) = self.channels.get_mut(&(peer, id)) else { return };
        while let Some(body) = channel.parked.front() {
            match engine.channel_send(peer, id, body) {
                Ok(()) => {}
                Err(CallError::Full) => return,
                Err(_) => return channel.pipe.end(ChannelEnd::PeerGone),
            }
            channel.pipe.accepted(body.len());
            channel.parked.pop_front();
        }
        if channel.closing {
            engine.channel_close(peer, id, ChannelEnd::Closed, false);
            if channel.pipe.is_over() {
                self.forget_channel(peer, id);
            }
        }
    }

    pub(super) fn channel_close(&mut self, engine: &mut Engine, pipe: Arc<Pipe>, abort: bool) {
        let Some(id) = pipe.id() else { return };
        if abort {
            engine.channel_close(pipe.peer, id, ChannelEnd::PeerGone, true);
            self.forget_channel(pipe.peer, id);
        } else if let Some(channel) = self.channels.get_mut(&(pipe.peer, id)) {
            channel.closing = true;
            self.channel_retry(engine, pipe.peer, id);
        }
    }

    pub(super) fn channel_data(&self, peer: NodeId, id: ChannelId, body: Bytes) {
        if let Some(channel) = self.channels.get(&(peer, id)) {
            channel.pipe.arrived(body);
        }
    }

    pub(super) fn channel_closed(&mut self, peer: NodeId, id: ChannelId, why: ChannelEnd) {
        let Some(channel) = self.channels.get_mut(&(peer, id)) else { return };
        channel.pipe.end(why);
        if channel.pipe.is_over() && channel.parked.is_empty() {
            self.forget_channel(peer, id);
        }
    }
}

/// The node has stopped: whoever still waits for a channel is told. Promises are broken by being dropped.
impl Drop for Calls {
    fn drop(&mut self) {
        self.channels.values().for_each(|channel| channel.pipe.end(ChannelEnd::PeerGone));
    }
}
